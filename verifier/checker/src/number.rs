//! Numbers in registers: a 64-bit word and its lower half as a word of its own.
//!
//! 32-bit instructions see only the lower half and clear the upper one (RFC 9669, 4.1); programs
//! compiled for them carry their bounds there. The two words are kept consistent.

use core::ops::RangeInclusive;

use bpf_object::{AluOp, Size, SwapKind, SwapWidth, Width};

use crate::mistake::{Mistake, planted};
use crate::tnum::ones;
use crate::word::Word;

/// A set of numbers; never empty. `BITS` and `HALF` are 64 and 32, except in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<const BITS: u32 = 64, const HALF: u32 = 32> {
    full: Word<BITS>,
    low: Word<HALF>,
}

/// Rounds of exchange between the words; see the same constant of words.
const ROUNDS: usize = 2;

/// What is known of a number, for people and for tests against concrete values.
impl Number {
    /// Its bounds as an unsigned 64-bit number.
    #[must_use]
    pub const fn unsigned(&self) -> RangeInclusive<u64> {
        self.full.unsigned.min..=self.full.unsigned.max
    }

    /// Its bounds as a signed 64-bit number.
    #[must_use]
    pub const fn signed(&self) -> RangeInclusive<i64> {
        self.full.signed.min..=self.full.signed.max
    }

    /// The bounds of its lower half, unsigned.
    #[must_use]
    pub const fn low_unsigned(&self) -> RangeInclusive<u64> {
        self.low.unsigned.min..=self.low.unsigned.max
    }

    /// Its known bits: those that are 1, and those that are unknown.
    #[must_use]
    pub const fn bits(&self) -> (u64, u64) {
        (self.full.bits.known_ones(), self.full.bits.unknown())
    }
}

impl<const BITS: u32, const HALF: u32> Number<BITS, HALF> {
    /// Every number.
    pub const ANY: Self = Self {
        full: Word::ANY,
        low: Word::ANY,
    };

    /// One number.
    #[must_use]
    pub const fn constant(number: u64) -> Self {
        Self {
            full: Word::constant(number),
            low: Word::constant(number),
        }
    }

    /// Whether `number` is a member.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        self.full.contains(number) && self.low.contains(number & ones(HALF))
    }

    /// The single member, if there is only one.
    #[must_use]
    pub const fn as_constant(&self) -> Option<u64> {
        self.full.as_constant()
    }

    /// The single member as a signed number, if there is only one.
    pub(crate) const fn as_signed_constant(&self) -> Option<i64> {
        if self.full.signed.min == self.full.signed.max {
            Some(self.full.signed.min)
        } else {
            None
        }
    }

    /// The numbers of `bits` bits, zero-extended.
    pub(crate) fn of_bits(bits: u32) -> Self {
        Self::from_full(Word::from_unsigned(0..=ones(bits)))
    }

    /// The numbers in a signed interval.
    pub(crate) fn from_signed(range: RangeInclusive<i64>) -> Self {
        Self::from_full(Word::from_signed(range))
    }

    /// The numbers with this 64-bit word.
    pub(crate) fn from_full(full: Word<BITS>) -> Self {
        let low = Word::ANY;
        Self { full, low }.settle()
    }

    /// The zero-extended numbers with this lower half.
    pub(crate) fn from_low(low: Word<HALF>) -> Self {
        let full = Word::from_bits(low.bits.resize());
        Self { full, low }.settle()
    }

    pub(crate) const fn full(&self) -> Word<BITS> {
        self.full
    }

    pub(crate) const fn low(&self) -> Word<HALF> {
        self.low
    }

    /// The numbers that also have this 64-bit word; none when that contradicts what is known.
    pub(crate) fn with_full(self, full: Word<BITS>) -> Option<Self> {
        let full = self.full.meet(full)?;
        Self { full, ..self }.sync()
    }

    /// The numbers that also have this lower half; none when that contradicts what is known.
    pub(crate) fn with_low(self, low: Word<HALF>) -> Option<Self> {
        let low = self.low.meet(low)?;
        Self { low, ..self }.sync()
    }

    /// An upper bound of both.
    #[must_use]
    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            full: self.full.join(other.full),
            low: self.low.join(other.low),
        }
    }

    /// [`Self::sync`] for the result of an operation, which is not empty.
    fn settle(self) -> Self {
        self.sync().unwrap_or(Self::ANY)
    }

    /// Lets each word sharpen the other; none when they contradict each other.
    fn sync(mut self) -> Option<Self> {
        for _ in 0..ROUNDS {
            let before = self;
            self.low = self.low_from_full()?;
            self.full = self.full_from_low()?;
            if self == before {
                break;
            }
        }
        Some(self)
    }

    /// The lower half of the full word's bits; of its bounds where they have the same upper half;
    /// and of its signed bounds where they fit into the half.
    fn low_from_full(&self) -> Option<Word<HALF>> {
        let Word {
            bits,
            unsigned,
            signed,
        } = self.full;
        let half = |number: u64| number & ones(HALF);
        let mut low = self.low;
        low.bits = low.bits.meet(bits.resize())?;
        if unsigned.min & !ones(HALF) == unsigned.max & !ones(HALF) {
            let range = half(unsigned.min)..=half(unsigned.max);
            low = low.meet(Word::from_unsigned(range))?;
        }
        let least = signed.min.cast_unsigned();
        let greatest = signed.max.cast_unsigned();
        if least & !ones(HALF) == greatest & !ones(HALF) {
            low = low.meet(Word::from_unsigned(half(least)..=half(greatest)))?;
        }
        let fits = |number: i64| Word::<HALF>::ANY.signed.contains(number);
        if fits(signed.min) && fits(signed.max) {
            low = low.meet(Word::from_signed(signed.min..=signed.max))?;
        }
        low.reduce()
    }

    /// A number is at least the upper half of its lower bound together with the lower half's lower
    /// bound, and so on; and it is its sign-extended lower half where its bounds fit into the half.
    fn full_from_low(&self) -> Option<Word<BITS>> {
        let low = self.low;
        let mut full = self.full;
        full.bits = full.bits.meet(crate::tnum::Tnum::new(
            low.bits.known_ones(),
            low.bits.unknown() | !ones(HALF),
        ))?;
        let place = |upper: u64, lower: u64| upper & !ones(HALF) | lower;
        let place_signed =
            |upper: i64, lower: u64| place(upper.cast_unsigned(), lower).cast_signed();
        let (unsigned, signed) = (full.unsigned, full.signed);
        full = full.meet(Word::<BITS> {
            unsigned: crate::range::Unsigned {
                min: unsigned.min.max(place(unsigned.min, low.unsigned.min)),
                max: unsigned.max.min(place(unsigned.max, low.unsigned.max)),
            },
            signed: crate::range::Signed {
                min: signed.min.max(place_signed(signed.min, low.unsigned.min)),
                max: signed.max.min(place_signed(signed.max, low.unsigned.max)),
            },
            ..Word::ANY
        })?;
        let fits = |number: i64| Word::<HALF>::ANY.signed.contains(number);
        if fits(signed.min) && fits(signed.max) {
            full = full.meet(Word::from_signed(low.signed.min..=low.signed.max))?;
        }
        Some(full)
    }

    /// Arithmetic of two operands (RFC 9669, 4.1). The lower half of a 64-bit sum, difference,
    /// product or bitwise result depends on nothing but the lower halves.
    pub(crate) fn alu(op: AluOp, width: Width, a: Self, b: Self) -> Self {
        if width == Width::W32 && !planted(Mistake::UpperHalfKept) {
            return Self::from_low(word_op(op, a.low, b.low));
        }
        let low = match op {
            AluOp::Add
            | AluOp::Sub
            | AluOp::Mul
            | AluOp::Or
            | AluOp::And
            | AluOp::Xor
            | AluOp::Mov => word_op(op, a.low, b.low),
            _ => Word::ANY,
        };
        let full = word_op(op, a.full, b.full);
        Self { full, low }.settle()
    }

    /// `0 - a` (RFC 9669, 4.1).
    pub(crate) fn neg(width: Width, a: Self) -> Self {
        Self::alu(AluOp::Sub, width, Self::constant(0), a)
    }

    /// Of a 64-bit number of which this is the value, the bits from `skip` on, `bits` of them,
    /// zero-extended: what a narrower load finds in memory.
    pub(crate) fn extract(self, skip: u32, bits: u32) -> Self {
        let shift = Self::constant(u64::from(skip));
        let moved = if skip == 0 {
            self
        } else {
            Self::alu(AluOp::Rsh, Width::W64, self, shift)
        };
        Self::alu(AluOp::And, Width::W64, moved, Self::constant(ones(bits)))
    }

    /// The lowest `from` bits, sign-extended to `width` (RFC 9669, 4.1 and 5.2). From as many bits as
    /// the half has, the half is the value.
    pub(crate) fn sign_extend(self, from: u32, width: Width) -> Self {
        if width == Width::W32 {
            return Self::from_low(self.low.sign_extend(from));
        }
        let full = if from == HALF {
            let bits = Word::from_bits(self.low.bits.resize()).sign_extend(from);
            let signed = self.low.signed;
            bits.meet(Word::from_signed(signed.min..=signed.max))
                .unwrap_or(bits)
        } else {
            self.full.sign_extend(from)
        };
        Self::from_full(full)
    }
}

impl Number {
    /// A change of byte order (RFC 9669, 4.2): the bytes of the lowest `width` bits in reverse, or,
    /// towards little-endian on a little-endian machine, as they are; the rest becomes zero.
    pub(crate) fn swap(self, kind: SwapKind, width: SwapWidth) -> Self {
        let bits = u32::from(width.bits());
        if kind == SwapKind::ToLe {
            return self.extract(0, bits);
        }
        let top = 64_u32.wrapping_sub(bits);
        let reversed = |number: u64| number.swap_bytes().wrapping_shr(top);
        Self::from_full(Word::from_bits(self.full.bits.permute(reversed)))
    }

    /// The numbers that a load of this size gives when nothing is known of the memory.
    pub(crate) fn loaded(size: Size, signed: bool) -> Self {
        let bits = size_bits(size);
        let loaded = Self::of_bits(bits);
        if signed {
            loaded.sign_extend(bits, Width::W64)
        } else {
            loaded
        }
    }
}

/// Bits of a size.
pub(crate) const fn size_bits(size: Size) -> u32 {
    match size {
        Size::B1 => 8,
        Size::B2 => 16,
        Size::B4 => 32,
        Size::B8 => 64,
    }
}

pub(crate) fn word_op<const B: u32>(op: AluOp, a: Word<B>, b: Word<B>) -> Word<B> {
    match op {
        AluOp::Add => a.add(b),
        AluOp::Sub => a.sub(b),
        AluOp::Mul => a.mul(b),
        AluOp::Div => a.div(b),
        AluOp::SDiv => a.div_signed(b),
        AluOp::Or => a.or(b),
        AluOp::And => a.and(b),
        AluOp::Lsh => a.shift_left(b),
        AluOp::Rsh => a.shift_right(b),
        AluOp::Mod => a.rem(b),
        AluOp::SMod => a.rem_signed(b),
        AluOp::Xor => a.xor(b),
        AluOp::Mov => b,
        AluOp::Arsh => a.shift_right_signed(b),
    }
}
