//! Maps: key-value stores that outlive the runs of a program, with the semantics of Linux.
//!
//! A map's values are allocated once and never move; a slot number stands for a value's address.
//! During a run, a deleted value's memory is kept until the next run begins, so that a pointer to
//! it stays good, as it does in Linux until the program ends.

mod array;
mod hash;
mod queue;
mod recency;
mod ring;
mod set;
mod trie;

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

use bpf_object::MapDef;
use platform_click::MapKind;

use array::ArrayMap;
use hash::HashMap;
use queue::Queue;
use ring::Ring;
use trie::Trie;

use crate::number::index;
use crate::object_bytes::{ObjectBytes, Source};

pub use set::{MAX_PROGRAM_MEMORY, Maps, MapsError};

/// Why an operation on a map failed, as Linux numbers it (`include/uapi/asm-generic/errno-base.h`,
/// `include/linux/errno.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Errno {
    /// `ENOENT`: there is no such key, or no value.
    #[error("no such key")]
    NoEntry,
    /// `E2BIG`: the map is full, or the index is out of range.
    #[error("the map is full, or the index is out of range")]
    TooBig,
    /// `EAGAIN`: the ring buffer has no room for the record.
    #[error("the ring buffer has no room for the record")]
    TryAgain,
    /// `ENOMEM`: so many entries were evicted in this run that there is no memory for another.
    #[error("all memory for new entries was used in this run")]
    NoMemory,
    /// `EEXIST`: the key exists.
    #[error("the key exists")]
    Exists,
    /// `EINVAL`: unknown flags, a key or value of the wrong size, or a map that cannot do this.
    #[error("invalid flags, size or operation")]
    Invalid,
    /// `ENOSPC`: the trie is full.
    #[error("the trie is full")]
    NoSpace,
    /// `ENOTSUPP`: a ring buffer has no keys.
    #[error("the map has no keys")]
    Unsupported,
}

impl Errno {
    /// Its number in Linux, positive.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::NoEntry => 2,
            Self::TooBig => 7,
            Self::TryAgain => 11,
            Self::NoMemory => 12,
            Self::Exists => 17,
            Self::Invalid => 22,
            Self::NoSpace => 28,
            Self::Unsupported => 524,
        }
    }

    /// What a helper leaves in `r0`: the negative number in 64 bits.
    #[must_use]
    pub fn returned(self) -> u64 {
        i64::from(self.number()).wrapping_neg().cast_unsigned()
    }
}

/// What an update does with keys that exist, and with those that do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// `BPF_ANY`.
    Any,
    /// `BPF_NOEXIST`.
    Create,
    /// `BPF_EXIST`.
    Replace,
}

impl Mode {
    /// Linux refuses every other flag for these kinds of map.
    const fn from_flags(flags: u64) -> Result<Self, Errno> {
        match flags {
            0 => Ok(Self::Any),
            1 => Ok(Self::Create),
            2 => Ok(Self::Replace),
            _ => Err(Errno::Invalid),
        }
    }
}

/// One map.
///
/// The public operations are those of a control plane: they run between runs of the program, take
/// keys and values of exactly the map's sizes, and answer as the system call `bpf` does in Linux.
#[derive(Debug)]
pub struct Map {
    definition: MapDef,
    storage: Storage,
}

#[derive(Debug)]
enum Storage {
    /// Also one that evicts, or holds a value for each CPU.
    Hash(HashMap),
    Array(ArrayMap),
    Trie(Trie),
    Queue(Queue),
    Ring(Ring),
}

impl Map {
    /// CPUs that run programs, numbered from 0: one, so that a per-CPU map holds one value per key.
    pub const CPUS: u32 = 1;

    /// An empty map; `None` when there is no memory. `secret` keys the hash.
    fn new(definition: &MapDef, secret: [u64; 2], source: Source<'_>) -> Option<Self> {
        const { assert!(Self::CPUS == 1) };
        let storage = match definition.kind {
            MapKind::Hash | MapKind::PercpuHash | MapKind::LruHash => {
                Storage::Hash(HashMap::new(definition, secret, source)?)
            }
            MapKind::Array | MapKind::PercpuArray => {
                Storage::Array(ArrayMap::new(definition, source)?)
            }
            MapKind::LpmTrie => Storage::Trie(Trie::new(definition, secret, source)?),
            MapKind::Queue | MapKind::Stack => Storage::Queue(Queue::new(definition)?),
            MapKind::RingBuffer => Storage::Ring(Ring::new(definition)?),
        };
        Some(Self {
            definition: definition.clone(),
            storage,
        })
    }

    /// Bytes that a map of this definition allocates, indices included, but for the few that align
    /// its values.
    fn footprint(definition: &MapDef) -> u64 {
        match definition.kind {
            MapKind::Hash | MapKind::PercpuHash | MapKind::LruHash => {
                HashMap::footprint(definition)
            }
            MapKind::Array | MapKind::PercpuArray => ArrayMap::footprint(definition),
            MapKind::LpmTrie => Trie::footprint(definition),
            MapKind::Queue | MapKind::Stack => Queue::footprint(definition),
            MapKind::RingBuffer => Ring::footprint(definition),
        }
    }

    /// Its name and shape.
    #[must_use]
    pub const fn definition(&self) -> &MapDef {
        &self.definition
    }

    /// Number of entries, values or records; an array always has all of its entries.
    #[must_use]
    pub const fn len(&self) -> u32 {
        match &self.storage {
            Storage::Hash(map) => map.len(),
            Storage::Array(_) => self.definition.max_entries,
            Storage::Trie(map) => map.prefixes.len(),
            Storage::Queue(map) => map.len(),
            Storage::Ring(map) => map.len(),
        }
    }

    /// Whether it has no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `key`; of a per-CPU map, that of CPU 0. A queue or stack has an empty key, and
    /// its value is the one that comes out next. A lookup by the control plane is no use that an
    /// LRU hash would remember.
    ///
    /// # Errors
    /// [`Errno::NoEntry`]; [`Errno::Invalid`] for a key of another size; [`Errno::Unsupported`] for a
    /// ring buffer.
    pub fn lookup(&self, key: &[u8]) -> Result<&[u8], Errno> {
        self.lookup_on(0, key)
    }

    /// The value of `key` on a CPU below [`Self::CPUS`]; the same on each, unless the map is a
    /// per-CPU map.
    ///
    /// # Errors
    /// As [`Self::lookup`]; [`Errno::Invalid`] for another CPU.
    pub fn lookup_on(&self, cpu: u32, key: &[u8]) -> Result<&[u8], Errno> {
        if cpu >= Self::CPUS {
            return Err(Errno::Invalid);
        }
        self.check_key(key)?;
        match &self.storage {
            Storage::Queue(queue) => queue.peek(),
            Storage::Ring(_) => Err(Errno::Unsupported),
            Storage::Hash(_) | Storage::Array(_) | Storage::Trie(_) => {
                let slot = self.find(key).ok_or(Errno::NoEntry)?;
                self.value(slot).ok_or(Errno::NoEntry)
            }
        }
    }

    /// Sets the value of `key`. `flags`: 0 create or replace, 1 create only, 2 replace only. For a
    /// queue or stack this is [`Self::push`].
    ///
    /// # Errors
    /// [`Errno::Invalid`] for other flags, for a key or value of another size, or a prefix longer
    /// than its data; [`Errno::TooBig`] when the map is full or the index out of range,
    /// [`Errno::NoSpace`] when a trie is full; [`Errno::Exists`]; [`Errno::NoEntry`];
    /// [`Errno::Unsupported`] for a ring buffer.
    pub fn update(&mut self, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        self.check_key(key)?;
        if matches!(self.storage, Storage::Ring(_)) {
            return Err(Errno::Unsupported);
        }
        self.check_value(value)?;
        self.begin_run();
        self.set(key, value, flags)
    }

    /// Deletes `key`.
    ///
    /// # Errors
    /// [`Errno::NoEntry`]; [`Errno::Invalid`] for an array, a queue or a stack, or for a key of
    /// another size; [`Errno::Unsupported`] for a ring buffer.
    pub fn delete(&mut self, key: &[u8]) -> Result<(), Errno> {
        self.check_key(key)?;
        self.begin_run();
        self.remove(key)
    }

    /// Adds a value to a queue or stack. `flags`: 0, or 2 to give up the oldest value when it is
    /// full.
    ///
    /// # Errors
    /// [`Errno::TooBig`] when it is full; [`Errno::Invalid`] for other flags, a value of another
    /// size, or another kind of map.
    pub fn push(&mut self, value: &[u8], flags: u64) -> Result<(), Errno> {
        self.check_value(value)?;
        match &mut self.storage {
            Storage::Queue(queue) => queue.push(value, Mode::from_flags(flags)?),
            _ => Err(Errno::Invalid),
        }
    }

    /// Takes the next value out of a queue or stack.
    ///
    /// # Errors
    /// [`Errno::NoEntry`] when there is none; [`Errno::Invalid`] for another kind of map.
    pub fn pop(&mut self) -> Result<Vec<u8>, Errno> {
        self.next_value(true).map(<[u8]>::to_vec)
    }

    /// Takes the oldest record out of a ring buffer; nothing out of an empty one, or another map.
    pub fn consume(&mut self) -> Option<Vec<u8>> {
        match &mut self.storage {
            Storage::Ring(ring) => ring.consume(),
            _ => None,
        }
    }

    /// Its entries in no particular order; an array's in ascending order. A trie's keys have zeros
    /// behind their prefix. A queue, stack or ring buffer has no keys: see [`Self::records`].
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, &[u8])> {
        let (hash, array) = match &self.storage {
            Storage::Hash(map) => (Some(map.iter()), None),
            Storage::Trie(map) => (Some(map.prefixes.iter()), None),
            Storage::Array(map) => (None, Some(map.iter())),
            Storage::Queue(_) | Storage::Ring(_) => (None, None),
        };
        let hash = hash.into_iter().flatten();
        let array = array.into_iter().flatten();
        hash.map(|(key, value)| (Cow::Borrowed(key), value))
            .chain(array.map(|(index, value)| (Cow::Owned(index.to_le_bytes().to_vec()), value)))
    }

    /// The values of a queue or stack, or the records of a ring buffer, in the order in which they
    /// come out. Nothing of other kinds of map.
    pub fn records(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        let (queue, ring) = match &self.storage {
            Storage::Queue(map) => (Some(map.iter()), None),
            Storage::Ring(map) => (None, Some(map.iter())),
            _ => (None, None),
        };
        let queue = queue.into_iter().flatten().map(Cow::Borrowed);
        queue.chain(ring.into_iter().flatten().map(Cow::Owned))
    }

    fn check_key(&self, key: &[u8]) -> Result<(), Errno> {
        check_size(key, self.definition.key_size)
    }

    fn check_value(&self, value: &[u8]) -> Result<(), Errno> {
        check_size(value, self.definition.value_size)
    }

    /// Memory of values that were deleted before may be used again from here on.
    pub(crate) fn begin_run(&mut self) {
        match &mut self.storage {
            Storage::Hash(map) => map.release_retired(),
            Storage::Trie(map) => map.prefixes.release_retired(),
            Storage::Array(_) | Storage::Queue(_) | Storage::Ring(_) => {}
        }
    }

    /// The slot of `key`, which has the map's key size.
    fn find(&self, key: &[u8]) -> Option<u32> {
        match &self.storage {
            Storage::Hash(map) => map.find(key),
            Storage::Array(map) => map.find(key),
            Storage::Trie(map) => map.find(key),
            Storage::Queue(_) | Storage::Ring(_) => None,
        }
    }

    /// The slot of `key`, which has the map's key size, for a program: an LRU hash remembers that it
    /// was used.
    pub(crate) fn find_and_use(&mut self, key: &[u8]) -> Option<u32> {
        match &mut self.storage {
            Storage::Hash(map) => map.find_and_use(key),
            _ => self.find(key),
        }
    }

    /// The value of a key of this size in a hash map, for a program, as [`Self::find_and_use`];
    /// nothing in other maps.
    #[inline]
    pub(crate) fn use_value_of<const SIZE: usize>(
        &mut self,
        key: &[u8; SIZE],
    ) -> Option<&mut [u8]> {
        match &mut self.storage {
            Storage::Hash(map) => map.use_value_of(key),
            _ => None,
        }
    }

    /// [`Self::update`] during a run, with a key and a value of the map's sizes.
    pub(crate) fn set(&mut self, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        let mode = Mode::from_flags(flags)?;
        match &mut self.storage {
            Storage::Hash(map) => map.update(key, value, mode),
            Storage::Array(map) => map.update(key, value, mode),
            Storage::Trie(map) => map.update(key, value, mode),
            Storage::Queue(map) => map.push(value, mode),
            Storage::Ring(_) => Err(Errno::Unsupported),
        }
    }

    /// [`Self::delete`] during a run, with a key of the map's size.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Result<(), Errno> {
        match &mut self.storage {
            Storage::Hash(map) => map.delete(key),
            Storage::Trie(map) => map.delete(key),
            Storage::Array(_) | Storage::Queue(_) => Err(Errno::Invalid),
            Storage::Ring(_) => Err(Errno::Unsupported),
        }
    }

    /// The memory of all its values: what a pointer into the map can point to.
    pub(crate) fn values(&self) -> &[u8] {
        match &self.storage {
            Storage::Hash(map) => map.values(),
            Storage::Trie(map) => map.prefixes.values(),
            Storage::Array(map) => map.values.all(),
            Storage::Queue(_) | Storage::Ring(_) => &[],
        }
    }

    /// Where the first value of an array lies; the others follow it, each
    /// [`value_stride`] bytes behind the one before. `None` for other kinds of map.
    pub(crate) fn first_value(&mut self) -> Option<*mut u8> {
        match &mut self.storage {
            Storage::Array(map) => Some(map.values.all_mut().as_mut_ptr()),
            _ => None,
        }
    }

    /// The value that comes out of a queue or stack next; it is taken out if `remove` says so, and
    /// its memory is good until the next push.
    pub(crate) fn next_value(&mut self, remove: bool) -> Result<&[u8], Errno> {
        let Storage::Queue(queue) = &mut self.storage else {
            return Err(Errno::Invalid);
        };
        queue.next_value(remove)
    }

    /// Appends a record to a ring buffer.
    pub(crate) fn output(&mut self, record: &[u8], flags: u64) -> Result<(), Errno> {
        match &mut self.storage {
            Storage::Ring(ring) => ring.output(record, flags),
            _ => Err(Errno::Invalid),
        }
    }

    /// The value in `slot`, if the slot has held one since this run began. Values of queues and
    /// stacks are copied, and no program has a pointer to one.
    pub(crate) fn value(&self, slot: u32) -> Option<&[u8]> {
        match &self.storage {
            Storage::Hash(map) => map.value(slot),
            Storage::Array(map) => map.values.get(slot),
            Storage::Trie(map) => map.prefixes.value(slot),
            Storage::Queue(_) | Storage::Ring(_) => None,
        }
    }

    /// The value in `slot`, to change it in place.
    pub(crate) fn value_mut(&mut self, slot: u32) -> Option<&mut [u8]> {
        match &mut self.storage {
            Storage::Hash(map) => map.value_mut(slot),
            Storage::Array(map) => map.values.get_mut(slot),
            Storage::Trie(map) => map.prefixes.value_mut(slot),
            Storage::Queue(_) | Storage::Ring(_) => None,
        }
    }
}

/// Whether these are flags of a ring buffer's output.
pub(crate) const fn are_output_flags(flags: u64) -> bool {
    flags & !ring::FLAGS == 0
}

fn check_size(bytes: &[u8], size: u32) -> Result<(), Errno> {
    if u32::try_from(bytes.len()) == Ok(size) {
        Ok(())
    } else {
        Err(Errno::Invalid)
    }
}

/// Bytes from one value of an array to the next.
pub(crate) const fn value_stride(value_size: u32) -> usize {
    Values::stride(value_size)
}

/// Values side by side, allocated once: none moves while the map exists. Each starts at an address
/// that is a multiple of 8, as in Linux (`round_up(value_size, 8)` in `kernel/bpf/arraymap.c`), so
/// that atomic operations of machine code are aligned where the verifier proved them to be.
#[derive(Debug)]
struct Values {
    bytes: ObjectBytes,
    count: u32,
    size: usize,
    stride: usize,
}

impl Values {
    /// `count` values of `size` zero bytes; `None` when there is no memory.
    fn new(count: u32, size: u32, source: Source<'_>) -> Option<Self> {
        let stride = Self::stride(size);
        let len = index(count).checked_mul(stride)?;
        Some(Self {
            bytes: ObjectBytes::new(len, source)?,
            count,
            size: index(size),
            stride,
        })
    }

    /// `round_up(size, 8)`; a value has at most 64 KiB.
    const fn stride(size: u32) -> usize {
        index(size).saturating_add(7) & !7
    }

    /// All values, with what lies between them.
    fn all(&self) -> &[u8] {
        &self.bytes
    }

    fn all_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    fn get(&self, slot: u32) -> Option<&[u8]> {
        self.bytes.get(self.range(slot)?)
    }

    fn get_mut(&mut self, slot: u32) -> Option<&mut [u8]> {
        let range = self.range(slot)?;
        self.bytes.get_mut(range)
    }

    fn range(&self, slot: u32) -> Option<Range<usize>> {
        if slot >= self.count {
            return None;
        }
        let start = index(slot).checked_mul(self.stride)?;
        Some(start..start.checked_add(self.size)?)
    }
}

/// A vector of `len` equal items, or nothing where there is no memory for it.
pub(crate) fn filled<T: Clone>(len: usize, item: T) -> Option<Vec<T>> {
    let mut items = Vec::new();
    items.try_reserve_exact(len).ok()?;
    items.resize(len, item);
    Some(items)
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;

    use super::*;

    /// Sizes that are no multiple of 8, and maps of every order of magnitude: an allocation of bytes
    /// starts anywhere.
    #[test]
    fn values_are_aligned_apart_and_stay_where_they_are() {
        for size in [1, 3, 8, 12, 64, 65_536] {
            for count in [1, 2, 100] {
                let mut values = Values::new(count, size, None).unwrap();
                let address = |values: &Values, slot| values.get(slot).unwrap().as_ptr().addr();
                let before: Vec<usize> = (0..count).map(|slot| address(&values, slot)).collect();
                assert!(before.iter().all(|address| address % 8 == 0));
                assert!(before.is_sorted_by(|a, b| a + index(size) <= *b));
                for slot in 0..count {
                    values.get_mut(slot).unwrap().fill(u8::MAX);
                }
                let moved = Box::new(values);
                let after: Vec<usize> = (0..count).map(|slot| address(&moved, slot)).collect();
                assert_eq!(before, after);
                assert_eq!(moved.get(count - 1).unwrap().len(), index(size));
                assert_eq!(moved.get(count), None);
            }
        }
    }
}
