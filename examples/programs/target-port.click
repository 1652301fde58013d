/*
 * Sends IP packets back, but for TCP and UDP to port 12345.
 *
 * devices: 0
 * programs: target-port
 */
define($P .);

out :: ToDevice(0);
FromDevice(0) -> c :: Classifier(12/0806 20/0001, 12/0800, -);

// Answer questions for our address.
c [0] -> ARPResponder(172.44.0.2 $MAC0) -> out;

// Send back what the program leaves.
c [1] -> Print('before', MAXLENGTH 14)
    -> program :: BPFFilter(ID 1, FILE $P/target-port.o)
    -> Print('after', MAXLENGTH 14)
    -> EtherMirror
    -> out;

c [2] -> Discard;
