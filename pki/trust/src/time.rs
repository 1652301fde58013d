//! Points in time.

use core::fmt;
use core::time::Duration;

use x509_cert::der::DateTime;

/// A point in time: seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// What time it *is* is not this crate's question: the loader decides, from signed times, a persisted
/// floor and the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The point `seconds` after the epoch.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// The point `seconds` later, or the last there is.
    #[must_use]
    pub const fn saturating_add(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The point `seconds` earlier, or the epoch.
    #[must_use]
    pub const fn saturating_sub(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

/// As RFC 3339 writes it, in UTC; after the year 9999 in seconds since the epoch.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_unix_duration(Duration::from_secs(self.0)) {
            Ok(time) => fmt::Display::fmt(&time, f),
            Err(_) => write!(f, "{} s after 1970-01-01T00:00:00Z", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn times_read_as_dates() {
        assert_eq!(
            UnixTime::from_secs(1_000_000_000).to_string(),
            "2001-09-09T01:46:40Z"
        );
        assert_eq!(
            UnixTime::from_secs(u64::MAX).to_string(),
            "18446744073709551615 s after 1970-01-01T00:00:00Z"
        );
    }
}
