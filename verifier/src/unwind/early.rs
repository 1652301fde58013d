//! Tests that come too late: a copy may be divided, and the test at its end be made before it is.
//!
//! PREVAIL learns from a test about the numbers that are tested, and about others that it knows a
//! difference of. When a number was changed in between, by a product, or in 32 bits such that it may
//! have wrapped, it learns nothing of the new one from a test of the old one. So it is asked the
//! question where both are still the same, and the rest of the block has a copy for each answer, in
//! which the test that comes later has one way to go.
//!
//! The test in between leads to the same instruction either way, so nothing depends on what it asks.

use core::ops::Range;

use bpf_object::{AluOp, Cond, Image, Insn, Operand, Reg, Width};

/// A test before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Early {
    /// The slot before which it is made.
    pub(super) slot: u32,
    /// What is asked; its target is of no meaning.
    pub(super) test: Insn,
}

/// The test at the end of a block as it can be made earlier, where that may help.
pub(super) fn early(image: &Image, block: &Range<u32>) -> Option<Early> {
    let last = block.end.checked_sub(1)?;
    let Insn::Branch {
        width,
        cond,
        dst,
        src,
        target,
    } = insn(image, last)?
    else {
        return None;
    };
    let slots = block.start..last;
    let origin = slots.clone().rev().find(|slot| writes(image, *slot, dst))?;
    let behind = origin.saturating_add(1);
    let is_kept = |operand: Operand, from: u32| match operand {
        Operand::Reg(reg) => !(from..last).any(|slot| writes(image, slot, reg)),
        Operand::Imm(_) => true,
    };
    match insn(image, origin)? {
        // A copy is tested, of a number that has changed by then.
        Insn::Alu {
            op: AluOp::Mov,
            src: copied @ Operand::Reg(_),
            ..
        } if !is_kept(copied, behind) && is_kept(src, behind) => Some(Early {
            slot: behind,
            test: insn(image, last)?,
        }),
        // A sum is tested, which may have wrapped.
        Insn::Alu {
            width: Width::W32,
            op: AluOp::Add,
            src: Operand::Imm(step),
            ..
        } if width == Width::W32 && matches!(cond, Cond::Eq | Cond::Ne) => {
            let Operand::Imm(sum) = src else { return None };
            Some(Early {
                slot: origin,
                test: Insn::Branch {
                    width,
                    cond,
                    dst,
                    src: Operand::Imm(sum.wrapping_sub(step)),
                    target,
                },
            })
        }
        _ => None,
    }
}

fn insn(image: &Image, slot: u32) -> Option<Insn> {
    image.code().get(usize::try_from(slot).ok()?).copied()
}

/// Whether an instruction may change a register. Calls may change all but the frame pointer.
fn writes(image: &Image, slot: u32, register: Reg) -> bool {
    match insn(image, slot) {
        Some(
            Insn::Alu { dst, .. }
            | Insn::MovSx { dst, .. }
            | Insn::Neg { dst, .. }
            | Insn::Swap { dst, .. }
            | Insn::Wide { dst, .. }
            | Insn::Load { dst, .. },
        ) => dst == register,
        Some(Insn::Store { .. } | Insn::WideTail | Insn::Branch { .. } | Insn::Jump { .. }) => {
            false
        }
        _ => true,
    }
}
