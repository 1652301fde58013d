//! Source lines of instructions, for diagnostics; not part of an image's digest.

use alloc::sync::Arc;
use alloc::vec::Vec;

/// Where an instruction comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The source file as the compiler recorded it.
    pub file: Arc<str>,
    /// The text of the line without control characters; empty when the object does not carry it.
    pub text: Arc<str>,
    /// Line number, from 1.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
}

/// Source lines by instruction slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineTable {
    /// Sorted by slot; a line, or the lack of one, holds from its slot to the next entry's.
    entries: Vec<(u32, Option<Line>)>,
}

impl LineTable {
    /// A table of (slot, line) pairs in any order; of several lines for one slot the last wins.
    #[must_use]
    pub fn new(entries: Vec<(u32, Line)>) -> Self {
        let entries = entries.into_iter().map(|(slot, line)| (slot, Some(line)));
        Self::with_gaps(entries.collect())
    }

    /// The same, where from some slots on there is no line.
    pub(crate) fn with_gaps(mut entries: Vec<(u32, Option<Line>)>) -> Self {
        entries.reverse();
        entries.sort_by_key(|(slot, _)| *slot);
        entries.dedup_by_key(|(slot, _)| *slot);
        Self { entries }
    }

    /// The line of the instruction in `slot`: that of the nearest entry at or before it.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&Line> {
        let after = self.entries.partition_point(|(start, _)| *start <= slot);
        let (_, line) = self.entries.get(after.checked_sub(1)?)?;
        line.as_ref()
    }

    /// Every entry, in ascending order of slots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Line)> {
        self.entries
            .iter()
            .filter_map(|(slot, line)| Some((*slot, line.as_ref()?)))
    }

    /// Whether there are no lines at all (the object was compiled without `-g`).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn line(number: u32) -> Line {
        Line {
            file: "a.c".into(),
            text: "".into(),
            line: number,
            column: 1,
        }
    }

    #[test]
    fn a_line_holds_until_the_next_and_the_last_of_equals_wins() {
        let table = LineTable::new(vec![(4, line(40)), (0, line(1)), (4, line(41))]);
        assert_eq!(table.get(0), Some(&line(1)));
        assert_eq!(table.get(3), Some(&line(1)));
        assert_eq!(table.get(9), Some(&line(41)));
        assert_eq!(LineTable::new(vec![(2, line(1))]).get(1), None);
    }

    #[test]
    fn a_gap_ends_a_line() {
        let table = LineTable::with_gaps(vec![(0, Some(line(1))), (2, None), (5, Some(line(9)))]);
        assert_eq!(table.get(1), Some(&line(1)));
        assert_eq!(table.get(4), None);
        assert_eq!(table.iter().count(), 2);
        assert!(LineTable::with_gaps(vec![(0, None)]).is_empty());
    }
}
