//! What a comparison says about its operands (RFC 9669, 4.3).
//!
//! [`assume`] keeps of two sets the members that can be in a pair for which the comparison has the
//! given outcome: it may keep more, it loses none. When there is no such pair the branch is dead.

use bpf_object::{Cond, Width};

use crate::mistake::{Mistake, planted};
use crate::number::Number;
use crate::range::{Signed, Unsigned};
use crate::tnum::{Tnum, ones, sign_extend};
use crate::word::Word;

impl<const BITS: u32, const HALF: u32> Number<BITS, HALF> {
    /// The operands of a comparison with the outcome `holds`; none when it cannot have it.
    pub(crate) fn assume(
        cond: Cond,
        holds: bool,
        width: Width,
        a: Self,
        b: Self,
    ) -> Option<(Self, Self)> {
        match width {
            Width::W64 => {
                let (full_a, full_b) = assume(cond, holds, a.full(), b.full())?;
                let (mut a, mut b) = (a.with_full(full_a)?, b.with_full(full_b)?);
                if is_equality(cond, holds) {
                    (a, b) = (a.with_low(b.low())?, b.with_low(a.low())?);
                }
                Some((a, b))
            }
            Width::W32 => {
                let (low_a, low_b) = assume(cond, holds, a.low(), b.low())?;
                Some((a.with_low(low_a)?, b.with_low(low_b)?))
            }
        }
    }
}

/// Whether the outcome says that the operands are equal.
pub(crate) fn is_equality(cond: Cond, holds: bool) -> bool {
    matches!((cond, holds), (Cond::Eq, true) | (Cond::Ne, false))
}

/// The comparison that holds exactly when `cond` does not; none for the test of common bits.
pub(crate) const fn negated(cond: Cond) -> Option<Cond> {
    Some(match cond {
        Cond::Eq => Cond::Ne,
        Cond::Ne => Cond::Eq,
        Cond::Gt => Cond::Le,
        Cond::Ge => Cond::Lt,
        Cond::Lt => Cond::Ge,
        Cond::Le => Cond::Gt,
        Cond::SGt => Cond::SLe,
        Cond::SGe => Cond::SLt,
        Cond::SLt => Cond::SGe,
        Cond::SLe => Cond::SGt,
        Cond::Set => return None,
    })
}

/// The members of `a` and `b` that can be in a pair for which `cond` has the outcome `holds`.
fn assume<const B: u32>(
    cond: Cond,
    holds: bool,
    a: Word<B>,
    b: Word<B>,
) -> Option<(Word<B>, Word<B>)> {
    let cond = match (holds, negated(cond)) {
        (true, _) => cond,
        (false, Some(opposite)) => opposite,
        (false, None) => return no_common_bit(a, b),
    };
    match cond {
        Cond::Eq => a.meet(b).map(|both| (both, both)),
        Cond::Ne => {
            let without_b = b.as_constant().map_or(Some(a), |b| without(a, b))?;
            let without_a = a.as_constant().map_or(Some(b), |a| without(b, a))?;
            Some((without_b, without_a))
        }
        Cond::Set => common_bit(a, b),
        Cond::Lt if planted(Mistake::ComparisonOffByOne) => less(a, b, 2),
        Cond::Lt => less(a, b, 1),
        Cond::Le => less(a, b, 0),
        Cond::Gt => less(b, a, 1).map(swap),
        Cond::Ge => less(b, a, 0).map(swap),
        Cond::SLt => less_signed(a, b, 1),
        Cond::SLe => less_signed(a, b, 0),
        Cond::SGt => less_signed(b, a, 1).map(swap),
        Cond::SGe => less_signed(b, a, 0).map(swap),
    }
}

fn swap<T>((a, b): (T, T)) -> (T, T) {
    (b, a)
}

/// `a + gap <= b`, unsigned: `a` is below the greatest `b`, `b` above the least `a`.
fn less<const B: u32>(a: Word<B>, b: Word<B>, gap: u64) -> Option<(Word<B>, Word<B>)> {
    let below = Unsigned::new(0, b.unsigned.max.checked_sub(gap)?)?;
    let above = Unsigned::new(a.unsigned.min.checked_add(gap)?, ones(B))?;
    let bound = |unsigned| Word {
        unsigned,
        ..Word::ANY
    };
    Some((a.meet(bound(below))?, b.meet(bound(above))?))
}

/// `a + gap <= b`, signed.
fn less_signed<const B: u32>(a: Word<B>, b: Word<B>, gap: i64) -> Option<(Word<B>, Word<B>)> {
    let below = Signed::new(Signed::<B>::MIN, b.signed.max.checked_sub(gap)?)?;
    let above = Signed::new(a.signed.min.checked_add(gap)?, Signed::<B>::MAX)?;
    let bound = |signed| Word {
        signed,
        ..Word::ANY
    };
    Some((a.meet(bound(below))?, b.meet(bound(above))?))
}

/// `word` without `number`, which intervals can leave out where it is one of their ends.
fn without<const B: u32>(word: Word<B>, number: u64) -> Option<Word<B>> {
    let Word {
        bits,
        mut unsigned,
        mut signed,
    } = word;
    if word.as_constant() == Some(number) {
        return None;
    }
    if unsigned.min == number {
        unsigned.min = number.checked_add(1)?;
    }
    if unsigned.max == number {
        unsigned.max = number.checked_sub(1)?;
    }
    let number = sign_extend::<B>(number);
    if signed.min == number {
        signed.min = number.checked_add(1)?;
    }
    if signed.max == number {
        signed.max = number.checked_sub(1)?;
    }
    Word {
        bits,
        unsigned: Unsigned::new(unsigned.min, unsigned.max)?,
        signed: Signed::new(signed.min, signed.max)?,
    }
    .reduce()
}

/// `a & b != 0`: when only one bit can be common, both have it.
fn common_bit<const B: u32>(a: Word<B>, b: Word<B>) -> Option<(Word<B>, Word<B>)> {
    let common = a.bits.possible_ones() & b.bits.possible_ones();
    if common == 0 {
        return None;
    }
    if !common.is_power_of_two() {
        return Some((a, b));
    }
    let with_bit = Word {
        bits: Tnum::new(common, !common),
        ..Word::ANY
    };
    Some((a.meet(with_bit)?, b.meet(with_bit)?))
}

/// `a & b == 0`: where one certainly has a bit, the other has not.
fn no_common_bit<const B: u32>(a: Word<B>, b: Word<B>) -> Option<(Word<B>, Word<B>)> {
    let without_bits = |ones: u64| Word {
        bits: Tnum::new(0, !ones),
        ..Word::ANY
    };
    Some((
        a.meet(without_bits(b.bits.known_ones()))?,
        b.meet(without_bits(a.bits.known_ones()))?,
    ))
}
