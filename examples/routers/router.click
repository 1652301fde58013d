/*
 * An IP router with four ports: longest prefixes, ARP both ways, time to live, fragments, ICMP errors,
 * and answers to pings of its own addresses.
 *
 * devices: 0 1 2 3
 * programs: -
 */
elementclass Port { $device, $ip, $mac, $number |
    FromDevice($device) -> c :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
    out :: ThreadSafeQueue -> ToDevice($device);

    c [0] -> ARPResponder($ip $mac) -> out;
    arp :: ARPQuerier($ip, $mac) -> out;
    c [1] -> [1] arp;
    c [2] -> Paint($number) -> Strip(14) -> CheckIPHeader -> output;
    c [3] -> Discard;

    input -> combo :: IPOutputCombo($number, $ip, 1500);
    combo [0] -> [0] arp;
    combo [1] -> ICMPError($ip, redirect, host) -> output;
    combo [2] -> ICMPError($ip, parameterproblem) -> output;
    combo [3] -> ICMPError($ip, timeexceeded) -> output;
    combo [4] -> ICMPError($ip, unreachable, needfrag) -> output;
}

routes :: LinearIPLookup(
    172.44.0.2/32 4, 172.44.1.2/32 4, 172.44.2.2/32 4, 172.44.3.2/32 4,
    172.44.0.0/24 0, 172.44.1.0/24 1, 172.44.2.0/24 2, 172.44.3.0/24 3,
    0.0.0.0/0 172.44.3.1 3);

port0 :: Port(0, 172.44.0.2, $MAC0, 1) -> routes;
port1 :: Port(1, 172.44.1.2, $MAC1, 2) -> routes;
port2 :: Port(2, 172.44.2.2, $MAC2, 3) -> routes;
port3 :: Port(3, 172.44.3.2, $MAC3, 4) -> routes;

routes [0] -> port0;
routes [1] -> port1;
routes [2] -> port2;
routes [3] -> port3;

// To the router itself.
routes [4] -> own :: IPClassifier(icmp type echo, -);
own [0] -> ICMPPingResponder -> routes;
own [1] -> Discard;
