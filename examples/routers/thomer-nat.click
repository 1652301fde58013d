/*
 * Shares one address: flows and pings from inside go out under it, and their answers come back.
 *
 * devices: 0 1
 * programs: -
 */
AddressInfo(
    inside  172.44.0.2 172.44.0.0/24 $MAC0,
    outside 10.0.0.1 $MAC1,
    gateway 10.0.0.254);

elementclass Network { $device, $address |
    FromDevice($device) -> c :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
    out :: Queue -> ToDevice($device);

    c [0] -> ARPResponder($address) -> out;
    arp :: ARPQuerier($address) -> out;
    c [1] -> [1] arp;
    c [2] -> Strip(14) -> CheckIPHeader -> output;
    c [3] -> Discard;

    input -> [0] arp;
}

in :: Network(0, inside);
ex :: Network(1, outside);

// Everything outside is behind the gateway; who is meant inside stands in the header.
to_ex :: SetIPAddress(gateway) -> ex;
to_in :: GetIPAddress(16) -> in;

flows :: IPRewriter(pattern outside 50000-65535# - - 0 1, drop);
flows [0] -> to_ex;
flows [1] -> to_in;

pings :: ICMPPingRewriter(pattern outside 0-65535# - - 0 1, drop);
pings [0] -> to_ex;
pings [1] -> to_in;

// Errors belong to a flow or to a ping.
errors :: ICMPRewriter(flows pings) -> to_in;

in -> from_in :: IPClassifier(dst host inside, tcp or udp, icmp type echo, -);
from_in [0] -> Discard;
from_in [1] -> [0] flows;
from_in [2] -> [0] pings;
from_in [3] -> Discard;

ex -> from_ex :: IPClassifier(tcp or udp, icmp type echo-reply, icmp, -);
from_ex [0] -> [1] flows;
from_ex [1] -> [1] pings;
from_ex [2] -> errors;
from_ex [3] -> Discard;
