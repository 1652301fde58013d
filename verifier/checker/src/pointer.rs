//! Arithmetic on pointers: 64-bit sums with bounded numbers, and differences within an object.

use bpf_object::{AluOp, Reg, Width};

use crate::finding::Cause;
use crate::machine::Machine;
use crate::number::Number;
use crate::state::State;
use crate::value::{Base, Id, MAX_OFFSET, Origin, Pointer, Room, Scalar, Value};

impl Machine<'_> {
    /// `pointer ± number`.
    pub(crate) fn offset(
        &mut self,
        state: &mut State,
        pointer: Pointer,
        number: Scalar,
        op: AluOp,
        reg: Reg,
    ) -> Result<Value, Cause> {
        if pointer.is_maybe_null() {
            return Err(self.null_arithmetic(reg, pointer.base));
        }
        if matches!(pointer.base, Base::Map(_) | Base::PacketEnd) {
            let what = "arithmetic with a number";
            return Err(Cause::PointerArithmetic { reg, what });
        }
        let bounds = number.number.signed();
        let unbounded = || Cause::Unbounded {
            reg,
            least: *bounds.start(),
            greatest: *bounds.end(),
        };
        if *bounds.start() < MAX_OFFSET.wrapping_neg() || *bounds.end() > MAX_OFFSET {
            return Err(unbounded());
        }
        // Nothing overflows: both sides are bounded by MAX_OFFSET.
        let moved = match (number.number.as_signed_constant(), op) {
            (Some(constant), AluOp::Add) => Pointer {
                fixed: pointer.fixed.saturating_add(constant),
                ..pointer
            },
            (Some(constant), _) => Pointer {
                fixed: pointer.fixed.saturating_sub(constant),
                ..pointer
            },
            (None, _) => {
                let (number, plus) = parted(number, op);
                Pointer {
                    fixed: pointer.fixed.saturating_add(plus),
                    variable: Number::alu(op, Width::W64, pointer.variable, number.number),
                    id: self.moved_id(state, &pointer, number.id, op),
                    ..pointer
                }
            }
        };
        moved.bounded().map(Value::Pointer).ok_or_else(unbounded)
    }

    /// The identity of `pointer ± number`: for a packet pointer another one, the same each time that
    /// the same sum is computed.
    fn moved_id(&mut self, state: &mut State, pointer: &Pointer, number: Id, op: AluOp) -> Id {
        if pointer.base != Base::Packet {
            return pointer.id;
        }
        let operands = (pointer.id, number);
        let remembered = op == AluOp::Add && number != Id::NONE;
        if let Some(sum) = state.sum(operands).filter(|_| remembered) {
            return sum;
        }
        let id = self.ids.fresh();
        if remembered {
            state.remember_sum(operands, id);
        }
        id
    }

    /// `a - b`, of pointers into one object: a number.
    pub(crate) fn distance(
        &mut self,
        state: &State,
        a: &Pointer,
        b: &Pointer,
        reg: Reg,
    ) -> Result<Value, Cause> {
        let room = match (a.base, b.base) {
            (Base::PacketEnd, Base::Packet) => return Ok(self.room(state, b)),
            (Base::Packet, Base::Packet) if a.id == b.id => None,
            (Base::Packet, Base::Packet) => Some(difference(a, b)),
            (Base::Stack(a_frame), Base::Stack(b_frame)) if a_frame == b_frame => {
                Some(difference(a, b))
            }
            (Base::Data(a_section), Base::Data(b_section)) if a_section == b_section => {
                Some(difference(a, b))
            }
            (
                Base::MapValue {
                    maybe_null: false, ..
                },
                Base::MapValue {
                    maybe_null: false, ..
                },
            ) if a.id == b.id => Some(difference(a, b)),
            _ => {
                let what = "subtraction of a pointer into something else";
                return Err(Cause::PointerArithmetic { reg, what });
            }
        };
        let fixed = a.fixed.saturating_sub(b.fixed).cast_unsigned();
        Ok(match room {
            Some(difference) => self.numbered(difference),
            None => Value::constant(fixed),
        })
    }

    /// `data_end - pointer`: as many bytes as are checked, or more. The upper bound does not rest on
    /// the greatest length of a packet.
    fn room(&mut self, state: &State, pointer: &Pointer) -> Value {
        let (_, greatest) = pointer.offsets();
        let from_position = state
            .checked(pointer.id)
            .map(|checked| checked.saturating_sub(pointer.fixed));
        let from_start = state
            .checked(Id::NONE)
            .map(|checked| checked.saturating_sub(greatest));
        let least = from_position.max(from_start);
        let least = least.unwrap_or_else(|| greatest.saturating_neg());
        // An offset is at least -MAX_OFFSET, and no packet is longer than MAX_OFFSET.
        let most = MAX_OFFSET.saturating_mul(2);
        let number = Number::from_signed(least.min(most)..=most);
        Value::Number(Scalar {
            number,
            id: self.ids.fresh(),
            origin: Origin::Room(Room {
                id: pointer.id,
                fixed: pointer.fixed,
            }),
        })
    }
}

/// A number that is added, as another one plus a small constant, if that is what it is: compilers
/// compute `p + (n + 4)` as well as `(p + n) + 4`, and both are one position.
fn parted(number: Scalar, op: AluOp) -> (Scalar, i64) {
    const SMALL: i64 = 1 << 16;
    match number.origin.sum() {
        Some(sum) if op == AluOp::Add && (-SMALL..=SMALL).contains(&sum.constant) => {
            let constant = Number::constant(sum.constant.cast_unsigned());
            let rest = Number::alu(AluOp::Sub, Width::W64, number.number, constant);
            let part = Scalar {
                number: rest,
                id: sum.of,
                origin: Origin::Any,
            };
            (part, sum.constant)
        }
        _ => (number, 0),
    }
}

/// `a - b` of pointers with one base.
fn difference(a: &Pointer, b: &Pointer) -> Number {
    let fixed = a.fixed.saturating_sub(b.fixed).cast_unsigned();
    let variable = Number::alu(AluOp::Sub, Width::W64, a.variable, b.variable);
    Number::alu(AluOp::Add, Width::W64, variable, Number::constant(fixed))
}

/// Pointers have 64-bit addition and subtraction.
pub(crate) fn check_operation(op: AluOp, width: Width, reg: Reg) -> Result<(), Cause> {
    match (op, width) {
        (AluOp::Add | AluOp::Sub, Width::W64) => Ok(()),
        _ => Err(arithmetic_cause(op, reg)),
    }
}

pub(crate) fn arithmetic_cause(op: AluOp, reg: Reg) -> Cause {
    let what = match op {
        AluOp::Add => "addition",
        AluOp::Sub => "subtraction",
        AluOp::Mul => "multiplication",
        AluOp::Div | AluOp::SDiv => "division",
        AluOp::Mod | AluOp::SMod => "a remainder",
        AluOp::Or | AluOp::And | AluOp::Xor => "a bitwise operation",
        AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => "a shift",
        AluOp::Mov => "a move",
    };
    Cause::PointerArithmetic { reg, what }
}
