//! The section table.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use goblin::elf::section_header::{
    SHF_ALLOC, SHF_COMPRESSED, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS, SHT_NULL, SHT_STRTAB,
};
use goblin::elf64::header::SIZEOF_EHDR;
use goblin::elf64::section_header::{SIZEOF_SHDR, SectionHeader as RawSection};

use super::header::Header;
use super::{read, string_at};
use crate::error::{HeaderProblem, ObjectError, SectionProblem};

/// A section whose contents lie within the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    /// Its index in the section table.
    pub(crate) index: usize,
    /// Its name: printable ASCII.
    pub(crate) name: &'a str,
    /// `sh_type`.
    pub(crate) kind: u32,
    /// `sh_link`.
    pub(crate) link: u32,
    /// `sh_info`.
    pub(crate) info: u32,
    /// `sh_entsize`.
    pub(crate) entry_size: u64,
    /// Its size in bytes; that of its contents, or of the zeros of a section without any.
    pub(crate) size: u64,
    /// Its bytes in the file; none for `SHT_NOBITS`.
    pub(crate) contents: &'a [u8],
    flags: u64,
}

impl Section<'_> {
    pub(crate) fn is_executable(&self) -> bool {
        self.has(SHF_EXECINSTR)
    }

    pub(crate) fn is_allocated(&self) -> bool {
        self.has(SHF_ALLOC)
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.has(SHF_WRITE)
    }

    /// `sh_flags`.
    pub(crate) fn flags(&self) -> u64 {
        self.flags
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & u64::from(flag) != 0
    }

    /// An error at this section.
    pub(crate) fn error(&self, problem: SectionProblem) -> ObjectError {
        ObjectError::Section {
            index: self.index,
            name: self.name.to_string(),
            problem,
        }
    }

    /// An error about a header field of this section.
    pub(crate) fn field(&self, field: &'static str, value: u64) -> ObjectError {
        self.error(SectionProblem::Field { field, value })
    }

    /// Its contents as entries of `N` bytes each, which `sh_entsize` has to confirm.
    pub(crate) fn entries<const N: usize>(&self) -> Result<&[[u8; N]], ObjectError> {
        if usize::try_from(self.entry_size).ok() != Some(N) {
            return Err(self.field("sh_entsize", self.entry_size));
        }
        self.whole()
    }

    /// Its contents as units of `N` bytes each.
    pub(crate) fn whole<const N: usize>(&self) -> Result<&[[u8; N]], ObjectError> {
        match self.contents.as_chunks::<N>() {
            (entries, []) => Ok(entries),
            _ => Err(self.error(SectionProblem::Size {
                size: self.size,
                entry: u64::try_from(N).unwrap_or(u64::MAX),
            })),
        }
    }

    /// Its contents as a string table (System V ABI: the last byte is zero).
    pub(crate) fn strings(&self) -> Result<&[u8], ObjectError> {
        if self.kind != SHT_STRTAB {
            return Err(self.field("sh_type", u64::from(self.kind)));
        }
        if self.contents.last() != Some(&0) {
            return Err(self.error(SectionProblem::Unterminated));
        }
        Ok(self.contents)
    }
}

/// Reads the section table: every section has a name and lies within the file, none overlaps
/// another, the header or the table.
pub(super) fn parse<'a>(file: &'a [u8], header: &Header) -> Result<Vec<Section<'a>>, ObjectError> {
    let raw = read_table(file, header)?;
    let mut sections = Vec::with_capacity(raw.len());
    for (index, raw) in raw.iter().enumerate() {
        sections.push(Section {
            index,
            name: "",
            kind: raw.sh_type,
            link: raw.sh_link,
            info: raw.sh_info,
            entry_size: raw.sh_entsize,
            size: raw.sh_size,
            contents: contents(file, index, raw)?,
            flags: raw.sh_flags,
        });
    }
    let names = sections
        .get(header.names)
        .filter(|section| section.kind == SHT_STRTAB)
        .ok_or(ObjectError::Header(HeaderProblem::SectionNames(
            header.names,
        )))?
        .contents;
    for (section, raw) in sections.iter_mut().zip(&raw) {
        section.name =
            string_at(names, raw.sh_name).ok_or_else(|| section.error(SectionProblem::Name))?;
        // Debugging information is the only thing that compilers compress, and is not read here.
        if section.has(SHF_COMPRESSED) && !section.name.starts_with(".debug_") {
            return Err(section.field("sh_flags", section.flags));
        }
    }
    check_null(&sections)?;
    check_overlap(header, &sections, &raw)?;
    Ok(sections)
}

/// The table lies within the file: [`Header::parse`] has checked that.
fn read_table(file: &[u8], header: &Header) -> Result<Vec<RawSection>, ObjectError> {
    let (entries, _) = file
        .get(header.table_offset..)
        .unwrap_or_default()
        .as_chunks::<SIZEOF_SHDR>();
    entries
        .iter()
        .take(header.section_count)
        .map(|bytes| read(bytes))
        .collect()
}

fn contents<'a>(file: &'a [u8], index: usize, raw: &RawSection) -> Result<&'a [u8], ObjectError> {
    if matches!(raw.sh_type, SHT_NULL | SHT_NOBITS) {
        return Ok(&[]);
    }
    usize::try_from(raw.sh_offset)
        .ok()
        .zip(usize::try_from(raw.sh_size).ok())
        .and_then(|(start, size)| file.get(start..start.checked_add(size)?))
        .ok_or_else(|| ObjectError::Section {
            index,
            name: String::new(),
            problem: SectionProblem::Bounds {
                offset: raw.sh_offset,
                size: raw.sh_size,
            },
        })
}

/// The first section is the null section; a size or link there belongs to extended numbering.
fn check_null(sections: &[Section<'_>]) -> Result<(), ObjectError> {
    let Some(first) = sections.first() else {
        return Ok(());
    };
    if first.kind != SHT_NULL {
        return Err(first.field("sh_type", u64::from(first.kind)));
    }
    if first.size != 0 || first.link != 0 {
        return Err(ObjectError::Header(HeaderProblem::ExtendedNumbering));
    }
    Ok(())
}

/// A byte of the file belongs to one thing at most.
fn check_overlap(
    header: &Header,
    sections: &[Section<'_>],
    raw: &[RawSection],
) -> Result<(), ObjectError> {
    let mut regions = Vec::with_capacity(sections.len().saturating_add(2));
    regions.push((0, SIZEOF_EHDR, "the ELF header"));
    regions.push((
        header.table_offset,
        header.section_count.saturating_mul(SIZEOF_SHDR),
        "the section table",
    ));
    for (section, raw) in sections.iter().zip(raw) {
        if !section.contents.is_empty() {
            let start = usize::try_from(raw.sh_offset).unwrap_or(usize::MAX);
            regions.push((start, section.contents.len(), section.name));
        }
    }
    regions.sort_unstable();
    for pair in regions.windows(2) {
        if let [(start, size, first), (next, _, second)] = pair
            && start.saturating_add(*size) > *next
        {
            return Err(ObjectError::Overlap {
                first: (*first).to_string(),
                second: (*second).to_string(),
            });
        }
    }
    Ok(())
}
