//! Intervals of `BITS`-bit numbers, unsigned and signed.
//!
//! The rule of every operation is the same: compute the least and the greatest exact result in
//! 128 bits, where nothing overflows; when both lie in the same period of 2^BITS the results do not
//! wrap around differently and the reduced bounds hold, otherwise nothing is known.

use crate::tnum::{ones, sign_extend};

/// `min..=max`, unsigned; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsigned<const BITS: u32> {
    pub(crate) min: u64,
    pub(crate) max: u64,
}

/// `min..=max`, two's complement; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signed<const BITS: u32> {
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl<const BITS: u32> Unsigned<BITS> {
    pub(crate) const ANY: Self = Self {
        min: 0,
        max: ones(BITS),
    };

    pub(crate) const fn constant(number: u64) -> Self {
        Self {
            min: number,
            max: number,
        }
    }

    /// The interval, unless it is empty.
    pub(crate) const fn new(min: u64, max: u64) -> Option<Self> {
        if min <= max {
            Some(Self { min, max })
        } else {
            None
        }
    }

    /// The results modulo 2^BITS of exact results in `min..=max`.
    fn wrap(min: u128, max: u128) -> Self {
        let low = |exact: u128| u64::try_from(exact & u128::from(u64::MAX)).unwrap_or(u64::MAX);
        if min.wrapping_shr(BITS) == max.wrapping_shr(BITS) {
            Self {
                min: low(min) & ones(BITS),
                max: low(max) & ones(BITS),
            }
        } else {
            Self::ANY
        }
    }

    pub(crate) fn contains(self, number: u64) -> bool {
        (self.min..=self.max).contains(&number)
    }

    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    pub(crate) fn meet(self, other: Self) -> Option<Self> {
        Self::new(self.min.max(other.min), self.max.min(other.max))
    }

    pub(crate) fn add(self, other: Self) -> Self {
        let sum = |a, b| u128::from(a).wrapping_add(u128::from(b));
        Self::wrap(sum(self.min, other.min), sum(self.max, other.max))
    }

    /// One period is added, so that no difference is negative.
    pub(crate) fn sub(self, other: Self) -> Self {
        let difference = |a, b| {
            1_u128
                .wrapping_shl(BITS)
                .wrapping_add(u128::from(a))
                .wrapping_sub(u128::from(b))
        };
        Self::wrap(
            difference(self.min, other.max),
            difference(self.max, other.min),
        )
    }

    pub(crate) fn mul(self, other: Self) -> Self {
        let product = |a, b| u128::from(a).wrapping_mul(u128::from(b));
        Self::wrap(product(self.min, other.min), product(self.max, other.max))
    }

    /// Quotients by the divisors of `other` that are not zero; none when there are none.
    pub(crate) fn div_by_nonzero(self, other: Self) -> Option<Self> {
        Some(Self {
            min: self.min.checked_div(other.max)?,
            max: self.max.checked_div(other.min.max(1))?,
        })
    }

    /// Remainders by the divisors of `other` that are not zero; none when there are none. When all
    /// quotients are one (0 for dividends below every divisor), remainders ascend with dividends.
    pub(crate) fn rem_by_nonzero(self, other: Self) -> Option<Self> {
        let greatest = other.max.checked_sub(1)?;
        let quotients = self.div_by_nonzero(other)?;
        if quotients.min == quotients.max && (quotients.max == 0 || other.min == other.max) {
            return Some(Self {
                min: self.min.checked_rem(other.max)?,
                max: self.max.checked_rem(other.max)?,
            });
        }
        Some(Self {
            min: 0,
            max: self.max.min(greatest),
        })
    }

    /// `count` is less than BITS.
    pub(crate) fn shift_left(self, count: u32) -> Self {
        let shift = |a| u128::from(a).wrapping_shl(count);
        Self::wrap(shift(self.min), shift(self.max))
    }

    /// `count` is less than BITS.
    pub(crate) const fn shift_right(self, count: u32) -> Self {
        Self {
            min: self.min.wrapping_shr(count),
            max: self.max.wrapping_shr(count),
        }
    }
}

impl<const BITS: u32> Signed<BITS> {
    pub(crate) const MIN: i64 = sign_extend::<BITS>(1_u64.wrapping_shl(BITS.wrapping_sub(1)));
    pub(crate) const MAX: i64 = !Self::MIN;
    pub(crate) const ANY: Self = Self {
        min: Self::MIN,
        max: Self::MAX,
    };

    pub(crate) const fn constant(number: i64) -> Self {
        Self {
            min: number,
            max: number,
        }
    }

    /// The interval, unless it is empty.
    pub(crate) const fn new(min: i64, max: i64) -> Option<Self> {
        if min <= max {
            Some(Self { min, max })
        } else {
            None
        }
    }

    /// The results modulo 2^BITS of exact results in `min..=max`.
    fn wrap(min: i128, max: i128) -> Self {
        let half = 1_i128.wrapping_shl(BITS.wrapping_sub(1));
        let period = |exact: i128| exact.wrapping_add(half).wrapping_shr(BITS);
        let low = |exact: i128| {
            let bits = exact.cast_unsigned() & u128::from(u64::MAX);
            sign_extend::<BITS>(u64::try_from(bits).unwrap_or(u64::MAX))
        };
        if period(min) == period(max) {
            Self {
                min: low(min),
                max: low(max),
            }
        } else {
            Self::ANY
        }
    }

    pub(crate) fn contains(self, number: i64) -> bool {
        (self.min..=self.max).contains(&number)
    }

    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    pub(crate) fn meet(self, other: Self) -> Option<Self> {
        Self::new(self.min.max(other.min), self.max.min(other.max))
    }

    pub(crate) fn add(self, other: Self) -> Self {
        let sum = |a, b| i128::from(a).wrapping_add(i128::from(b));
        Self::wrap(sum(self.min, other.min), sum(self.max, other.max))
    }

    pub(crate) fn sub(self, other: Self) -> Self {
        let difference = |a, b| i128::from(a).wrapping_sub(i128::from(b));
        Self::wrap(
            difference(self.min, other.max),
            difference(self.max, other.min),
        )
    }

    /// A product is extreme where both factors are.
    pub(crate) fn mul(self, other: Self) -> Self {
        self.extremes(other, i128::wrapping_mul)
    }

    /// Quotients, rounded towards zero, by the divisors of `other` that are not zero; none when
    /// there are none. For divisors of one sign a quotient is extreme where both operands are; the
    /// one quotient that overflows, the smallest number by −1, wraps to itself (RFC 9669, 4.1).
    pub(crate) fn div_by_nonzero(self, other: Self) -> Option<Self> {
        let quotient = |a: i128, b: i128| a.checked_div(b).unwrap_or(0);
        let by = |divisors: Option<Self>| divisors.map(|b| self.extremes(b, quotient));
        let positive = by(Self::new(other.min.max(1), other.max));
        let negative = by(Self::new(other.min, other.max.min(-1)));
        match (positive, negative) {
            (Some(positive), Some(negative)) => Some(positive.join(negative)),
            (positive, negative) => positive.or(negative),
        }
    }

    /// Remainders, with the dividend's sign, by the divisors of `other` that are not zero; none
    /// when there are none. A remainder is smaller than the divisor and not greater than the
    /// dividend, both by magnitude.
    pub(crate) fn rem_by_nonzero(self, other: Self) -> Option<Self> {
        if self.min == self.max && other.min == other.max {
            // The smallest number by −1: the quotient overflows, the remainder is 0.
            let exact = i128::from(self.min).checked_rem(i128::from(other.min))?;
            return Some(Self::wrap(exact, exact));
        }
        let largest = other.min.unsigned_abs().max(other.max.unsigned_abs());
        let bound = i64::try_from(largest.checked_sub(1)?).unwrap_or(i64::MAX);
        Some(Self {
            min: self.min.max(bound.wrapping_neg()).min(0),
            max: self.max.min(bound).max(0),
        })
    }

    /// The bounds of an operation that is monotone in each operand, in either direction.
    fn extremes(self, other: Self, op: impl Fn(i128, i128) -> i128) -> Self {
        let corner = |a: i64, b: i64| op(i128::from(a), i128::from(b));
        let first = corner(self.min, other.min);
        let others = [
            corner(self.min, other.max),
            corner(self.max, other.min),
            corner(self.max, other.max),
        ];
        let min = others.iter().fold(first, |min, next| min.min(*next));
        let max = others.iter().fold(first, |max, next| max.max(*next));
        Self::wrap(min, max)
    }

    /// `count` is less than BITS.
    pub(crate) fn shift_left(self, count: u32) -> Self {
        let shift = |a| i128::from(a).wrapping_shl(count);
        Self::wrap(shift(self.min), shift(self.max))
    }

    /// `count` is less than BITS; fills with the sign.
    pub(crate) const fn shift_right(self, count: u32) -> Self {
        Self {
            min: self.min.wrapping_shr(count),
            max: self.max.wrapping_shr(count),
        }
    }
}
