//! Arithmetic on registers (RFC 9669, 4.1 and 4.2): numbers by the rules of [`Number`].

use bpf_object::{AluOp, Operand, Reg, Size, SwapKind, SwapWidth, Width};

use crate::finding::Cause;
use crate::machine::Machine;
use crate::mistake::{Mistake, planted};
use crate::number::{Number, size_bits};
use crate::pointer::{arithmetic_cause, check_operation};
use crate::state::State;
use crate::tnum::ones;
use crate::value::{Id, Origin, Scalar, Sum, Value};

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
                if *scalar.number.unsigned().end() <= ones(32) || planted(Mistake::CopyUncut) {
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
            Value::Number(result) => Value::Number(remembered(op, width, &a, &b, result)),
            result => result,
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

/// The result of an operation, with what it remembers of its operands.
fn remembered(op: AluOp, width: Width, a: &Scalar, b: &Scalar, result: Scalar) -> Scalar {
    let shifts = matches!(op, AluOp::Lsh | AluOp::Rsh | AluOp::Arsh);
    if shifts && width == Width::W64 && b.number.as_constant() == Some(32) {
        return shifted(op, *a, result);
    }
    match Sum::of(op, width, a, b) {
        Some(sum) if result.id != Id::NONE => Scalar {
            origin: Origin::Sum(sum),
            ..result
        },
        _ => result,
    }
}

/// The result of a 64-bit shift of `a` by 32: to the left it remembers `a`, back again it may be
/// what was shifted.
fn shifted(op: AluOp, a: Scalar, result: Scalar) -> Scalar {
    match (op, a.origin) {
        (AluOp::Lsh, _) if a.id != Id::NONE => Scalar {
            origin: Origin::Shifted {
                of: a.id,
                room: a.origin.room(),
                fits_unsigned: *a.number.unsigned().end() <= ones(32),
                fits_signed: fits_signed(&a.number, 32),
            },
            ..result
        },
        (
            AluOp::Rsh,
            Origin::Shifted {
                of,
                room,
                fits_unsigned: true,
                ..
            },
        )
        | (
            AluOp::Arsh,
            Origin::Shifted {
                of,
                room,
                fits_signed: true,
                ..
            },
        ) => Scalar {
            id: of,
            origin: room.map_or(Origin::Any, Origin::Room),
            ..result
        },
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
