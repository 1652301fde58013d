//! The types of BTF.

use alloc::vec::Vec;

use super::reader::Reader;
use crate::error::BtfProblem;

/// Steps from one type to another while a size or definition is looked for (libbpf:
/// `MAX_RESOLVE_DEPTH`).
const MAX_DEPTH: u32 = 32;

/// Bytes of a pointer.
const POINTER_SIZE: u32 = 8;

/// A type, as far as it is of interest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type<'a> {
    /// Has a size of its own: integers, enumerations, floating-point numbers, unions.
    Sized(u32),
    /// A pointer to a type.
    Pointer(u32),
    /// An array.
    Array {
        /// The type of an element.
        element: u32,
        /// The number of elements.
        count: u32,
    },
    /// A structure.
    Struct {
        /// Size in bytes.
        size: u32,
        /// Its members, 12 bytes each.
        members: &'a [[u8; 12]],
    },
    /// Another name for a type, or a qualified type.
    Alias(u32),
    /// A variable.
    Variable {
        /// Offset of its name.
        name: u32,
        /// Its type.
        of: u32,
    },
    /// The variables of a section.
    Section {
        /// Offset of its name.
        name: u32,
        /// Its variables, 12 bytes each: type, offset, size.
        variables: &'a [[u8; 12]],
    },
    /// Has no size: `void`, functions, forward declarations, tags.
    Unsized,
}

/// A member of a structure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// Offset of its name.
    pub(crate) name: u32,
    /// Its type.
    pub(crate) of: u32,
}

/// A variable in a section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable {
    /// Offset of its name.
    pub(crate) name: u32,
    /// Its type.
    pub(crate) of: u32,
}

/// All types; numbers start at 1, 0 is `void`.
#[derive(Debug)]
pub(crate) struct Types<'a>(Vec<Type<'a>>);

impl<'a> Types<'a> {
    /// Every type takes at least 12 bytes, so their number is bounded by the section.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, BtfProblem> {
        let mut reader = Reader::new(bytes, "types");
        let mut types = Vec::new();
        while !reader.is_empty() {
            let id = u32::try_from(types.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1);
            types.push(parse_type(id, &mut reader)?);
        }
        Ok(Self(types))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Type<'a>> {
        self.0.iter()
    }

    /// The type with this number behind all of its names and qualifiers.
    pub(crate) fn resolve(&self, id: u32) -> Result<Type<'a>, BtfProblem> {
        let mut current = id;
        for _ in 0..MAX_DEPTH {
            match self.get(current)? {
                Type::Alias(of) => current = of,
                other => return Ok(other),
            }
        }
        Err(BtfProblem::Depth(id))
    }

    /// The size in bytes of the type with this number.
    pub(crate) fn size(&self, id: u32) -> Result<u32, BtfProblem> {
        let mut current = id;
        let mut count: u32 = 1;
        for _ in 0..MAX_DEPTH {
            let size = match self.resolve(current)? {
                Type::Sized(size) | Type::Struct { size, .. } => size,
                Type::Pointer(_) => POINTER_SIZE,
                Type::Array {
                    element,
                    count: elements,
                } => {
                    count = count.checked_mul(elements).ok_or(BtfProblem::Size(id))?;
                    current = element;
                    continue;
                }
                _ => return Err(BtfProblem::Size(id)),
            };
            return count.checked_mul(size).ok_or(BtfProblem::Size(id));
        }
        Err(BtfProblem::Depth(id))
    }

    /// The variable with this number.
    pub(crate) fn variable(&self, id: u32) -> Result<Variable, BtfProblem> {
        match self.get(id)? {
            Type::Variable { name, of } => Ok(Variable { name, of }),
            _ => Err(BtfProblem::NoType(id)),
        }
    }

    fn get(&self, id: u32) -> Result<Type<'a>, BtfProblem> {
        let Some(index) = id.checked_sub(1) else {
            return Ok(Type::Unsized);
        };
        usize::try_from(index)
            .ok()
            .and_then(|index| self.0.get(index))
            .copied()
            .ok_or(BtfProblem::NoType(id))
    }
}

impl Member {
    /// Reads an entry of [`Type::Struct`]: name, type, offset in bits.
    pub(crate) fn parse(entry: &[u8; 12]) -> Self {
        let [n0, n1, n2, n3, t0, t1, t2, t3, ..] = *entry;
        Self {
            name: u32::from_le_bytes([n0, n1, n2, n3]),
            of: u32::from_le_bytes([t0, t1, t2, t3]),
        }
    }
}

/// One type: name, kind with the number of entries behind it, size or type; then what its kind adds.
fn parse_type<'a>(id: u32, reader: &mut Reader<'a>) -> Result<Type<'a>, BtfProblem> {
    let name = reader.u32()?;
    let info = reader.u32()?;
    let size_or_type = reader.u32()?;
    let entries = usize::try_from(info & 0xffff).map_err(|_| BtfProblem::Bounds("types"))?;
    let kind = info >> 24 & 0x1f;
    Ok(match kind {
        // INT
        1 => {
            reader.take(4)?;
            Type::Sized(size_or_type)
        }
        // PTR
        2 => Type::Pointer(size_or_type),
        // ARRAY: element type, index type, number of elements
        3 => {
            let element = reader.u32()?;
            reader.u32()?;
            Type::Array {
                element,
                count: reader.u32()?,
            }
        }
        // STRUCT
        4 => Type::Struct {
            size: size_or_type,
            members: triples(reader, entries)?,
        },
        // UNION, ENUM64
        5 | 19 => {
            triples(reader, entries)?;
            Type::Sized(size_or_type)
        }
        // ENUM
        6 => {
            pairs(reader, entries)?;
            Type::Sized(size_or_type)
        }
        // FWD, FUNC
        7 | 12 => Type::Unsized,
        // TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG
        8..=11 | 18 => Type::Alias(size_or_type),
        // FUNC_PROTO
        13 => {
            pairs(reader, entries)?;
            Type::Unsized
        }
        // VAR: linkage
        14 => {
            reader.take(4)?;
            Type::Variable {
                name,
                of: size_or_type,
            }
        }
        // DATASEC
        15 => Type::Section {
            name,
            variables: triples(reader, entries)?,
        },
        // FLOAT
        16 => Type::Sized(size_or_type),
        // DECL_TAG: index of the component
        17 => {
            reader.take(4)?;
            Type::Unsized
        }
        _ => return Err(BtfProblem::Kind { id, kind }),
    })
}

/// Entries of three numbers.
fn triples<'a>(reader: &mut Reader<'a>, count: usize) -> Result<&'a [[u8; 12]], BtfProblem> {
    let bytes = reader.take(count.saturating_mul(12))?;
    Ok(bytes.as_chunks().0)
}

/// Entries of two numbers, which are stepped over.
fn pairs(reader: &mut Reader<'_>, count: usize) -> Result<(), BtfProblem> {
    reader.take(count.saturating_mul(8)).map(|_| ())
}
