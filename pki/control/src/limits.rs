//! Budgets of the channel, each with the origin of its number.

/// Transfers that are remembered at a time: operators and tools that are at work together.
pub const MAX_TRANSFERS: usize = 8;

/// Of these, those of one address whose request is not authenticated yet: an operator who tries again,
/// and a tool beside him.
pub const MAX_UNPROVED_PER_ADDRESS: usize = 2;

/// Milliseconds after which a request that did not arrive whole is forgotten: a megabyte takes less
/// over the slowest link that was thought of (1 Mbit/s).
pub const RECEIVE_TIME_MS: u64 = 30_000;

/// Milliseconds for which a reply is kept.
pub const REPLY_TIME_MS: u64 = 60_000;

/// Bytes of attachments of all requests that are being received; an image with 16 MiB passes less.
pub const MAX_ATTACHED: u32 = 4 << 20;

/// Packets a second, and at once, whatever they are: a megabyte is about a thousand.
pub const PACKETS_PER_SECOND: u32 = 10_000;

/// See [`PACKETS_PER_SECOND`].
pub const PACKETS_AT_ONCE: u32 = 4_000;

/// Cookies a second, and at once: each costs a hash and a packet.
pub const COOKIES_PER_SECOND: u32 = 100;

/// See [`COOKIES_PER_SECOND`].
pub const COOKIES_AT_ONCE: u32 = 100;

/// Chains and signatures that are verified in a second, and at once. With an unknown chain that is
/// about 2 ms each, so that a flood takes less than a twentieth of a processor.
pub const VERIFICATIONS_PER_SECOND: u32 = 20;

/// See [`VERIFICATIONS_PER_SECOND`].
pub const VERIFICATIONS_AT_ONCE: u32 = 20;

/// How far a sequence may be ahead of the last: a forged hint must not drive it to its end.
pub const MAX_SEQUENCE_JUMP: u64 = 1 << 16;

/// Roots of requests that were decided on and are refused without another look.
pub const MAX_REMEMBERED: usize = 64;

/// Milliseconds for which a cookie counts, at least.
pub const COOKIE_TIME_MS: u64 = 120_000;
