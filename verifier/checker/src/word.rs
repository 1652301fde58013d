//! A word: known bits, an unsigned and a signed interval of one `BITS`-bit number, kept consistent.
//!
//! Each operation applies the rule of each part and then lets every part sharpen the others
//! (a reduced product). What a rule of one part does not know, another often does: `x & 0xf0` is
//! exact in bits, `x + 1` in intervals.

use core::ops::RangeInclusive;

use crate::range::{Signed, Unsigned};
use crate::tnum::{Tnum, ones, sign_extend};

/// A set of `BITS`-bit numbers; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<const BITS: u32> {
    pub(crate) bits: Tnum<BITS>,
    pub(crate) unsigned: Unsigned<BITS>,
    pub(crate) signed: Signed<BITS>,
}

/// Rounds of sharpening. Each round only shrinks; a second one is rarely needed, and stopping early
/// loses precision, never soundness.
const ROUNDS: usize = 3;

impl<const BITS: u32> Word<BITS> {
    /// Nothing is known.
    pub(crate) const ANY: Self = Self {
        bits: Tnum::ANY,
        unsigned: Unsigned::ANY,
        signed: Signed::ANY,
    };

    pub(crate) const fn constant(number: u64) -> Self {
        let number = number & ones(BITS);
        Self {
            bits: Tnum::constant(number),
            unsigned: Unsigned::constant(number),
            signed: Signed::constant(sign_extend::<BITS>(number)),
        }
    }

    /// The single member, if there is only one.
    pub(crate) const fn as_constant(&self) -> Option<u64> {
        if self.unsigned.min == self.unsigned.max {
            Some(self.unsigned.min)
        } else {
            None
        }
    }

    pub(crate) fn from_bits(bits: Tnum<BITS>) -> Self {
        Self::of(bits, Unsigned::ANY, Signed::ANY)
    }

    pub(crate) fn from_unsigned(range: RangeInclusive<u64>) -> Self {
        Unsigned::new(*range.start(), *range.end()).map_or(Self::ANY, |unsigned| {
            Self::of(Tnum::ANY, unsigned, Signed::ANY)
        })
    }

    pub(crate) fn from_signed(range: RangeInclusive<i64>) -> Self {
        Signed::new(*range.start(), *range.end()).map_or(Self::ANY, |signed| {
            Self::of(Tnum::ANY, Unsigned::ANY, signed)
        })
    }

    /// The numbers that are in all three. Every caller has at least one result that is in all of
    /// them; if a rule were wrong about that, knowing nothing would still be the safe answer.
    fn of(bits: Tnum<BITS>, unsigned: Unsigned<BITS>, signed: Signed<BITS>) -> Self {
        Self {
            bits,
            unsigned,
            signed,
        }
        .reduce()
        .unwrap_or(Self::ANY)
    }

    /// Whether `number`, of `BITS` bits, is a member.
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.bits.contains(number)
            && self.unsigned.contains(number)
            && self.signed.contains(sign_extend::<BITS>(number))
    }

    /// An upper bound of both.
    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            bits: self.bits.join(other.bits),
            unsigned: self.unsigned.join(other.unsigned),
            signed: self.signed.join(other.signed),
        }
    }

    /// The numbers in both; none when they contradict each other.
    pub(crate) fn meet(self, other: Self) -> Option<Self> {
        Self {
            bits: self.bits.meet(other.bits)?,
            unsigned: self.unsigned.meet(other.unsigned)?,
            signed: self.signed.meet(other.signed)?,
        }
        .reduce()
    }

    /// Lets each part sharpen the others; none when they contradict each other.
    pub(crate) fn reduce(mut self) -> Option<Self> {
        for _ in 0..ROUNDS {
            let before = self;
            // Bounds move to the next members: above 20, the next multiple of four is 24.
            self.unsigned = Unsigned::new(
                self.bits.at_least(self.unsigned.min)?,
                self.bits.at_most(self.unsigned.max)?,
            )?;
            self.unsigned = self.unsigned_from_signed()?;
            self.signed = self.signed_from_unsigned()?;
            self.bits = self
                .bits
                .meet(Tnum::from_range(self.unsigned.min, self.unsigned.max))?;
            if self == before {
                break;
            }
        }
        Some(self)
    }

    /// Signed bounds of one sign are unsigned bounds. Bounds of two signs leave the low numbers up
    /// to `max` and the high ones from `min` on; a bound in the gap between them moves out of it.
    fn unsigned_from_signed(&self) -> Option<Unsigned<BITS>> {
        let (Unsigned { min, max }, signed) = (self.unsigned, self.signed);
        let low = signed.min.cast_unsigned() & ones(BITS);
        let high = signed.max.cast_unsigned() & ones(BITS);
        if signed.min >= 0 || signed.max < 0 {
            return Unsigned::new(min.max(low), max.min(high));
        }
        Unsigned::new(
            if min > high { min.max(low) } else { min },
            if max < low { max.min(high) } else { max },
        )
    }

    /// The same in the other direction.
    fn signed_from_unsigned(&self) -> Option<Signed<BITS>> {
        let (Signed { min, max }, unsigned) = (self.signed, self.unsigned);
        let low = sign_extend::<BITS>(unsigned.min);
        let high = sign_extend::<BITS>(unsigned.max);
        if (low < 0) == (high < 0) {
            return Signed::new(min.max(low), max.min(high));
        }
        Signed::new(
            if min > high { min.max(low) } else { min },
            if max < low { max.min(high) } else { max },
        )
    }

    /// `a + b` modulo 2^BITS (RFC 9669, 4.1).
    pub(crate) fn add(self, b: Self) -> Self {
        Self::of(
            self.bits.add(b.bits),
            self.unsigned.add(b.unsigned),
            self.signed.add(b.signed),
        )
    }

    /// `a - b` modulo 2^BITS.
    pub(crate) fn sub(self, b: Self) -> Self {
        Self::of(
            self.bits.sub(b.bits),
            self.unsigned.sub(b.unsigned),
            self.signed.sub(b.signed),
        )
    }

    /// `a * b` modulo 2^BITS.
    pub(crate) fn mul(self, b: Self) -> Self {
        Self::of(
            self.bits.mul(b.bits),
            self.unsigned.mul(b.unsigned),
            self.signed.mul(b.signed),
        )
    }

    /// `b != 0 ? a / b : 0`, unsigned.
    pub(crate) fn div(self, b: Self) -> Self {
        let zero = b.contains(0).then(|| Self::constant(0));
        let quotients = self
            .unsigned
            .div_by_nonzero(b.unsigned)
            .map(|unsigned| Self::of(Tnum::ANY, unsigned, Signed::ANY));
        either(zero, quotients)
    }

    /// `b != 0 ? a % b : a`, unsigned. By a power of two it is a mask.
    pub(crate) fn rem(self, b: Self) -> Self {
        if let Some(divisor) = b.as_constant()
            && divisor.is_power_of_two()
        {
            return self.and(Self::constant(divisor.wrapping_sub(1)));
        }
        let kept = b.contains(0).then_some(self);
        let remainders = self
            .unsigned
            .rem_by_nonzero(b.unsigned)
            .map(|unsigned| Self::of(Tnum::ANY, unsigned, Signed::ANY));
        either(kept, remainders)
    }

    /// `b != 0 ? a / b : 0`, signed, towards zero; the smallest number by −1 is itself.
    pub(crate) fn div_signed(self, b: Self) -> Self {
        let zero = b.contains(0).then(|| Self::constant(0));
        let quotients = self
            .signed
            .div_by_nonzero(b.signed)
            .map(|signed| Self::of(Tnum::ANY, Unsigned::ANY, signed));
        either(zero, quotients)
    }

    /// `b != 0 ? a % b : a`, signed, with the sign of `a`; the smallest number by −1 gives 0.
    pub(crate) fn rem_signed(self, b: Self) -> Self {
        let kept = b.contains(0).then_some(self);
        let remainders = self
            .signed
            .rem_by_nonzero(b.signed)
            .map(|signed| Self::of(Tnum::ANY, Unsigned::ANY, signed));
        either(kept, remainders)
    }

    /// `a & b`: no greater than either.
    pub(crate) fn and(self, b: Self) -> Self {
        let max = self.unsigned.max.min(b.unsigned.max);
        Self::of(self.bits.and(b.bits), Unsigned { min: 0, max }, Signed::ANY)
    }

    /// `a | b`: no smaller than either.
    pub(crate) fn or(self, b: Self) -> Self {
        let unsigned = Unsigned {
            min: self.unsigned.min.max(b.unsigned.min),
            max: ones(BITS),
        };
        Self::of(self.bits.or(b.bits), unsigned, Signed::ANY)
    }

    /// `a ^ b`.
    pub(crate) fn xor(self, b: Self) -> Self {
        Self::from_bits(self.bits.xor(b.bits))
    }

    /// `a << (b & (BITS − 1))`.
    pub(crate) fn shift_left(self, b: Self) -> Self {
        self.shift(b, |a, count| {
            Self::of(
                a.bits.shift_left(count),
                a.unsigned.shift_left(count),
                a.signed.shift_left(count),
            )
        })
    }

    /// `a >> (b & (BITS − 1))`, filling with zeros.
    pub(crate) fn shift_right(self, b: Self) -> Self {
        self.shift(b, |a, count| {
            Self::of(
                a.bits.shift_right(count),
                a.unsigned.shift_right(count),
                Signed::ANY,
            )
        })
    }

    /// `a >> (b & (BITS − 1))`, filling with the sign.
    pub(crate) fn shift_right_signed(self, b: Self) -> Self {
        self.shift(b, |a, count| {
            Self::of(
                a.bits.shift_right_signed(count),
                Unsigned::ANY,
                a.signed.shift_right(count),
            )
        })
    }

    /// A shift by a number that is not constant is the join of the shifts by its at most 64
    /// values; `BITS` is a power of two, so the mask keeps the low bits.
    fn shift(self, b: Self, by: impl Fn(Self, u32) -> Self) -> Self {
        let counts = b.and(Self::constant(u64::from(BITS.wrapping_sub(1))));
        if let Some(count) = counts.as_constant() {
            return by(self, u32::try_from(count).unwrap_or(0));
        }
        (0..BITS)
            .filter(|count| counts.contains(u64::from(*count)))
            .map(|count| by(self, count))
            .reduce(Self::join)
            .unwrap_or(Self::ANY)
    }

    /// The lowest `from` bits, sign-extended: to the left and back, which is exact when the number
    /// fits.
    pub(crate) fn sign_extend(self, from: u32) -> Self {
        let count = Self::constant(u64::from(BITS.saturating_sub(from)));
        self.shift_left(count).shift_right_signed(count)
    }
}

/// The join of what there is; a division has results by zero, by other divisors, or both.
fn either<const BITS: u32>(a: Option<Word<BITS>>, b: Option<Word<BITS>>) -> Word<BITS> {
    match (a, b) {
        (Some(a), Some(b)) => a.join(b),
        (a, b) => a.or(b).unwrap_or(Word::ANY),
    }
}
