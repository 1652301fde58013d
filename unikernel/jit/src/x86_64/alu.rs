//! Arithmetic, comparison and byte order.

use bpf_object::{AluOp, Cond, Operand, Reg, SwapKind, SwapWidth, Width};
use bpf_runtime::native::Stopped;

use super::assembler::{Cc, Gpr, Op, Shift, Unary};
use super::generator::Generator;
use super::{FUEL, SCRATCH};
use crate::plan::slot_number;

impl Generator<'_> {
    /// A 32-bit operation of the machine clears the upper half of its result, as RFC 9669, 4.1 asks.
    pub(super) fn alu(&mut self, width: Width, op: AluOp, dst: Reg, src: Operand) {
        let to = self.gpr(dst);
        match op {
            AluOp::Add => self.binary(Op::Add, width, to, src),
            AluOp::Sub => self.binary(Op::Sub, width, to, src),
            AluOp::Or => self.binary(Op::Or, width, to, src),
            AluOp::And => self.binary(Op::And, width, to, src),
            AluOp::Xor => self.binary(Op::Xor, width, to, src),
            AluOp::Mul => self.multiply(width, to, src),
            AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod => self.divide(width, op, to, src),
            AluOp::Lsh => self.shift(Shift::Left, width, to, src),
            AluOp::Rsh => self.shift(Shift::Right, width, to, src),
            AluOp::Arsh => self.shift(Shift::Arithmetic, width, to, src),
            AluOp::Mov => match src {
                Operand::Imm(number) => self.number(width, to, extended(number)),
                // A 32-bit move of a register to itself clears its upper half.
                Operand::Reg(src) if width == Width::W64 && src == dst => {}
                Operand::Reg(src) => self.asm.mov(width, to, self.gpr(src)),
            },
        }
    }

    fn binary(&mut self, op: Op, width: Width, dst: Gpr, src: Operand) {
        match self.operand(width, src) {
            // Shorter.
            Source::Number(0xff) if op == Op::And => self.asm.zero_extend_8(dst, dst),
            Source::Number(0xffff) if op == Op::And => self.asm.zero_extend_16(dst, dst),
            Source::Register(src) => self.asm.op(op, width, dst, src),
            Source::Number(number) => self.asm.op_number(op, width, dst, number),
        }
    }

    fn multiply(&mut self, width: Width, dst: Gpr, src: Operand) {
        match self.operand(width, src) {
            Source::Register(src) => self.asm.multiply(width, dst, src),
            Source::Number(number) => self.asm.multiply_number(width, dst, dst, number),
        }
    }

    /// An operand as it can stand in an instruction: a blinded number only in a register.
    pub(super) fn operand(&mut self, width: Width, operand: Operand) -> Source {
        match operand {
            Operand::Reg(register) => Source::Register(self.gpr(register)),
            Operand::Imm(number) if self.blinding.is_some() => {
                self.number(width, SCRATCH, extended(number));
                Source::Register(SCRATCH)
            }
            Operand::Imm(number) => Source::Number(number),
        }
    }

    /// Counts are taken modulo the width (RFC 9669, 4.1), as the machine does, which takes a count
    /// that is not constant from `cl`: that is `r4`.
    fn shift(&mut self, shift: Shift, width: Width, dst: Gpr, src: Operand) {
        const COUNT: Gpr = Gpr::RCX;
        let src = match src {
            Operand::Imm(number) => {
                let mask = match width {
                    Width::W32 => 31,
                    Width::W64 => 63,
                };
                let [count, ..] = number.to_le_bytes();
                self.asm.shift_number(shift, width, dst, count & mask);
                return;
            }
            Operand::Reg(register) => self.gpr(register),
        };
        match (dst, src) {
            (COUNT, _) => {
                self.asm.mov(Width::W64, SCRATCH, COUNT);
                if src != COUNT {
                    self.asm.mov(Width::W32, COUNT, src);
                }
                self.asm.shift_by_cl(shift, width, SCRATCH);
                // Shifted at its width, the upper half is as it has to be.
                self.asm.mov(Width::W64, COUNT, SCRATCH);
            }
            (_, COUNT) => self.asm.shift_by_cl(shift, width, dst),
            _ => {
                self.asm.mov(Width::W64, SCRATCH, COUNT);
                self.asm.mov(Width::W32, COUNT, src);
                self.asm.shift_by_cl(shift, width, dst);
                self.asm.mov(Width::W64, COUNT, SCRATCH);
            }
        }
    }

    pub(super) fn negate(&mut self, width: Width, dst: Reg) {
        self.asm.unary(Unary::Neg, width, self.gpr(dst));
    }

    /// The bits above the width become zero (RFC 9669, 4.2).
    pub(super) fn swap(&mut self, kind: SwapKind, width: SwapWidth, dst: Reg) {
        let dst = self.gpr(dst);
        let reverse = match kind {
            SwapKind::ToLe => false,
            SwapKind::ToBe | SwapKind::Always => true,
        };
        match (width, reverse) {
            (SwapWidth::B16, false) => self.asm.zero_extend_16(dst, dst),
            (SwapWidth::B16, true) => {
                self.asm.swap_16(dst);
                self.asm.zero_extend_16(dst, dst);
            }
            (SwapWidth::B32, false) => self.asm.mov(Width::W32, dst, dst),
            (SwapWidth::B32, true) => self.asm.swap(Width::W32, dst),
            (SwapWidth::B64, false) => {}
            (SwapWidth::B64, true) => self.asm.swap(Width::W64, dst),
        }
    }

    pub(super) fn branch(
        &mut self,
        slot: usize,
        width: Width,
        cond: Cond,
        dst: Reg,
        src: Operand,
        target: u32,
    ) {
        self.charge(slot);
        self.compare(width, cond, self.gpr(dst), src);
        let number = slot_number(slot);
        let target = if self.options.reach.taken(number) {
            self.label_of(target)
        } else {
            self.stop(number, Stopped::Unreachable)
        };
        self.asm.jump_if(condition(cond), target);
        if !self.options.reach.passed(number) {
            self.stop_here(number, Stopped::Unreachable);
        }
    }

    fn compare(&mut self, width: Width, cond: Cond, dst: Gpr, src: Operand) {
        let src = self.operand(width, src);
        match (cond, src) {
            (Cond::Set, Source::Register(src)) => self.asm.test(width, dst, src),
            (Cond::Set, Source::Number(number)) => self.asm.test_number(width, dst, number),
            // The flags are those of a comparison with 0.
            (_, Source::Number(0)) => self.asm.test(width, dst, dst),
            (_, Source::Register(src)) => self.asm.op(Op::Cmp, width, dst, src),
            (_, Source::Number(number)) => self.asm.op_number(Op::Cmp, width, dst, number),
        }
    }

    /// Takes what the block of a backward jump costs. The fuel never gets below zero: the program is
    /// stopped before.
    pub(super) fn charge(&mut self, slot: usize) {
        let cost = self.plan.charges.get(slot).copied().unwrap_or_default();
        if cost > 0 {
            self.take_fuel(slot, cost);
        }
    }

    pub(super) fn take_fuel(&mut self, slot: usize, cost: u32) {
        // At most the number of slots of a program.
        let cost = i32::try_from(cost).unwrap_or(i32::MAX);
        self.asm.op_number(Op::Sub, Width::W64, FUEL, cost);
        let stop = self.stop(slot_number(slot), Stopped::Fuel);
        self.asm.jump_if(Cc::Below, stop);
    }
}

/// The right operand of an instruction.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Register(Gpr),
    Number(i32),
}

/// An immediate: sign-extended to 64 bits (RFC 9669, 4.1).
pub(super) fn extended(number: i32) -> u64 {
    i64::from(number).cast_unsigned()
}

const fn condition(cond: Cond) -> Cc {
    match cond {
        Cond::Eq => Cc::Equal,
        Cond::Ne | Cond::Set => Cc::NotEqual,
        Cond::Gt => Cc::Above,
        Cond::Ge => Cc::AboveEqual,
        Cond::Lt => Cc::Below,
        Cond::Le => Cc::BelowEqual,
        Cond::SGt => Cc::Greater,
        Cond::SGe => Cc::GreaterEqual,
        Cond::SLt => Cc::Less,
        Cond::SLe => Cc::LessEqual,
    }
}
