//! Known bits: which bits of a number are certainly 0, which certainly 1, which unknown.
//!
//! The domain and the proofs that addition and subtraction are optimal are in Vishwanathan,
//! Shachnai, Narayana, Nagarakatte: "Sound, Precise, and Fast Abstract Interpretation with Tristate
//! Numbers", CGO 2022. `BITS` is the width; the analysis uses 64 and 32, tests use small ones.

/// A number of `BITS` bits of which some are known. Bits above `BITS` are zero in both fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tnum<const BITS: u32> {
    /// The known bits that are 1.
    value: u64,
    /// The unknown bits; disjoint from `value`.
    mask: u64,
}

/// The lowest `bits` bits, all 1.
pub(crate) const fn ones(bits: u32) -> u64 {
    if bits == 0 {
        0
    } else {
        u64::MAX.wrapping_shr(64_u32.wrapping_sub(bits))
    }
}

impl<const BITS: u32> Tnum<BITS> {
    /// Nothing is known.
    pub(crate) const ANY: Self = Self {
        value: 0,
        mask: ones(BITS),
    };

    /// Everything is known.
    pub(crate) const fn constant(value: u64) -> Self {
        Self::new(value, 0)
    }

    /// Known 1 where `value` is and `mask` is not, unknown where `mask` is.
    pub(crate) const fn new(value: u64, mask: u64) -> Self {
        Self {
            value: value & !mask & ones(BITS),
            mask: mask & ones(BITS),
        }
    }

    /// All numbers in `min..=max`: the bits above the highest one that differs are known.
    pub(crate) const fn from_range(min: u64, max: u64) -> Self {
        let differ = min ^ max;
        Self::new(min, ones(64_u32.wrapping_sub(differ.leading_zeros())))
    }

    /// The bits that are certainly 1; also the smallest member, unsigned.
    pub(crate) const fn known_ones(self) -> u64 {
        self.value
    }

    /// The bits that are unknown.
    pub(crate) const fn unknown(self) -> u64 {
        self.mask
    }

    /// The bits that may be 1; also the greatest member, unsigned.
    pub(crate) const fn possible_ones(self) -> u64 {
        self.value | self.mask
    }

    /// Whether `number` is a member.
    pub(crate) const fn contains(self, number: u64) -> bool {
        (number ^ self.value) & !self.mask == 0
    }

    /// The least member that is not below `number`, unsigned.
    pub(crate) const fn at_least(self, number: u64) -> Option<u64> {
        let differing = (number ^ self.value) & !self.mask & ones(BITS);
        if differing == 0 {
            return Some(number);
        }
        // Members agree with `number` above this bit, or are greater from a higher bit on.
        let highest = 1_u64.wrapping_shl(63_u32.wrapping_sub(differing.leading_zeros()));
        let turn = if self.value & highest != 0 {
            highest
        } else {
            let above = self.mask & !number & !(highest.wrapping_sub(1));
            above & above.wrapping_neg()
        };
        if turn == 0 {
            return None;
        }
        let below = turn.wrapping_sub(1);
        Some(number & !below & !turn | turn | self.value & below)
    }

    /// The greatest member that is not above `number`, unsigned.
    pub(crate) const fn at_most(self, number: u64) -> Option<u64> {
        let complement = Self::new(!self.value, self.mask);
        match complement.at_least(!number & ones(BITS)) {
            Some(member) => Some(!member & ones(BITS)),
            None => None,
        }
    }

    /// The least element above both: a bit is known where both know it and agree.
    pub(crate) const fn join(self, other: Self) -> Self {
        Self::new(
            self.value,
            self.mask | other.mask | (self.value ^ other.value),
        )
    }

    /// The numbers in both; none when a known bit differs.
    pub(crate) const fn meet(self, other: Self) -> Option<Self> {
        if (self.value ^ other.value) & !self.mask & !other.mask != 0 {
            return None;
        }
        Some(Self::new(self.value | other.value, self.mask & other.mask))
    }

    /// Sum modulo 2^BITS. A result bit is known where both operands are and the carry into it does
    /// not depend on unknown bits: the least and the greatest sum agree there. Optimal (CGO 2022).
    pub(crate) const fn add(self, other: Self) -> Self {
        let least = self.value.wrapping_add(other.value);
        let greatest = least.wrapping_add(self.mask.wrapping_add(other.mask));
        Self::new(least, (least ^ greatest) | self.mask | other.mask)
    }

    /// Difference modulo 2^BITS; the same with borrows. Optimal (CGO 2022).
    pub(crate) const fn sub(self, other: Self) -> Self {
        let middle = self.value.wrapping_sub(other.value);
        let greatest = middle.wrapping_add(self.mask);
        let least = middle.wrapping_sub(other.mask);
        Self::new(middle, (greatest ^ least) | self.mask | other.mask)
    }

    /// Product modulo 2^BITS by long multiplication: for each bit of `self` that may be 1, `other`
    /// shifted; where that bit is unknown the row is there or not, so all its bits are unknown.
    /// The known parts are multiplied at once (CGO 2022). Not optimal.
    pub(crate) fn mul(self, other: Self) -> Self {
        let mut unknown = Self::constant(0);
        let mut row = other;
        let mut left = self;
        while left.possible_ones() != 0 {
            if left.value & 1 != 0 {
                unknown = unknown.add(Self::new(0, row.mask));
            } else if left.mask & 1 != 0 {
                unknown = unknown.add(Self::new(0, row.possible_ones()));
            }
            left = left.shift_right(1);
            row = row.shift_left(1);
        }
        Self::constant(self.value.wrapping_mul(other.value)).add(unknown)
    }

    /// Bitwise and; optimal, like all bitwise operations here.
    pub(crate) const fn and(self, other: Self) -> Self {
        let ones = self.value & other.value;
        Self::new(ones, self.possible_ones() & other.possible_ones() & !ones)
    }

    /// Bitwise or.
    pub(crate) const fn or(self, other: Self) -> Self {
        let ones = self.value | other.value;
        Self::new(ones, (self.mask | other.mask) & !ones)
    }

    /// Bitwise exclusive or.
    pub(crate) const fn xor(self, other: Self) -> Self {
        Self::new(self.value ^ other.value, self.mask | other.mask)
    }

    /// Shift to the left by `count`, less than `BITS`.
    pub(crate) const fn shift_left(self, count: u32) -> Self {
        Self::new(
            self.value.wrapping_shl(count),
            self.mask.wrapping_shl(count),
        )
    }

    /// Shift to the right by `count`, less than `BITS`, filling with zeros.
    pub(crate) const fn shift_right(self, count: u32) -> Self {
        Self::new(
            self.value.wrapping_shr(count),
            self.mask.wrapping_shr(count),
        )
    }

    /// Shift to the right by `count`, less than `BITS`, filling with the sign; an unknown sign fills
    /// with unknown bits.
    pub(crate) const fn shift_right_signed(self, count: u32) -> Self {
        Self::new(
            sign_extend::<BITS>(self.value)
                .wrapping_shr(count)
                .cast_unsigned(),
            sign_extend::<BITS>(self.mask)
                .wrapping_shr(count)
                .cast_unsigned(),
        )
    }

    /// Each bit moved to where `place` moves it. `place` must permute or drop bits (a change of
    /// byte order, a truncation): then it does the same to known and to unknown ones.
    pub(crate) fn permute(self, place: impl Fn(u64) -> u64) -> Self {
        Self::new(place(self.value), place(self.mask))
    }

    /// The same bits at another width: cut, or filled with zeros.
    pub(crate) const fn resize<const TO: u32>(self) -> Tnum<TO> {
        Tnum::new(self.value, self.mask)
    }
}

/// The `BITS`-bit number in `number`, read as two's complement.
pub(crate) const fn sign_extend<const BITS: u32>(number: u64) -> i64 {
    let unused = 64_u32.wrapping_sub(BITS);
    number
        .wrapping_shl(unused)
        .cast_signed()
        .wrapping_shr(unused)
}

#[cfg(test)]
#[allow(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "the concrete operations are written as plainly as possible"
)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const BITS: u32 = 4;
    type T = Tnum<BITS>;

    fn all() -> Vec<T> {
        (0..1 << BITS)
            .flat_map(|mask| (0..1 << BITS).map(move |value| (value, mask)))
            .filter(|(value, mask)| value & mask == 0)
            .map(|(value, mask)| T::new(value, mask))
            .collect()
    }

    fn members(t: T) -> impl Iterator<Item = u64> {
        (0..1 << BITS).filter(move |n| t.contains(*n))
    }

    /// The most precise element above a set of numbers.
    fn best(numbers: impl Iterator<Item = u64>) -> T {
        numbers.map(T::constant).reduce(T::join).expect("not empty")
    }

    /// A binary operation is sound on every pair of elements; returns how many bits are unknown in
    /// all results, and how many would be at best.
    fn binary(abstract_op: fn(T, T) -> T, concrete: fn(u64, u64) -> u64) -> (u32, u32) {
        let (mut got, mut at_best) = (0, 0);
        for a in all() {
            for b in all() {
                let result = abstract_op(a, b);
                let exact = || members(a).flat_map(|x| members(b).map(move |y| (x, y)));
                for (x, y) in exact() {
                    let want = concrete(x, y) & ones(BITS);
                    assert!(result.contains(want), "{a:?} {b:?}: {x} {y} -> {want}");
                }
                got += result.unknown().count_ones();
                let best = best(exact().map(|(x, y)| concrete(x, y) & ones(BITS)));
                at_best += best.unknown().count_ones();
            }
        }
        (got, at_best)
    }

    #[test]
    fn the_next_members_are_the_next() {
        for t in all() {
            for number in 0..1 << BITS {
                let above = members(t).filter(|member| *member >= number).min();
                let below = members(t).filter(|member| *member <= number).max();
                assert_eq!(t.at_least(number), above, "{t:?} {number}");
                assert_eq!(t.at_most(number), below, "{t:?} {number}");
            }
        }
        assert_eq!(Tnum::<64>::ANY.at_least(u64::MAX), Some(u64::MAX));
        assert_eq!(Tnum::<64>::new(1 << 63, 0).at_least(u64::MAX), None);
        assert_eq!(Tnum::<64>::new(1 << 63, 0).at_most(u64::MAX), Some(1 << 63));
    }

    #[test]
    fn sums_differences_and_bitwise_operations_are_sound_and_optimal() {
        for (name, abstract_op, concrete) in [
            (
                "add",
                T::add as fn(T, T) -> T,
                u64::wrapping_add as fn(u64, u64) -> u64,
            ),
            ("sub", T::sub, u64::wrapping_sub),
            ("and", T::and, |a, b| a & b),
            ("or", T::or, |a, b| a | b),
            ("xor", T::xor, |a, b| a ^ b),
        ] {
            let (got, at_best) = binary(abstract_op, concrete);
            assert_eq!(got, at_best, "{name}");
        }
    }

    /// Within a tenth of the best number of unknown bits, over all pairs.
    #[test]
    fn products_are_sound_and_nearly_optimal() {
        let (got, at_best) = binary(T::mul, u64::wrapping_mul);
        assert!(
            got * 10 <= at_best * 11,
            "{got} unknown bits, best {at_best}"
        );
    }

    #[test]
    fn shifts_are_sound_and_optimal() {
        for a in all() {
            for count in 0..BITS {
                for (result, concrete) in [
                    (
                        a.shift_left(count),
                        (|x, k| (x << k) & ones(BITS)) as fn(u64, u32) -> u64,
                    ),
                    (a.shift_right(count), |x, k| x >> k),
                    (a.shift_right_signed(count), |x, k| {
                        (sign_extend::<BITS>(x) >> k).cast_unsigned() & ones(BITS)
                    }),
                ] {
                    assert_eq!(result, best(members(a).map(|x| concrete(x, count))));
                }
            }
        }
    }

    #[test]
    fn join_and_meet_are_exact_bounds() {
        for a in all() {
            for b in all() {
                let join = a.join(b);
                assert_eq!(join, best(members(a).chain(members(b))), "{a:?} {b:?}");
                for x in 0..1 << BITS {
                    let in_both = a.contains(x) && b.contains(x);
                    assert_eq!(a.meet(b).is_some_and(|m| m.contains(x)), in_both);
                }
            }
        }
    }

    #[test]
    fn ranges_become_the_best_bits() {
        for min in 0..1 << BITS {
            for max in min..1 << BITS {
                assert_eq!(T::from_range(min, max), best(min..=max), "{min}..={max}");
            }
        }
    }
}
