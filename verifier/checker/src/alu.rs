//! Arithmetic on registers (RFC 9669, 4.1 and 4.2): numbers by the rules of [`Number`], pointers by
//! the few rules here.

use bpf_object::{AluOp, Operand, Reg, Size, SwapKind, SwapWidth, Width};

use crate::finding::Cause;
use crate::machine::Machine;
use crate::number::{Number, size_bits};
use crate::state::State;
use crate::tnum::ones;
use crate::value::{Base, Id, MAX_OFFSET, Origin, Pointer, Room, Scalar, Value};

impl Machine<'_> {
    /// `dst = dst op src`.
    pub(crate) fn alu(
        &mut self,
        state: &mut State,
        width: Width,
        op: AluOp,
        dst: Reg,
        src: Operand,
    ) -> Result<(), Cause> {
        let right = self.operand(state, src)?;
        let right_reg = match src {
            Operand::Reg(reg) => reg,
            Operand::Imm(_) => dst,
        };
        if op == AluOp::Mov {
            let moved = self.moved(width, right, right_reg)?;
            state.set(dst, moved);
            return Ok(());
        }
        let left = self.value(state, dst)?;
        let result = match (left, right) {
            (Value::Number(a), Value::Number(b)) => self.arithmetic(op, width, a, b)?,
            (Value::Pointer(pointer), Value::Number(number)) => {
                check_operation(op, width, dst)?;
                self.offset(state, pointer, number, op, dst)?
            }
            (Value::Number(number), Value::Pointer(pointer)) if op == AluOp::Add => {
                check_operation(op, width, right_reg)?;
                self.offset(state, pointer, number, op, right_reg)?
            }
            (Value::Pointer(a), Value::Pointer(b)) if op == AluOp::Sub => {
                // The lower half of a difference depends on nothing but the lower halves.
                let distance = self.distance(state, &a, &b, dst)?;
                self.moved(width, distance, dst)?
            }
            (Value::Pointer(_), _) => return Err(arithmetic_cause(op, dst)),
            _ => return Err(arithmetic_cause(op, right_reg)),
        };
        state.set(dst, result);
        Ok(())
    }

    /// A copy keeps its identity; a 32-bit copy only when nothing is cut off.
    fn moved(&mut self, width: Width, value: Value, reg: Reg) -> Result<Value, Cause> {
        match (width, value) {
            (Width::W64, value) => Ok(value),
            (Width::W32, Value::Number(scalar)) => {
                if *scalar.number.unsigned().end() <= ones(32) {
                    return Ok(value);
                }
                Ok(self.numbered(Number::from_low(scalar.number.low())))
            }
            (Width::W32, _) => Err(Cause::PointerArithmetic {
                reg,
                what: "a 32-bit move",
            }),
        }
    }

    fn arithmetic(
        &mut self,
        op: AluOp,
        width: Width,
        a: Scalar,
        b: Scalar,
    ) -> Result<Value, Cause> {
        let divides = matches!(op, AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod);
        let may_be_zero = match width {
            Width::W64 => b.number.contains(0),
            Width::W32 => b.number.low().contains(0),
        };
        // The RFC defines division by zero; the platform's profile forbids it.
        if divides && may_be_zero {
            return Err(Cause::DivisionByZero);
        }
        let number = Number::alu(op, width, a.number, b.number);
        if op == AluOp::And && keeps(&a.number, &b.number, width) {
            return Ok(Value::Number(Scalar { number, ..a }));
        }
        Ok(match self.numbered(number) {
            Value::Number(result) if width == Width::W64 && b.number.as_constant() == Some(32) => {
                Value::Number(shifted(op, a, result))
            }
            result => result,
        })
    }

    /// `pointer ± number`.
    fn offset(
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
            (None, _) => Pointer {
                variable: Number::alu(op, Width::W64, pointer.variable, number.number),
                id: self.moved_id(state, &pointer, number.id, op),
                ..pointer
            },
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
    fn distance(
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

    /// `dst = -dst`.
    pub(crate) fn neg(&mut self, state: &mut State, width: Width, dst: Reg) -> Result<(), Cause> {
        let number = self.number(state, dst)?.number;
        let result = self.numbered(Number::neg(width, number));
        state.set(dst, result);
        Ok(())
    }

    /// `dst = src`, sign-extended from a smaller size.
    pub(crate) fn sign_extend(
        &mut self,
        state: &mut State,
        width: Width,
        dst: Reg,
        src: Reg,
        from: Size,
    ) -> Result<(), Cause> {
        let scalar = self.number(state, src)?;
        let extended = scalar.number.sign_extend(size_bits(from), width);
        let fits = fits_signed(&scalar.number, size_bits(from));
        let result = if fits && (width == Width::W64 || *scalar.number.signed().start() >= 0) {
            Value::Number(scalar)
        } else {
            self.numbered(extended)
        };
        state.set(dst, result);
        Ok(())
    }

    /// A change of byte order.
    pub(crate) fn swap(
        &mut self,
        state: &mut State,
        kind: SwapKind,
        width: SwapWidth,
        dst: Reg,
    ) -> Result<(), Cause> {
        let number = self.number(state, dst)?.number;
        let result = self.numbered(number.swap(kind, width));
        state.set(dst, result);
        Ok(())
    }
}

/// Whether every member is a signed number of so many bits.
fn fits_signed(number: &Number, bits: u32) -> bool {
    let most = ones(bits.saturating_sub(1)).cast_signed();
    *number.signed().start() >= !most && *number.signed().end() <= most
}

/// The result of a 64-bit shift of `a` by 32: to the left it remembers `a`, back again it may be
/// what was shifted.
fn shifted(op: AluOp, a: Scalar, result: Scalar) -> Scalar {
    match (op, a.origin) {
        (AluOp::Lsh, _) if a.id != Id::NONE => Scalar {
            origin: Origin::Shifted {
                of: a.id,
                fits_unsigned: *a.number.unsigned().end() <= ones(32),
                fits_signed: fits_signed(&a.number, 32),
            },
            ..result
        },
        (
            AluOp::Rsh,
            Origin::Shifted {
                of,
                fits_unsigned: true,
                ..
            },
        )
        | (
            AluOp::Arsh,
            Origin::Shifted {
                of,
                fits_signed: true,
                ..
            },
        ) => Scalar { id: of, ..result },
        _ => result,
    }
}

/// Whether `a & b` is `a`: every bit that `a` may have is certainly in `b`.
fn keeps(a: &Number, b: &Number, width: Width) -> bool {
    let (a_ones, a_unknown) = a.bits();
    let (b_ones, _) = b.bits();
    let seen = match width {
        Width::W64 => u64::MAX,
        Width::W32 => ones(32),
    };
    (a_ones | a_unknown) & !(b_ones & seen) == 0
}

/// `a - b` of pointers with one base.
fn difference(a: &Pointer, b: &Pointer) -> Number {
    let fixed = a.fixed.saturating_sub(b.fixed).cast_unsigned();
    let variable = Number::alu(AluOp::Sub, Width::W64, a.variable, b.variable);
    Number::alu(AluOp::Add, Width::W64, variable, Number::constant(fixed))
}

/// Pointers have 64-bit addition and subtraction.
fn check_operation(op: AluOp, width: Width, reg: Reg) -> Result<(), Cause> {
    match (op, width) {
        (AluOp::Add | AluOp::Sub, Width::W64) => Ok(()),
        _ => Err(arithmetic_cause(op, reg)),
    }
}

fn arithmetic_cause(op: AluOp, reg: Reg) -> Cause {
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
