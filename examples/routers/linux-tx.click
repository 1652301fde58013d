/*
 * Sends UDP packets of 1460 bytes as fast as the device takes them, LIMIT of them.
 *
 * devices: 0
 * programs: -
 */
define($LIMIT 1000, $SOURCE 192.168.130.13, $TARGET 192.168.128.13);

InfiniteSource(LENGTH 1432, LIMIT $LIMIT, BURST 32)
    -> UDPIPEncap($SOURCE, 5678, $TARGET, 5678)
    -> EtherEncap(0x0800, $MAC0, 02:00:00:00:00:01)
    -> sent :: AverageCounter
    -> Queue(256)
    -> ToDevice(0);
