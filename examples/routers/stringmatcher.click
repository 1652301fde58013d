/*
 * Drops packets that contain the text `leetcode`, and counts the others.
 *
 * devices: 0 1
 * programs: stringmatcher
 */
define($P .);

FromDevice(0)
    -> Classifier(12/0800)
    -> program :: BPFFilter(ID 1, FILE $P/stringmatcher.o)
    -> passed :: AverageCounter
    -> ToDevice(1);
