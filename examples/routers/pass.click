/*
 * Leads everything from device 0 to device 1, through a program that passes it.
 *
 * devices: 0 1
 * programs: pass
 */
define($P .);

FromDevice(0) -> program :: BPFFilter(ID 1, FILE $P/pass.o) -> ToDevice(1);
