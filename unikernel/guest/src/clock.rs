//! The calendar of the machine's clock, and the counter that goes on from there.

/// What the clock's registers say (MC146818, as in every PC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockRegisters {
    /// 0.
    pub seconds: u8,
    /// 2.
    pub minutes: u8,
    /// 4.
    pub hours: u8,
    /// 7.
    pub day: u8,
    /// 8.
    pub month: u8,
    /// 9: of the century.
    pub year: u8,
    /// Status register B.
    pub status: u8,
}

/// Status register B: numbers are binary and not decimal digits.
const BINARY: u8 = 1 << 2;
/// Status register B: hours count to 24.
const HOURS_24: u8 = 1 << 1;

impl ClockRegisters {
    /// Seconds since 1970 in UTC. `None` when this is no date: there is no such clock then, or it has
    /// lost its battery.
    #[must_use]
    pub fn unix_time(self) -> Option<u64> {
        let number = |raw: u8| {
            if self.status & BINARY != 0 {
                return Some(raw);
            }
            let (tens, ones) = (raw >> 4, raw & 0xf);
            (tens <= 9 && ones <= 9).then(|| tens.saturating_mul(10).saturating_add(ones))
        };
        let afternoon = self.status & HOURS_24 == 0 && self.hours & 0x80 != 0;
        let mut hours = number(match self.status & HOURS_24 {
            0 => self.hours & 0x7f,
            _ => self.hours,
        })?;
        if self.status & HOURS_24 == 0 {
            if !(1..=12).contains(&hours) {
                return None;
            }
            hours = (hours % 12).saturating_add(if afternoon { 12 } else { 0 });
        }
        let (minutes, seconds) = (number(self.minutes)?, number(self.seconds)?);
        let (day, month) = (number(self.day)?, number(self.month)?);
        // The image was made in this century, and is replaced before its end.
        let year = u64::from(number(self.year)?).saturating_add(2000);
        if hours > 23 || minutes > 59 || seconds > 59 || year > 2099 {
            return None;
        }
        let days = days_since_1970(year, month, day)?;
        let of_day = u64::from(hours)
            .saturating_mul(3600)
            .saturating_add(u64::from(minutes).saturating_mul(60))
            .saturating_add(u64::from(seconds));
        Some(days.saturating_mul(86_400).saturating_add(of_day))
    }
}

fn days_since_1970(year: u64, month: u8, day: u8) -> Option<u64> {
    // 2000 to 2099: every fourth year is a leap year.
    let is_leap = |year: u64| year.is_multiple_of(4);
    let february = if is_leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::from(month.checked_sub(1)?);
    if !(1..=*months.get(month)?).contains(&day) {
        return None;
    }
    let years = year.checked_sub(2000)?;
    let leap_days = years.saturating_add(3) / 4;
    let before = months.iter().take(month).map(|days| u64::from(*days));
    // 10,957 days before 2000.
    let days = years.saturating_mul(365).saturating_add(leap_days);
    let days = days.saturating_add(10_957).saturating_add(before.sum());
    Some(days.saturating_add(u64::from(day).saturating_sub(1)))
}

/// How a counter's ticks become nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds per tick, times 2^32.
    factor: u64,
}

impl Rate {
    /// So many ticks passed in so many nanoseconds. `None` when a counter cannot be like this.
    #[must_use]
    pub fn new(ticks: u64, nanoseconds: u64) -> Option<Self> {
        let factor = (u128::from(nanoseconds) << 32_u32).checked_div(u128::from(ticks))?;
        // From 0.01 to 100 GHz.
        let factor = u64::try_from(factor).ok()?;
        ((1 << 32) / 100..=100 << 32)
            .contains(&factor)
            .then_some(Self { factor })
    }

    /// Ticks in nanoseconds.
    #[must_use]
    pub fn nanoseconds(self, ticks: u64) -> u64 {
        let product = u128::from(ticks).saturating_mul(u128::from(self.factor));
        u64::try_from(product >> 32_u32).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decimal digits, 24 hours.
    fn date(year: u8, month: u8, day: u8, hours: u8, minutes: u8, seconds: u8) -> ClockRegisters {
        ClockRegisters {
            seconds,
            minutes,
            hours,
            day,
            month,
            year,
            status: HOURS_24,
        }
    }

    /// Times by `date --date=... +%s`.
    #[test]
    fn dates_become_seconds() {
        let cases = [
            (date(0x00, 0x01, 0x01, 0, 0, 0), 946_684_800),
            (date(0x26, 0x12, 0x01, 0x02, 0x36, 0x23), 1_796_092_583),
            (date(0x24, 0x02, 0x29, 0x23, 0x59, 0x59), 1_709_251_199),
            (date(0x25, 0x03, 0x01, 0, 0, 0), 1_740_787_200),
            (date(0x99, 0x12, 0x31, 0, 0, 0), 4_102_358_400),
        ];
        for (registers, seconds) in cases {
            assert_eq!(registers.unix_time(), Some(seconds), "{registers:x?}");
        }
        let binary = ClockRegisters {
            status: BINARY | HOURS_24,
            ..date(26, 12, 1, 2, 36, 23)
        };
        assert_eq!(binary.unix_time(), Some(1_796_092_583));
        for (hours, shown) in [(0, 0x12), (11, 0x11), (12, 0x92), (13, 0x81), (23, 0x91)] {
            let registers = ClockRegisters {
                status: 0,
                ..date(0x26, 0x12, 0x01, shown, 0, 0)
            };
            let midnight = 1_796_083_200;
            assert_eq!(registers.unix_time(), Some(midnight + hours * 3600));
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for registers in [
            date(0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
            date(0x26, 0x13, 0x01, 0, 0, 0),
            date(0x26, 0x00, 0x01, 0, 0, 0),
            date(0x25, 0x02, 0x29, 0, 0, 0),
            date(0x26, 0x01, 0x00, 0, 0, 0),
            date(0x26, 0x01, 0x01, 0x24, 0, 0),
            date(0x26, 0x01, 0x01, 0, 0x60, 0),
            date(0x26, 0x01, 0x0a, 0, 0, 0),
            ClockRegisters::default(),
        ] {
            assert_eq!(registers.unix_time(), None, "{registers:x?}");
        }
    }

    #[test]
    fn ticks_become_nanoseconds_for_years() {
        let rate = Rate::new(2_596_122, 1_000_000).unwrap();
        let second = rate.nanoseconds(2_596_122_000);
        assert!(second.abs_diff(1_000_000_000) < 10, "{second}");
        let year = 365 * 86_400 * 1_000_000_000;
        assert!(
            rate.nanoseconds(2_596_122 * 365 * 86_400_000)
                .abs_diff(year)
                < year / 100_000_000
        );
        for (ticks, nanoseconds) in [(0, 1), (1, 0), (1, 1_000), (1_000_000, 1), (1, u64::MAX)] {
            assert_eq!(Rate::new(ticks, nanoseconds), None);
        }
    }
}
