//! Limits of a configuration, each with the origin of its number.

/// Bytes of a configuration: the largest one of Click's own collection has 20 KiB; error messages
/// count lines from the start of the text, so it stays one that is fast to walk.
pub const MAX_CONFIG_SIZE: usize = 1 << 20;

/// Elements of a configuration: the IP router of Click's paper has 206 once flattened.
pub const MAX_ELEMENTS: usize = 4096;

/// Ports on one side of an element: a classifier names outputs 0 to 254.
pub const MAX_PORTS: usize = 255;

/// Rounds that one packet may make over a configuration of n elements, as hops: n times this. The
/// origin is IPv4's time to live, which ends the life of a packet after as many routers.
pub const MAX_ROUNDS: usize = 255;

/// Faults of an element's program until it is quarantined. A verified program has none; a few are
/// worth counting, more of them mean that a proof was wrong.
pub const MAX_FAULTS: u64 = 16;

/// Instructions that a program may run for one packet. The largest program of the platform has
/// 65,536; loops multiply that, and one packet must not hold the router for longer than a
/// millisecond or so of interpretation per million.
pub const FUEL: u64 = 1 << 20;
