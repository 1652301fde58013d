//! ELF, strictly: header, sections and symbols, every one within bounds and none ambiguous.
//!
//! goblin's structures and constants are used, its tables are not: its section table trusts counts
//! of extended numbering, its symbol and string tables return defaults where bytes are missing, and
//! some of its constructors panic on short or unaligned input. Each structure is read from a slice
//! of exactly its size that was cut with a check.
//!
//! Rules are those of the System V ABI, chapters 4 (object files); what it allows but no compiler
//! for BPF writes is refused where two readers could understand it differently.

mod header;
mod relocation;
mod section;
mod symbol;

use alloc::vec::Vec;

use scroll::ctx::TryFromCtx;
use scroll::{Endian, Pread};

use crate::error::{HeaderProblem, ObjectError};

pub(crate) use relocation::{R_BPF_64_32, R_BPF_64_64, Relocation, Relocations};
pub(crate) use section::Section;
pub(crate) use symbol::{Binding, Home, Symbol, SymbolKind};

/// Sections in one object: clang 19 writes about 35 with debug information, two more for each
/// program section and one for each data section; with 8 programs that stays below 100.
pub(crate) const MAX_SECTIONS: usize = 256;

/// Bytes of the name of a section or symbol. Mangled names of Rust reach several hundred; each name
/// is searched for its end up to here, so that a hostile table costs no more than this per name.
pub(crate) const MAX_SYMBOL_NAME: usize = 1024;

/// An ELF file whose header, section table and symbol table hold together.
#[derive(Debug)]
pub(crate) struct Elf<'a> {
    sections: Vec<Section<'a>>,
    symbols: Vec<Symbol<'a>>,
    /// Index of the section with the symbols; 0 when there is none.
    symbol_table: usize,
}

impl<'a> Elf<'a> {
    pub(crate) fn parse(file: &'a [u8]) -> Result<Self, ObjectError> {
        let header = header::Header::parse(file)?;
        let sections = section::parse(file, &header)?;
        let (symbol_table, symbols) = symbol::parse(&sections)?;
        Ok(Self {
            sections,
            symbols,
            symbol_table,
        })
    }

    /// All sections, by index.
    pub(crate) fn sections(&self) -> &[Section<'a>] {
        &self.sections
    }

    pub(crate) fn section(&self, index: usize) -> Option<&Section<'a>> {
        self.sections.get(index)
    }

    /// All symbols, by index; the first is the null symbol.
    pub(crate) fn symbols(&self) -> &[Symbol<'a>] {
        &self.symbols
    }

    /// What relocates sections, by the section that is relocated.
    ///
    /// # Errors
    /// A section that is relocated twice, or a table that does not hold together, when `relevant`
    /// says that the relocated section matters.
    pub(crate) fn relocations(
        &self,
        relevant: impl Fn(usize) -> bool,
    ) -> Result<Relocations, ObjectError> {
        relocation::parse(&self.sections, self.symbol_table, relevant)
    }
}

/// Reads one of goblin's structures from a slice of its size.
fn read<'a, T, E>(bytes: &'a [u8]) -> Result<T, ObjectError>
where
    T: TryFromCtx<'a, Endian, Error = E>,
    E: From<scroll::Error>,
{
    bytes
        .pread_with(0, scroll::LE)
        .map_err(|_| ObjectError::Header(HeaderProblem::Truncated(bytes.len())))
}

/// The string at `offset` of a string table, if it is one: it ends with a zero within the table and
/// within [`MAX_SYMBOL_NAME`], and is of printable ASCII, since it goes into messages.
pub(crate) fn string_at(table: &[u8], offset: u32) -> Option<&str> {
    let rest = table.get(usize::try_from(offset).ok()?..)?;
    let end = rest
        .iter()
        .take(MAX_SYMBOL_NAME.saturating_add(1))
        .position(|byte| *byte == 0)?;
    let name = str::from_utf8(rest.get(..end)?).ok()?;
    name.bytes().all(|c| c.is_ascii_graphic()).then_some(name)
}
