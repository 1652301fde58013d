/*
 * Prints ICMP echo requests.
 *
 * devices: 0
 * programs: -
 */
FromDevice(0)
    -> Classifier(12/0800)
    -> Strip(14)
    -> CheckIPHeader
    -> IPFilter(allow icmp type echo, deny all)
    -> IPPrint
    -> pings :: Counter
    -> Discard;
