//! Why bytes are not an object.
//!
//! One enum for the crate. Where a part of an object can be wrong in many ways, its variant names
//! the place and carries a `…Problem` that names the way.

use alloc::string::String;
use core::fmt;

use goblin::elf::header::{et_to_str, machine_to_str};
use platform_click::{Code, MapKind, MapShapeError, ProgramKind, limits};

use crate::codes;
use crate::image::ImageError;

/// Why a file is not an object, or a program of it not an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// More bytes than an object may have.
    #[error("a file of {0} bytes is larger than the {max} that an object may have", max = limits::MAX_OBJECT_SIZE)]
    TooLarge(usize),
    /// The first four bytes are not those of ELF.
    #[error("the file does not start with the magic number of ELF")]
    NotElf,
    /// ELF of another word size (`EI_CLASS`).
    #[error("ELF class {0} is not 2 (64-bit)")]
    Class(u8),
    /// ELF of another byte order (`EI_DATA`).
    #[error("ELF byte order {0} is not 1 (little-endian)")]
    ByteOrder(u8),
    /// ELF for another machine (`e_machine`).
    #[error("machine {0} ({name}) is not 247 (BPF)", name = machine_to_str(*.0))]
    Machine(u16),
    /// ELF of another type (`e_type`).
    #[error("ELF type {0} ({name}) is not 1 (REL)", name = et_to_str(*.0))]
    FileType(u16),
    /// The ELF header or the section table.
    #[error("ELF header: {0}")]
    Header(HeaderProblem),
    /// More sections than an object may have.
    #[error("{0} sections are more than the {max} that an object may have", max = crate::elf::MAX_SECTIONS)]
    TooManySections(usize),
    /// A section.
    #[error("section [{index}] `{name}`: {problem}")]
    Section {
        /// Its index in the section table.
        index: usize,
        /// Its name, when it could be read.
        name: String,
        /// What is wrong.
        problem: SectionProblem,
    },
    /// The file contents of two sections (or of a section and a table) overlap.
    #[error("`{first}` and `{second}` overlap in the file")]
    Overlap {
        /// The one that starts first.
        first: String,
        /// The other.
        second: String,
    },
    /// Two sections have one name.
    #[error("there are two sections named `{0}`")]
    DuplicateSection(String),
    /// More than one symbol table.
    #[error("there are two symbol tables, sections [{0}] and [{1}]")]
    TwoSymbolTables(usize, usize),
    /// A section with code that is neither of a program kind nor `.text`.
    #[error("the section `{0}` is for no kind of program: programs go into {names}, functions that they call into .text", names = SectionNames)]
    UnknownSection(String),
    /// A symbol.
    #[error("symbol [{index}] `{name}`: {problem}")]
    Symbol {
        /// Its index in the symbol table.
        index: usize,
        /// Its name, when it could be read.
        name: String,
        /// What is wrong.
        problem: SymbolProblem,
    },
    /// Two global symbols, or a program and another function, have one name.
    #[error("`{0}` is defined twice")]
    DuplicateSymbol(String),
    /// No global function lies in a program section.
    #[error("no program found: there is no global function in a section {names}", names = SectionNames)]
    NoProgram,
    /// The object has no program of this name.
    #[error("the object has no program `{0}`")]
    NoSuchProgram(String),
    /// More programs than an object may have.
    #[error("{0} programs are more than the {max} that an object may have", max = limits::MAX_PROGRAMS)]
    TooManyPrograms(usize),
    /// More maps than an object may have.
    #[error("{0} maps are more than the {max} that an object may have", max = limits::MAX_MAPS)]
    TooManyMaps(usize),
    /// The name of a program cannot stand in a statement.
    #[error("`{0}` is not usable as the name of a program")]
    ProgramName(String),
    /// A relocation of a section with code.
    #[error("`{section}`+{offset:#x}: {problem}")]
    Relocation {
        /// The section that is relocated.
        section: String,
        /// Offset in that section, in bytes.
        offset: u64,
        /// What is wrong.
        problem: RelocationProblem,
    },
    /// An instruction, before linking.
    #[error("function `{function}`, slot {slot}: {problem}")]
    Code {
        /// The function.
        function: String,
        /// The slot, counted from the function's first.
        slot: u32,
        /// What is wrong.
        problem: CodeProblem,
    },
    /// The section `.BTF` or `.BTF.ext`.
    #[error("BTF: {0}")]
    Btf(BtfProblem),
    /// A map definition.
    #[error("map `{name}`: {problem}")]
    Map {
        /// The map.
        name: String,
        /// What is wrong.
        problem: MapProblem,
    },
    /// The linked program is not an image.
    #[error("program `{program}` is not valid")]
    Image {
        /// The program.
        program: String,
        /// Why.
        source: ImageError,
    },
}

impl ObjectError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Empty | Self::NotElf => codes::NOT_AN_OBJECT,
            Self::Class(_) | Self::ByteOrder(_) | Self::Machine(_) => codes::ARCHITECTURE,
            Self::FileType(_) => codes::NOT_RELOCATABLE,
            Self::Header(_) => codes::MALFORMED,
            Self::Section { problem, .. } => problem.code(),
            Self::Overlap { .. }
            | Self::DuplicateSection(_)
            | Self::TwoSymbolTables(..)
            | Self::DuplicateSymbol(_) => codes::AMBIGUOUS,
            Self::UnknownSection(_) => codes::UNKNOWN_SECTION,
            Self::Symbol { problem, .. } => problem.code(),
            Self::NoProgram | Self::NoSuchProgram(_) => codes::NO_PROGRAM,
            Self::TooLarge(_)
            | Self::TooManySections(_)
            | Self::TooManyPrograms(_)
            | Self::TooManyMaps(_) => codes::LIMIT,
            Self::ProgramName(_) => codes::NAME,
            Self::Relocation { problem, .. } => problem.code(),
            Self::Code { problem, .. } => problem.code(),
            Self::Btf(problem) => problem.code(),
            Self::Map { problem, .. } => problem.code(),
            Self::Image { source, .. } => source.code(),
        }
    }
}

/// The names that the section of a program may have, for messages: `a, b or c (…)`.
struct SectionNames;

impl fmt::Display for SectionNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = ProgramKind::ALL.len().saturating_sub(1);
        for (i, kind) in ProgramKind::ALL.iter().enumerate() {
            let separator = match i {
                0 => "",
                _ if i == last => " or ",
                _ => ", ",
            };
            write!(f, "{separator}{kind}")?;
        }
        f.write_str(" (or with a suffix, as in filter/name)")
    }
}

/// What is wrong with the ELF header or the section table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderProblem {
    /// The file ends within the header.
    #[error("the file has {0} bytes, the header 64")]
    Truncated(usize),
    /// A field does not have the only value that it can have.
    #[error("{field} is {value}, not {expected}")]
    Field {
        /// Its name in the ELF specification.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The value that it must have.
        expected: u64,
    },
    /// The counts do not fit into the header (`SHN_XINDEX`); no object needs that.
    #[error("extended section numbering is not supported")]
    ExtendedNumbering,
    /// The section table lies out of bounds.
    #[error("the section table at {offset:#x} with {count} entries exceeds the file")]
    SectionTable {
        /// Its offset in the file.
        offset: u64,
        /// The number of sections.
        count: usize,
    },
    /// The section with the names of sections is not there, or is not a string table.
    #[error("section [{0}] does not hold the names of sections")]
    SectionNames(usize),
}

/// What is wrong with a section.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SectionProblem {
    /// The contents exceed the file.
    #[error("{size} bytes at {offset:#x} exceed the file")]
    Bounds {
        /// Offset in the file.
        offset: u64,
        /// Size in bytes.
        size: u64,
    },
    /// The name cannot be read, is too long, or is not printable ASCII.
    #[error("its name is not usable")]
    Name,
    /// A header field does not have the value that a section of this kind has.
    #[error("{field} is {value:#x}, which a section of this kind does not have")]
    Field {
        /// Its name in the ELF specification.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// The size is not a multiple of the entries' size.
    #[error("{size} bytes are not a whole number of entries of {entry}")]
    Size {
        /// Size in bytes.
        size: u64,
        /// Bytes of an entry.
        entry: u64,
    },
    /// A string table does not end with a zero.
    #[error("the string table has no terminating zero")]
    Unterminated,
    /// A second section relocates the same section.
    #[error("`{0}` is relocated by two sections")]
    RelocatedTwice(String),
}

impl SectionProblem {
    const fn code(&self) -> Code {
        match self {
            Self::Name => codes::NAME,
            Self::RelocatedTwice(_) => codes::AMBIGUOUS,
            _ => codes::MALFORMED,
        }
    }
}

/// What is wrong with a symbol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolProblem {
    /// The name cannot be read, is too long, or is not printable ASCII.
    #[error("its name is not usable")]
    Name,
    /// The type or the binding is not one that an object has.
    #[error("type and binding {0:#04x} are not supported")]
    Info(u8),
    /// The section index is out of bounds, reserved, common or extended.
    #[error("it lies in section {0:#x}, which is not a section of the object")]
    SectionIndex(u16),
    /// It exceeds its section.
    #[error("{size} bytes at {value:#x} exceed its section of {section_size} bytes")]
    Bounds {
        /// Offset in the section.
        value: u64,
        /// Size in bytes.
        size: u64,
        /// Size of the section in bytes.
        section_size: u64,
    },
    /// The first symbol is not the null symbol, or a section's symbol is not at its start.
    #[error("a symbol at its place has neither value nor size")]
    NotNull,
    /// A function without instructions.
    #[error("the function is empty")]
    EmptyFunction,
    /// A function that does not start and end at slots.
    #[error("the function's {size} bytes at {value:#x} are not whole instructions")]
    Alignment {
        /// Offset in the section.
        value: u64,
        /// Size in bytes.
        size: u64,
    },
    /// A function in a section that is not for code.
    #[error("the function lies in `{0}`, which is not executable")]
    NotCode(String),
    /// The function overlaps another.
    #[error("the function overlaps `{0}`")]
    Overlap(String),
}

impl SymbolProblem {
    const fn code(&self) -> Code {
        match self {
            Self::Name => codes::NAME,
            Self::Overlap(_) => codes::AMBIGUOUS,
            _ => codes::SYMBOL,
        }
    }
}

/// What is wrong with a relocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelocationProblem {
    /// A type that code does not have.
    #[error("relocation type {0} is not supported in code")]
    Type(u32),
    /// The place is not an instruction of the section.
    #[error("the relocation lies outside of the section or within an instruction")]
    Place,
    /// The place belongs to no function.
    #[error("the relocated instruction belongs to no function")]
    NoFunction,
    /// Two relocations for one place.
    #[error("the instruction is relocated twice")]
    Duplicate,
    /// The symbol's index is out of bounds.
    #[error("symbol [{0}] does not exist")]
    NoSymbol(u32),
    /// The instruction at this place cannot be relocated in this way.
    #[error("relocation type {kind} does not fit the instruction with opcode {opcode:#04x}")]
    Instruction {
        /// The relocation's type.
        kind: u32,
        /// The instruction's opcode.
        opcode: u8,
    },
    /// The relocated instruction has a field that compilers leave zero.
    #[error("the relocated instruction has {field} = {value}")]
    Field {
        /// `src`, `off` or `imm`.
        field: &'static str,
        /// Its value.
        value: i64,
    },
    /// The symbol is not defined in the object.
    #[error("`{0}` is declared but not defined")]
    Undefined(String),
    /// A wide load of something that is neither a map nor data.
    #[error("`{0}` is neither a map nor data of .rodata, .data or .bss")]
    NotData(String),
    /// A wide load of an address in code.
    #[error("the address of code (`{0}`) is taken, which is not supported")]
    CodeAddress(String),
    /// The data itself is relocated: it holds addresses.
    #[error("the data in `{0}` holds addresses, which is not supported")]
    RelocatedData(String),
    /// The address is not the start of a map.
    #[error("no map starts at `{section}`+{offset:#x}")]
    NoMap {
        /// The section.
        section: String,
        /// The offset in bytes.
        offset: i64,
    },
    /// The address lies outside of the data.
    #[error("`{section}`+{offset:#x} lies outside of the section")]
    DataBounds {
        /// The section.
        section: String,
        /// The offset in bytes.
        offset: i64,
    },
    /// The target of a call is not the start of a function.
    #[error("`{section}`+{offset:#x} is not the start of a function")]
    NoFunctionAt {
        /// The section.
        section: String,
        /// The offset in bytes.
        offset: i64,
    },
}

impl RelocationProblem {
    const fn code(&self) -> Code {
        match self {
            Self::Undefined(_) => codes::UNDEFINED,
            Self::Duplicate => codes::AMBIGUOUS,
            _ => codes::RELOCATION,
        }
    }
}

/// What is wrong with an instruction before linking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeProblem {
    /// A wide load at the end of its function.
    #[error("the wide load has no second half")]
    Truncated,
    /// A wide load that claims to be resolved.
    #[error("the wide load has source {0} without a relocation")]
    Forged(u8),
    /// A call within the section that does not lead to a function.
    #[error("the call by {0} slots does not lead to the start of a function")]
    CallTarget(i32),
}

impl CodeProblem {
    const fn code(&self) -> Code {
        match self {
            Self::Truncated => codes::INSTRUCTION,
            Self::Forged(_) => codes::FORGED_REFERENCE,
            Self::CallTarget(_) => codes::IMAGE,
        }
    }
}

/// What is wrong with type information. Offsets count from the start of the part that is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BtfProblem {
    /// The header is cut short, or a field has a value that is not supported.
    #[error("the header of {0} is not supported")]
    Header(&'static str),
    /// A part lies out of bounds.
    #[error("{0} exceed their section")]
    Bounds(&'static str),
    /// A type of a kind whose length is not known.
    #[error("type [{id}] is of the unknown kind {kind}")]
    Kind {
        /// The type.
        id: u32,
        /// Its kind.
        kind: u32,
    },
    /// A type that does not exist is referred to.
    #[error("type [{0}] does not exist")]
    NoType(u32),
    /// A string that cannot be read.
    #[error("there is no usable string at {0:#x}")]
    String(u32),
    /// Types that refer to each other more often than those of a program do.
    #[error("type [{0}] is nested too deeply, or in itself")]
    Depth(u32),
    /// A type whose size is not defined or overflows.
    #[error("type [{0}] has no size")]
    Size(u32),
    /// Line information for a section that has no code.
    #[error("lines of `{0}`, which is no section with code")]
    LineSection(String),
    /// A line of no instruction.
    #[error("a line of `{section}`+{offset:#x}, which is no instruction")]
    LineOffset {
        /// The section.
        section: String,
        /// The offset in bytes.
        offset: u32,
    },
    /// The lines' texts overlap each other, which no compiler writes and which would take more
    /// memory than the file.
    #[error("the texts of the lines are longer than all strings together")]
    LineTexts,
    /// Compile-once relocations, which nothing here resolves.
    #[error("CO-RE relocations are not supported")]
    CoRe,
}

impl BtfProblem {
    const fn code(&self) -> Code {
        match self {
            Self::CoRe => codes::RELOCATION,
            _ => codes::BTF,
        }
    }
}

/// What is wrong with a map definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapProblem {
    /// Maps in `.maps`, but nothing that describes them.
    #[error("the object has no type information that describes it")]
    NoBtf,
    /// The type information describes a map that is not there.
    #[error("no symbol of `.maps` has its name")]
    NoSymbol,
    /// The size or place of the definition is not one of a legacy definition.
    #[error("a definition of {0} bytes is neither 20 nor 28 bytes of `.maps` or `maps`")]
    Size(u64),
    /// The symbols of two maps overlap, or two maps have one name.
    #[error("it overlaps another map, or has its name")]
    Overlap,
    /// The definition is not a structure.
    #[error("its definition is not a structure")]
    NotStruct,
    /// The member is not written with `__uint` or `__type`.
    #[error("member `{0}` is not of the form that __uint or __type writes")]
    Form(String),
    /// A member that this platform does not have.
    #[error("member `{0}` is not supported")]
    Unsupported(String),
    /// A member is there twice, or contradicts another.
    #[error("member `{0}` is defined twice")]
    Twice(&'static str),
    /// A member that a map must have.
    #[error("member `{0}` is missing")]
    Missing(&'static str),
    /// Pinning or the like.
    #[error("{member} = {value} is not supported")]
    Value {
        /// The member.
        member: &'static str,
        /// Its value.
        value: u32,
    },
    /// Flags that are not those of the kind.
    #[error("map_flags = {value}, and a {kind} has {needed}")]
    Flags {
        /// The kind.
        kind: MapKind,
        /// The flags that it has.
        needed: u32,
        /// What the definition says.
        value: u32,
    },
    /// A kind of map that the platform does not have.
    #[error("the platform has no map kind {0}")]
    Kind(u32),
    /// Its type information is not usable.
    #[error("its type: {0}")]
    Btf(BtfProblem),
    /// The contents of the map are relocated: inner maps or initial values.
    #[error("initial values are not supported")]
    Relocated,
    /// The shape is out of bounds.
    #[error("{0}")]
    Shape(MapShapeError),
    /// The name is empty, too long, or not of letters, digits, `.`, `_` and `-`.
    #[error("its name is not usable")]
    Name,
}

impl MapProblem {
    const fn code(&self) -> Code {
        match self {
            Self::Kind(_) => codes::MAP_KIND,
            Self::Overlap => codes::AMBIGUOUS,
            Self::Shape(_) => codes::MAP_SHAPE,
            Self::Name => codes::NAME,
            Self::Btf(problem) => problem.code(),
            _ => codes::MAP_DEFINITION,
        }
    }
}
