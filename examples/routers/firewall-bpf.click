/*
 * The same firewall as a program.
 *
 * devices: 0 1
 * programs: firewall
 */
define($P .);

FromDevice(0)
    -> rules :: BPFFilter(ID 1, FILE $P/firewall.o)
    -> ToDevice(1);
