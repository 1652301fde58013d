//! Kinds of map, and the shapes that they may have.

use core::fmt;

use crate::limits;

/// How programs use a map: which helpers take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapUse {
    /// By keys: lookup, update, delete.
    Keyed,
    /// As a queue or stack of values: push, pop, peek.
    Queue,
    /// As a buffer of records for the control plane: output.
    Ring,
}

/// Defines [`MapKind`] from one list.
macro_rules! kinds {
    ($(
        #[doc = $doc:literal]
        $variant:ident = $number:literal, $name:literal $c:literal, $usage:ident;
    )*) => {
        /// A kind of map; numbers are those of Linux (`enum bpf_map_type`,
        /// `include/uapi/linux/bpf.h`). The runtime matches on it exhaustively: a kind added here does
        /// not build until it is implemented.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum MapKind { $( #[doc = $doc] $variant = $number, )* }

        impl MapKind {
            /// Every kind, in ascending order of its number.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The kind with this Linux number.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $( $number => Some(Self::$variant), )* _ => None }
            }

            /// Its Linux number.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self { $( Self::$variant => $number, )* }
            }

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// Its name in C.
            #[must_use]
            pub const fn c_name(self) -> &'static str {
                match self { $( Self::$variant => $c, )* }
            }

            /// How programs use it.
            #[must_use]
            pub const fn usage(self) -> MapUse {
                match self { $( Self::$variant => MapUse::$usage, )* }
            }

            /// What it is, for the header and the documentation.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $( Self::$variant => $doc, )* }
            }
        }
    };
}

kinds! {
    /// A hash table; `max_entries` slots, allocated once.
    Hash = 1, "hash" "BPF_MAP_TYPE_HASH", Keyed;
    /// An array of zero-initialised values, indexed by a 32-bit number.
    Array = 2, "array" "BPF_MAP_TYPE_ARRAY", Keyed;
    /// A hash table with a value for each CPU.
    PercpuHash = 5, "percpu-hash" "BPF_MAP_TYPE_PERCPU_HASH", Keyed;
    /// An array with a value for each CPU.
    PercpuArray = 6, "percpu-array" "BPF_MAP_TYPE_PERCPU_ARRAY", Keyed;
    /// A hash table that gives up the entry used longest ago when it is full.
    LruHash = 9, "lru-hash" "BPF_MAP_TYPE_LRU_HASH", Keyed;
    /// Values by prefix: a key is a length in bits (`__u32`) and the data; needs `BPF_F_NO_PREALLOC`.
    LpmTrie = 11, "lpm-trie" "BPF_MAP_TYPE_LPM_TRIE", Keyed;
    /// Values without keys, first in first out.
    Queue = 22, "queue" "BPF_MAP_TYPE_QUEUE", Queue;
    /// Values without keys, last in first out.
    Stack = 23, "stack" "BPF_MAP_TYPE_STACK", Queue;
    /// Records for the control plane; `max_entries` is its size in bytes, a power of two from 4096.
    RingBuffer = 27, "ring-buffer" "BPF_MAP_TYPE_RINGBUF", Ring;
}

/// `BPF_F_NO_PREALLOC`.
const NO_PREALLOC: u32 = 1;

/// Bytes of a prefix length, and of the shortest key with it (Linux: `LPM_KEY_SIZE_MIN`).
const MIN_LPM_KEY_SIZE: u32 = 5;

/// A map definition that the platform does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapShapeError {
    /// The key size is not one that the kind has.
    KeySize {
        /// In bytes.
        size: u32,
        /// The smallest.
        least: u32,
        /// The largest.
        greatest: u32,
    },
    /// The value size is not one that the kind has.
    ValueSize {
        /// In bytes.
        size: u32,
        /// The smallest.
        least: u32,
        /// The largest.
        greatest: u32,
    },
    /// The number of entries is zero or too large.
    MaxEntries(u32),
    /// The size of a ring buffer in bytes is not a power of two from 4096.
    RingSize(u32),
    /// Keys and values together would take this many bytes.
    Memory(u64),
}

impl fmt::Display for MapShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeySize {
                size,
                least,
                greatest,
            } => {
                write!(f, "key size {size} is not within {least}..={greatest}")
            }
            Self::ValueSize {
                size,
                least,
                greatest,
            } => {
                write!(f, "value size {size} is not within {least}..={greatest}")
            }
            Self::MaxEntries(count) => {
                write!(
                    f,
                    "max_entries {count} is not within 1..={}",
                    limits::MAX_MAP_ENTRIES
                )
            }
            Self::RingSize(bytes) => {
                write!(
                    f,
                    "max_entries {bytes}, the size of a ring buffer in bytes, is not a power of two from {}",
                    limits::MIN_RING_SIZE
                )
            }
            Self::Memory(bytes) => {
                write!(
                    f,
                    "its {bytes} bytes are more than the {} that a map may take",
                    limits::MAX_MAP_MEMORY
                )
            }
        }
    }
}

impl core::error::Error for MapShapeError {}

impl MapKind {
    /// The `map_flags` that a definition of this kind has, no others: Linux takes a trie only with
    /// `BPF_F_NO_PREALLOC`, and here every map is allocated before the program starts. Since the kind
    /// decides them, they are no part of what is signed.
    #[must_use]
    pub const fn flags(self) -> u32 {
        match self {
            Self::LpmTrie => NO_PREALLOC,
            _ => 0,
        }
    }

    /// Bytes of a key, least and greatest.
    #[must_use]
    pub const fn key_sizes(self) -> (u32, u32) {
        match self {
            Self::Hash | Self::PercpuHash | Self::LruHash => (1, limits::MAX_MAP_KEY_SIZE),
            Self::Array | Self::PercpuArray => (4, 4),
            Self::LpmTrie => (MIN_LPM_KEY_SIZE, limits::MAX_LPM_KEY_SIZE),
            Self::Queue | Self::Stack | Self::RingBuffer => (0, 0),
        }
    }

    /// Bytes of a value, least and greatest.
    #[must_use]
    pub const fn value_sizes(self) -> (u32, u32) {
        match self {
            Self::PercpuHash | Self::PercpuArray => (1, limits::MAX_PERCPU_VALUE_SIZE),
            Self::RingBuffer => (0, 0),
            _ => (1, limits::MAX_MAP_VALUE_SIZE),
        }
    }

    /// Checks the shape of a map of this kind.
    ///
    /// # Errors
    /// The first of key size, value size, entries and total memory that is out of bounds.
    pub fn check_shape(
        self,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
    ) -> Result<(), MapShapeError> {
        let (least, greatest) = self.key_sizes();
        if !(least..=greatest).contains(&key_size) {
            return Err(MapShapeError::KeySize {
                size: key_size,
                least,
                greatest,
            });
        }
        let (least, greatest) = self.value_sizes();
        if !(least..=greatest).contains(&value_size) {
            return Err(MapShapeError::ValueSize {
                size: value_size,
                least,
                greatest,
            });
        }
        let is_ring = self.usage() == MapUse::Ring;
        if is_ring && !(max_entries.is_power_of_two() && max_entries >= limits::MIN_RING_SIZE) {
            return Err(MapShapeError::RingSize(max_entries));
        }
        if !is_ring && !(1..=limits::MAX_MAP_ENTRIES).contains(&max_entries) {
            return Err(MapShapeError::MaxEntries(max_entries));
        }
        // Both sizes and the count were bounded above: the product fits into 64 bits.
        let entry = match is_ring {
            true => 1,
            false => u64::from(key_size).saturating_add(u64::from(value_size)),
        };
        let bytes = entry.saturating_mul(u64::from(max_entries));
        if bytes > limits::MAX_MAP_MEMORY {
            return Err(MapShapeError::Memory(bytes));
        }
        Ok(())
    }
}

impl fmt::Display for MapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MapKind::{
        Array, Hash, LpmTrie, LruHash, PercpuArray, PercpuHash, Queue, RingBuffer, Stack,
    };

    fn key(size: u32, least: u32, greatest: u32) -> Result<(), MapShapeError> {
        Err(MapShapeError::KeySize {
            size,
            least,
            greatest,
        })
    }

    fn value(size: u32, least: u32, greatest: u32) -> Result<(), MapShapeError> {
        Err(MapShapeError::ValueSize {
            size,
            least,
            greatest,
        })
    }

    #[test]
    fn shapes_at_and_over_each_limit() {
        let many = |count| Err(MapShapeError::MaxEntries(count));
        for (kind, key_size, value_size, entries, want) in [
            (Hash, 4, 8, 64, Ok(())),
            (Hash, 512, 1, 1, Ok(())),
            (Hash, 513, 1, 1, key(513, 1, 512)),
            (Hash, 0, 1, 1, key(0, 1, 512)),
            (Hash, 4, 1 << 16, 1, Ok(())),
            (Hash, 4, (1 << 16) + 1, 1, value((1 << 16) + 1, 1, 1 << 16)),
            (Array, 4, 8, 1, Ok(())),
            (Array, 8, 8, 1, key(8, 4, 4)),
            (Array, 4, 0, 1, value(0, 1, 1 << 16)),
            (Array, 4, 8, 0, many(0)),
            (Array, 4, 8, u32::MAX, many(u32::MAX)),
            (Array, 4, 60, 1 << 20, Ok(())),
            (Array, 4, 61, 1 << 20, Err(MapShapeError::Memory(65 << 20))),
            (PercpuHash, 4, 1 << 15, 1, Ok(())),
            (PercpuHash, 4, 32_769, 1, value(32_769, 1, 1 << 15)),
            (PercpuArray, 4, 8, 1, Ok(())),
            (PercpuArray, 5, 8, 1, key(5, 4, 4)),
            (LruHash, 1, 1, 1, Ok(())),
            (LruHash, 1, 1, (1 << 20) + 1, many((1 << 20) + 1)),
            (LpmTrie, 5, 1, 1, Ok(())),
            (LpmTrie, 260, 1, 1, Ok(())),
            (LpmTrie, 4, 1, 1, key(4, 5, 260)),
            (LpmTrie, 261, 1, 1, key(261, 5, 260)),
            (LpmTrie, 8, 0, 1, value(0, 1, 1 << 16)),
            (Queue, 0, 4, 1, Ok(())),
            (Queue, 4, 4, 1, key(4, 0, 0)),
            (Queue, 0, 0, 1, value(0, 1, 1 << 16)),
            (Stack, 0, 4, 0, many(0)),
            (RingBuffer, 0, 0, 4096, Ok(())),
            (RingBuffer, 0, 0, 1 << 26, Ok(())),
            (
                RingBuffer,
                0,
                0,
                1 << 27,
                Err(MapShapeError::Memory(1 << 27)),
            ),
            (RingBuffer, 0, 0, 2048, Err(MapShapeError::RingSize(2048))),
            (RingBuffer, 0, 0, 0, Err(MapShapeError::RingSize(0))),
            (RingBuffer, 0, 0, 4097, Err(MapShapeError::RingSize(4097))),
            (RingBuffer, 4, 0, 4096, key(4, 0, 0)),
            (RingBuffer, 0, 4, 4096, value(4, 0, 0)),
        ] {
            assert_eq!(
                kind.check_shape(key_size, value_size, entries),
                want,
                "{kind} {key_size} {value_size} {entries}"
            );
        }
    }

    #[test]
    fn numbers_and_names_lead_back_to_their_kinds() {
        for kind in MapKind::ALL {
            assert_eq!(MapKind::from_number(kind.number()), Some(*kind));
        }
        let numbers = MapKind::ALL.iter().map(|kind| kind.number());
        assert!(numbers.is_sorted_by(|a, b| a < b));
        assert_eq!(MapKind::from_number(3), None);
    }
}
