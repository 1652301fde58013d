/*
 * Takes the Ethernet header off, and a VLAN tag if there is one, prints the IP packet, and sends it back
 * without the tag.
 *
 * devices: 0
 * programs: strip-ether-vlan-header
 */
define($P .);

out :: ToDevice(0);
FromDevice(0) -> c :: Classifier(12/0806 20/0001, 12/0800, 12/8100 16/0800, -);

c [0] -> ARPResponder(172.44.0.2 $MAC0) -> out;

strip :: BPFRewriter(ID 1, FILE $P/strip-ether-vlan-header.o)
    -> CheckIPHeader
    -> IPPrint('ip')
    -> EtherEncap(0x0800, $MAC0, 02:00:00:00:00:01)
    -> out;

c [1] -> strip;
c [2] -> strip;
c [3] -> Discard;
