//! Numbers of few values: what follows may have a copy for each of them.
//!
//! A length in a header has four bits, and counts words. PREVAIL does not know that a number is a
//! multiple of four, so that a loop in steps of two seems to step over the packet's end. When the number
//! is a constant there is nothing to lose. So behind a mask that leaves a few bits, tests lead to a copy
//! of the rest for each value. For PREVAIL to see that there are no others,
//! the bits are shifted down before the tests, and back behind them.

use core::ops::Range;

use bpf_object::{AluOp, Cond, Image, Insn, Operand, Reg, Width};

/// Bits that a mask leaves: fewer are seldom lengths, more have too many values.
const BITS: core::ops::RangeInclusive<u32> = 2..=4;

/// A number of few values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cases {
    /// The slot of the mask.
    pub(super) mask: u32,
    width: Width,
    register: Reg,
    /// Bits below those that are left.
    zeros: i32,
    /// How many values there are.
    pub(super) count: u32,
}

/// The first mask in a block that leaves a number of few values, with something behind it.
pub(super) fn cases(image: &Image, block: &Range<u32>) -> Option<Cases> {
    let last = block.end.checked_sub(1)?;
    (block.start..last).find_map(|slot| of_mask(image, slot))
}

fn of_mask(image: &Image, slot: u32) -> Option<Cases> {
    let Insn::Alu {
        width,
        op: AluOp::And,
        dst,
        src: Operand::Imm(mask),
    } = *image.code().get(usize::try_from(slot).ok()?)?
    else {
        return None;
    };
    let zeros = mask.trailing_zeros();
    let bits = mask.count_ones();
    let together = mask > 0 && mask.checked_shr(zeros)?.trailing_ones() == bits;
    (together && BITS.contains(&bits)).then_some(Cases {
        mask: slot,
        width,
        register: dst,
        zeros: i32::try_from(zeros).ok()?,
        count: 1_u32.checked_shl(bits)?,
    })
}

impl Cases {
    /// Shifts the bits down, if there are others below them.
    pub(super) fn down(&self) -> Option<Insn> {
        (self.zeros > 0).then(|| self.shift(AluOp::Rsh))
    }

    /// Shifts them back.
    pub(super) fn back(&self) -> Option<Insn> {
        (self.zeros > 0).then(|| self.shift(AluOp::Lsh))
    }

    const fn shift(&self, op: AluOp) -> Insn {
        Insn::Alu {
            width: self.width,
            op,
            dst: self.register,
            src: Operand::Imm(self.zeros),
        }
    }

    /// Tests for the value with this number; the target is of no meaning.
    pub(super) fn test(&self, value: u32) -> Option<Insn> {
        Some(Insn::Branch {
            width: Width::W64,
            cond: Cond::Eq,
            dst: self.register,
            src: Operand::Imm(i32::try_from(value).ok()?),
            target: 0,
        })
    }
}
