//! What takes two instructions in eBPF and one here.
//!
//! eBPF's operations have two operands, so that a sum or a mask of another register takes a copy first.
//! The pairs are adjacent, and nothing jumps between them.

use bpf_object::{AluOp, Insn, Operand, Width};

use super::assembler::Mem;
use super::generator::Generator;
use crate::plan::slot_number;

impl Generator<'_> {
    /// Compiles the instruction in `slot` together with the one behind it, if they are such a pair.
    /// Whether they were.
    pub(super) fn pair(&mut self, slot: usize) -> bool {
        let second = slot.saturating_add(1);
        let both = [slot, second];
        let reach = self.options.reach;
        let [Some(first), Some(next)] = both.map(|slot| self.image.code().get(slot)) else {
            return false;
        };
        if self.blinding.is_some()
            || self.plan.leaders.get(second) != Some(&false)
            || !both.iter().all(|slot| reach.reachable(slot_number(*slot)))
        {
            return false;
        }
        let Insn::Alu {
            width: copied,
            op: AluOp::Mov,
            dst,
            src: Operand::Reg(src),
        } = *first
        else {
            return false;
        };
        let Insn::Alu {
            width,
            op,
            dst: changed,
            src: Operand::Imm(number),
        } = *next
        else {
            return false;
        };
        if changed != dst {
            return false;
        }
        let (to, from) = (self.gpr(dst), self.gpr(src));
        match (op, number, copied, width) {
            // The upper half of a sum depends on that of the copy.
            (AluOp::Add, _, Width::W64, _) | (AluOp::Add, _, _, Width::W32) => {
                let sum = Mem {
                    base: from,
                    disp: number,
                };
                self.asm.add_into(width, to, sum);
            }
            (AluOp::And, 0xff, ..) => self.asm.zero_extend_8(to, from),
            (AluOp::And, 0xffff, ..) => self.asm.zero_extend_16(to, from),
            _ => return false,
        }
        self.know_map(dst, None);
        true
    }
}
