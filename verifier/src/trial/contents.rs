//! What maps hold when a program runs: nothing, what it looks up, everything, and what an enemy
//! leaves.

use bpf_object::{Image, MapDef};
use platform_click::MapKind;

use super::grammar::Numbers;
use super::random::Random;
use crate::scenario::{Entry, Lookup};

/// Entries that are put into one map at a time, unless it is filled.
const FEW: usize = 4;

/// Entries up to which a map is filled; a larger one is not full, but has many.
const MANY: u32 = 64;

/// What maps of a new instance hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    Empty,
    /// A few entries of every kind.
    Few,
    /// Every key of a small map, with values at the bounds of numbers.
    Full,
    /// Values that look like addresses, large negative numbers, lengths.
    Hostile,
}

impl Contents {
    /// Those of the instance with this number: one after the other.
    pub(super) const fn of_instance(number: u32) -> Self {
        match number % 4 {
            0 => Self::Empty,
            1 => Self::Few,
            2 => Self::Hostile,
            _ => Self::Full,
        }
    }
}

/// The entries that maps have at the beginning.
pub(super) fn first(
    image: &Image,
    contents: Contents,
    random: &mut Random,
    numbers: &Numbers,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (map, definition) in (0..).zip(image.maps()) {
        let count = match contents {
            Contents::Empty => 0,
            Contents::Few | Contents::Hostile => FEW,
            Contents::Full => usize::try_from(definition.max_entries.min(MANY)).unwrap_or(0),
        };
        for number in 0..count {
            let key = match contents {
                Contents::Full => counted(definition, number),
                _ => key(definition, random, numbers),
            };
            let value = match contents {
                Contents::Few => value(definition, random, numbers),
                _ => hostile(definition, random),
            };
            entries.push(Entry { map, key, value });
        }
    }
    entries
}

/// An entry under a key that the program looked up, or under another.
pub(super) fn another(
    image: &Image,
    lookups: &[Lookup],
    random: &mut Random,
    numbers: &Numbers,
) -> Option<Entry> {
    let at = random.below(lookups.len());
    let (map, looked_up) = match lookups.get(at) {
        Some((map, key)) if random.chance(80) => (*map, Some(key.clone())),
        _ => {
            let map = random.below(image.maps().len());
            (u32::try_from(map).ok()?, None)
        }
    };
    let definition = image.maps().get(usize::try_from(map).ok()?)?;
    let key = looked_up.unwrap_or_else(|| key(definition, random, numbers));
    let value = match random.below(3) {
        0 => hostile(definition, random),
        _ => value(definition, random, numbers),
    };
    Some(Entry { map, key, value })
}

/// A value for a key that the program looks up, in which it finds this number somewhere.
pub(super) fn holding(
    image: &Image,
    lookups: &[Lookup],
    number: u64,
    random: &mut Random,
) -> Option<Entry> {
    let (map, key) = lookups.get(random.below(lookups.len()))?;
    let definition = image.maps().get(usize::try_from(*map).ok()?)?;
    let mut value = zeros(definition.value_size);
    let size = random.pick(&[8_usize, 4, 2, 1])?.min(value.len());
    let at = random.below(value.len()).next_multiple_of(size.max(1));
    let at = at.saturating_sub(size);
    put(&mut value, at, number, size);
    Some(Entry {
        map: *map,
        key: key.clone(),
        value,
    })
}

/// A key: a small number, one of the program's, or anything.
fn key(definition: &MapDef, random: &mut Random, numbers: &Numbers) -> Vec<u8> {
    let mut key = zeros(definition.key_size);
    let size = key.len().min(8);
    match random.below(3) {
        0 => random.fill(&mut key),
        1 => put(&mut key, 0, numbers.draw(random), size),
        _ => {
            let below = usize::try_from(definition.max_entries).unwrap_or(usize::MAX);
            let number = u64::try_from(random.below(below)).unwrap_or(0);
            put(&mut key, 0, number, size);
        }
    }
    if definition.kind == MapKind::LpmTrie {
        prefix_length(&mut key, random);
    }
    key
}

/// Makes a key of a trie one that is not longer than its data.
fn prefix_length(key: &mut [u8], random: &mut Random) {
    let bits = key.len().saturating_sub(4).saturating_mul(8);
    let length = random.below(bits.saturating_add(1));
    put(key, 0, u64::try_from(length).unwrap_or(0), 4);
}

/// The key with this number.
fn counted(definition: &MapDef, number: usize) -> Vec<u8> {
    let mut key = zeros(definition.key_size);
    let size = key.len().min(8);
    put(&mut key, 0, u64::try_from(number).unwrap_or(0), size);
    key
}

/// Zeros, ones, numbers of the program, or anything.
fn value(definition: &MapDef, random: &mut Random, numbers: &Numbers) -> Vec<u8> {
    let mut value = zeros(definition.value_size);
    match random.below(4) {
        0 => {}
        1 => value.fill(0xff),
        2 => {
            for _ in 0..FEW {
                let size = random.pick(&[1, 2, 4, 8]).unwrap_or(1);
                let at = random.below(value.len().min(256));
                put(&mut value, at, numbers.draw(random), size);
            }
        }
        _ => random.fill(&mut value),
    }
    value
}

/// What an enemy, or a program that was there before, leaves behind: bounds of numbers, addresses of
/// kernels and of users, lengths of packets, all in every word.
fn hostile(definition: &MapDef, random: &mut Random) -> Vec<u8> {
    const WORDS: [u64; 12] = [
        u64::MAX,
        0x8000_0000_0000_0000,
        0x7fff_ffff_ffff_ffff,
        0x8000_0000_8000_0000,
        0x7fff_ffff_7fff_ffff,
        0xffff_ffff,
        0xffff_8880_0000_1000,
        0x0000_7f00_0000_1000,
        0x0101_0101_0101_0101,
        65_535,
        1,
        0,
    ];
    let word = random.pick(&WORDS).unwrap_or(u64::MAX).to_le_bytes();
    let mut value = zeros(definition.value_size);
    for chunk in value.chunks_mut(8) {
        chunk.copy_from_slice(word.get(..chunk.len()).unwrap_or_default());
    }
    value
}

fn zeros(size: u32) -> Vec<u8> {
    vec![0; usize::try_from(size).unwrap_or(0)]
}

/// Writes the lower bytes of a number, little-endian, as far as they fit.
fn put(bytes: &mut [u8], at: usize, number: u64, size: usize) {
    let number = number.to_le_bytes();
    for (place, byte) in bytes.iter_mut().skip(at).zip(number.iter().take(size)) {
        *place = *byte;
    }
}
