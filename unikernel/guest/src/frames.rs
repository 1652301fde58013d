//! Which page frames of a piece of memory are free.

use alloc::vec::Vec;

use crate::page_table::PAGE;
use crate::start_info::Range;

/// Page frames, each free or taken.
#[derive(Debug)]
pub struct Frames {
    start: u64,
    /// Whether each is taken.
    taken: Vec<bool>,
    /// None before this is free.
    next: usize,
    free: usize,
}

impl Frames {
    /// Frames of these addresses, all free; what is not a whole frame at either end is left out.
    #[must_use]
    pub fn new(range: Range) -> Self {
        let start = range.start.next_multiple_of(PAGE);
        let count = range.end.saturating_sub(start) / PAGE;
        let count = usize::try_from(count).unwrap_or_default();
        Self {
            start,
            taken: alloc::vec![false; count],
            next: 0,
            free: count,
        }
    }

    /// How many are free.
    #[must_use]
    pub const fn free(&self) -> usize {
        self.free
    }

    /// Takes a frame: its physical address.
    pub fn take(&mut self) -> Option<u64> {
        let behind = self.taken.get(self.next..)?;
        let found = behind.iter().position(|taken| !taken)?;
        let found = self.next.saturating_add(found);
        *self.taken.get_mut(found)? = true;
        self.next = found.saturating_add(1);
        self.free = self.free.saturating_sub(1);
        Some(self.address(found))
    }

    /// Gives a frame back; whether it was one that was taken.
    pub fn give(&mut self, address: u64) -> bool {
        let offset = address.checked_sub(self.start);
        let offset = offset.filter(|offset| offset.is_multiple_of(PAGE));
        let number = offset.and_then(|offset| usize::try_from(offset / PAGE).ok());
        let taken = number.and_then(|number| Some((number, self.taken.get_mut(number)?)));
        let Some((number, taken @ true)) = taken else {
            return false;
        };
        *taken = false;
        self.next = self.next.min(number);
        self.free = self.free.saturating_add(1);
        true
    }

    fn address(&self, number: usize) -> u64 {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        self.start.saturating_add(number.saturating_mul(PAGE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_once_and_given_back_once() {
        let mut frames = Frames::new(Range {
            start: 0x1001,
            end: 0x5fff,
        });
        assert_eq!(frames.free(), 3);
        let all: Vec<u64> = core::iter::from_fn(|| frames.take()).collect();
        assert_eq!(all, [0x2000, 0x3000, 0x4000]);
        assert!(frames.give(0x3000));
        for not_taken in [0x3000, 0x2001, 0x1000, 0x5000, u64::MAX] {
            assert!(!frames.give(not_taken), "{not_taken:#x}");
        }
        assert_eq!((frames.free(), frames.take()), (1, Some(0x3000)));
        assert_eq!(frames.take(), None);
        let empty = Range { start: 9, end: 1 };
        assert_eq!(Frames::new(empty).take(), None);
    }
}
