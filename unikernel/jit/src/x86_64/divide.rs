//! Division and remainder, which the machine does with `rdx:rax` and traps where RFC 9669, 4.1 has a
//! result: division by zero gives 0, its remainder is the dividend; the smallest number divided by −1
//! is itself, its remainder 0.

use bpf_object::{AluOp, Operand, Width};

use super::alu::extended;
use super::assembler::{Cc, Gpr, Label, Op, Shift, Unary};
use super::generator::Generator;
use super::{SCRATCH, SCRATCH_2};

impl Generator<'_> {
    /// `op` is a division or remainder.
    pub(super) fn divide(&mut self, width: Width, op: AluOp, dst: Gpr, src: Operand) {
        match src {
            Operand::Imm(0) => self.by_zero(width, op, dst),
            Operand::Imm(-1) if is_signed(op) => self.by_minus_one(width, op, dst),
            Operand::Imm(number) => {
                if !self.by_power_of_two(width, op, dst, number) {
                    self.number(width, SCRATCH, extended(number));
                    self.by_scratch(width, op, dst);
                }
            }
            Operand::Reg(src) => {
                self.asm.mov(width, SCRATCH, self.gpr(src));
                self.by_unknown(width, op, dst);
            }
        }
    }

    /// By what [`SCRATCH`] holds.
    fn by_unknown(&mut self, width: Width, op: AluOp, dst: Gpr) {
        let [zero, minus_one, end]: [Label; 3] = core::array::from_fn(|_| self.asm.label());
        self.asm.test(width, SCRATCH, SCRATCH);
        self.asm.jump_if(Cc::Equal, zero);
        if is_signed(op) {
            self.asm.op_number(Op::Cmp, width, SCRATCH, -1);
            self.asm.jump_if(Cc::Equal, minus_one);
        }
        self.by_scratch(width, op, dst);
        self.asm.jump(end);
        if is_signed(op) {
            self.asm.bind(minus_one);
            self.by_minus_one(width, op, dst);
            self.asm.jump(end);
        }
        self.asm.bind(zero);
        self.by_zero(width, op, dst);
        self.asm.bind(end);
    }

    /// By what [`SCRATCH`] holds, which is not zero, and not −1 if `op` is signed.
    fn by_scratch(&mut self, width: Width, op: AluOp, dst: Gpr) {
        if dst != Gpr::RAX {
            self.asm.mov(Width::W64, SCRATCH_2, Gpr::RAX);
        }
        if dst != Gpr::RDX {
            self.asm.push(Gpr::RDX);
        }
        if dst != Gpr::RAX {
            self.asm.mov(width, Gpr::RAX, dst);
        }
        if is_signed(op) {
            self.asm.sign_into_rdx(width);
            self.asm.unary(Unary::IDiv, width, SCRATCH);
        } else {
            self.asm.op(Op::Xor, Width::W32, Gpr::RDX, Gpr::RDX);
            self.asm.unary(Unary::Div, width, SCRATCH);
        }
        let result = match op {
            AluOp::Mod | AluOp::SMod => Gpr::RDX,
            _ => Gpr::RAX,
        };
        self.asm.mov(width, SCRATCH, result);
        if dst != Gpr::RDX {
            self.asm.pop(Gpr::RDX);
        }
        if dst != Gpr::RAX {
            self.asm.mov(Width::W64, Gpr::RAX, SCRATCH_2);
        }
        self.asm.mov(Width::W64, dst, SCRATCH);
    }

    fn by_zero(&mut self, width: Width, op: AluOp, dst: Gpr) {
        match (op, width) {
            (AluOp::Div | AluOp::SDiv, _) => self.asm.mov_number(dst, 0),
            (_, Width::W32) => self.asm.mov(width, dst, dst),
            (_, Width::W64) => {}
        }
    }

    fn by_minus_one(&mut self, width: Width, op: AluOp, dst: Gpr) {
        match op {
            AluOp::SDiv => self.asm.unary(Unary::Neg, width, dst),
            _ => self.asm.mov_number(dst, 0),
        }
    }

    /// An unsigned division by a power of two is a shift, its remainder a mask. Whether it was one.
    fn by_power_of_two(&mut self, width: Width, op: AluOp, dst: Gpr, number: i32) -> bool {
        if number <= 0 || number.count_ones() != 1 {
            return false;
        }
        let [count, ..] = number.trailing_zeros().to_le_bytes();
        match op {
            AluOp::Div => self.asm.shift_number(Shift::Right, width, dst, count),
            AluOp::Mod => self.asm.op_number(Op::And, width, dst, number - 1),
            _ => return false,
        }
        true
    }
}

const fn is_signed(op: AluOp) -> bool {
    matches!(op, AluOp::SDiv | AluOp::SMod)
}
