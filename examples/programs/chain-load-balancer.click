/*
 * The second machine of a chain: a program deals packets out to two machines (172.44.0.4 and 172.44.0.5).
 *
 * devices: 0
 * programs: round-robin
 */
define($P .);

out :: ToDevice(0);
FromDevice(0) -> c :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);

c [0] -> ARPResponder(172.44.0.3 $MAC0) -> out;
c [3] -> Discard;

arp :: ARPQuerier(172.44.0.3, $MAC0) -> out;
c [1] -> [1] arp;

c [2]
    -> Strip(14)
    -> CheckIPHeader
    -> DropBroadcasts
    -> options :: IPGWOptions(172.44.0.3)
    -> FixIPSrc(172.44.0.3)
    -> ttl :: DecIPTTL
    -> turns :: BPFClassifier(ID 1, FILE $P/round-robin.o);

turns [0] -> Print('to machine 1', MAXLENGTH 20) -> SetIPAddress(172.44.0.4) -> [0] arp;
turns [1] -> Print('to machine 2', MAXLENGTH 20) -> SetIPAddress(172.44.0.5) -> [0] arp;

options [1] -> bad :: Discard;
ttl [1] -> bad;
