//! The maps of one program.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bpf_object::MapDef;
use platform_click::{Code, limits};

use super::Map;
use crate::codes;
use crate::native::ObjectMemorySource;
use crate::object_bytes::Source;

/// Bytes that the maps of one program may allocate together, indices included: 256 MiB, all that a
/// guest of ordinary size has. Four of the platform's largest maps without their indices.
pub const MAX_PROGRAM_MEMORY: u64 = limits::MAX_MAP_MEMORY.saturating_mul(4);

/// Why maps cannot be made, or cannot take the place of others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapsError {
    /// Together they need more memory than a program may have.
    #[error("maps of {0} bytes are more than the {MAX_PROGRAM_MEMORY} that a program may have")]
    Memory(u64),
    /// There is no memory for a map.
    #[error("no memory for map `{name}` of {bytes} bytes")]
    OutOfMemory {
        /// The map.
        name: String,
        /// What it needs.
        bytes: u64,
    },
    /// A map of this name exists, and has another shape.
    #[error("map `{name}` is {old}, and the program needs {new}", name = new.name, old = Shape(old), new = Shape(new))]
    Shape {
        /// What there is.
        old: MapDef,
        /// What is needed.
        new: MapDef,
    },
}

impl MapsError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Memory(_) | Self::OutOfMemory { .. } => codes::MAP_MEMORY,
            Self::Shape { .. } => codes::MAP_SHAPE,
        }
    }
}

/// A map's shape in words.
struct Shape<'a>(&'a MapDef);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MapDef {
            name: _,
            kind,
            key_size,
            value_size,
            max_entries,
        } = self.0;
        write!(
            f,
            "{kind} (key {key_size} bytes, value {value_size} bytes, {max_entries} entries)"
        )
    }
}

/// The maps of one program, in the order of its image.
#[derive(Debug, Default)]
pub struct Maps {
    maps: Vec<Map>,
}

impl Maps {
    /// Empty maps, all memory allocated on the heap. `secret` keys the hash of every hash map: draw it at random
    /// once per process, or whoever sends packets can choose keys that collide.
    ///
    /// # Errors
    /// Together more than [`MAX_PROGRAM_MEMORY`], or no memory.
    pub fn new(definitions: &[MapDef], secret: [u64; 2]) -> Result<Self, MapsError> {
        Self::make(definitions, secret, None)
    }

    /// Empty maps, as [`Self::new`] makes them, with the memory for values that programs have pointers
    /// into from `source`.
    ///
    /// # Errors
    /// As there.
    pub fn new_in(
        definitions: &[MapDef],
        secret: [u64; 2],
        source: &mut dyn ObjectMemorySource,
    ) -> Result<Self, MapsError> {
        Self::make(definitions, secret, Some(source))
    }

    fn make(
        definitions: &[MapDef],
        secret: [u64; 2],
        mut source: Source<'_>,
    ) -> Result<Self, MapsError> {
        let bytes = total_footprint(definitions);
        if bytes > MAX_PROGRAM_MEMORY {
            return Err(MapsError::Memory(bytes));
        }
        let mut maps = Vec::with_capacity(definitions.len());
        for definition in definitions {
            // A shorter loan of the same source.
            let source: Source<'_> = match &mut source {
                Some(source) => Some(&mut **source),
                None => None,
            };
            let map = Map::new(definition, secret, source);
            maps.push(map.ok_or_else(|| MapsError::OutOfMemory {
                name: definition.name.clone(),
                bytes: Map::footprint(definition),
            })?);
        }
        Ok(Self { maps })
    }

    /// Takes over, from the maps of a program that is replaced, each that this program also has:
    /// equal names with equal shapes change places with the ones here, the others stay as they are.
    ///
    /// # Errors
    /// [`MapsError::Shape`] for an equal name with another shape; nothing has changed then.
    pub fn adopt(&mut self, old: &mut Self) -> Result<(), MapsError> {
        self.check_adopt(old)?;
        for map in &mut self.maps {
            if let Some(survivor) = old.by_name_mut(&map.definition.name) {
                core::mem::swap(map, survivor);
            }
        }
        Ok(())
    }

    /// Whether [`Self::adopt`] would take over from `old`.
    ///
    /// # Errors
    /// As [`Self::adopt`].
    pub fn check_adopt(&self, old: &Self) -> Result<(), MapsError> {
        for map in &self.maps {
            match old.by_name(&map.definition.name) {
                Some(other) if other.definition != map.definition => {
                    return Err(MapsError::Shape {
                        old: other.definition.clone(),
                        new: map.definition.clone(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes out the maps whose names `heir` does not have.
    #[must_use]
    pub fn split_unclaimed(&mut self, heir: &Self) -> Self {
        let claimed = |map: &Map| heir.by_name(&map.definition.name).is_some();
        let (kept, unclaimed) = self.maps.drain(..).partition(claimed);
        self.maps = kept;
        Self { maps: unclaimed }
    }

    /// The map with this index in the image.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Map> {
        self.maps.get(index)
    }

    /// The map with this index in the image.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Map> {
        self.maps.get_mut(index)
    }

    /// The map of this name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Map> {
        self.maps.iter().find(|map| map.definition.name == name)
    }

    /// The map of this name.
    pub fn by_name_mut(&mut self, name: &str) -> Option<&mut Map> {
        self.maps.iter_mut().find(|map| map.definition.name == name)
    }

    /// The maps, in the order of the image.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Map> {
        self.maps.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Map> {
        self.maps.iter_mut()
    }

    /// Bytes that they have allocated, but for the few that align their values.
    #[must_use]
    pub fn memory(&self) -> u64 {
        total_footprint(self.maps.iter().map(Map::definition))
    }

    /// Whether these are maps of these names and shapes, in this order.
    pub(crate) fn match_definitions(&self, definitions: &[MapDef]) -> bool {
        self.maps.iter().map(Map::definition).eq(definitions)
    }

    pub(crate) fn begin_run(&mut self) {
        for map in &mut self.maps {
            map.begin_run();
        }
    }
}

fn total_footprint<'a>(definitions: impl IntoIterator<Item = &'a MapDef>) -> u64 {
    definitions.into_iter().fold(0, |total: u64, definition| {
        total.saturating_add(Map::footprint(definition))
    })
}
