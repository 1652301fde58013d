//! A bound on lines that packets can cause.

/// Nanoseconds between two lines about one thing: whoever reads along can follow, and a day of them
/// fills no disk.
const INTERVAL_NS: u64 = 1_000_000_000;

/// Lets one line through in a second.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// When the next line may be written.
    next_ns: u64,
    /// Lines that were not written since the last one.
    missed: u64,
}

impl Throttle {
    /// Whether a line may be written at this time; if so, how many were not since the last one.
    pub(crate) const fn line(&mut self, now_ns: u64) -> Option<u64> {
        if now_ns < self.next_ns {
            self.missed = self.missed.saturating_add(1);
            return None;
        }
        self.next_ns = now_ns.saturating_add(INTERVAL_NS);
        Some(core::mem::replace(&mut self.missed, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_and_the_number_of_the_others() {
        let mut throttle = Throttle::default();
        let times = [
            0,
            1,
            999_999_999,
            1_000_000_000,
            1_500_000_000,
            3_000_000_000,
        ];
        let lines = times.map(|time| throttle.line(time));
        assert_eq!(lines, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
