//! Numbers as scripts calculate with them: integers where that is possible, or else fractions.

use alloc::format;
use alloc::string::String;
use core::cmp::Ordering;

/// A number of a script.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Integer(i64),
    Fraction(f64),
}

impl Number {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match parse_integer(text) {
            Some(integer) => Some(Self::Integer(integer)),
            None => parse_fraction(text).map(Self::Fraction),
        }
    }

    pub(super) fn fraction(self) -> f64 {
        match self {
            Self::Integer(integer) => to_fraction(integer),
            Self::Fraction(fraction) => fraction,
        }
    }

    /// The number without what is behind its point.
    pub(super) fn truncated(self) -> i64 {
        match self {
            Self::Integer(integer) => integer,
            Self::Fraction(fraction) => to_integer(fraction),
        }
    }

    /// Applies one function to integers and another to fractions.
    pub(super) fn combine(
        self,
        other: Self,
        integers: impl Fn(i64, i64) -> i64,
        fractions: impl Fn(f64, f64) -> f64,
    ) -> Self {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Self::Integer(integers(a, b)),
            (a, b) => Self::Fraction(fractions(a.fraction(), b.fraction())),
        }
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(&b),
            (a, b) => {
                let order = a.fraction().partial_cmp(&b.fraction());
                order.unwrap_or(Ordering::Greater)
            }
        }
    }

    pub(super) fn unparse(self) -> String {
        match self {
            Self::Integer(integer) => format!("{integer}"),
            Self::Fraction(fraction) => shortest(fraction),
        }
    }
}

/// A decimal number, or a hexadecimal one behind `0x`, with its sign.
pub(super) fn parse_integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.strip_prefix("0x") {
        Some(hex) => (hex, 16),
        None => (digits, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let value = if negative {
        magnitude.checked_neg()?
    } else {
        magnitude
    };
    i64::try_from(value).ok()
}

fn parse_fraction(text: &str) -> Option<f64> {
    let legal = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let fraction: f64 = text.chars().all(legal).then(|| text.parse().ok())??;
    fraction.is_finite().then_some(fraction)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "the nearest fraction is meant"
)]
const fn to_fraction(integer: i64) -> f64 {
    integer as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "rounds to zero, and to the nearest integer there is"
)]
const fn to_integer(fraction: f64) -> i64 {
    fraction as i64
}

/// Significant digits of a fraction, as Click prints them.
const DIGITS: usize = 12;

/// As `%.12g` of C: the digits that count, in the shorter of both notations.
fn shortest(fraction: f64) -> String {
    if fraction == 0.0 {
        return "0".into();
    }
    if !fraction.is_finite() {
        return format!("{fraction}").to_lowercase();
    }
    let scientific = format!("{fraction:.*e}", DIGITS.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => String::from(text.trim_end_matches('0').trim_end_matches('.')),
        false => text.into(),
    };
    let digits = i32::try_from(DIGITS).unwrap_or(i32::MAX);
    if (-4..digits).contains(&exponent) {
        let behind = digits.saturating_sub(1).saturating_sub(exponent);
        let behind = usize::try_from(behind).unwrap_or(0);
        return trimmed(&format!("{fraction:.behind$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(mantissa), exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_integers_or_fractions() {
        for (text, expected) in [
            ("5", Some("5")),
            ("-5", Some("-5")),
            ("0x10", Some("16")),
            ("2.5", Some("2.5")),
            ("1e3", Some("1000")),
            ("9223372036854775807", Some("9223372036854775807")),
            ("-9223372036854775808", Some("-9223372036854775808")),
            ("1e300", Some("1e+300")),
            ("0.00001", Some("1e-05")),
            ("0.3333333333333333", Some("0.333333333333")),
            ("123456789012345678901", Some("1.23456789012e+20")),
            ("x", None),
            ("", None),
            ("inf", None),
            ("-", None),
        ] {
            let unparsed = Number::parse(text).map(Number::unparse);
            assert_eq!(unparsed.as_deref(), expected, "{text}");
        }
    }
}
