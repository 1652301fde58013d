/*
 * The last machine of a chain, one of two: prints what reaches it.
 *
 * devices: 0
 * programs: -
 */
define($P .);

out :: ToDevice(0);
FromDevice(0) -> c :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);

c [0] -> ARPResponder(172.44.0.4 $MAC0) -> out;
c [3] -> Discard;

c [1] -> Discard;

c [2]
    -> Strip(14)
    -> CheckIPHeader
    -> DropBroadcasts
    -> options :: IPGWOptions(172.44.0.4)
    -> FixIPSrc(172.44.0.4)
    -> ttl :: DecIPTTL
    -> Print('application 1', MAXLENGTH 20)
    -> received :: Counter
    -> Discard;

options [1] -> bad :: Discard;
ttl [1] -> bad;
