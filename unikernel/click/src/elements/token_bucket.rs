//! A token bucket: what an element may spend on packets in the long run, and at once.

use crate::language::{parse_interval_ns, parse_unsigned};

const SECOND_NS: u128 = 1_000_000_000;

/// A bucket that is full at first and refilled at a rate.
///
/// It holds parts of tokens, a billion for each, so that nothing is lost between two looks at the
/// clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenBucket {
    rate: u64,
    capacity: u64,
    /// What it holds, in billionths of a token; a debt if it is negative.
    level: i128,
    /// When it was last refilled.
    filled_ns: Option<u64>,
}

impl TokenBucket {
    /// A bucket for `capacity` tokens that gets `rate` of them in a second.
    pub(super) fn new(rate: u64, capacity: u64) -> Self {
        let mut bucket = Self {
            rate,
            capacity,
            level: 0,
            filled_ns: None,
        };
        bucket.level = bucket.most();
        bucket
    }

    /// Tokens in a second.
    pub(super) const fn rate(&self) -> u64 {
        self.rate
    }

    /// Changes the rate; what is in the bucket stays.
    pub(super) const fn set_rate(&mut self, rate: u64) {
        self.rate = rate;
    }

    /// Puts in what has become due.
    pub(super) fn refill(&mut self, now_ns: u64) {
        let before = self.filled_ns.replace(now_ns).unwrap_or(now_ns);
        let passed = i128::from(now_ns.saturating_sub(before));
        let more = passed.saturating_mul(i128::from(self.rate));
        self.level = self.level.saturating_add(more).min(self.most());
    }

    /// When it will hold this many tokens; nothing if it holds them, or never will.
    pub(super) fn due_ns(&self, tokens: u64) -> Due {
        let missing = scaled(tokens).saturating_sub(self.level);
        if missing <= 0 {
            return Due::Now;
        }
        if self.rate == 0 || scaled(tokens) > self.most() {
            return Due::Never;
        }
        let rate = u128::from(self.rate);
        let wait = missing.unsigned_abs().div_ceil(rate);
        let wait = u64::try_from(wait).unwrap_or(u64::MAX);
        Due::At(self.filled_ns.unwrap_or(0).saturating_add(wait))
    }

    /// Takes tokens out, also those that it does not hold.
    pub(super) fn take(&mut self, tokens: u64) {
        self.level = self.level.saturating_sub(scaled(tokens));
    }

    fn most(&self) -> i128 {
        scaled(self.capacity)
    }
}

/// When there are enough tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    At(u64),
    Never,
}

fn scaled(tokens: u64) -> i128 {
    let scaled = u128::from(tokens).saturating_mul(SECOND_NS);
    i128::try_from(scaled).unwrap_or(i128::MAX)
}

/// Tokens that come in a time.
pub(super) fn tokens_in(rate: u64, time_ns: u64) -> u64 {
    let tokens = u128::from(rate).saturating_mul(time_ns.into()) / SECOND_NS;
    u64::try_from(tokens).unwrap_or(u64::MAX)
}

/// How many that makes in a second; all, if no time has passed.
pub(super) fn per_second(count: u64, time_ns: u64) -> u64 {
    let scaled = u128::from(count).saturating_mul(SECOND_NS);
    let rate = scaled.checked_div(time_ns.into());
    rate.and_then(|rate| u64::try_from(rate).ok())
        .unwrap_or(count)
}

/// The time in which a bucket of an element is filled where the configuration does not say, as in
/// Click.
pub(super) const BURST_NS: u64 = 20_000_000;

/// A number of bytes in a second: a number alone, or one with `Bps`, `kBps`, `MBps`, `GBps`, or with
/// `bps` and so on for bits (Click's `BandwidthArg`).
pub(super) fn parse_bandwidth(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let unit = unit.trim_start();
    let (scale, bits) = match unit {
        "" | "Bps" | "B/s" => (1, false),
        "kBps" | "KBps" => (1000, false),
        "MBps" => (1_000_000, false),
        "GBps" => (1_000_000_000, false),
        "bps" | "baud" => (1, true),
        "kbps" | "Kbps" => (1000, true),
        "Mbps" => (1_000_000, true),
        "Gbps" => (1_000_000_000, true),
        _ => return None,
    };
    // Read in billionths, so that fractions count.
    let billionths = match number.contains('.') {
        true => parse_interval_ns(number)?,
        false => parse_unsigned(number)?.checked_mul(1_000_000_000)?,
    };
    let amount = u128::from(billionths).checked_mul(scale)? / SECOND_NS;
    u64::try_from(if bits { amount / 8 } else { amount }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_full_at_first_and_refilled_at_its_rate() {
        let mut bucket = TokenBucket::new(2, 3);
        bucket.refill(1000);
        for _ in 0..3 {
            assert_eq!(bucket.due_ns(1), Due::Now);
            bucket.take(1);
        }
        assert_eq!(bucket.due_ns(1), Due::At(500_001_000));
        bucket.refill(500_000_999);
        assert_eq!(bucket.due_ns(1), Due::At(500_001_000));
        bucket.refill(500_001_000);
        assert_eq!(bucket.due_ns(1), Due::Now);
        bucket.take(5);
        assert_eq!(
            bucket.due_ns(0),
            Due::At(2_500_001_000),
            "a debt is paid back"
        );
        bucket.refill(u64::MAX);
        assert_eq!(bucket.due_ns(3), Due::Now);
        assert_eq!(bucket.due_ns(4), Due::Never, "it is too small");
        bucket.set_rate(0);
        bucket.take(3);
        assert_eq!(bucket.due_ns(1), Due::Never);
    }

    #[test]
    fn bandwidths_have_units() {
        for (text, expected) in [
            ("200", Some(200)),
            ("200Bps", Some(200)),
            ("1.5 kBps", Some(1500)),
            ("8Mbps", Some(1_000_000)),
            ("1Gbps", Some(125_000_000)),
            ("x", None),
            ("1 mile", None),
            ("", None),
        ] {
            assert_eq!(parse_bandwidth(text), expected, "{text}");
        }
    }
}
