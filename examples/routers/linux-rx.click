/*
 * Counts what arrives, and prints the rate each second.
 *
 * devices: 0
 * programs: -
 */
FromDevice(0) -> received :: AverageCounter -> Discard;

Script(TYPE ACTIVE,
    label start,
    wait 1s,
    print "$(received.count) packets, $(received.rate) per second",
    write received.reset,
    goto start);
