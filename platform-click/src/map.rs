//! Kinds of map, and the shapes that they may have.

use core::fmt;

use crate::limits;

/// A kind of map; numbers are those of Linux (`enum bpf_map_type`, `include/uapi/linux/bpf.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum MapKind {
    /// A hash table; `max_entries` slots, allocated once.
    Hash = 1,
    /// An array of zero-initialised values, indexed by a 32-bit number.
    Array = 2,
}

/// A map definition that the platform does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapShapeError {
    /// The key size in bytes is zero, too large, or not 4 for an array.
    KeySize(u32),
    /// The value size in bytes is zero or too large.
    ValueSize(u32),
    /// The number of entries is zero or too large.
    MaxEntries(u32),
    /// Keys and values together would take this many bytes.
    Memory(u64),
}

impl fmt::Display for MapShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeySize(size) => {
                write!(
                    f,
                    "key size {size} is not within 1..={} (4 for an array)",
                    limits::MAX_MAP_KEY_SIZE
                )
            }
            Self::ValueSize(size) => {
                write!(
                    f,
                    "value size {size} is not within 1..={}",
                    limits::MAX_MAP_VALUE_SIZE
                )
            }
            Self::MaxEntries(count) => {
                write!(
                    f,
                    "max_entries {count} is not within 1..={}",
                    limits::MAX_MAP_ENTRIES
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
    /// Every kind, in ascending order of its number.
    pub const ALL: &'static [Self] = &[Self::Hash, Self::Array];

    /// The kind with this Linux number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Hash),
            2 => Some(Self::Array),
            _ => None,
        }
    }

    /// Its Linux number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Hash => 1,
            Self::Array => 2,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Array => "array",
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
        let key_fits = match self {
            Self::Hash => (1..=limits::MAX_MAP_KEY_SIZE).contains(&key_size),
            Self::Array => key_size == 4,
        };
        if !key_fits {
            return Err(MapShapeError::KeySize(key_size));
        }
        if !(1..=limits::MAX_MAP_VALUE_SIZE).contains(&value_size) {
            return Err(MapShapeError::ValueSize(value_size));
        }
        if !(1..=limits::MAX_MAP_ENTRIES).contains(&max_entries) {
            return Err(MapShapeError::MaxEntries(max_entries));
        }
        // Both sizes and the count were bounded above: the product fits into 64 bits.
        let bytes = (u64::from(key_size).saturating_add(u64::from(value_size)))
            .saturating_mul(u64::from(max_entries));
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

    #[test]
    fn shapes_at_and_over_each_limit() {
        use MapKind::{Array, Hash};
        for (kind, key, value, entries, want) in [
            (Hash, 4, 8, 64, Ok(())),
            (Hash, limits::MAX_MAP_KEY_SIZE, 1, 1, Ok(())),
            (
                Hash,
                limits::MAX_MAP_KEY_SIZE + 1,
                1,
                1,
                Err(MapShapeError::KeySize(limits::MAX_MAP_KEY_SIZE + 1)),
            ),
            (Hash, 0, 1, 1, Err(MapShapeError::KeySize(0))),
            (Array, 4, 8, 1, Ok(())),
            (Array, 8, 8, 1, Err(MapShapeError::KeySize(8))),
            (Array, 4, 0, 1, Err(MapShapeError::ValueSize(0))),
            (Array, 4, 8, 0, Err(MapShapeError::MaxEntries(0))),
            (
                Array,
                4,
                8,
                u32::MAX,
                Err(MapShapeError::MaxEntries(u32::MAX)),
            ),
            (Array, 4, 60, 1 << 20, Ok(())),
            (Array, 4, 61, 1 << 20, Err(MapShapeError::Memory(65 << 20))),
        ] {
            assert_eq!(
                kind.check_shape(key, value, entries),
                want,
                "{kind} {key} {value} {entries}"
            );
        }
    }
}
