//! The symbol table.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use goblin::elf::section_header::{SHN_ABS, SHN_LORESERVE, SHN_UNDEF, SHT_SYMTAB};
use goblin::elf::sym::{
    STB_GLOBAL, STB_LOCAL, STB_WEAK, STT_FILE, STT_FUNC, STT_NOTYPE, STT_OBJECT, STT_SECTION,
    st_bind, st_type,
};
use goblin::elf64::sym::{SIZEOF_SYM, Sym as RawSymbol};

use super::{Section, read, string_at};
use crate::error::{ObjectError, SymbolProblem};

/// What a symbol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SymbolKind {
    /// Something undefined, or a label.
    NoType,
    /// Data, a map among it.
    Object,
    /// A function.
    Function,
    /// A section.
    Section,
    /// A source file.
    File,
}

/// Who sees a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Only its own source file: `static`.
    Local,
    /// Everyone; weak symbols are taken for global ones, since nothing is linked to an object that
    /// could replace them.
    Global,
}

/// Where a symbol lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In another object.
    Undefined,
    /// Nowhere: its value is no address.
    Absolute,
    /// In the section with this index, which exists.
    Section(usize),
}

/// A symbol that lies within its section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol<'a> {
    /// Its index in the symbol table.
    pub(crate) index: usize,
    /// Its name, printable ASCII; empty for sections and source files.
    pub(crate) name: &'a str,
    /// What it names.
    pub(crate) kind: SymbolKind,
    /// Who sees it.
    pub(crate) binding: Binding,
    /// Where it lies.
    pub(crate) home: Home,
    /// Offset in its section.
    pub(crate) value: u64,
    /// Size in bytes.
    pub(crate) size: u64,
}

impl Symbol<'_> {
    /// An error at this symbol.
    pub(crate) fn error(&self, problem: SymbolProblem) -> ObjectError {
        ObjectError::Symbol {
            index: self.index,
            name: self.name.to_string(),
            problem,
        }
    }
}

/// Reads the one symbol table, if there is one; gives its section's index, or 0, and the symbols.
/// Their number is bounded by the size of the file.
pub(super) fn parse<'a>(sections: &[Section<'a>]) -> Result<(usize, Vec<Symbol<'a>>), ObjectError> {
    let mut tables = sections.iter().filter(|section| section.kind == SHT_SYMTAB);
    let Some(table) = tables.next() else {
        return Ok((0, Vec::new()));
    };
    if let Some(second) = tables.next() {
        return Err(ObjectError::TwoSymbolTables(table.index, second.index));
    }
    let strings = usize::try_from(table.link)
        .ok()
        .and_then(|link| sections.get(link))
        .ok_or_else(|| table.field("sh_link", u64::from(table.link)))?;
    let names = strings.contents;
    strings.strings()?;
    let mut symbols = Vec::with_capacity(table.contents.len().div_euclid(SIZEOF_SYM));
    for (index, bytes) in table.entries::<SIZEOF_SYM>()?.iter().enumerate() {
        symbols.push(parse_symbol(index, bytes, names, sections)?);
    }
    Ok((table.index, symbols))
}

fn parse_symbol<'a>(
    index: usize,
    bytes: &[u8; SIZEOF_SYM],
    names: &'a [u8],
    sections: &[Section<'a>],
) -> Result<Symbol<'a>, ObjectError> {
    let error = |problem| ObjectError::Symbol {
        index,
        name: String::new(),
        problem,
    };
    let raw: RawSymbol = read(bytes)?;
    let kind = match st_type(raw.st_info) {
        STT_NOTYPE => SymbolKind::NoType,
        STT_OBJECT => SymbolKind::Object,
        STT_FUNC => SymbolKind::Function,
        STT_SECTION => SymbolKind::Section,
        STT_FILE => SymbolKind::File,
        _ => return Err(error(SymbolProblem::Info(raw.st_info))),
    };
    let binding = match st_bind(raw.st_info) {
        STB_LOCAL => Binding::Local,
        STB_GLOBAL | STB_WEAK => Binding::Global,
        _ => return Err(error(SymbolProblem::Info(raw.st_info))),
    };
    let name = match kind {
        SymbolKind::Section | SymbolKind::File => "",
        _ => string_at(names, raw.st_name).ok_or_else(|| error(SymbolProblem::Name))?,
    };
    let symbol = Symbol {
        index,
        name,
        kind,
        binding,
        home: home(raw.st_shndx, sections).ok_or_else(|| ObjectError::Symbol {
            index,
            name: name.to_string(),
            problem: SymbolProblem::SectionIndex(raw.st_shndx),
        })?,
        value: raw.st_value,
        size: raw.st_size,
    };
    check_place(&symbol, sections)?;
    Ok(symbol)
}

/// `SHN_COMMON`, `SHN_XINDEX` and the other reserved indices have no place in an object.
fn home(index: u16, sections: &[Section<'_>]) -> Option<Home> {
    match u32::from(index) {
        SHN_UNDEF => Some(Home::Undefined),
        SHN_ABS => Some(Home::Absolute),
        SHN_LORESERVE.. => None,
        _ => sections
            .get(usize::from(index))
            .map(|section| Home::Section(section.index)),
    }
}

fn check_place(symbol: &Symbol<'_>, sections: &[Section<'_>]) -> Result<(), ObjectError> {
    let null = symbol.index == 0 && symbol.home != Home::Undefined;
    let at_start = symbol.value == 0 && symbol.size == 0;
    if null || ((symbol.index == 0 || symbol.kind == SymbolKind::Section) && !at_start) {
        return Err(symbol.error(SymbolProblem::NotNull));
    }
    let Home::Section(index) = symbol.home else {
        return Ok(());
    };
    let section_size = sections.get(index).map_or(0, |section| section.size);
    let end = symbol.value.checked_add(symbol.size);
    if end.is_none_or(|end| end > section_size) {
        return Err(symbol.error(SymbolProblem::Bounds {
            value: symbol.value,
            size: symbol.size,
            section_size,
        }));
    }
    Ok(())
}
