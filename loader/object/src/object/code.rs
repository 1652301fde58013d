//! The functions of an object: where they lie, their slots and lines.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::reference::Reference;
use super::role::Role;
use crate::btf::Lines;
use crate::elf::{Elf, Home, Section, Symbol, SymbolKind};
use crate::error::{ObjectError, SymbolProblem};
use crate::insn::RawInsn;
use crate::lines::Line;

/// A function, not yet linked.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    /// Index of its symbol.
    pub(super) symbol: usize,
    pub(super) section: usize,
    /// Its first slot in the section.
    pub(super) start: usize,
    /// Its slots as they stand in the file.
    pub(super) slots: Vec<RawInsn>,
    /// What its slots refer to, by slot counted from its first, ascending.
    pub(super) references: Vec<(usize, Reference)>,
    /// Its source lines, by slot counted from its first.
    pub(super) lines: Vec<(u32, Line)>,
}

impl Function {
    fn end(&self) -> usize {
        self.start.saturating_add(self.slots.len())
    }
}

/// Every function of the object, by section and place; none overlaps another. References are not
/// resolved yet.
pub(super) fn functions(elf: &Elf<'_>, roles: &[Role]) -> Result<Vec<Function>, ObjectError> {
    let mut functions = elf
        .symbols()
        .iter()
        .filter(|symbol| symbol.kind == SymbolKind::Function)
        .filter_map(|symbol| match symbol.home {
            Home::Section(index) => Some((symbol, index)),
            // Declared only: an error where it is called.
            _ => None,
        })
        .map(|(symbol, index)| function(elf, roles, symbol, index))
        .collect::<Result<Vec<_>, _>>()?;
    functions.sort_by_key(|function| (function.section, function.start));
    for pair in functions.windows(2) {
        if let [first, second] = pair
            && first.section == second.section
            && first.end() > second.start
        {
            return Err(ObjectError::Symbol {
                index: second.symbol,
                name: second.name.clone(),
                problem: SymbolProblem::Overlap(first.name.clone()),
            });
        }
    }
    Ok(functions)
}

fn function(
    elf: &Elf<'_>,
    roles: &[Role],
    symbol: &Symbol<'_>,
    index: usize,
) -> Result<Function, ObjectError> {
    let not_code = |name: &str| symbol.error(SymbolProblem::NotCode(name.to_string()));
    let section = elf.section(index).ok_or_else(|| not_code(""))?;
    if !roles.get(index).is_some_and(|role| role.is_code()) {
        return Err(not_code(section.name));
    }
    if symbol.name.is_empty() {
        return Err(symbol.error(SymbolProblem::Name));
    }
    if symbol.size == 0 {
        return Err(symbol.error(SymbolProblem::EmptyFunction));
    }
    let (start, slots) = slots(section, symbol.value, symbol.size).ok_or_else(|| {
        symbol.error(SymbolProblem::Alignment {
            value: symbol.value,
            size: symbol.size,
        })
    })?;
    Ok(Function {
        name: symbol.name.to_string(),
        symbol: symbol.index,
        section: index,
        start,
        slots: slots
            .iter()
            .map(|bytes| RawInsn::from_bytes(*bytes))
            .collect(),
        references: Vec::new(),
        lines: Vec::new(),
    })
}

/// The first slot and the slots of the bytes `value..value + size` of a section with code; they lie
/// within it, but may not be whole slots.
fn slots<'a>(
    section: &Section<'a>,
    value: u64,
    size: u64,
) -> Option<(usize, &'a [[u8; RawInsn::SIZE]])> {
    let start = slot_of(value)?;
    let count = slot_of(size)?;
    let (all, _) = section.contents.as_chunks();
    Some((start, all.get(start..start.checked_add(count)?)?))
}

/// The slot at a byte offset, when one starts there.
pub(super) fn slot_of(offset: u64) -> Option<usize> {
    let offset = usize::try_from(offset).ok()?;
    (offset.checked_rem(RawInsn::SIZE)? == 0).then(|| offset.div_euclid(RawInsn::SIZE))
}

/// The index of the function that starts at a slot of a section.
pub(super) fn function_at(functions: &[Function], section: usize, slot: usize) -> Option<usize> {
    functions
        .binary_search_by_key(&(section, slot), |function| {
            (function.section, function.start)
        })
        .ok()
}

/// Gives each function the lines of its slots.
pub(super) fn attach_lines(functions: &mut [Function], elf: &Elf<'_>, lines: &Lines) {
    for function in functions {
        let name = elf
            .section(function.section)
            .map_or("", |section| section.name);
        // Lines ascend: those of the function are a run.
        let all = lines.of_section(name);
        let slot = |offset: u32| slot_of(u64::from(offset)).unwrap_or(usize::MAX);
        let from = all.partition_point(|(offset, _)| slot(*offset) < function.start);
        let lines = all.get(from..).unwrap_or_default().iter();
        function.lines = lines
            .map(|(offset, line)| (slot(*offset), line))
            .take_while(|(slot, _)| *slot < function.end())
            .filter_map(|(slot, line)| {
                let slot = u32::try_from(slot.checked_sub(function.start)?).ok()?;
                Some((slot, line.clone()))
            })
            .collect();
    }
}
