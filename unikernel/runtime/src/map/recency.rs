//! Slots in the order of their last use: a list that links slot numbers, allocated once.

use alloc::vec::Vec;

use super::filled;
use crate::number::index;

/// No slot.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Recency {
    links: Vec<Link>,
    newest: u32,
    oldest: u32,
}

/// The neighbours of a slot.
#[derive(Clone, Copy, Debug)]
struct Link {
    newer: u32,
    older: u32,
}

const UNLINKED: Link = Link {
    newer: NONE,
    older: NONE,
};

impl Recency {
    /// Bytes per slot.
    pub(super) const LINK: usize = size_of::<Link>();

    /// An empty list for slots below `count`; `None` when there is no memory.
    pub(super) fn new(count: u32) -> Option<Self> {
        Some(Self {
            links: filled(index(count), UNLINKED)?,
            newest: NONE,
            oldest: NONE,
        })
    }

    /// The slot that was used longest ago.
    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Adds a slot that is not in the list, as the one used last.
    pub(super) fn push(&mut self, slot: u32) {
        let older = self.newest;
        self.set(slot, Link { newer: NONE, older });
        match older {
            NONE => self.oldest = slot,
            older => self.change(older, |link| link.newer = slot),
        }
        self.newest = slot;
    }

    /// Takes a slot out of the list that is in it.
    pub(super) fn remove(&mut self, slot: u32) {
        let Link { newer, older } = self.get(slot);
        match newer {
            NONE => self.newest = older,
            newer => self.change(newer, |link| link.older = older),
        }
        match older {
            NONE => self.oldest = newer,
            older => self.change(older, |link| link.newer = newer),
        }
        self.set(slot, UNLINKED);
    }

    /// A slot of the list is used.
    pub(super) fn touch(&mut self, slot: u32) {
        if self.newest != slot {
            self.remove(slot);
            self.push(slot);
        }
    }

    fn get(&self, slot: u32) -> Link {
        self.links.get(index(slot)).copied().unwrap_or(UNLINKED)
    }

    fn set(&mut self, slot: u32, link: Link) {
        self.change(slot, |place| *place = link);
    }

    fn change(&mut self, slot: u32, change: impl FnOnce(&mut Link)) {
        if let Some(link) = self.links.get_mut(index(slot)) {
            change(link);
        }
    }
}
