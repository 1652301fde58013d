//! Relocations (`SHT_REL`; BPF has none with addends, the addend stands in the instruction).

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use goblin::elf::section_header::{SHT_REL, SHT_RELA};
use goblin::elf64::reloc::{Rel as RawRelocation, SIZEOF_REL, r_sym, r_type};

use super::{Section, read};
use crate::error::{ObjectError, SectionProblem};

/// The address of a symbol, in the two immediates of a wide load
/// (<https://docs.kernel.org/bpf/llvm_reloc.html>).
pub(crate) const R_BPF_64_64: u32 = 1;

/// The distance to a function in slots, in the immediate of a call (same source).
pub(crate) const R_BPF_64_32: u32 = 10;

/// One relocation; neither its place nor its symbol is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relocation {
    /// Offset in the relocated section, in bytes.
    pub(crate) offset: u64,
    /// Its type.
    pub(crate) kind: u32,
    /// Index of its symbol.
    pub(crate) symbol: u32,
}

/// Relocations by the section that they relocate.
pub(crate) type Relocations = BTreeMap<usize, Vec<Relocation>>;

pub(super) fn parse(
    sections: &[Section<'_>],
    symbol_table: usize,
    relevant: impl Fn(usize) -> bool,
) -> Result<Relocations, ObjectError> {
    let mut all = Relocations::new();
    for section in sections {
        if !matches!(section.kind, SHT_REL | SHT_RELA) {
            continue;
        }
        let target = usize::try_from(section.info)
            .ok()
            .and_then(|info| sections.get(info))
            .ok_or_else(|| section.field("sh_info", u64::from(section.info)))?;
        if !relevant(target.index) {
            continue;
        }
        if section.kind == SHT_RELA {
            return Err(section.field("sh_type", u64::from(section.kind)));
        }
        if usize::try_from(section.link).ok() != Some(symbol_table) {
            return Err(section.field("sh_link", u64::from(section.link)));
        }
        if all.insert(target.index, entries(section)?).is_some() {
            return Err(section.error(SectionProblem::RelocatedTwice(target.name.to_string())));
        }
    }
    Ok(all)
}

fn entries(section: &Section<'_>) -> Result<Vec<Relocation>, ObjectError> {
    section
        .entries::<SIZEOF_REL>()?
        .iter()
        .map(|bytes| {
            let raw: RawRelocation = read(bytes)?;
            Ok(Relocation {
                offset: raw.r_offset,
                kind: r_type(raw.r_info),
                symbol: r_sym(raw.r_info),
            })
        })
        .collect()
}
