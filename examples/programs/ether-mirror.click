/*
 * Sends IP packets back: the program itself swaps the addresses.
 *
 * devices: 0
 * programs: ether-mirror
 */
define($P .);

out :: ToDevice(0);
FromDevice(0) -> c :: Classifier(12/0806 20/0001, 12/0800, -);

// Answer questions for our address.
c [0] -> ARPResponder(172.44.0.2 $MAC0) -> out;

// Send back what the program leaves.
c [1] -> Print('before', MAXLENGTH 14)
    -> program :: BPFRewriter(ID 1, FILE $P/ether-mirror.o)
    -> Print('after', MAXLENGTH 14)
    -> out;

c [2] -> Discard;
