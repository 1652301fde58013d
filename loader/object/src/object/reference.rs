//! References of instructions: relocations, and calls that the compiler resolved.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::code::{Function, slot_of};
use super::data::Data;
use super::maps::PlacedMap;
use super::role::Role;
use crate::elf::{
    Elf, Home, R_BPF_64_32, R_BPF_64_64, Relocation, Relocations, Section, Symbol, SymbolKind,
};
use crate::error::{CodeProblem, ObjectError, RelocationProblem};
use crate::insn::RawInsn;

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

fn function_at(functions: &[Function], section: usize, slot: usize) -> Option<usize> {
    functions
        .binary_search_by_key(&(section, slot), |function| {
            (function.section, function.start)
        })
        .ok()
}

/// A relocated instruction.
#[derive(Clone, Copy)]
struct Site {
    section: usize,
    insn: RawInsn,
}

impl Site {
    /// Resolves a wide load: the address is that of the symbol plus the immediate.
    fn address(
        self,
        tail: RawInsn,
        relocation: Relocation,
        targets: Targets<'_, '_>,
    ) -> Result<Reference, ObjectError> {
        let fail = |problem| section_error(targets.elf, self.section, relocation.offset, problem);
        if relocation.kind != R_BPF_64_64 {
            return Err(self.misfit(relocation, targets));
        }
        for (field, value) in [
            ("src", i64::from(self.insn.src)),
            ("imm of its second half", i64::from(tail.imm)),
        ] {
            if value != 0 {
                return Err(fail(RelocationProblem::Field { field, value }));
            }
        }
        let (symbol, section) = self.target(relocation, targets)?;
        let offset = i64::try_from(symbol.value)
            .unwrap_or(i64::MAX)
            .saturating_add(i64::from(self.insn.imm));
        let name = || display_name(symbol, section);
        match targets.roles.get(section.index) {
            Some(Role::Programs(_) | Role::Text) => {
                Err(fail(RelocationProblem::CodeAddress(name())))
            }
            _ if symbol.kind == SymbolKind::NoType => Err(fail(RelocationProblem::NotData(name()))),
            Some(Role::BtfMaps | Role::LegacyMaps) => targets
                .maps
                .iter()
                .position(|map| {
                    map.section == section.index && i64::try_from(map.offset) == Ok(offset)
                })
                .map(Reference::Map)
                .ok_or_else(|| {
                    fail(RelocationProblem::NoMap {
                        section: section.name.to_string(),
                        offset,
                    })
                }),
            Some(Role::Data { .. }) => data_address(section, offset, targets).map_err(fail),
            _ => Err(fail(RelocationProblem::NotData(name()))),
        }
    }

    /// Resolves a call: the target is the symbol plus the immediate and 1, in slots.
    fn callee(
        self,
        relocation: Relocation,
        functions: &[Function],
        targets: Targets<'_, '_>,
    ) -> Result<usize, ObjectError> {
        if relocation.kind != R_BPF_64_32 {
            return Err(self.misfit(relocation, targets));
        }
        let (symbol, section) = self.target(relocation, targets)?;
        slot_of(symbol.value)
            .and_then(|start| start.checked_add(1))
            .and_then(|next| next.checked_add_signed(isize::try_from(self.insn.imm).ok()?))
            .and_then(|slot| function_at(functions, section.index, slot))
            .ok_or_else(|| {
                let bytes = i64::from(self.insn.imm).saturating_add(1).saturating_mul(8);
                let value = i64::try_from(symbol.value).unwrap_or(i64::MAX);
                section_error(
                    targets.elf,
                    self.section,
                    relocation.offset,
                    RelocationProblem::NoFunctionAt {
                        section: section.name.to_string(),
                        offset: value.saturating_add(bytes),
                    },
                )
            })
    }

    /// The symbol of a relocation and the section in which it lies.
    fn target<'t, 'a>(
        self,
        relocation: Relocation,
        targets: Targets<'t, 'a>,
    ) -> Result<(&'t Symbol<'a>, &'t Section<'a>), ObjectError> {
        let fail = |problem| section_error(targets.elf, self.section, relocation.offset, problem);
        let symbol = usize::try_from(relocation.symbol)
            .ok()
            .and_then(|index| targets.elf.symbols().get(index))
            .ok_or_else(|| fail(RelocationProblem::NoSymbol(relocation.symbol)))?;
        let section = match symbol.home {
            Home::Section(index) => targets.elf.section(index),
            _ => None,
        };
        let section =
            section.ok_or_else(|| fail(RelocationProblem::Undefined(symbol.name.to_string())))?;
        Ok((symbol, section))
    }

    /// The instruction is not one that this relocation can change.
    fn misfit(self, relocation: Relocation, targets: Targets<'_, '_>) -> ObjectError {
        section_error(
            targets.elf,
            self.section,
            relocation.offset,
            RelocationProblem::Instruction {
                kind: relocation.kind,
                opcode: self.insn.opcode,
            },
        )
    }
}

fn data_address(
    section: &Section<'_>,
    offset: i64,
    targets: Targets<'_, '_>,
) -> Result<Reference, RelocationProblem> {
    let relocated = targets.relocations.get(&section.index);
    if relocated.is_some_and(|entries| !entries.is_empty()) {
        return Err(RelocationProblem::RelocatedData(section.name.to_string()));
    }
    let index = targets
        .data
        .iter()
        .position(|data| data.section == section.index);
    let in_bounds = u64::try_from(offset).is_ok_and(|offset| offset < section.size);
    match (index, u32::try_from(offset)) {
        (Some(index), Ok(offset)) if in_bounds => Ok(Reference::Data { index, offset }),
        _ => Err(RelocationProblem::DataBounds {
            section: section.name.to_string(),
            offset,
        }),
    }
}

/// A section has no name as a symbol.
fn display_name(symbol: &Symbol<'_>, section: &Section<'_>) -> String {
    if symbol.name.is_empty() {
        section.name.to_string()
    } else {
        symbol.name.to_string()
    }
}

fn error(section: &Section<'_>, offset: u64, problem: RelocationProblem) -> ObjectError {
    ObjectError::Relocation {
        section: section.name.to_string(),
        offset,
        problem,
    }
}

fn section_error(
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
