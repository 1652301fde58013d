//! Limits of what is read, each with the origin of its number. Those of messages and certificates
//! are in `bpf-statement`.

/// Bytes of a serial number (RFC 5280, 4.1.2.2).
pub const MAX_SERIAL_SIZE: usize = 20;

/// Bytes of a key identifier: a whole SHA-256 digest; RFC 5280 and RFC 7093 propose 20.
pub const MAX_KEY_ID_SIZE: usize = 32;

/// Name prefixes in the scope of one leaf: it fits a certificate.
pub const MAX_NAME_PREFIXES: usize = 8;

/// Bytes of a trust bundle: with every list at its limit, and names of roots of 300 bytes, it has
/// about 14,000.
pub const MAX_TRUST_BUNDLE_SIZE: usize = 32 << 10;

/// Root keys of a trust bundle; sets of TUF roots in the field have five.
pub const MAX_ROOT_KEYS: usize = 8;

/// Signatures on a trust bundle: at a change of all root keys, each of both sets signs.
pub const MAX_SIGNATURES: usize = 16;

/// X.509 roots of a trust bundle: three roles, each with its old and its new root, and two to spare.
pub const MAX_ANCHORS: usize = 8;

/// CA keys with a lowest epoch.
pub const MAX_MIN_EPOCHS: usize = 32;

/// Revoked keys. More than this in the lifetime of a leaf is a matter for the epoch.
pub const MAX_REVOKED: usize = 32;

/// Platforms that a trust bundle allows.
pub const MAX_PLATFORMS: usize = 16;

/// Verifier engines with a lowest version.
pub const MAX_ENGINES: usize = 16;

/// Programs whose counters one trust bundle resets.
pub const MAX_COUNTER_RESETS: usize = 16;
