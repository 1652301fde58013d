/*
 * The first machine of a chain: two programs decide what reaches the load balancer (172.44.0.3).
 *
 * devices: 0
 * programs: target-port rate-limiter
 */
define($P .);

out :: ToDevice(0);
FromDevice(0) -> c :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);

c [0] -> ARPResponder(172.44.0.2 $MAC0) -> out;
c [3] -> Discard;

arp :: ARPQuerier(172.44.0.2, $MAC0) -> out;
c [1] -> [1] arp;

// The programs look at frames; what is behind them looks at IP packets.
c [2] -> ports :: BPFFilter(ID 1, FILE $P/target-port.o)
    -> limit :: BPFFilter(ID 2, FILE $P/rate-limiter.o)
    -> Strip(14)
    -> CheckIPHeader
    -> DropBroadcasts
    -> options :: IPGWOptions(172.44.0.2)
    -> FixIPSrc(172.44.0.2)
    -> ttl :: DecIPTTL
    -> Print('to the load balancer', MAXLENGTH 20)
    -> SetIPAddress(172.44.0.3)
    -> [0] arp;

options [1] -> bad :: Discard;
ttl [1] -> bad;
