/*
 * Leads UDP to device 1 and TCP to device 2; counts the rest.
 *
 * devices: 0 1 2
 * programs: udp-tcp-classifier
 */
define($P .);

FromDevice(0) -> program :: BPFClassifier(ID 1, FILE $P/udp-tcp-classifier.o);

program [0] -> Print('udp', MAXLENGTH 14) -> ToDevice(1);
program [1] -> Print('tcp', MAXLENGTH 14) -> ToDevice(2);
program [2] -> rest :: Counter -> Discard;
