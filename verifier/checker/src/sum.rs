//! Numbers that differ by a constant: what is learned of one holds for the others.
//!
//! Compilers count in one register and compare another: `left -= 7` and then the old `left` with 6, or
//! `at | 2` where `at` is a multiple of four and `at + 4` was compared.

use bpf_object::{AluOp, Width};

use crate::mistake::{Mistake, planted};
use crate::number::Number;
use crate::state::State;
use crate::tnum::ones;
use crate::value::{Id, Origin, Scalar, Sum, Value};

impl Sum {
    /// What `a op b` of this width is: a sum, when one side is constant, the other has an identity,
    /// and the operation is an addition, a subtraction of the constant, or an `or` without a common
    /// bit. A sum of a sum is one of the first number.
    pub(crate) fn of(op: AluOp, width: Width, a: &Scalar, b: &Scalar) -> Option<Self> {
        let (number, constant) = match (a.number.as_signed_constant(), op) {
            (Some(constant), AluOp::Add | AluOp::Or) => (b, constant),
            _ => (a, b.number.as_signed_constant()?),
        };
        let constant = match op {
            AluOp::Add => constant,
            AluOp::Or if disjoint(&number.number, constant) || planted(Mistake::OrForSum) => {
                constant
            }
            AluOp::Sub => constant.wrapping_neg(),
            _ => return None,
        };
        if number.id == Id::NONE {
            return None;
        }
        // The lower half of a constant is as good as the constant, and small.
        let (width, constant) = match width {
            Width::W64 => (width, constant),
            Width::W32 => {
                let constant = constant.wrapping_shl(32).wrapping_shr(32);
                let wraps = may_wrap(&number.number, constant) && !planted(Mistake::WrapForgotten);
                (if wraps { width } else { Width::W64 }, constant)
            }
        };
        Some(match (number.origin, width) {
            (Origin::Sum(first), _) if first.width == Width::W64 || width == Width::W32 => Self {
                of: first.of,
                width,
                constant: first.constant.wrapping_add(constant),
            },
            _ => Self {
                of: number.id,
                width,
                constant,
            },
        })
    }

    /// What the sum is when the number is in `number`.
    fn apply(self, number: Number) -> Number {
        plus(self.width, number, self.constant)
    }
}

impl State {
    /// Learns that `scalar` is in `number`, and what that means for its copies and for numbers that
    /// differ from it by a constant.
    pub(crate) fn learn_number(&mut self, scalar: &Scalar, number: Number) {
        if scalar.id == Id::NONE || number == scalar.number {
            return;
        }
        self.set_number(scalar.id, number);
        // The number that all of them are sums of, as far as it follows.
        let (first, width, known) = match scalar.origin {
            Origin::Sum(sum) => (
                sum.of,
                sum.width,
                plus(sum.width, number, sum.constant.wrapping_neg()),
            ),
            _ => (scalar.id, Width::W64, number),
        };
        let follows = |value: &Value| match value {
            Value::Number(other) if other.id == scalar.id => None,
            // Of a 32-bit sum's first number, the lower half is known.
            Value::Number(other) if other.id == first && width == Width::W64 => Some(known),
            Value::Number(Scalar {
                origin: Origin::Sum(sum),
                ..
            }) if sum.of == first && (width == Width::W64 || sum.width == Width::W32) => {
                Some(sum.apply(known))
            }
            _ => None,
        };
        self.update(
            |value| follows(value).is_some(),
            |value| {
                if let Some(known) = follows(value)
                    && let Value::Number(other) = value
                {
                    // A contradiction is found where the two are compared, or never.
                    let both = other.number.with_full(known.full());
                    let both = both.and_then(|both| both.with_low(known.low()));
                    other.number = both.unwrap_or(other.number);
                }
            },
        );
    }
}

fn plus(width: Width, number: Number, constant: i64) -> Number {
    let constant = Number::constant(constant.cast_unsigned());
    Number::alu(AluOp::Add, width, number, constant)
}

/// Whether no bit of `constant` can be set in `number`.
fn disjoint(number: &Number, constant: i64) -> bool {
    let (known, unknown) = number.bits();
    (known | unknown) & constant.cast_unsigned() == 0
}

/// Whether `number + constant` at 32 bits may be another number than at 64.
fn may_wrap(number: &Number, constant: i64) -> bool {
    let range = number.unsigned();
    let sum = |bound: u64| bound.checked_add_signed(constant);
    let fits = |bound: u64| bound <= ones(32) && sum(bound).is_some_and(|sum| sum <= ones(32));
    !(fits(*range.start()) && fits(*range.end()))
}

#[cfg(test)]
mod tests {
    use std::format;

    use bpf_object::Reg;

    use super::*;
    use crate::value::Ids;

    /// Numbers around those where something wraps.
    const EDGES: [u64; 14] = [
        0,
        1,
        6,
        7,
        8,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fffe,
        0xffff_ffff,
        0x1_0000_0000,
        0x7fff_ffff_ffff_ffff,
        0x8000_0000_0000_0000,
        0xffff_ffff_ffff_fff8,
        u64::MAX,
    ];

    const OPERATIONS: [AluOp; 4] = [AluOp::Add, AluOp::Sub, AluOp::Or, AluOp::Xor];

    /// All numbers that share the bits of `number` above its lowest three, or all numbers.
    fn around(number: u64, narrow: bool) -> Number {
        let low = Number::of_bits(3);
        match narrow {
            true => Number::alu(AluOp::Add, Width::W64, low, Number::constant(number & !7)),
            false => Number::of_bits(64),
        }
    }

    fn concrete(op: AluOp, width: Width, a: u64, b: u64) -> u64 {
        let number: Number = Number::alu(op, width, Number::constant(a), Number::constant(b));
        number.as_constant().unwrap()
    }

    /// Two sums of one number, of which one is then known: neither the number nor the other sum is
    /// taken for something that it is not.
    #[test]
    fn what_is_learned_of_a_sum_holds_for_the_others() {
        let choices = EDGES.iter().flat_map(|x| {
            let second = EDGES.iter().map(move |c| (*x, *c));
            second.flat_map(|pair| [true, false].map(|narrow| (pair, narrow)))
        });
        let mut learned = 0;
        for ((x, c), narrow) in choices {
            for (first, second) in OPERATIONS.iter().flat_map(|a| OPERATIONS.map(|b| (*a, b))) {
                for widths in [
                    (Width::W64, Width::W64),
                    (Width::W64, Width::W32),
                    (Width::W32, Width::W64),
                    (Width::W32, Width::W32),
                ] {
                    learned += u32::from(learn(x, c, narrow, (first, second), widths));
                }
            }
        }
        assert!(learned > 1_000, "{learned}");
    }

    /// `y = x first c`, `z = y second 7`, and then `z` is known. Whether that said something of `x`.
    fn learn(
        x: u64,
        c: u64,
        narrow: bool,
        (first, second): (AluOp, AluOp),
        (width, then): (Width, Width),
    ) -> bool {
        let mut ids = Ids::default();
        let mut sum = |op, width, a: &Scalar, constant: u64| Scalar {
            number: Number::alu(op, width, a.number, Number::constant(constant)),
            id: ids.fresh(),
            origin: Sum::of(op, width, a, &Scalar::plain(Number::constant(constant)))
                .map_or(Origin::Any, Origin::Sum),
        };
        let start = Scalar::plain(Number::constant(0));
        let before = Scalar {
            number: around(x, narrow),
            ..sum(AluOp::Add, Width::W64, &start, 0)
        };
        let middle = sum(first, width, &before, c);
        let last = sum(second, then, &middle, 7);
        let mut state = State::entry();
        let places = [(Reg::R6, before), (Reg::R7, middle), (Reg::R8, last)];
        for (reg, scalar) in places {
            state.set(reg, Value::Number(scalar));
        }
        let y = concrete(first, width, x, c);
        let z = concrete(second, then, y, 7);
        state.learn_number(&last, Number::constant(z));
        let mut sharper = false;
        for ((reg, scalar), value) in places.into_iter().zip([x, y, z]) {
            let Value::Number(known) = state.get(reg) else {
                unreachable!("it was set to a number")
            };
            let case = || format!("{first:?} {width:?} {c:#x}, {second:?} {then:?}: {x:#x}");
            assert!(known.number.contains(value), "{}", case());
            sharper |= reg == Reg::R6 && known.number != scalar.number;
        }
        sharper
    }

    #[test]
    fn an_or_is_a_sum_where_it_has_no_common_bit() {
        let number = Scalar {
            number: around(8, true),
            id: Ids::default().fresh(),
            origin: Origin::Any,
        };
        let or = |constant| {
            let constant = Scalar::plain(Number::constant(constant));
            Sum::of(AluOp::Or, Width::W64, &number, &constant).map(|sum| sum.constant)
        };
        assert_eq!((or(16), or(6), or(24)), (Some(16), None, None));
    }
}
