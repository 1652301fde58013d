/*
 * A program is replaced by its next version while packets flow, and goes on counting.
 *
 * Version 1 passes ten packets and counts them. After six of them, version 2 takes its place, with the
 * map of version 1, which it copies into one of its own: four more pass, and no others.
 *
 * devices: 0
 * programs: state-migration-v1=state-migration:1 state-migration-v2=state-migration:2
 */
define($P .);

RatedSource(DATA \<020000000001 020000000002 0800 00>, LENGTH 60, RATE 10, LIMIT 20)
    -> program :: BPFFilter(ID 1, FILE $P/state-migration-v1.o, NAME state-migration)
    -> passed :: Counter
    -> ToDevice(0);

Script(TYPE ACTIVE,
    wait 550ms,
    print "version $(program.counter) has passed $(passed.count) packets",
    write program.config FILE $P/state-migration-v2.o,
    print "version $(program.counter) takes its place",
    wait 2s,
    print "$(passed.count) packets have passed",
    print $(program.maps),
    stop);
