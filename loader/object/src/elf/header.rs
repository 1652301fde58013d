//! The ELF header.

use goblin::elf::header::{
    EI_CLASS, EI_DATA, EI_VERSION, ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_BPF, ET_REL, EV_CURRENT,
};
use goblin::elf::section_header::{SHN_LORESERVE, SHN_XINDEX};
use goblin::elf64::header::{Header as RawHeader, SIZEOF_EHDR};
use goblin::elf64::section_header::SIZEOF_SHDR;
use platform_click::limits;

use super::{MAX_SECTIONS, read};
use crate::error::{HeaderProblem, ObjectError};

/// What the header says about the section table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Where the section table starts in the file.
    pub(super) table_offset: usize,
    /// Entries of the section table, at least 1.
    pub(super) section_count: usize,
    /// The section with the names of sections; not checked yet.
    pub(super) names: usize,
}

impl Header {
    /// Reads and checks the header; the section table lies within the file.
    pub(super) fn parse(file: &[u8]) -> Result<Self, ObjectError> {
        check_identity(file)?;
        let raw: RawHeader = read(file.get(..SIZEOF_EHDR).unwrap_or(file))?;
        if raw.e_machine != EM_BPF {
            return Err(ObjectError::Machine(raw.e_machine));
        }
        if raw.e_type != ET_REL {
            return Err(ObjectError::FileType(raw.e_type));
        }
        for (field, value, expected) in [
            ("e_version", u64::from(raw.e_version), u64::from(EV_CURRENT)),
            ("e_ehsize", u64::from(raw.e_ehsize), 64),
            ("e_phnum", u64::from(raw.e_phnum), 0),
            ("e_shentsize", u64::from(raw.e_shentsize), 64),
        ] {
            expect(field, value, expected)?;
        }
        section_table(file, &raw)
    }
}

/// Size, magic number, class, byte order and version: what decides how the rest is read.
fn check_identity(file: &[u8]) -> Result<(), ObjectError> {
    if file.is_empty() {
        return Err(ObjectError::Empty);
    }
    if file.len() > limits::MAX_OBJECT_SIZE {
        return Err(ObjectError::TooLarge(file.len()));
    }
    if !file.starts_with(ELFMAG) {
        return Err(ObjectError::NotElf);
    }
    let byte = |index: usize| {
        file.get(index)
            .copied()
            .ok_or(ObjectError::Header(HeaderProblem::Truncated(file.len())))
    };
    match byte(EI_CLASS)? {
        ELFCLASS64 => {}
        class => return Err(ObjectError::Class(class)),
    }
    match byte(EI_DATA)? {
        ELFDATA2LSB => {}
        order => return Err(ObjectError::ByteOrder(order)),
    }
    expect(
        "EI_VERSION",
        u64::from(byte(EI_VERSION)?),
        u64::from(EV_CURRENT),
    )
}

fn section_table(file: &[u8], raw: &RawHeader) -> Result<Header, ObjectError> {
    let count = usize::from(raw.e_shnum);
    // A count of 0 with a table, or a reserved number, moves the true one into the table.
    if count == 0
        || u32::from(raw.e_shnum) >= SHN_LORESERVE
        || u32::from(raw.e_shstrndx) == SHN_XINDEX
    {
        return Err(ObjectError::Header(HeaderProblem::ExtendedNumbering));
    }
    if count > MAX_SECTIONS {
        return Err(ObjectError::TooManySections(count));
    }
    let out_of_bounds = ObjectError::Header(HeaderProblem::SectionTable {
        offset: raw.e_shoff,
        count,
    });
    let end = usize::try_from(raw.e_shoff)
        .ok()
        .zip(count.checked_mul(SIZEOF_SHDR))
        .and_then(|(start, size)| Some((start, start.checked_add(size)?)));
    match end {
        Some((table_offset, end)) if end <= file.len() => Ok(Header {
            table_offset,
            section_count: count,
            names: usize::from(raw.e_shstrndx),
        }),
        _ => Err(out_of_bounds),
    }
}

fn expect(field: &'static str, value: u64, expected: u64) -> Result<(), ObjectError> {
    if value == expected {
        Ok(())
    } else {
        Err(ObjectError::Header(HeaderProblem::Field {
            field,
            value,
            expected,
        }))
    }
}
