//! `BPF_MAP_TYPE_HASH`, `BPF_MAP_TYPE_PERCPU_HASH` and `BPF_MAP_TYPE_LRU_HASH`: a hash table that
//! allocates once.
//!
//! Keys and values lie in slots; an index of slot numbers finds them. The index has at least twice
//! as many places as there are slots in use, is searched linearly, and closes the gap that a
//! deletion leaves at once, so that it needs no rebuilding: an operation takes as long in the
//! millionth packet as in the first. The hash is SipHash-1-3 under a secret, so that whoever sends
//! packets cannot choose keys that collide.
//!
//! A table that evicts gives up the entry that was used longest ago when it is full: exactly that
//! one, where Linux takes one of those (`kernel/bpf/bpf_lru_list.c`).

use alloc::vec::Vec;

use bpf_object::MapDef;
use platform_click::MapKind;
use siphasher::sip::SipHasher13;

use super::recency::Recency;
use super::{Errno, Mode, Values, filled};
use crate::number::{index, low32, wide};
use crate::object_bytes::Source;

/// Slots beyond `max_entries`, at most: so many entries of a full map can be deleted and created
/// anew in one run, although the memory of those deleted is kept until the next run begins.
const MAX_SPARE_SLOTS: u32 = 64;

/// A place of the index without a slot.
const VACANT: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct HashMap {
    secret: [u64; 2],
    max_entries: u32,
    len: u32,
    key_size: usize,
    keys: Vec<u8>,
    values: Values,
    /// By slot: what is in it, and the hash of its key.
    slots: Vec<Slot>,
    /// Slot numbers by hash; a power of two of places.
    places: Vec<u32>,
    /// Slots ready for use.
    free: Vec<u32>,
    /// Slots deleted in this run.
    retired: Vec<u32>,
    /// Live slots by their last use, in a table that evicts.
    recency: Option<Recency>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    Live { hash: u32 },
    Retired,
}

impl HashMap {
    pub(super) fn new(definition: &MapDef, secret: [u64; 2], source: Source<'_>) -> Option<Self> {
        let count = slot_count(definition);
        let key_size = index(definition.key_size);
        let mut free = Vec::new();
        free.try_reserve_exact(index(count)).ok()?;
        free.extend((0..count).rev());
        let mut retired = Vec::new();
        retired.try_reserve_exact(index(count)).ok()?;
        Some(Self {
            secret,
            max_entries: definition.max_entries,
            len: 0,
            key_size,
            keys: filled(index(count).checked_mul(key_size)?, 0)?,
            values: Values::new(count, definition.value_size, source)?,
            slots: filled(index(count), Slot::Free)?,
            places: filled(index(place_count(definition)), VACANT)?,
            free,
            retired,
            recency: match evicts(definition) {
                true => Some(Recency::new(count)?),
                false => None,
            },
        })
    }

    pub(super) fn footprint(definition: &MapDef) -> u64 {
        let recency = if evicts(definition) { Recency::LINK } else { 0 };
        let slot = size_of::<Slot>()
            .saturating_add(recency)
            .saturating_add(size_of::<u32>().saturating_mul(2))
            .saturating_add(Values::stride(definition.value_size))
            .saturating_add(index(definition.key_size));
        let slots = u64::from(slot_count(definition)).saturating_mul(wide(slot));
        let places = u64::from(place_count(definition)).saturating_mul(wide(size_of::<u32>()));
        slots.saturating_add(places)
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = self.hash(key);
        self.search(key, hash).map(|(_, slot)| slot)
    }

    /// [`Self::find`] by a program, which counts as a use.
    pub(super) fn find_and_use(&mut self, key: &[u8]) -> Option<u32> {
        let slot = self.find(key)?;
        self.used(slot);
        Some(slot)
    }

    /// The value of a key whose size the compiler knows, which makes the search twice as fast; nothing
    /// if the map's keys have another.
    #[inline]
    pub(super) fn use_value_of<const SIZE: usize>(
        &mut self,
        key: &[u8; SIZE],
    ) -> Option<&mut [u8]> {
        if self.key_size != SIZE {
            return None;
        }
        let hash = self.hash(key);
        let (keys, _) = self.keys.as_chunks::<SIZE>();
        let is_key = |slot| keys.get(index(slot)) == Some(key);
        let (_, slot) = self.search_for(hash, is_key)?;
        self.used(slot);
        self.values.get_mut(slot)
    }

    pub(super) fn update(&mut self, key: &[u8], value: &[u8], mode: Mode) -> Result<(), Errno> {
        let hash = self.hash(key);
        let found = self.search(key, hash);
        match (mode, found) {
            (Mode::Create, Some(_)) => Err(Errno::Exists),
            (Mode::Replace, None) => Err(Errno::NoEntry),
            (_, Some((_, slot))) => {
                self.write_value(slot, value);
                self.used(slot);
                Ok(())
            }
            (_, None) => self.insert(key, hash, value),
        }
    }

    pub(super) fn delete(&mut self, key: &[u8]) -> Result<(), Errno> {
        let (place, slot) = self.search(key, self.hash(key)).ok_or(Errno::NoEntry)?;
        self.retire(place, slot);
        Ok(())
    }

    /// Takes the entry in `slot`, to which `place` leads, out of the table.
    fn retire(&mut self, place: usize, slot: u32) {
        self.close_gap(place);
        self.set_slot(slot, Slot::Retired);
        if let Some(recency) = &mut self.recency {
            recency.remove(slot);
        }
        // Reserved for every slot when the map was made.
        self.retired.push(slot);
        self.len = self.len.saturating_sub(1);
    }

    /// Gives up the entry that was used longest ago; nothing in a table that does not evict.
    fn evict(&mut self) -> Option<()> {
        let slot = self.recency.as_ref()?.oldest()?;
        let Slot::Live { hash } = self.slot(slot) else {
            return None;
        };
        let mut place = self.home(hash);
        while self.place(place) != slot {
            if self.place(place) == VACANT {
                return None;
            }
            place = self.next(place);
        }
        self.retire(place, slot);
        Some(())
    }

    fn used(&mut self, slot: u32) {
        if let Some(recency) = &mut self.recency {
            recency.touch(slot);
        }
    }

    pub(super) fn release_retired(&mut self) {
        while let Some(slot) = self.retired.pop() {
            self.set_slot(slot, Slot::Free);
            self.free.push(slot);
        }
    }

    pub(super) fn values(&self) -> &[u8] {
        self.values.all()
    }

    pub(super) fn value(&self, slot: u32) -> Option<&[u8]> {
        (self.slot(slot) != Slot::Free)
            .then(|| self.values.get(slot))
            .flatten()
    }

    pub(super) fn value_mut(&mut self, slot: u32) -> Option<&mut [u8]> {
        (self.slot(slot) != Slot::Free)
            .then(|| self.values.get_mut(slot))
            .flatten()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let live = |slot: &u32| matches!(self.slot(*slot), Slot::Live { .. });
        (0..slot_number(self.slots.len()))
            .filter(live)
            .filter_map(|slot| Some((self.key(slot)?, self.values.get(slot)?)))
    }

    fn insert(&mut self, key: &[u8], hash: u32, value: &[u8]) -> Result<(), Errno> {
        let slot = self.take_slot()?;
        let start = index(slot).saturating_mul(self.key_size);
        if let Some(place) = self
            .keys
            .get_mut(start..start.saturating_add(self.key_size))
        {
            place.copy_from_slice(key);
        }
        self.write_value(slot, value);
        self.set_slot(slot, Slot::Live { hash });
        let mut place = self.home(hash);
        while self.place(place) != VACANT {
            place = self.next(place);
        }
        self.set_place(place, slot);
        self.len = self.len.saturating_add(1);
        if let Some(recency) = &mut self.recency {
            recency.push(slot);
        }
        Ok(())
    }

    /// A slot for a new entry. While all slots that are not in use were deleted in this run there is
    /// none, and nothing is evicted for it.
    fn take_slot(&mut self) -> Result<u32, Errno> {
        let full = self.len >= self.max_entries;
        match (full, self.recency.is_some()) {
            (true, false) => return Err(Errno::TooBig),
            (_, false) if self.free.is_empty() => return Err(Errno::TooBig),
            (_, true) if self.free.is_empty() => return Err(Errno::NoMemory),
            (true, true) => self.evict().ok_or(Errno::NoMemory)?,
            (false, _) => {}
        }
        self.free.pop().ok_or(Errno::NoMemory)
    }

    /// The place and the slot of `key`.
    fn search(&self, key: &[u8], hash: u32) -> Option<(usize, u32)> {
        self.search_for(hash, |slot| self.key(slot) == Some(key))
    }

    /// The place and the slot of the key that `is_key` knows. Ends, since at least half of the places
    /// are vacant.
    #[inline]
    fn search_for(&self, hash: u32, is_key: impl Fn(u32) -> bool) -> Option<(usize, u32)> {
        let mut place = self.home(hash);
        loop {
            let slot = self.place(place);
            if slot == VACANT {
                return None;
            }
            if self.slot(slot) == (Slot::Live { hash }) && is_key(slot) {
                return Some((place, slot));
            }
            place = self.next(place);
        }
    }

    /// Empties a place, and moves those behind it forward that a search would no longer reach
    /// (Knuth, The Art of Computer Programming 3, 6.4, algorithm R).
    fn close_gap(&mut self, mut gap: usize) {
        let mut place = gap;
        loop {
            place = self.next(place);
            let slot = self.place(place);
            if slot == VACANT {
                break;
            }
            let Slot::Live { hash } = self.slot(slot) else {
                break;
            };
            let from_home = self.distance(self.home(hash), place);
            if from_home >= self.distance(gap, place) {
                self.set_place(gap, slot);
                gap = place;
            }
        }
        self.set_place(gap, VACANT);
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u32 {
        let [k0, k1] = self.secret;
        low32(SipHasher13::new_with_keys(k0, k1).hash(key))
    }

    fn mask(&self) -> usize {
        self.places.len().saturating_sub(1)
    }

    fn home(&self, hash: u32) -> usize {
        index(hash) & self.mask()
    }

    fn next(&self, place: usize) -> usize {
        place.wrapping_add(1) & self.mask()
    }

    /// Steps from one place to another.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.mask()
    }

    fn place(&self, place: usize) -> u32 {
        self.places.get(place).copied().unwrap_or(VACANT)
    }

    fn set_place(&mut self, place: usize, slot: u32) {
        if let Some(entry) = self.places.get_mut(place) {
            *entry = slot;
        }
    }

    fn slot(&self, slot: u32) -> Slot {
        self.slots.get(index(slot)).copied().unwrap_or(Slot::Free)
    }

    fn set_slot(&mut self, slot: u32, state: Slot) {
        if let Some(entry) = self.slots.get_mut(index(slot)) {
            *entry = state;
        }
    }

    fn key(&self, slot: u32) -> Option<&[u8]> {
        let start = index(slot).checked_mul(self.key_size)?;
        self.keys.get(start..start.checked_add(self.key_size)?)
    }

    fn write_value(&mut self, slot: u32, value: &[u8]) {
        if let Some(place) = self.values.get_mut(slot) {
            place.copy_from_slice(value);
        }
    }
}

fn evicts(definition: &MapDef) -> bool {
    definition.kind == MapKind::LruHash
}

/// `max_entries` was bounded by the platform's limit of 2^20.
fn slot_count(definition: &MapDef) -> u32 {
    let spare = definition.max_entries.min(MAX_SPARE_SLOTS);
    definition.max_entries.saturating_add(spare)
}

fn place_count(definition: &MapDef) -> u32 {
    definition
        .max_entries
        .saturating_mul(2)
        .checked_next_power_of_two()
        .unwrap_or(1 << 31)
}

fn slot_number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A search that knows the size of keys finds what every other does.
    fn agrees<const SIZE: usize>(keys: impl Fn(u32) -> [u8; SIZE]) {
        for kind in [MapKind::Hash, MapKind::LruHash] {
            let definition = MapDef {
                name: "m".into(),
                kind,
                key_size: u32::try_from(SIZE).unwrap(),
                value_size: 4,
                max_entries: 64,
            };
            let mut map = HashMap::new(&definition, [3, 4], None).unwrap();
            for number in 0_u32..64 {
                let value = number.to_le_bytes();
                map.update(&keys(number), &value, Mode::Any).unwrap();
            }
            for number in (0..64).step_by(3) {
                map.delete(&keys(number)).unwrap();
            }
            for number in 0..80 {
                let key = keys(number);
                let slot = map.find(&key);
                let value = slot.and_then(|slot| map.value(slot)).map(<[u8]>::to_vec);
                assert_eq!(value.is_some(), number < 64 && number % 3 != 0);
                let found = map.use_value_of(&key).map(|value| value.to_vec());
                assert_eq!(found, value);
            }
            assert_eq!(map.use_value_of(&[0; 1]), None);
        }
    }

    #[test]
    fn searches_for_keys_of_known_size_agree_with_others() {
        agrees(|number| number.to_le_bytes());
        agrees(|number| {
            u64::from(number)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_le_bytes()
        });
        agrees(|number| u128::from(number).wrapping_shl(64).to_le_bytes());
    }

    /// A program's use counts, whatever finds the entry.
    #[test]
    fn a_search_for_a_key_of_known_size_is_a_use() {
        let definition = MapDef {
            name: "m".into(),
            kind: MapKind::LruHash,
            key_size: 4,
            value_size: 4,
            max_entries: 2,
        };
        let mut map = HashMap::new(&definition, [3, 4], None).unwrap();
        let key = |number: u32| number.to_le_bytes();
        for number in [1, 2] {
            map.update(&key(number), &[0; 4], Mode::Any).unwrap();
        }
        assert!(map.use_value_of(&key(1)).is_some());
        map.update(&key(3), &[0; 4], Mode::Any).unwrap();
        let left = [1, 2, 3].map(|number| map.find(&key(number)).is_some());
        assert_eq!(left, [true, false, true]);
    }
}
