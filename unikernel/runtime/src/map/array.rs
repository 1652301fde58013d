//! `BPF_MAP_TYPE_ARRAY`: zero-initialised values by 32-bit index.

use bpf_object::MapDef;

use super::{Errno, Mode, Values};
use crate::number::wide;
use crate::object_bytes::Source;

#[derive(Debug)]
pub(super) struct ArrayMap {
    pub(super) values: Values,
    max_entries: u32,
}

impl ArrayMap {
    pub(super) fn new(definition: &MapDef, source: Source<'_>) -> Option<Self> {
        Some(Self {
            values: Values::new(definition.max_entries, definition.value_size, source)?,
            max_entries: definition.max_entries,
        })
    }

    pub(super) fn footprint(definition: &MapDef) -> u64 {
        wide(Values::stride(definition.value_size))
            .saturating_mul(u64::from(definition.max_entries))
    }

    /// A key that is not 4 bytes long has no value; neither has an index out of range.
    pub(super) fn find(&self, key: &[u8]) -> Option<u32> {
        let index = u32::from_le_bytes(key.try_into().ok()?);
        (index < self.max_entries).then_some(index)
    }

    /// Every index in range exists, so that only create is refused.
    pub(super) fn update(&mut self, key: &[u8], value: &[u8], mode: Mode) -> Result<(), Errno> {
        let slot = self.find(key).ok_or(Errno::TooBig)?;
        if mode == Mode::Create {
            return Err(Errno::Exists);
        }
        let place = self.values.get_mut(slot).ok_or(Errno::TooBig)?;
        place.copy_from_slice(value);
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        (0..self.max_entries).filter_map(|index| Some((index, self.values.get(index)?)))
    }
}
