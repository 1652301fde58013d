/*
 * Prints what arrives.
 *
 * devices: 0
 * programs: -
 */
FromDevice(0) -> Print('received') -> received :: Counter -> Discard;
