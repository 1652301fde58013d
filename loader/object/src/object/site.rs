//! Resolves one relocated instruction.

use alloc::string::{String, ToString};

use super::code::{Function, function_at, slot_of};
use super::reference::{Reference, Targets, section_error};
use super::role::Role;
use crate::elf::{Home, R_BPF_64_32, R_BPF_64_64, Relocation, Section, Symbol, SymbolKind};
use crate::error::{ObjectError, RelocationProblem};
use crate::insn::RawInsn;

/// A relocated instruction.
#[derive(Clone, Copy)]
pub(super) struct Site {
    pub(super) section: usize,
    pub(super) insn: RawInsn,
}

impl Site {
    /// Resolves a wide load: the address is that of the symbol plus the immediate.
    pub(super) fn address(
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
    pub(super) fn callee(
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
    pub(super) fn misfit(self, relocation: Relocation, targets: Targets<'_, '_>) -> ObjectError {
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
