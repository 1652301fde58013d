//! The image: one linked program in its canonical form, and its digest.

mod canonical;
mod check;

use alloc::string::String;
use alloc::vec::Vec;

use platform_click::{
    Code, Digest, HelperId, MapKind, MapShapeError, PlatformSlice, ProgramKind, limits,
};

use crate::codes;
use crate::insn::{DecodeError, Insn, RawInsn};
use crate::lines::LineTable;
use crate::listing::Listing;

pub(crate) use check::is_usable_name;

/// A map that a program refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapDef {
    /// Its name; an element keeps a map over live replacement by name.
    pub name: String,
    /// Its kind.
    pub kind: MapKind,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of entries.
    pub max_entries: u32,
}

/// A data section that a program refers to (`.rodata`, `.data`, `.bss` and their like).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSection {
    /// Its name in the object.
    pub name: String,
    /// Its contents when the program starts for the first time.
    pub bytes: Vec<u8>,
    /// Whether the program may write it.
    pub writable: bool,
}

/// A function of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name in the object.
    pub name: String,
    /// Its first slot; the function ends where the next begins.
    pub start: u32,
}

/// What an image is made of, before it is checked.
#[derive(Clone, Debug)]
pub struct ImageParts {
    /// What the program is for.
    pub kind: ProgramKind,
    /// Slots of all functions; references are resolved as [`Insn::decode_all`] describes.
    pub code: Vec<RawInsn>,
    /// The functions in ascending order; the first is the entry and starts at slot 0.
    pub functions: Vec<Function>,
    /// Maps, in the order of their indices.
    pub maps: Vec<MapDef>,
    /// Data sections, in the order of their indices.
    pub data: Vec<DataSection>,
    /// Source lines; they do not take part in the digest.
    pub lines: LineTable,
}

/// Why parts do not make an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// An instruction is not legal.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// There are no instructions, or too many.
    #[error("a program of {slots} instruction slots is not within 1..={max}")]
    Length {
        /// How many slots there are.
        slots: usize,
        /// How many there may be.
        max: usize,
    },
    /// An instruction has no encoding: its operands or distances are beyond what fields hold.
    #[error("slot {slot}: the instruction has no encoding")]
    Inexpressible {
        /// Where.
        slot: u32,
    },
    /// Functions do not start at slot 0, do not ascend, or start behind the end.
    #[error("the function `{0}` does not start where it may")]
    Function(String),
    /// A jump or branch leaves its function or leads into the middle of a wide load.
    #[error("slot {slot}: the jump to slot {target} leaves its function or splits an instruction")]
    Jump {
        /// Where.
        slot: u32,
        /// The target.
        target: u32,
    },
    /// A local call does not lead to the start of a function.
    #[error("slot {slot}: slot {target} is not the start of a function")]
    Call {
        /// Where.
        slot: u32,
        /// The target.
        target: u32,
    },
    /// Execution can run off the end of a function.
    #[error("slot {slot}: execution runs off the end of the function")]
    FallsOff {
        /// The last instruction.
        slot: u32,
    },
    /// A wide load refers to a map or to data that the image does not have.
    #[error("slot {slot}: the reference has no target")]
    Reference {
        /// Where.
        slot: u32,
    },
    /// More maps than a program may have.
    #[error("{0} maps are more than the {max} that a program may have", max = limits::MAX_MAPS)]
    MapCount(usize),
    /// The name of a map or data section is empty, too long, not of the allowed characters, or taken;
    /// or that of a function is empty, too long, or not printable.
    #[error("`{0}` is not a usable name, or is used twice")]
    Name(String),
    /// A map of a shape that the platform does not take.
    #[error("map `{name}` has a shape that the platform does not take")]
    MapShape {
        /// The map.
        name: String,
        /// What is out of bounds.
        source: MapShapeError,
    },
    /// More data sections than a program may have.
    #[error("{0} data sections are more than the {max} that a program may have", max = limits::MAX_DATA_SECTIONS)]
    DataCount(usize),
    /// More bytes of data than a program may have.
    #[error("{0} bytes of data are more than the {max} that a program may have", max = limits::MAX_DATA)]
    DataSize(usize),
}

impl ImageError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Decode(error) => error.code(),
            Self::MapShape { .. } => codes::MAP_SHAPE,
            Self::Length { slots: 1.., .. }
            | Self::MapCount(_)
            | Self::DataCount(_)
            | Self::DataSize(_) => codes::LIMIT,
            Self::Name(_) => codes::NAME,
            Self::Length { .. }
            | Self::Inexpressible { .. }
            | Self::Function(_)
            | Self::Jump { .. }
            | Self::Call { .. }
            | Self::FallsOff { .. }
            | Self::Reference { .. } => codes::IMAGE,
        }
    }
}

/// One linked program: decoded, checked, and with a digest.
///
/// Every image satisfies, by construction:
/// - each slot is a legal instruction, and a wide load has both of its slots;
/// - slot 0 is the entry; each jump stays within its function and starts an instruction; each local
///   call leads to the start of a function; no function runs off its end;
/// - each reference to a map or to data has a target, and a data offset lies within its section;
/// - maps have a shape that the platform takes; names of maps and of data sections are unique; all
///   limits are kept, but for the length of an image that [`Image::with_code`] made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    kind: ProgramKind,
    code: Vec<Insn>,
    functions: Vec<Function>,
    maps: Vec<MapDef>,
    data: Vec<DataSection>,
    lines: LineTable,
    digest: Digest,
}

impl Image {
    /// Checks `parts` and computes the digest.
    ///
    /// # Errors
    /// The first property that does not hold, with its place.
    pub fn new(parts: ImageParts) -> Result<Self, ImageError> {
        let ImageParts {
            kind,
            code,
            functions,
            maps,
            data,
            lines,
        } = parts;
        check::length(code.len(), limits::MAX_INSTRUCTIONS)?;
        let code = Insn::decode_all(&code)?;
        check::functions(&code, &functions)?;
        check::control_flow(&code, &functions)?;
        check::maps(&maps)?;
        check::data(&data)?;
        check::references(&code, &maps, &data)?;
        let digest = Digest::of(&canonical::encode(kind, &code, &maps, &data));
        Ok(Self {
            kind,
            code,
            functions,
            maps,
            data,
            lines,
            digest,
        })
    }

    /// An image of the same kind, maps and data with other code, under the same rules: for analyses
    /// that look at a program in another shape, such as with its loops unrolled. It may have up to
    /// `max_slots` slots, where a program has [`limits::MAX_INSTRUCTIONS`] at most, and it has no
    /// source lines. No object links to it, so nothing that admits objects ever runs it.
    ///
    /// # Errors
    /// The first property that does not hold, with its place. A distance that the encoding of an
    /// instruction cannot express is one: [`ImageError::Inexpressible`].
    pub fn with_code(
        &self,
        code: Vec<Insn>,
        functions: Vec<Function>,
        max_slots: usize,
    ) -> Result<Self, ImageError> {
        check::length(code.len(), max_slots)?;
        let decoded = Insn::decode_all(&Insn::encode_all(&code))?;
        if let Some(slot) = decoded.iter().zip(&code).position(|(a, b)| a != b) {
            return Err(ImageError::Inexpressible {
                slot: check::slot_number(slot),
            });
        }
        check::functions(&code, &functions)?;
        check::control_flow(&code, &functions)?;
        check::references(&code, &self.maps, &self.data)?;
        let digest = Digest::of(&canonical::encode(self.kind, &code, &self.maps, &self.data));
        Ok(Self {
            kind: self.kind,
            code,
            functions,
            maps: self.maps.clone(),
            data: self.data.clone(),
            lines: LineTable::default(),
            digest,
        })
    }

    /// What the program is for.
    #[must_use]
    pub const fn kind(&self) -> ProgramKind {
        self.kind
    }

    /// The instructions by slot; slot 0 is the entry.
    #[must_use]
    pub fn code(&self) -> &[Insn] {
        &self.code
    }

    /// The functions in ascending order; the first is the entry.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The slots of the function with this index in [`Self::functions`].
    #[must_use]
    pub fn function_slots(&self, index: usize) -> Option<core::ops::Range<usize>> {
        let start = usize::try_from(self.functions.get(index)?.start).ok()?;
        let next = self.functions.get(index.checked_add(1)?);
        let end = next
            .and_then(|next| usize::try_from(next.start).ok())
            .unwrap_or(self.code.len());
        Some(start..end)
    }

    /// The maps, by index.
    #[must_use]
    pub fn maps(&self) -> &[MapDef] {
        &self.maps
    }

    /// The data sections, by index.
    #[must_use]
    pub fn data(&self) -> &[DataSection] {
        &self.data
    }

    /// The source lines.
    #[must_use]
    pub const fn lines(&self) -> &LineTable {
        &self.lines
    }

    /// SHA-256 of the canonical encoding ([`Self::canonical`]).
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The slots in canonical encoding.
    #[must_use]
    pub fn raw(&self) -> Vec<RawInsn> {
        Insn::encode_all(&self.code)
    }

    /// The numbers of the helpers that the program calls, ascending, each once.
    #[must_use]
    pub fn helper_numbers(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = self
            .code
            .iter()
            .filter_map(|insn| match insn {
                Insn::CallHelper { id } => Some(*id),
                _ => None,
            })
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The part of the platform that the program uses. Helpers that the platform does not have are
    /// left out: a verifier refuses them.
    #[must_use]
    pub fn platform_slice(&self) -> PlatformSlice {
        let helpers = self.helper_numbers();
        PlatformSlice::new(
            helpers.into_iter().filter_map(HelperId::from_number),
            self.maps.iter().map(|map| map.kind),
        )
    }

    /// The disassembly, with names and source lines.
    #[must_use]
    pub const fn listing(&self) -> Listing<'_> {
        Listing::new(self)
    }

    /// The canonical encoding, as `docs/formats.md` defines it: what the digest is taken of.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        canonical::encode(self.kind, &self.code, &self.maps, &self.data)
    }
}
