//! What a proof says of single instructions, so that concrete runs can be held against it: which
//! instructions and directions of branches no run takes, and what registers hold where they are used.
//!
//! Every engine's answer is brought into this form ([`checker`], `prevail::claims`). An engine may
//! have judged another program than the one that runs, one with unwound loops for example: it then
//! says which slot of the image each of its instructions stands for, and what it claims of several
//! that stand for the same is joined.

pub(crate) mod checker;
mod held;
mod judge;

use std::collections::{BTreeMap, BTreeSet};

use bpf_object::{Image, Insn, Operand, Reg, Wide};
use platform_click::{ArgKind, HelperId};

use crate::verdict::Unreached;
use crate::wire::wire_struct;
pub(crate) use held::{Held, Numbers, Place, Target};
pub(crate) use judge::Judge;

/// Claims about registers of one program that are kept: two for each instruction of programs four
/// times as large as ordinary ones. What is left out is not compared.
const MAX_VALUES: usize = 8_192;

/// The slot of the image that an instruction of an engine's program stands for; none if it is not of
/// the image.
pub(crate) type SlotOf<'a> = &'a dyn Fn(u32) -> Option<u32>;

/// For a program that was judged as it is.
pub(crate) fn same_slot(slot: u32) -> Option<u32> {
    Some(slot)
}

/// What one engine claims of one program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The engine's name.
    engine: String,
    /// Slots of instructions that no run executes, ascending.
    unreachable: Vec<u32>,
    /// Directions of conditional jumps that no run takes, ascending: the slot, and whether the jump
    /// is taken.
    closed: Vec<(u32, bool)>,
    /// What registers hold, ascending by slot.
    values: Vec<Claim>,
}

/// What a register holds before an instruction that uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    slot: u32,
    register: u8,
    held: Held,
}

wire_struct!(Claims {
    engine,
    unreachable,
    closed,
    values
});
wire_struct!(Claim {
    slot,
    register,
    held
});

impl Claims {
    fn excludes(&self, slot: u32) -> bool {
        self.unreachable.binary_search(&slot).is_ok()
    }

    fn closes(&self, way: (u32, bool)) -> bool {
        self.excludes(way.0) || self.closed.binary_search(&way).is_ok()
    }
}

/// What every engine says is not reached; nothing if there is no second opinion. A program that does
/// not begin, or a jump that leads nowhere, is no fact but a mistake: `None`.
pub(crate) fn unreached(image: &Image, claims: &[Claims]) -> Option<Unreached> {
    let mut unreached = Unreached::default();
    let [_, _, ..] = claims else {
        return Some(unreached);
    };
    for (slot, insn) in (0_u32..).zip(image.code()) {
        let closed = |taken| claims.iter().all(|claims| claims.closes((slot, taken)));
        match insn {
            Insn::WideTail => {
                let head = slot.checked_sub(1);
                let with_head = unreached.slots.last().copied() == head;
                unreached.slots.extend(with_head.then_some(slot));
            }
            _ if claims.iter().all(|claims| claims.excludes(slot)) => unreached.slots.push(slot),
            Insn::Branch { .. } => match (closed(false), closed(true)) {
                (false, false) => {}
                (true, true) => return None,
                (_, taken) => unreached.ways.push((slot, taken)),
            },
            _ => {}
        }
    }
    (unreached.slots.first() != Some(&0)).then_some(unreached)
}

/// Gathers what an engine claims. What is not said to be reached or taken is claimed not to be.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    image: &'a Image,
    reached: BTreeSet<u32>,
    open: BTreeSet<(u32, bool)>,
    /// Nothing where a register may hold anything.
    values: BTreeMap<(u32, u8), Option<Held>>,
}

impl<'a> Collector<'a> {
    pub(crate) const fn new(image: &'a Image) -> Self {
        Self {
            image,
            reached: BTreeSet::new(),
            open: BTreeSet::new(),
            values: BTreeMap::new(),
        }
    }

    /// A run may execute the instruction in `slot`; before it, registers hold what `held` says.
    /// Asked for those that the instruction uses.
    pub(crate) fn reaches(&mut self, slot: u32, mut held: impl FnMut(Reg) -> Option<Held>) {
        self.reached.insert(slot);
        let Some(insn) = self.insn(slot) else { return };
        for register in used(insn).into_iter().flatten() {
            let new = held(register);
            let known = self.values.entry((slot, register.number()));
            let known = known.and_modify(|known| {
                *known = known.zip(new).and_then(|(known, new)| known.join(new));
            });
            known.or_insert(new);
        }
    }

    /// The engine has no opinion about the instruction in `slot`.
    pub(crate) fn silent(&mut self, slot: u32) {
        self.reaches(slot, |_| None);
        self.open.extend([(slot, true), (slot, false)]);
    }

    /// A run may go from the instruction in one slot to the one in another.
    pub(crate) fn goes(&mut self, from: u32, to: u32) {
        if let Some(Insn::Branch { target, .. }) = self.insn(from) {
            if to == *target {
                self.open.insert((from, true));
            }
            if to == from.saturating_add(1) {
                self.open.insert((from, false));
            }
        }
    }

    /// The claims of the engine of this name.
    pub(crate) fn finish(self, engine: &str) -> Claims {
        let mut claims = Claims {
            engine: engine.to_owned(),
            ..Claims::default()
        };
        for (slot, insn) in (0_u32..).zip(self.image.code()) {
            match insn {
                Insn::WideTail => {}
                _ if !self.reached.contains(&slot) => claims.unreachable.push(slot),
                // Both ways are one, and engines do not tell them apart.
                Insn::Branch { target, .. } if *target == slot.saturating_add(1) => {}
                Insn::Branch { .. } => {
                    let ways = [false, true].map(|taken| (slot, taken));
                    let closed = ways.iter().filter(|way| !self.open.contains(way));
                    claims.closed.extend(closed);
                }
                _ => {}
            }
        }
        let values = self
            .values
            .into_iter()
            .filter_map(|((slot, register), held)| {
                held.map(|held| Claim {
                    slot,
                    register,
                    held,
                })
            });
        claims.values = values.take(MAX_VALUES).collect();
        claims
    }

    fn insn(&self, slot: u32) -> Option<&'a Insn> {
        self.image.code().get(usize::try_from(slot).ok()?)
    }
}

/// The registers that an instruction uses.
fn used(insn: &Insn) -> [Option<Reg>; 5] {
    const ARGUMENTS: [Option<Reg>; 5] = [
        Some(Reg::R1),
        Some(Reg::R2),
        Some(Reg::R3),
        Some(Reg::R4),
        Some(Reg::R5),
    ];
    let of = |operand: Operand| match operand {
        Operand::Reg(reg) => Some(reg),
        Operand::Imm(_) => None,
    };
    let two = |first, second| [first, second, None, None, None];
    match *insn {
        Insn::Alu {
            op: bpf_object::AluOp::Mov,
            src,
            ..
        } => two(of(src), None),
        Insn::Alu { dst, src, .. } | Insn::Branch { dst, src, .. } => two(Some(dst), of(src)),
        Insn::MovSx { src, .. } => two(Some(src), None),
        Insn::Neg { dst, .. } | Insn::Swap { dst, .. } => two(Some(dst), None),
        Insn::Load { base, .. } => two(Some(base), None),
        Insn::Store { base, src, .. } => two(Some(base), of(src)),
        Insn::Atomic { base, src, .. } => two(Some(base), Some(src)),
        Insn::CallHelper { id } => {
            let args = HelperId::from_number(id).map_or(&[][..], |helper| helper.spec().args);
            // What a text does not print need not be there.
            let used = args.iter().filter(|arg| arg.kind != ArgKind::Printed);
            let mut arguments = ARGUMENTS;
            for unused in arguments.iter_mut().skip(used.count()) {
                *unused = None;
            }
            arguments
        }
        Insn::CallLocal { .. } => ARGUMENTS,
        Insn::Exit => two(Some(Reg::R0), None),
        Insn::Wide { value, .. } => match value {
            Wide::Number(_) | Wide::Map(_) | Wide::Data { .. } => [None; 5],
        },
        Insn::WideTail | Insn::Jump { .. } => [None; 5],
    }
}

#[cfg(test)]
mod tests;
