//! A stack frame: which of its bytes are initialised, and what was stored whole.
//!
//! Bytes are numbered from 0, the lowest, to 511; the frame pointer is byte 512.

use alloc::vec::Vec;
use core::ops::Range;

use bpf_object::Size;
use platform_click::limits::STACK_FRAME_SIZE;

use crate::mistake::{Mistake, planted};
use crate::number::{Number, size_bits};
use crate::value::Value;

/// Stored values that a frame remembers; beyond that a number is only known to be initialised.
/// Twice the 64 slots of 8 bytes, so that 4-byte variables fit too; pointers, at most 64, always do.
const MAX_CELLS: usize = 128;

const WORDS: usize = STACK_FRAME_SIZE.div_ceil(64);

/// The frame of one function call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Whether a byte has been written on every path. Under a cell that is not a number it says
    /// nothing: such bytes are readable only through the cell.
    initialised: Bytes,
    /// Disjoint, in ascending order.
    cells: Vec<Cell>,
}

/// A value that was stored whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    start: usize,
    size: usize,
    pub(crate) value: Value,
}

/// Why bytes of a frame cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// This byte is not initialised on every path.
    Uninitialised(usize),
    /// This byte is part of a stored pointer, and the access is not that of the whole pointer.
    PartOfPointer(usize),
}

impl Cell {
    const fn range(&self) -> Range<usize> {
        self.start..self.start.saturating_add(self.size)
    }

    fn overlaps(&self, range: &Range<usize>) -> bool {
        self.start < range.end && range.start < self.range().end
    }
}

impl Frame {
    /// A frame in which nothing is initialised.
    pub(crate) const fn new() -> Self {
        Self {
            initialised: Bytes([0; WORDS]),
            cells: Vec::new(),
        }
    }

    pub(crate) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    pub(crate) fn cells_mut(&mut self) -> &mut [Cell] {
        &mut self.cells
    }

    /// Stores `value`, of `size` bytes, at byte `start`.
    pub(crate) fn write(&mut self, start: usize, size: Size, value: Value) {
        let size = size.bytes();
        let range = start..start.saturating_add(size);
        self.forget(&range);
        self.initialised.set(range, true);
        if !value.is_number() || self.cells.len() < MAX_CELLS {
            let place = self.cells.partition_point(|cell| cell.start < start);
            self.cells.insert(place, Cell { start, size, value });
        }
    }

    /// Stores a number at an unknown place within `range`: what was there is no longer known, and
    /// what was not initialised still is not.
    pub(crate) fn write_somewhere(&mut self, range: &Range<usize>) {
        if !planted(Mistake::VariableStoreIgnored) {
            self.forget(range);
        }
    }

    /// Something is stored in `range`, certainly in its first `certain` bytes.
    pub(crate) fn fill(&mut self, range: &Range<usize>, certain: usize) {
        self.forget(range);
        let end = range.start.saturating_add(certain).min(range.end);
        self.initialised.set(range.start..end, true);
    }

    /// Drops the cells that overlap `range`. Of a pointer the bytes that are not overwritten stay
    /// behind as bytes that may not be read.
    fn forget(&mut self, range: &Range<usize>) {
        let initialised = &mut self.initialised;
        self.cells.retain(|cell| {
            let overlaps = cell.overlaps(range);
            if overlaps && !cell.value.is_number() {
                initialised.set(cell.range(), false);
            }
            !overlaps
        });
    }

    /// Loads `size` bytes at byte `start`, zero-extended.
    pub(crate) fn read(&self, start: usize, size: Size) -> Result<Value, Unreadable> {
        let range = start..start.saturating_add(size.bytes());
        if let Some(cell) = self.cells.iter().find(|cell| cell.overlaps(&range)) {
            if cell.range() == range {
                return Ok(cell.value);
            }
            if let Value::Number(scalar) = cell.value
                && cell.start <= range.start
                && range.end <= cell.range().end
            {
                // Little-endian: byte n holds the bits from 8n on.
                let skip = start.saturating_sub(cell.start).saturating_mul(8);
                let skip = u32::try_from(skip).unwrap_or(0);
                return Ok(Value::number(scalar.number.extract(skip, size_bits(size))));
            }
        }
        self.check_readable(&range)?;
        Ok(Value::number(Number::loaded(size, false)))
    }

    /// Whether every byte in `range` is initialised and none belongs to a pointer.
    pub(crate) fn check_readable(&self, range: &Range<usize>) -> Result<(), Unreadable> {
        let hidden = self
            .cells
            .iter()
            .find(|cell| cell.overlaps(range) && !cell.value.is_number());
        if let Some(cell) = hidden {
            return Err(Unreadable::PartOfPointer(cell.start.max(range.start)));
        }
        match self.initialised.first_unset(range.clone()) {
            Some(byte) => Err(Unreadable::Uninitialised(byte)),
            None => Ok(()),
        }
    }

    /// The frame that describes both: cells at the same place are joined by `join`, others are
    /// dropped.
    pub(crate) fn join(&self, other: &Self, mut join: impl FnMut(&Value, &Value) -> Value) -> Self {
        let mut joined = Self {
            initialised: self.initialised.both(&other.initialised),
            cells: Vec::with_capacity(self.cells.len().min(other.cells.len())),
        };
        for cell in &self.cells {
            match other.cell_like(cell) {
                Some(same) => joined.cells.push(Cell {
                    value: join(&cell.value, &same.value),
                    ..*cell
                }),
                None => joined.hide(cell),
            }
        }
        for cell in &other.cells {
            if self.cell_like(cell).is_none() {
                joined.hide(cell);
            }
        }
        joined
    }

    /// Whether the same bytes are initialised.
    pub(crate) fn has_written(&self, other: &Self) -> bool {
        self.initialised == other.initialised
    }

    /// Whether the same bytes are initialised and the same places hold what `alike` says is alike.
    pub(crate) fn looks_like(&self, other: &Self, alike: impl Fn(&Value, &Value) -> bool) -> bool {
        let cells = self.cells.iter().zip(&other.cells);
        self.initialised == other.initialised
            && self.cells.len() == other.cells.len()
            && cells
                .into_iter()
                .all(|(a, b)| (a.start, a.size) == (b.start, b.size) && alike(&a.value, &b.value))
    }

    fn cell_like(&self, cell: &Cell) -> Option<&Cell> {
        let place = self
            .cells
            .binary_search_by_key(&cell.start, |cell| cell.start);
        let same = self.cells.get(place.ok()?)?;
        (same.size == cell.size).then_some(same)
    }

    /// The bytes of a pointer that only one of two frames holds may not be read.
    fn hide(&mut self, cell: &Cell) {
        if !cell.value.is_number() {
            self.initialised.set(cell.range(), false);
        }
    }
}

/// One flag for each byte of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bytes([u64; WORDS]);

impl Bytes {
    fn set(&mut self, range: Range<usize>, to: bool) {
        for byte in range {
            let bit = 1_u64.wrapping_shl(u32::try_from(byte % 64).unwrap_or(0));
            if let Some(word) = self.0.get_mut(byte / 64) {
                *word = if to { *word | bit } else { *word & !bit };
            }
        }
    }

    fn first_unset(&self, mut range: Range<usize>) -> Option<usize> {
        range.find(|byte| {
            let word = self.0.get(byte / 64).copied().unwrap_or(0);
            let shift = u32::try_from(byte % 64).unwrap_or(0);
            word.wrapping_shr(shift) & 1 == 0
        })
    }

    fn both(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for (word, other) in both.0.iter_mut().zip(other.0) {
            *word &= other;
        }
        both
    }
}
