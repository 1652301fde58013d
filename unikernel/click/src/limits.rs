//! Limits of a configuration, each with the origin of its number.

/// Bytes of a configuration: the largest one of Click's own collection has 20 KiB; error messages
/// count lines from the start of the text, so it stays one that is fast to walk.
pub const MAX_CONFIG_SIZE: usize = 1 << 20;

/// Elements of a configuration: the IP router of Click's paper has 206 once flattened.
pub const MAX_ELEMENTS: usize = 4096;

/// Compound elements and groups that one lies in: what Click's lexer allows (`max_depth`).
pub const MAX_NESTING: usize = 100;

/// Variants of one class that are tried: more than there are sensible numbers of arguments and ports.
pub const MAX_VARIANTS: usize = 256;

/// Elements, and the walls of compound elements and groups between them: four for each element,
/// which is more than any of Click's own configurations has.
pub const MAX_NODES: usize = MAX_ELEMENTS.saturating_mul(4);

/// Connections of a configuration: sixteen for each element. The IP router of Click's paper has 260
/// for 206.
pub const MAX_CONNECTIONS: usize = MAX_ELEMENTS.saturating_mul(16);

/// Walls that all connections together lead through: sixteen for each connection.
pub const MAX_TUNNEL_STEPS: usize = MAX_CONNECTIONS.saturating_mul(16);

/// Bytes that variables stand for in all, and uses of them: what the longest configuration could
/// have written out itself.
pub const MAX_EXPANSION: usize = MAX_CONFIG_SIZE;

/// Libraries of a configuration: Click's own collection has 4.
pub const MAX_LIBRARIES: usize = 64;

/// Elements that packets are pulled through in a row: each takes some hundred bytes of stack while
/// the next one is asked, and the smallest stack, that of a kernel image, has 64 KiB.
pub const MAX_PULL_DEPTH: usize = 64;

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

/// Packets that one element hands to the next at a time. With so many, what a hand-over costs is small
/// beside what is done with the packets, and their first cache lines stay in the cache of one core.
pub const MAX_BATCH: usize = 64;

/// Packets that wait to be used again: as many as a queue of the default length holds.
pub const MAX_POOLED: usize = 1000;

/// Batches of packets that wait so: those under way in a chain that forks four times.
pub const MAX_POOLED_BATCHES: usize = 16;

/// Bytes of the buffer of a packet that is used again: a frame of Ethernet with room for headers. Longer
/// ones are rare, and not worth keeping.
pub const MAX_POOLED_SIZE: usize = 2048;
