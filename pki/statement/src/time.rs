//! Points in time.

use core::fmt;

/// A point in time: seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// What time it *is* is not this type's question: the loader decides, from signed times, a persisted
/// floor and the clock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(u64);

impl UnixTime {
    /// 1970-01-01T00:00:00Z: the earliest.
    pub const EPOCH: Self = Self(0);

    /// 9999-12-31T23:59:59Z, where the times of certificates end (RFC 5280, 4.1.2.5). Statements
    /// have no later one either.
    pub const YEAR_9999: Self = Self(253_402_300_799);

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

/// As RFC 3339 writes it, in UTC (`2026-11-20T13:08:00Z`); after the year 9999 in seconds.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self > Self::YEAR_9999 {
            return write!(f, "{} s after 1970-01-01T00:00:00Z", self.0);
        }
        let (year, month, day) = civil(self.0 / 86_400);
        let second = self.0 % 86_400;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnixTime({self})")
    }
}

/// Year, month and day of the proleptic Gregorian calendar, `days` after 1970-01-01: Howard
/// Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "`days` is below 2^22, since the year is at most 9999, and each divisor is a constant other than zero"
)]
const fn civil(days: u64) -> (u64, u64, u64) {
    let since_march_0000 = days + 719_468;
    let era = since_march_0000 / 146_097;
    let day_of_era = since_march_0000 % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let january_or_february = if month <= 2 { 1 } else { 0 };
    (year_of_era + era * 400 + january_or_february, month, day)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// Expected values by `date -u -d @N +%FT%TZ`.
    #[test]
    fn times_print_as_rfc_3339() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(UnixTime::from_secs(secs).to_string(), text);
        }
    }

    #[test]
    fn what_has_no_rfc_3339_form_prints_in_seconds() {
        let late = UnixTime::YEAR_9999.saturating_add(1);
        assert_eq!(
            late.to_string(),
            "253402300800 s after 1970-01-01T00:00:00Z"
        );
        assert_eq!(late.saturating_add(u64::MAX).as_secs(), u64::MAX);
        assert_eq!(UnixTime::EPOCH.saturating_sub(1), UnixTime::EPOCH);
    }
}
