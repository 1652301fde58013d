//! Loads, stores and atomic operations.

use bpf_object::{AtomicOp, Operand, Reg, Size, Width};

use super::alu::Source;
use super::assembler::{Mem, Op, width_of};
use super::generator::Generator;
use super::{SCRATCH, SCRATCH_2};

impl Generator<'_> {
    pub(super) fn load(&mut self, size: Size, signed: bool, dst: Reg, base: Reg, off: i16) {
        let from = self.place(base, off);
        if signed {
            self.asm.load_signed(size, self.gpr(dst), from);
        } else {
            self.asm.load(size, self.gpr(dst), from);
        }
    }

    pub(super) fn store(&mut self, size: Size, base: Reg, off: i16, src: Operand) {
        let to = self.place(base, off);
        match self.operand(Width::W64, src) {
            Source::Register(src) => self.asm.store(size, to, src),
            Source::Number(number) => self.asm.store_number(size, to, number),
        }
    }

    /// RFC 9669, 5.3; without `lock`, see the documentation of the crate.
    pub(super) fn atomic(&mut self, size: Size, op: AtomicOp, base: Reg, off: i16, src: Reg) {
        let to = self.place(base, off);
        let width = width_of(size);
        let register = self.gpr(src);
        match op {
            AtomicOp::Add { fetch: true } => self.asm.exchange_add(width, to, register),
            AtomicOp::Add { fetch: false } => self.asm.op_memory(Op::Add, width, to, register),
            AtomicOp::Or { fetch } => self.atomic_bits(size, Op::Or, fetch, to, src),
            AtomicOp::And { fetch } => self.atomic_bits(size, Op::And, fetch, to, src),
            AtomicOp::Xor { fetch } => self.atomic_bits(size, Op::Xor, fetch, to, src),
            // `xchg` with memory would lock.
            AtomicOp::Exchange => {
                self.asm.load(size, SCRATCH, to);
                self.asm.store(size, to, register);
                self.asm.mov(Width::W64, register, SCRATCH);
            }
            AtomicOp::CompareExchange => {
                self.asm.compare_exchange(width, to, register);
                if width == Width::W32 {
                    // Where the numbers are equal, the machine does not write `eax`.
                    self.asm.mov(width, self.gpr(Reg::R0), self.gpr(Reg::R0));
                }
            }
        }
    }

    fn atomic_bits(&mut self, size: Size, op: Op, fetch: bool, to: Mem, src: Reg) {
        let width = width_of(size);
        if !fetch {
            return self.asm.op_memory(op, width, to, self.gpr(src));
        }
        self.asm.load(size, SCRATCH, to);
        self.asm.mov(Width::W64, SCRATCH_2, SCRATCH);
        self.asm.op(op, width, SCRATCH_2, self.gpr(src));
        self.asm.store(size, to, SCRATCH_2);
        self.asm.mov(Width::W64, self.gpr(src), SCRATCH);
    }

    /// The offset is signed and the sum wraps (RFC 9669, 5.1), as in the machine.
    fn place(&self, base: Reg, off: i16) -> Mem {
        Mem {
            base: self.gpr(base),
            disp: i32::from(off),
        }
    }
}
