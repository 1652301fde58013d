//! The longest path through an unwound program.
//!
//! It has no loops, and recursion is refused before, so that the longest way from each slot follows
//! from the slots behind it, and that of a call from the function that is called. What counts are
//! instructions of the original, of which each execution has one copy.

use std::collections::BTreeMap;

use bpf_object::Insn;

use super::{Role, Unwound};

impl Unwound {
    /// Instructions of the original that a run executes at most, given to which slots none comes; those
    /// of traps are none of the original's. `None` where functions call each other.
    pub(crate) fn longest_run(&self, excluded: impl Fn(u32) -> bool) -> Option<u64> {
        let functions = self.image.functions();
        let mut lengths: BTreeMap<u32, u64> = BTreeMap::new();
        // Callees first: with each round at least one function is known whose callees are.
        for _ in 0..functions.len() {
            for (index, function) in functions.iter().enumerate() {
                if lengths.contains_key(&function.start) {
                    continue;
                }
                if let Some(length) = self.longest_in(index, &lengths, &excluded) {
                    lengths.insert(function.start, length);
                }
            }
        }
        lengths.get(&functions.first()?.start).copied()
    }

    /// The longest path through a function, if those of the functions that it calls are known.
    fn longest_in(
        &self,
        function: usize,
        called: &BTreeMap<u32, u64>,
        excluded: &impl Fn(u32) -> bool,
    ) -> Option<u64> {
        let slots = self.image.function_slots(function)?;
        let start = u32::try_from(slots.start).ok()?;
        let mut from: BTreeMap<u32, u64> = BTreeMap::new();
        for index in slots.rev() {
            let slot = u32::try_from(index).ok()?;
            let insn = *self.image.code().get(index)?;
            if excluded(slot) {
                continue;
            }
            let own = match (self.roles.get(index)?, insn) {
                // A wide load is one instruction.
                (Role::Copy(_), Insn::WideTail) => 0,
                (Role::Copy(_), Insn::CallLocal { target }) => {
                    called.get(&target)?.checked_add(1)?
                }
                (Role::Copy(_), _) => 1,
                _ => 0,
            };
            let next = insn.falls_through().then_some(slot.saturating_add(1));
            let ways = [next, insn.jump_target()];
            let behind = ways.iter().flatten().filter_map(|way| from.get(way)).max();
            let length = behind.copied().unwrap_or(0).checked_add(own)?;
            from.insert(slot, length);
        }
        Some(from.get(&start).copied().unwrap_or(0))
    }
}
