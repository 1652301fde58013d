/*
 * A firewall of Click's own: rules for ports, and everything else denied.
 *
 * devices: 0 1
 * programs: -
 */
FromDevice(0)
    -> c :: Classifier(12/0800, -)
    -> MarkIPHeader(14)
    -> rules :: IPFilter(
        allow tcp dst port 22 or 25 or 80 or 443,
        allow udp dst port 53 or 123 or 443,
        allow icmp,
        deny all)
    -> ToDevice(1);

c [1] -> Discard;
