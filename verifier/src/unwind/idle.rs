//! How copies are written so that PREVAIL learns from them what it would not see.
//!
//! | instead of | stands | because PREVAIL |
//! |---|---|---|
//! | a load | the load, then a mask of what was loaded | keeps a signed and an unsigned number for each register, and does not see that they are equal |
//! | a store to the stack of less than eight bytes | a store of one of its bytes, then the store | forgets the signed number when it already knew another one there, but not when bytes of that are gone |
//! | `x \|= 2^n - 1` | `x >>= n`, `x <<= n`, `x += 2^n - 1` | knows of a disjunction only that it is not negative |

use bpf_object::{AluOp, Insn, Operand, Reg, Size, Width};

/// A copy, with what is put beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) before: [Option<Insn>; 2],
    pub(super) insn: Insn,
    pub(super) behind: Option<Insn>,
}

impl Written {
    /// How an instruction is written.
    pub(super) fn new(insn: Insn) -> Self {
        let plain = Self {
            before: [None; 2],
            insn,
            behind: None,
        };
        match insn {
            Insn::Load {
                size,
                signed: false,
                dst,
                ..
            } => Self {
                behind: mask(size, dst),
                ..plain
            },
            Insn::Store {
                size: Size::B2 | Size::B4,
                base: Reg::FP,
                off,
                src,
            } => Self {
                before: [
                    Some(Insn::Store {
                        size: Size::B1,
                        base: Reg::FP,
                        off,
                        src,
                    }),
                    None,
                ],
                ..plain
            },
            Insn::Alu {
                width,
                op: AluOp::Or,
                dst,
                src: Operand::Imm(ones),
            } => sum_of_parts(width, dst, ones).unwrap_or(plain),
            _ => plain,
        }
    }

    /// The slots that it takes.
    pub(super) fn slots(&self) -> usize {
        let beside = self.before.iter().flatten().chain(&self.behind);
        beside.count().saturating_add(1)
    }
}

/// A mask of as many bits as a load has.
const fn mask(size: Size, dst: Reg) -> Option<Insn> {
    let (width, op, src) = match size {
        Size::B1 => (Width::W64, AluOp::And, Operand::Imm(0xff)),
        Size::B2 => (Width::W64, AluOp::And, Operand::Imm(0xffff)),
        // There is no such mask for 32 bits, but a move of them leaves the others out as well.
        Size::B4 => (Width::W32, AluOp::Mov, Operand::Reg(dst)),
        Size::B8 => return None,
    };
    Some(Insn::Alu {
        width,
        op,
        dst,
        src,
    })
}

/// A disjunction with a number whose ones are its lowest bits: these are cleared, then added.
fn sum_of_parts(width: Width, dst: Reg, ones: i32) -> Option<Written> {
    let count = i32::try_from(ones.trailing_ones()).ok()?;
    if count == 0 || ones.checked_add(1)?.count_ones() != 1 {
        return None;
    }
    let with = |op, imm| Insn::Alu {
        width,
        op,
        dst,
        src: Operand::Imm(imm),
    };
    Some(Written {
        before: [Some(with(AluOp::Rsh, count)), Some(with(AluOp::Lsh, count))],
        insn: with(AluOp::Add, ones),
        behind: None,
    })
}
