//! What no run of a program comes to, as all of its proofs say.

use alloc::vec::Vec;

/// Ranges and ways that are recorded of one program, each; of more, a statement records some.
pub const MAX_UNREACHED: usize = 32;

/// What no proof of a program reaches. It is dead code: whoever runs the program may stop it there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreached {
    /// Instructions, ascending; no two ranges overlap or touch.
    pub slots: Vec<SlotRange>,
    /// Ways of conditional jumps that are reached themselves, ascending by slot; one of each at most.
    pub ways: Vec<Way>,
}

/// Slots side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRange {
    /// The first.
    pub first: u32,
    /// How many; at least 1.
    pub count: u32,
}

/// One of the two ways on from a conditional jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The slot of the jump.
    pub slot: u32,
    /// Whether the jump is taken.
    pub taken: bool,
}

impl SlotRange {
    /// The slot behind the last; no range that is part of a statement overflows.
    #[must_use]
    pub const fn end(self) -> u32 {
        self.first.saturating_add(self.count)
    }
}

impl Unreached {
    /// Whether it is said of the instruction in `slot`.
    #[must_use]
    pub fn has_slot(&self, slot: u32) -> bool {
        let behind = self.slots.partition_point(|range| range.end() <= slot);
        self.slots
            .get(behind)
            .is_some_and(|range| range.first <= slot)
    }

    /// Whether it is said of this way on from the conditional jump in `slot`, and not of the jump.
    #[must_use]
    pub fn has_way(&self, slot: u32, taken: bool) -> bool {
        let found = self.ways.binary_search_by_key(&slot, |way| way.slot);
        let way = found.ok().and_then(|index| self.ways.get(index));
        way.is_some_and(|way| way.taken == taken)
    }
}
