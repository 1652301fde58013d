//! References of instructions: relocations, and calls that the compiler resolved.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::code::{Function, function_at, slot_of};
use super::data::Data;
use super::maps::PlacedMap;
use super::role::Role;
use super::site::Site;
use crate::elf::{Elf, R_BPF_64_32, R_BPF_64_64, Relocation, Relocations, Section};
use crate::error::{CodeProblem, ObjectError, RelocationProblem};

/// Opcode of a wide load (RFC 9669, section 5.4).
const WIDE_LOAD: u8 = 0x18;
/// Opcode of a call (section 4.3.1), and the source that makes it one of a function.
const CALL: u8 = 0x85;
const LOCAL: u8 = 1;

/// What an instruction refers to; the numbers index the object's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// A wide load of a map.
    Map(usize),
    /// A wide load of an address in data.
    Data { index: usize, offset: u32 },
    /// A call of a function.
    Function(usize),
}

/// What references can lead to.
#[derive(Clone, Copy)]
pub(super) struct Targets<'t, 'a> {
    pub(super) elf: &'t Elf<'a>,
    pub(super) roles: &'t [Role],
    pub(super) relocations: &'t Relocations,
    pub(super) maps: &'t [PlacedMap],
    pub(super) data: &'t [Data],
}

/// Resolves every reference of every function, those included that no program reaches.
pub(super) fn resolve(
    functions: &mut [Function],
    targets: Targets<'_, '_>,
) -> Result<(), ObjectError> {
    let mut pending = PendingRelocations::new(targets)?;
    let references = functions
        .iter()
        .map(|function| references(function, functions, targets, &mut pending))
        .collect::<Result<Vec<_>, _>>()?;
    pending.finish(targets)?;
    for (function, references) in functions.iter_mut().zip(references) {
        function.references = references;
    }
    Ok(())
}

/// Relocations of code by section and slot, from which each is taken once.
struct PendingRelocations(BTreeMap<(usize, usize), Relocation>);

impl PendingRelocations {
    /// All relocations of sections with code: of known types, at slots of the section, one for each.
    fn new(targets: Targets<'_, '_>) -> Result<Self, ObjectError> {
        let mut pending = BTreeMap::new();
        let code = targets.elf.sections().iter().zip(targets.roles);
        for (section, _) in code.filter(|(_, role)| role.is_code()) {
            for relocation in targets
                .relocations
                .get(&section.index)
                .into_iter()
                .flatten()
            {
                let fail = |problem| error(section, relocation.offset, problem);
                if !matches!(relocation.kind, R_BPF_64_64 | R_BPF_64_32) {
                    return Err(fail(RelocationProblem::Type(relocation.kind)));
                }
                let slot = slot_of(relocation.offset)
                    .filter(|_| relocation.offset < section.size)
                    .ok_or_else(|| fail(RelocationProblem::Place))?;
                if pending.insert((section.index, slot), *relocation).is_some() {
                    return Err(fail(RelocationProblem::Duplicate));
                }
            }
        }
        Ok(Self(pending))
    }

    fn take(&mut self, section: usize, slot: usize) -> Option<Relocation> {
        self.0.remove(&(section, slot))
    }

    /// Every relocation belonged to an instruction of a function.
    fn finish(&self, targets: Targets<'_, '_>) -> Result<(), ObjectError> {
        match self.0.first_key_value() {
            Some(((section, _), relocation)) => Err(section_error(
                targets.elf,
                *section,
                relocation.offset,
                RelocationProblem::NoFunction,
            )),
            None => Ok(()),
        }
    }
}

/// Walks the instructions of one function.
fn references(
    function: &Function,
    functions: &[Function],
    targets: Targets<'_, '_>,
    pending: &mut PendingRelocations,
) -> Result<Vec<(usize, Reference)>, ObjectError> {
    let fail = |slot: usize, problem| ObjectError::Code {
        function: function.name.clone(),
        slot: u32::try_from(slot).unwrap_or(u32::MAX),
        problem,
    };
    let mut references = Vec::new();
    let mut slots = function.slots.iter().enumerate();
    while let Some((slot, insn)) = slots.next() {
        let place = function.start.saturating_add(slot);
        let relocation = pending.take(function.section, place);
        let site = Site {
            section: function.section,
            insn: *insn,
        };
        if insn.opcode == WIDE_LOAD {
            let Some((_, tail)) = slots.next() else {
                return Err(fail(slot, CodeProblem::Truncated));
            };
            if let Some(inside) = pending.take(function.section, place.saturating_add(1)) {
                return Err(section_error(
                    targets.elf,
                    function.section,
                    inside.offset,
                    RelocationProblem::Place,
                ));
            }
            match relocation {
                Some(relocation) => {
                    references.push((slot, site.address(*tail, relocation, targets)?));
                }
                None if insn.src == 0 => {}
                None => return Err(fail(slot, CodeProblem::Forged(insn.src))),
            }
        } else if insn.opcode == CALL && insn.src == LOCAL {
            let target = match relocation {
                Some(relocation) => site.callee(relocation, functions, targets)?,
                None => place
                    .checked_add(1)
                    .and_then(|next| next.checked_add_signed(isize::try_from(insn.imm).ok()?))
                    .and_then(|target| function_at(functions, function.section, target))
                    .ok_or_else(|| fail(slot, CodeProblem::CallTarget(insn.imm)))?,
            };
            references.push((slot, Reference::Function(target)));
        } else if let Some(relocation) = relocation {
            return Err(site.misfit(relocation, targets));
        }
    }
    Ok(references)
}

fn error(section: &Section<'_>, offset: u64, problem: RelocationProblem) -> ObjectError {
    ObjectError::Relocation {
        section: section.name.to_string(),
        offset,
        problem,
    }
}

pub(super) fn section_error(
    elf: &Elf<'_>,
    section: usize,
    offset: u64,
    problem: RelocationProblem,
) -> ObjectError {
    ObjectError::Relocation {
        section: elf
            .section(section)
            .map_or("", |section| section.name)
            .to_string(),
        offset,
        problem,
    }
}
