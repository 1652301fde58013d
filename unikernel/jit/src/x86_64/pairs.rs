//! What takes two instructions in eBPF and less here.
//!
//! | pair | machine |
//! |---|---|
//! | a copy of a register, to which a number or a register is added | `lea` |
//! | a copy of a register, of which the lower 8 or 16 bits are kept | `movzx` |
//! | two numbers added to a register | their sum added |
//! | a load of 16 bits, whose bytes are swapped | `movzx`, `rol` of 16 bits: the others are zero |
//!
//! The pairs are adjacent, and nothing jumps between them.

use bpf_object::{AluOp, Insn, Operand, Reg, Size, SwapKind, SwapWidth, Width};

use super::assembler::{Gpr, Mem, Op};
use super::generator::Generator;
use crate::plan::slot_number;

/// `dst = dst op src`.
#[derive(Clone, Copy)]
struct Change {
    width: Width,
    op: AluOp,
    dst: Reg,
    src: Operand,
}

impl Change {
    const fn of(insn: Insn) -> Option<Self> {
        match insn {
            Insn::Alu {
                width,
                op,
                dst,
                src,
            } => Some(Self {
                width,
                op,
                dst,
                src,
            }),
            _ => None,
        }
    }
}

impl Generator<'_> {
    /// Compiles the instruction in `slot` together with the one behind it, if they are such a pair.
    /// Whether they were.
    pub(super) fn pair(&mut self, slot: usize) -> bool {
        let second = slot.saturating_add(1);
        let both = [slot, second];
        let reach = self.options.reach;
        let [Some(&first), Some(&next)] = both.map(|slot| self.image.code().get(slot)) else {
            return false;
        };
        if self.blinding.is_some()
            || self.plan.leaders.get(second) != Some(&false)
            || !both.iter().all(|slot| reach.reachable(slot_number(*slot)))
        {
            return false;
        }
        let written = match (Change::of(first), Change::of(next)) {
            (Some(first), Some(next)) if first.dst == next.dst => match (first.op, first.src) {
                (AluOp::Mov, Operand::Reg(src)) => self.changed_copy(first.width, src, next),
                (AluOp::Add, Operand::Imm(number)) => self.two_sums(first.width, number, next),
                _ => None,
            },
            _ => self.swapped_load(first, next),
        };
        if let Some(dst) = written {
            self.know_map(dst, None);
        }
        written.is_some()
    }

    /// `dst = src` of this width, then the change; gives `dst`.
    fn changed_copy(&mut self, copied: Width, src: Reg, change: Change) -> Option<Reg> {
        let (to, from) = (self.gpr(change.dst), self.gpr(src));
        // The upper half of a sum depends on that of the copy.
        let whole = copied == Width::W64 || change.width == Width::W32;
        match (change.op, change.src) {
            (AluOp::Add, Operand::Imm(disp)) if whole => {
                self.asm
                    .add_into(change.width, to, Mem { base: from, disp });
            }
            (AluOp::Add, Operand::Reg(other)) if whole => {
                // What is added to itself is the copy.
                let other: Gpr = if other == change.dst {
                    from
                } else {
                    self.gpr(other)
                };
                self.asm.add_registers(change.width, to, from, other);
            }
            (AluOp::And, Operand::Imm(0xff)) => self.asm.zero_extend_8(to, from),
            (AluOp::And, Operand::Imm(0xffff)) => self.asm.zero_extend_16(to, from),
            _ => return None,
        }
        Some(change.dst)
    }

    /// `dst += number` of this width, then the change; gives `dst`.
    fn two_sums(&mut self, width: Width, number: i32, change: Change) -> Option<Reg> {
        let (AluOp::Add, Operand::Imm(other)) = (change.op, change.src) else {
            return None;
        };
        let sum = match (width, change.width) {
            (Width::W64, Width::W64) => number.checked_add(other)?,
            // Only the lower half is left of both.
            (_, Width::W32) => number.wrapping_add(other),
            (Width::W32, Width::W64) => return None,
        };
        self.asm
            .op_number(Op::Add, change.width, self.gpr(change.dst), sum);
        Some(change.dst)
    }

    /// `dst = be16 dst` behind a load of 16 bits; gives `dst`.
    fn swapped_load(&mut self, load: Insn, swap: Insn) -> Option<Reg> {
        let Insn::Load {
            size: Size::B2,
            signed: false,
            dst,
            base,
            off,
        } = load
        else {
            return None;
        };
        let Insn::Swap {
            kind: SwapKind::ToBe | SwapKind::Always,
            width: SwapWidth::B16,
            dst: swapped,
        } = swap
        else {
            return None;
        };
        if swapped != dst {
            return None;
        }
        self.load(Size::B2, false, dst, base, off);
        self.asm.swap_16(self.gpr(dst));
        Some(dst)
    }
}
