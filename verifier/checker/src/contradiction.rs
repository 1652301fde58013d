//! Facts held against a run: what is proved must hold in every step of every run.

use alloc::string::String;

use bpf_object::{Image, Insn, Reg};
use platform_click::limits::STACK_FRAME_SIZE;

use crate::facts::{Facts, Known, Region};

/// A step of a run: an instruction that is about to be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The slot of the instruction before; none at the start.
    pub from: Option<u32>,
    /// Its slot.
    pub slot: u32,
    /// What `r0` to `r10` hold; none where nothing was written.
    pub registers: [Option<u64>; 11],
    /// Where the context lies in this run.
    pub context: u64,
    /// The frame pointer of the entry function in this run.
    pub stack: u64,
}

/// What contradicts the facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Contradiction {
    /// An instruction that is not reachable is reached.
    #[error("slot {slot} is reached")]
    Reached {
        /// Where.
        slot: u32,
    },
    /// A branch goes where it cannot go.
    #[error("the branch at slot {from} leads to slot {slot}")]
    Edge {
        /// The branch.
        from: u32,
        /// Where it leads.
        slot: u32,
    },
    /// A register does not hold what is known of it.
    #[error("slot {slot}: {reg} is {}, not in {known:x?}", shown(*value))]
    Register {
        /// Where.
        slot: u32,
        /// Which.
        reg: Reg,
        /// What it holds.
        value: Option<u64>,
        /// What it was to hold.
        known: Known,
    },
}

fn shown(value: Option<u64>) -> String {
    value.map_or_else(|| "unset".into(), |value| alloc::format!("{value:#x}"))
}

impl Facts {
    /// What in these facts about `image` a step contradicts; nothing when they are right. Registers
    /// are compared where [`Watch`](crate::Watch) asked for them: numbers, and pointers into the
    /// context and the stack. Where other objects lie is not known here.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn confirm(&self, image: &Image, step: &Step) -> Result<(), Contradiction> {
        let slot = step.slot;
        if !self.reachable.contains(slot) {
            return Err(Contradiction::Reached { slot });
        }
        if let Some(from) = step.from
            && !self.has_edge(image, from, slot)
        {
            return Err(Contradiction::Edge { from, slot });
        }
        let Some(watched) = self.watched.get(&slot) else {
            return Ok(());
        };
        for (reg, value) in (0..=10).filter_map(Reg::new).zip(step.registers) {
            let known = watched.get(reg);
            if !holds(known, value, step) {
                return Err(Contradiction::Register {
                    slot,
                    reg,
                    value,
                    known,
                });
            }
        }
        Ok(())
    }

    /// Whether a run may go from one slot to another; only branches are looked at.
    fn has_edge(&self, image: &Image, from: u32, slot: u32) -> bool {
        let index = usize::try_from(from).unwrap_or(usize::MAX);
        let Some(Insn::Branch { target, .. }) = image.code().get(index) else {
            return true;
        };
        let passed = slot == from.saturating_add(1) && self.not_taken.contains(from);
        passed || slot == *target && self.taken.contains(from)
    }
}

/// Whether a register holds what is known of it.
fn holds(known: Known, value: Option<u64>, step: &Step) -> bool {
    let (Some(value), false) = (value, known == Known::Anything) else {
        return known == Known::Anything;
    };
    let (region, least, greatest) = match known {
        Known::Anything => return true,
        Known::Number(number) => return number.contains(value),
        Known::Pointer {
            region,
            least,
            greatest,
            ..
        } => (region, least, greatest),
    };
    let base = match region {
        Region::Context => step.context,
        Region::Stack(frame) => {
            let below = frame.saturating_mul(STACK_FRAME_SIZE);
            step.stack.wrapping_sub(u64::try_from(below).unwrap_or(0))
        }
        _ => return true,
    };
    (least..=greatest).contains(&value.wrapping_sub(base).cast_signed())
}
