//! `BPF_MAP_TYPE_RINGBUF`: records of any length, from programs to the control plane.
//!
//! As in Linux (`kernel/bpf/ringbuf.c`), a record takes a header of 8 bytes and its own bytes rounded
//! up to 8, and one byte of the buffer always stays free: what fits here fits there.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bpf_object::MapDef;

use super::{Errno, filled};
use crate::number::{index, wide};

/// Bytes before each record (`BPF_RINGBUF_HDR_SZ`), the first four of which hold its length.
const HEADER: u64 = 8;

/// `BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP`: nobody sleeps on a buffer here, so that they change
/// nothing.
pub(super) const FLAGS: u64 = 3;

#[derive(Debug)]
pub(super) struct Ring {
    /// A power of two of bytes.
    bytes: Box<[u8]>,
    /// Bytes written and read since the map was made; their difference is at most the size.
    produced: u64,
    consumed: u64,
    records: u32,
}

impl Ring {
    pub(super) fn new(definition: &MapDef) -> Option<Self> {
        Some(Self {
            bytes: filled(index(definition.max_entries), 0)?.into_boxed_slice(),
            produced: 0,
            consumed: 0,
            records: 0,
        })
    }

    pub(super) fn footprint(definition: &MapDef) -> u64 {
        definition.max_entries.into()
    }

    pub(super) const fn len(&self) -> u32 {
        self.records
    }

    /// Appends a record.
    pub(super) fn output(&mut self, record: &[u8], flags: u64) -> Result<(), Errno> {
        if flags & !FLAGS != 0 {
            return Err(Errno::Invalid);
        }
        let length = u32::try_from(record.len()).map_err(|_| Errno::TryAgain)?;
        let end = self.produced.wrapping_add(occupied(length));
        if end.wrapping_sub(self.consumed) >= wide(self.bytes.len()) {
            return Err(Errno::TryAgain);
        }
        self.write(self.produced, &length.to_le_bytes());
        self.write(self.produced.wrapping_add(HEADER), record);
        self.produced = end;
        self.records = self.records.saturating_add(1);
        Ok(())
    }

    /// Takes the oldest record out.
    pub(super) fn consume(&mut self) -> Option<Vec<u8>> {
        let (record, end) = self.record(self.consumed)?;
        self.consumed = end;
        self.records = self.records.saturating_sub(1);
        Some(record)
    }

    /// The records, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Vec<u8>> {
        let mut position = self.consumed;
        core::iter::from_fn(move || {
            let (record, end) = self.record(position)?;
            position = end;
            Some(record)
        })
    }

    /// The record that starts at a position, and where the next one starts.
    fn record(&self, position: u64) -> Option<(Vec<u8>, u64)> {
        if position == self.produced {
            return None;
        }
        let mut length = [0; 4];
        self.read(position, &mut length);
        let length = u32::from_le_bytes(length);
        let mut record = alloc::vec![0; index(length)];
        self.read(position.wrapping_add(HEADER), &mut record);
        Some((record, position.wrapping_add(occupied(length))))
    }

    fn write(&mut self, position: u64, bytes: &[u8]) {
        let (start, end) = self.parts(position, bytes.len());
        let (first, second) = bytes.split_at_checked(end.len()).unwrap_or((bytes, &[]));
        if let Some(place) = self.bytes.get_mut(end) {
            place.copy_from_slice(first);
        }
        if let Some(place) = self.bytes.get_mut(start) {
            place.copy_from_slice(second);
        }
    }

    fn read(&self, position: u64, bytes: &mut [u8]) {
        let (start, end) = self.parts(position, bytes.len());
        let (first, second) = bytes.split_at_mut(end.len().min(bytes.len()));
        if let Some(place) = self.bytes.get(end) {
            first.copy_from_slice(place);
        }
        if let Some(place) = self.bytes.get(start) {
            second.copy_from_slice(place);
        }
    }

    /// Where `len` bytes from a position on lie: what is at the start of the buffer, because it
    /// did not fit behind the position, and what is behind the position.
    fn parts(
        &self,
        position: u64,
        len: usize,
    ) -> (core::ops::Range<usize>, core::ops::Range<usize>) {
        let size = self.bytes.len();
        let mask = wide(size).saturating_sub(1);
        let from = usize::try_from(position & mask).unwrap_or(0);
        let end = from.saturating_add(len);
        (0..end.saturating_sub(size), from..end.min(size))
    }
}

/// Bytes of the buffer that a record of this length takes.
fn occupied(length: u32) -> u64 {
    u64::from(length).saturating_add(HEADER).next_multiple_of(8)
}
