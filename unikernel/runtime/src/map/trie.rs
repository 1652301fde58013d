//! `BPF_MAP_TYPE_LPM_TRIE`: values by prefix; a lookup finds the longest prefix of its key.
//!
//! A key is the length of a prefix in bits (32 bits, the machine's byte order) and then the data, most
//! significant bit first. Prefixes lie in a hash table, and a lookup asks it for each length that
//! some prefix has, longest first: 33 lengths for IPv4, 129 for IPv6. Bits of the data behind the
//! prefix do not matter, and are zero in what iteration gives; Linux gives them back as they were.

use alloc::vec::Vec;

use bpf_object::MapDef;
use platform_click::limits::MAX_LPM_KEY_SIZE;

use super::hash::HashMap;
use super::{Errno, Mode, filled};
use crate::number::{index, wide};
use crate::object_bytes::Source;

/// Bytes of a prefix length.
const LENGTH: usize = 4;

/// Bytes of the largest key.
const MAX_KEY: usize = index(MAX_LPM_KEY_SIZE);

#[derive(Debug)]
pub(super) struct Trie {
    /// By key, with zeros behind the prefix.
    pub(super) prefixes: HashMap,
    /// How many prefixes have this length in bits.
    lengths: Vec<u32>,
}

impl Trie {
    pub(super) fn new(definition: &MapDef, secret: [u64; 2], source: Source<'_>) -> Option<Self> {
        Some(Self {
            prefixes: HashMap::new(definition, secret, source)?,
            lengths: filled(length_count(definition), 0)?,
        })
    }

    pub(super) fn footprint(definition: &MapDef) -> u64 {
        let lengths = length_count(definition).saturating_mul(size_of::<u32>());
        HashMap::footprint(definition).saturating_add(wide(lengths))
    }

    /// The longest prefix of `key`, and not longer than the key says that it is itself.
    pub(super) fn find(&self, key: &[u8]) -> Option<u32> {
        let mut prefix = Prefix::new(key, self.longest())?;
        (0..=prefix.length).rev().find_map(|length| {
            if self
                .lengths
                .get(index(length))
                .is_none_or(|count| *count == 0)
            {
                return None;
            }
            prefix.cut(length);
            self.prefixes.find(prefix.bytes())
        })
    }

    pub(super) fn update(&mut self, key: &[u8], value: &[u8], mode: Mode) -> Result<(), Errno> {
        let prefix = Prefix::new(key, self.longest()).ok_or(Errno::Invalid)?;
        let before = self.prefixes.len();
        let done = self.prefixes.update(prefix.bytes(), value, mode);
        if self.prefixes.len() > before {
            self.count(prefix.length, 1);
        }
        done.map_err(|errno| match errno {
            Errno::TooBig => Errno::NoSpace,
            other => other,
        })
    }

    pub(super) fn delete(&mut self, key: &[u8]) -> Result<(), Errno> {
        let prefix = Prefix::new(key, self.longest()).ok_or(Errno::Invalid)?;
        self.prefixes.delete(prefix.bytes())?;
        self.count(prefix.length, -1);
        Ok(())
    }

    /// Bits of the longest prefix that a key can have.
    fn longest(&self) -> usize {
        self.lengths.len().saturating_sub(1)
    }

    fn count(&mut self, length: u32, change: i32) {
        if let Some(count) = self.lengths.get_mut(index(length)) {
            *count = count.saturating_add_signed(change);
        }
    }
}

/// Lengths from zero to all bits of the data.
fn length_count(definition: &MapDef) -> usize {
    let data = index(definition.key_size).saturating_sub(LENGTH);
    data.saturating_mul(8).saturating_add(1)
}

/// A key with zeros behind its prefix.
struct Prefix {
    length: u32,
    key: [u8; MAX_KEY],
    size: usize,
}

impl Prefix {
    /// The prefix that `key` names, unless it is longer than `longest`.
    fn new(key: &[u8], longest: usize) -> Option<Self> {
        let (length, data) = key.split_first_chunk::<LENGTH>()?;
        let length = u32::from_le_bytes(*length);
        if index(length) > longest {
            return None;
        }
        let mut prefix = Self {
            length,
            key: [0; MAX_KEY],
            size: key.len(),
        };
        prefix.key.get_mut(LENGTH..key.len())?.copy_from_slice(data);
        prefix.cut(length);
        Some(prefix)
    }

    /// Keeps the first `length` bits of the prefix, which has at least as many.
    fn cut(&mut self, length: u32) {
        self.length = length;
        let (head, data) = self.key.split_at_mut(LENGTH);
        head.copy_from_slice(&length.to_le_bytes());
        let whole = index(length / 8);
        if let Some(part) = data.get_mut(whole) {
            *part &= !(u8::MAX >> (length % 8));
        }
        let end = self.size.saturating_sub(LENGTH);
        if let Some(rest) = data.get_mut(whole.saturating_add(1)..end) {
            rest.fill(0);
        }
    }

    fn bytes(&self) -> &[u8] {
        self.key.get(..self.size).unwrap_or_default()
    }
}
