//! What each section of an object is for.

use alloc::string::ToString;
use alloc::vec::Vec;

use goblin::elf::section_header::{SHT_NOBITS, SHT_PROGBITS};
use platform_click::ProgramKind;

use super::ParseOptions;
use crate::elf::{Elf, Section};
use crate::error::ObjectError;
use crate::insn::RawInsn;

/// What a section is for; decided by its name and confirmed by its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Code whose global functions are programs of this kind.
    Programs(ProgramKind),
    /// `.text`: code that programs call.
    Text,
    /// Data that code may refer to.
    Data {
        /// Whether it may be written.
        writable: bool,
    },
    /// `.maps`: maps that BTF describes.
    BtfMaps,
    /// `maps`: maps as structures of numbers.
    LegacyMaps,
    /// `.BTF`: types and strings.
    Btf,
    /// `.BTF.ext`: lines.
    BtfExt,
    /// Anything else: never read.
    Other,
}

impl Role {
    pub(super) fn is_code(self) -> bool {
        matches!(self, Self::Programs(_) | Self::Text)
    }
}

/// The section in which the system that this project re-creates kept programs of every kind.
pub const LEGACY_SECTION: &str = "bpffilter";

/// The role of every section, by index.
///
/// # Errors
/// Code in a section that is not for code, flags that contradict a name, two sections of one name
/// that are not both of no interest.
pub(super) fn roles(elf: &Elf<'_>, options: ParseOptions) -> Result<Vec<Role>, ObjectError> {
    let roles = elf
        .sections()
        .iter()
        .map(|section| role(section, options))
        .collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<&str> = elf
        .sections()
        .iter()
        .zip(&roles)
        .filter(|(section, role)| section.is_allocated() || **role != Role::Other)
        .map(|(section, _)| section.name)
        .collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        if let [first, second] = pair
            && first == second
        {
            return Err(ObjectError::DuplicateSection((*first).to_string()));
        }
    }
    Ok(roles)
}

fn role(section: &Section<'_>, options: ParseOptions) -> Result<Role, ObjectError> {
    let by_name = by_name(section.name, options);
    if section.is_executable() && !by_name.is_code() {
        return Err(ObjectError::UnknownSection(section.name.to_string()));
    }
    let kind_fits = match by_name {
        Role::Other => return Ok(Role::Other),
        Role::Data { writable: true } => matches!(section.kind, SHT_PROGBITS | SHT_NOBITS),
        _ => section.kind == SHT_PROGBITS,
    };
    if !kind_fits {
        return Err(section.field("sh_type", u64::from(section.kind)));
    }
    let flags_fit = match by_name {
        Role::Data { writable } => section.is_writable() == writable && section.is_allocated(),
        Role::BtfMaps | Role::LegacyMaps => section.is_allocated(),
        role if role.is_code() => {
            section.is_executable() && section.is_allocated() && !section.is_writable()
        }
        _ => true,
    };
    if !flags_fit {
        return Err(section.field("sh_flags", section.flags()));
    }
    if by_name.is_code() {
        section.whole::<{ RawInsn::SIZE }>()?;
    }
    Ok(by_name)
}

fn by_name(name: &str, options: ParseOptions) -> Role {
    match name {
        ".text" => Role::Text,
        LEGACY_SECTION => Role::Programs(options.bpffilter),
        ".maps" => Role::BtfMaps,
        "maps" => Role::LegacyMaps,
        ".BTF" => Role::Btf,
        ".BTF.ext" => Role::BtfExt,
        _ => match ProgramKind::from_section(name) {
            Some(kind) => Role::Programs(kind),
            None => data_role(name).unwrap_or(Role::Other),
        },
    }
}

/// `.rodata`, `.data`, `.bss`, each also followed by a dot and a suffix (`.rodata.str1.1`).
fn data_role(name: &str) -> Option<Role> {
    for (base, writable) in [(".rodata", false), (".data", true), (".bss", true)] {
        if let Some(suffix) = name.strip_prefix(base)
            && (suffix.is_empty() || suffix.starts_with('.'))
        {
            return Some(Role::Data { writable });
        }
    }
    None
}
