//! Which addresses of an area are free.

use alloc::collections::BTreeMap;

/// Addresses that are given away in spans. Few are given away at once: a map, a data section, a stack, a
/// piece of code each take one.
#[derive(Debug)]
pub struct Spans {
    start: u64,
    end: u64,
    /// Those that are given away: start and length.
    taken: BTreeMap<u64, u64>,
}

impl Spans {
    /// The addresses from `start` to before `end`, all free.
    #[must_use]
    pub const fn new(start: u64, end: u64) -> Self {
        Self {
            start,
            end,
            taken: BTreeMap::new(),
        }
    }

    /// Takes the lowest span of this length.
    pub fn take(&mut self, len: u64) -> Option<u64> {
        let mut at = self.start;
        for (start, taken) in &self.taken {
            if start.checked_sub(at)? >= len {
                break;
            }
            at = start.checked_add(*taken)?;
        }
        if self.end.checked_sub(at)? < len {
            return None;
        }
        self.taken.insert(at, len);
        Some(at)
    }

    /// Gives a span back; whether it was one.
    pub fn give(&mut self, start: u64) -> bool {
        self.taken.remove(&start).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_do_not_overlap_and_gaps_are_used_again() {
        let mut spans = Spans::new(0x1000, 0x9000);
        assert_eq!(spans.take(0x2000), Some(0x1000));
        assert_eq!(spans.take(0x3000), Some(0x3000));
        assert_eq!(spans.take(0x2000), Some(0x6000));
        assert_eq!(spans.take(0x2000), None);
        assert!(spans.give(0x3000));
        assert!(!spans.give(0x3000) && !spans.give(0x7000));
        assert_eq!(spans.take(0x4000), None);
        assert_eq!(spans.take(0x1000), Some(0x3000));
        assert_eq!(spans.take(0x2000), Some(0x4000));
        assert_eq!(spans.take(0x1000), Some(0x8000));
        assert_eq!(spans.take(u64::MAX), None);
    }
}
