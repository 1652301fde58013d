/*
 * The same as a program: it finds addresses and ports, and changes both, with their checksums.
 *
 * devices: 0 1
 * programs: nat
 */
define($P .);

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

// Input and output 0 lead out, 1 in; what leaves through output 2 is to be dropped.
flows :: BPFClassifier(ID 1, FILE $P/nat.o);
flows [0] -> to_ex;
flows [1] -> to_in;
flows [2] -> dropped :: Counter -> Discard;

in -> [0] flows;
ex -> [1] flows;
