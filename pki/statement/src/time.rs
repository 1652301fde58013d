//! Points in time.

use core::fmt;

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds, up to the end of the year 9999 (where
/// the times of certificates end, RFC 5280, 4.1.2.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(u64);

/// A number of seconds behind the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} seconds after 1970 are behind the year 9999")]
pub struct TimeError(pub u64);

impl UnixTime {
    /// 1970-01-01T00:00:00Z: the earliest.
    pub const EPOCH: Self = Self(0);

    /// 9999-12-31T23:59:59Z: the latest.
    pub const MAX: Self = Self(253_402_300_799);

    /// This many seconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// When that is later than [`Self::MAX`].
    pub const fn from_secs(secs: u64) -> Result<Self, TimeError> {
        if secs > Self::MAX.0 {
            return Err(TimeError(secs));
        }
        Ok(Self(secs))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// The time `secs` seconds later; not later than [`Self::MAX`].
    #[must_use]
    pub const fn saturating_add(self, secs: u64) -> Self {
        let sum = self.0.saturating_add(secs);
        Self(if sum > Self::MAX.0 { Self::MAX.0 } else { sum })
    }
}

/// RFC 3339 in UTC: `2026-11-20T13:08:00Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    reason = "`days` is below 2^22 and each divisor is a constant other than zero"
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
            assert_eq!(UnixTime::from_secs(secs).unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_year_9999_is_the_last() {
        let late = UnixTime::MAX.as_secs() + 1;
        assert_eq!(UnixTime::from_secs(late), Err(TimeError(late)));
        assert_eq!(UnixTime::EPOCH.saturating_add(u64::MAX), UnixTime::MAX);
    }
}
