/*
 * An Ethernet switch with two ports, which learns where addresses are.
 *
 * devices: 0 1
 * programs: -
 */
elementclass Port { $device, $label |
    input -> Queue -> ToDevice($device);
    FromDevice($device) -> c :: Classifier(12/0800, 12/0806, -);
    c [0] -> Strip(14) -> CheckIPHeader -> IPPrint($label) -> Unstrip(14) -> output;
    c [1] -> output;
    c [2] -> Print('neither IP nor ARP') -> Discard;
}

switch :: EtherSwitch;
one :: Port(0, 'from 0') -> [0] switch [0] -> one;
two :: Port(1, 'from 1') -> [1] switch [1] -> two;
