//! Changes single fields of good objects, so that each test has one thing wrong.

use bpf_object::{Image, Object, ObjectError, ParseOptions};

/// Two programs that share functions, maps and data; with DWARF sections.
pub(crate) const TWO_PROGRAMS: &[u8] = include_bytes!("../fixtures/two_programs.o");
/// Every form in which clang refers to something.
pub(crate) const REFERENCES: &[u8] = include_bytes!("../fixtures/references.o");
/// Maps in the section `maps`, the program in `bpffilter`.
pub(crate) const LEGACY_MAPS: &[u8] = include_bytes!("../fixtures/legacy_maps.o");
/// ISA v4.
pub(crate) const V4: &[u8] = include_bytes!("../fixtures/v4.o");

/// Every object above.
pub(crate) const ALL: [(&str, &[u8]); 4] = [
    ("two_programs", TWO_PROGRAMS),
    ("references", REFERENCES),
    ("legacy_maps", LEGACY_MAPS),
    ("v4", V4),
];

/// Parses with the default options.
pub(crate) fn parse(file: &[u8]) -> Result<Object, ObjectError> {
    Object::parse(file, ParseOptions::default())
}

/// Parses an object and links all of its programs.
pub(crate) fn link_all(file: &[u8]) -> Result<Vec<Image>, ObjectError> {
    let object = parse(file)?;
    let programs = object.programs().iter();
    programs.map(|program| object.link(program)).collect()
}

/// The image of one program of a good object.
pub(crate) fn link(file: &[u8], program: &str) -> Image {
    let object = parse(file).unwrap();
    object.link(object.program(program).unwrap()).unwrap()
}

/// The object is refused with this code and an error of this form.
macro_rules! assert_refused {
    ($file:expr, $code:expr, $pattern:pat $(if $guard:expr)?) => {
        let error = $crate::patch::link_all($file.as_ref()).expect_err("accepted");
        assert!(matches!(&error, $pattern $(if $guard)?), "{error:?}");
        assert_eq!(error.code(), $code, "{error:?}");
        assert_eq!(error.code().exit, platform_click::ExitCode::Input);
        let text = error.to_string();
        assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
    };
}

/// A field of a structure: offset and size in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Field(usize, usize);

pub(crate) const E_TYPE: Field = Field(16, 2);
pub(crate) const E_MACHINE: Field = Field(18, 2);
pub(crate) const E_VERSION: Field = Field(20, 4);
pub(crate) const E_SHOFF: Field = Field(40, 8);
pub(crate) const E_EHSIZE: Field = Field(52, 2);
pub(crate) const E_PHNUM: Field = Field(56, 2);
pub(crate) const E_SHENTSIZE: Field = Field(58, 2);
pub(crate) const E_SHNUM: Field = Field(60, 2);
pub(crate) const E_SHSTRNDX: Field = Field(62, 2);

pub(crate) const SH_NAME: Field = Field(0, 4);
pub(crate) const SH_TYPE: Field = Field(4, 4);
pub(crate) const SH_FLAGS: Field = Field(8, 8);
pub(crate) const SH_OFFSET: Field = Field(24, 8);
pub(crate) const SH_SIZE: Field = Field(32, 8);
pub(crate) const SH_LINK: Field = Field(40, 4);
pub(crate) const SH_INFO: Field = Field(44, 4);
pub(crate) const SH_ENTSIZE: Field = Field(56, 8);

pub(crate) const ST_NAME: Field = Field(0, 4);
pub(crate) const ST_INFO: Field = Field(4, 1);
pub(crate) const ST_SHNDX: Field = Field(6, 2);
pub(crate) const ST_VALUE: Field = Field(8, 8);
pub(crate) const ST_SIZE: Field = Field(16, 8);

pub(crate) const R_OFFSET: Field = Field(0, 8);
pub(crate) const R_TYPE: Field = Field(8, 4);
pub(crate) const R_SYM: Field = Field(12, 4);

/// A good object that is being changed.
#[derive(Clone)]
pub(crate) struct Patch(pub(crate) Vec<u8>);

impl AsRef<[u8]> for Patch {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Patch {
    pub(crate) fn new(file: &[u8]) -> Self {
        Self(file.to_vec())
    }

    pub(crate) fn get(&self, base: usize, Field(offset, size): Field) -> u64 {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&self.0[base + offset..base + offset + size]);
        u64::from_le_bytes(bytes)
    }

    pub(crate) fn set(&mut self, base: usize, Field(offset, size): Field, value: u64) -> &mut Self {
        self.0[base + offset..base + offset + size].copy_from_slice(&value.to_le_bytes()[..size]);
        self
    }

    /// Sets a field of the ELF header.
    pub(crate) fn header(&mut self, field: Field, value: u64) -> &mut Self {
        self.set(0, field, value)
    }

    /// Where the header of the section with this index lies.
    pub(crate) fn section_header(&self, index: usize) -> usize {
        self.get(0, E_SHOFF) as usize + 64 * index
    }

    fn string(&self, table: usize, offset: u64) -> &str {
        let start = self.get(self.section_header(table), SH_OFFSET) + offset;
        let rest = &self.0[start as usize..];
        let end = rest.iter().position(|byte| *byte == 0).unwrap();
        core::str::from_utf8(&rest[..end]).unwrap()
    }

    /// The index of the section with this name.
    pub(crate) fn section(&self, name: &str) -> usize {
        let names = self.get(0, E_SHSTRNDX) as usize;
        (0..self.get(0, E_SHNUM) as usize)
            .find(|index| {
                let header = self.section_header(*index);
                self.string(names, self.get(header, SH_NAME)) == name
            })
            .unwrap()
    }

    /// A field of the section with this name.
    pub(crate) fn section_field(&self, name: &str, field: Field) -> u64 {
        self.get(self.section_header(self.section(name)), field)
    }

    /// Sets a field of the section with this name.
    pub(crate) fn set_section(&mut self, name: &str, field: Field, value: u64) -> &mut Self {
        let header = self.section_header(self.section(name));
        self.set(header, field, value)
    }

    /// Where the contents of the section with this name start.
    pub(crate) fn contents(&self, name: &str) -> usize {
        self.section_field(name, SH_OFFSET) as usize
    }

    /// Puts new contents at the end of the file and lets the section point to them.
    pub(crate) fn replace_contents(&mut self, name: &str, bytes: &[u8]) -> &mut Self {
        let offset = self.0.len() as u64;
        self.0.extend_from_slice(bytes);
        self.set_section(name, SH_OFFSET, offset)
            .set_section(name, SH_SIZE, bytes.len() as u64)
    }

    /// A copy of a section's contents.
    pub(crate) fn copy_contents(&self, name: &str) -> Vec<u8> {
        let start = self.contents(name);
        self.0[start..start + self.section_field(name, SH_SIZE) as usize].to_vec()
    }

    /// Where the symbol with this index lies.
    pub(crate) fn symbol_at(&self, index: usize) -> usize {
        self.contents(".symtab") + 24 * index
    }

    /// The index of the symbol with this name.
    pub(crate) fn symbol_index(&self, name: &str) -> usize {
        let strings = self.section_field(".symtab", SH_LINK) as usize;
        (0..self.section_field(".symtab", SH_SIZE) as usize / 24)
            .find(|index| self.string(strings, self.get(self.symbol_at(*index), ST_NAME)) == name)
            .unwrap()
    }

    pub(crate) fn symbol_field(&self, name: &str, field: Field) -> u64 {
        self.get(self.symbol_at(self.symbol_index(name)), field)
    }

    /// Sets a field of the symbol with this name.
    pub(crate) fn set_symbol(&mut self, name: &str, field: Field, value: u64) -> &mut Self {
        let symbol = self.symbol_at(self.symbol_index(name));
        self.set(symbol, field, value)
    }

    /// Sets a field of a relocation.
    pub(crate) fn set_relocation(
        &mut self,
        section: &str,
        index: usize,
        field: Field,
        value: u64,
    ) -> &mut Self {
        let relocation = self.contents(section) + 16 * index;
        self.set(relocation, field, value)
    }

    /// Sets one byte of a section.
    pub(crate) fn byte(&mut self, section: &str, offset: usize, value: u8) -> &mut Self {
        let start = self.contents(section);
        self.0[start + offset] = value;
        self
    }

    /// Sets a 32-bit number in a section.
    pub(crate) fn word(&mut self, section: &str, offset: usize, value: u32) -> &mut Self {
        let start = self.contents(section);
        self.set(start + offset, Field(0, 4), u64::from(value))
    }

    /// Replaces a text in a section by another of the same length.
    pub(crate) fn text(&mut self, section: &str, from: &str, to: &str) -> &mut Self {
        assert_eq!(from.len(), to.len());
        let start = self.contents(section);
        let size = self.section_field(section, SH_SIZE) as usize;
        let contents = &mut self.0[start..start + size];
        let at = contents
            .windows(from.len())
            .position(|window| window == from.as_bytes())
            .unwrap();
        contents[at..at + from.len()].copy_from_slice(to.as_bytes());
        self
    }
}
