/*
 * Programs of all three kinds in a row: a filter, a limit, a rewriter, and two outputs in turn.
 *
 * devices: 0 1
 * programs: target-port rate-limiter decrement-ttl round-robin
 */
define($P .);

FromDevice(0) -> c :: Classifier(12/0806 20/0001, 12/0800, -);

c [0] -> ARPResponder(172.44.0.2 $MAC0) -> ToDevice(0);

c [1] -> ports :: BPFFilter(ID 1, FILE $P/target-port.o)
    -> limit :: BPFFilter(ID 2, FILE $P/rate-limiter.o)
    -> ttl :: BPFRewriter(ID 3, FILE $P/decrement-ttl.o)
    -> turns :: BPFClassifier(ID 4, FILE $P/round-robin.o);

turns [0] -> EtherMirror -> ToDevice(0);
turns [1] -> ToDevice(1);

c [2] -> Discard;
