//! `BPF_MAP_TYPE_QUEUE` and `BPF_MAP_TYPE_STACK`: values without keys, first in first out or last in
//! first out.

use bpf_object::MapDef;
use platform_click::MapKind;

use super::{Errno, Mode, Values};
use crate::number::wide;

#[derive(Debug)]
pub(super) struct Queue {
    values: Values,
    /// Whether the value pushed last comes out first.
    is_stack: bool,
    /// Slot of the value that was pushed first.
    oldest: u32,
    len: u32,
    max_entries: u32,
}

impl Queue {
    pub(super) fn new(definition: &MapDef) -> Option<Self> {
        Some(Self {
            values: Values::new(definition.max_entries, definition.value_size, None)?,
            is_stack: definition.kind == MapKind::Stack,
            oldest: 0,
            len: 0,
            max_entries: definition.max_entries,
        })
    }

    pub(super) fn footprint(definition: &MapDef) -> u64 {
        wide(Values::stride(definition.value_size))
            .saturating_mul(u64::from(definition.max_entries))
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// [`Mode::Replace`] (`BPF_EXIST`) makes room in a full map by giving up its oldest value, in a
    /// stack as well as in a queue; [`Mode::Create`] is refused.
    pub(super) fn push(&mut self, value: &[u8], mode: Mode) -> Result<(), Errno> {
        if mode == Mode::Create {
            return Err(Errno::Invalid);
        }
        if self.len >= self.max_entries {
            if mode != Mode::Replace {
                return Err(Errno::TooBig);
            }
            self.drop_oldest();
        }
        let slot = self.slot(self.len);
        let place = self.values.get_mut(slot).ok_or(Errno::TooBig)?;
        place.copy_from_slice(value);
        self.len = self.len.saturating_add(1);
        Ok(())
    }

    /// The value that comes out next.
    pub(super) fn peek(&self) -> Result<&[u8], Errno> {
        let slot = self.next_slot().ok_or(Errno::NoEntry)?;
        self.values.get(slot).ok_or(Errno::NoEntry)
    }

    /// The same; it is taken out if `remove` says so.
    pub(super) fn next_value(&mut self, remove: bool) -> Result<&[u8], Errno> {
        let slot = self.next_slot().ok_or(Errno::NoEntry)?;
        match (remove, self.is_stack) {
            (true, true) => self.len = self.len.saturating_sub(1),
            (true, false) => self.drop_oldest(),
            (false, _) => {}
        }
        self.values.get(slot).ok_or(Errno::NoEntry)
    }

    /// The values in the order in which they come out.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len).filter_map(|number| {
            let position = if self.is_stack {
                self.len.checked_sub(number)?.checked_sub(1)?
            } else {
                number
            };
            self.values.get(self.slot(position))
        })
    }

    fn next_slot(&self) -> Option<u32> {
        let last = self.len.checked_sub(1)?;
        Some(self.slot(if self.is_stack { last } else { 0 }))
    }

    fn drop_oldest(&mut self) {
        if self.len > 0 {
            self.oldest = self.slot(1);
            self.len = self.len.saturating_sub(1);
        }
    }

    /// The slot of the value that was pushed after so many others; `max_entries` is at most 2^20.
    fn slot(&self, position: u32) -> u32 {
        let slot = self.oldest.wrapping_add(position);
        if slot < self.max_entries {
            slot
        } else {
            slot.wrapping_sub(self.max_entries)
        }
    }
}
