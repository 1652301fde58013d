//! What has to hold for parts to be an image.

use alloc::string::String;

use platform_click::limits;

use super::{DataSection, Function, ImageError, MapDef};
use crate::elf::MAX_SYMBOL_NAME;
use crate::insn::{Insn, Wide};

pub(super) fn length(slots: usize, max: usize) -> Result<(), ImageError> {
    if (1..=max).contains(&slots) {
        return Ok(());
    }
    Err(ImageError::Length { slots, max })
}

/// The first function starts at slot 0, the others behind each other, each with an instruction.
pub(super) fn functions(code: &[Insn], functions: &[Function]) -> Result<(), ImageError> {
    let mut next_start = 0;
    for (i, function) in functions.iter().enumerate() {
        let at_first = i == 0 && function.start == 0;
        let behind = i > 0 && function.start >= next_start;
        let starts_insn = get(code, function.start).is_some_and(|insn| *insn != Insn::WideTail);
        if !(at_first || behind) || !starts_insn {
            return Err(ImageError::Function(function.name.clone()));
        }
        if !is_printable_name(&function.name) {
            return Err(ImageError::Name(function.name.clone()));
        }
        next_start = function.start.saturating_add(1);
    }
    if functions.is_empty() {
        return Err(ImageError::Function(String::new()));
    }
    Ok(())
}

pub(super) fn control_flow(code: &[Insn], functions: &[Function]) -> Result<(), ImageError> {
    let code_len = slot_number(code.len());
    for (i, function) in functions.iter().enumerate() {
        let end = functions
            .get(i.saturating_add(1))
            .map_or(code_len, |next| next.start);
        for slot in function.start..end {
            let Some(insn) = get(code, slot) else { break };
            if let Some(target) = insn.jump_target() {
                let inside = (function.start..end).contains(&target);
                if !inside || get(code, target) == Some(&Insn::WideTail) {
                    return Err(ImageError::Jump { slot, target });
                }
            }
            if let Insn::CallLocal { target } = *insn
                && functions
                    .binary_search_by_key(&target, |function| function.start)
                    .is_err()
            {
                return Err(ImageError::Call { slot, target });
            }
        }
        let last = end.saturating_sub(1);
        if get(code, last).is_none_or(|insn| insn.falls_through()) {
            return Err(ImageError::FallsOff { slot: last });
        }
    }
    Ok(())
}

pub(super) fn maps(maps: &[MapDef]) -> Result<(), ImageError> {
    if maps.len() > limits::MAX_MAPS {
        return Err(ImageError::MapCount(maps.len()));
    }
    names(maps.iter().map(|map| map.name.as_str()))?;
    for map in maps {
        map.kind
            .check_shape(map.key_size, map.value_size, map.max_entries)
            .map_err(|source| ImageError::MapShape {
                name: map.name.clone(),
                source,
            })?;
    }
    Ok(())
}

pub(super) fn data(data: &[DataSection]) -> Result<(), ImageError> {
    if data.len() > limits::MAX_DATA_SECTIONS {
        return Err(ImageError::DataCount(data.len()));
    }
    names(data.iter().map(|section| section.name.as_str()))?;
    let total = data.iter().fold(0_usize, |total, section| {
        total.saturating_add(section.bytes.len())
    });
    if total > limits::MAX_DATA {
        return Err(ImageError::DataSize(total));
    }
    Ok(())
}

/// Names go into statements, logs and handlers: short, printable, and each once. There are at most
/// a few dozen, so comparing each with those before it is fast enough.
fn names<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Result<(), ImageError> {
    for (i, name) in names.clone().enumerate() {
        if !is_usable_name(name) || names.clone().take(i).any(|other| other == name) {
            return Err(ImageError::Name(name.into()));
        }
    }
    Ok(())
}

/// Whether `name` may name a program, a map or a data section.
pub(crate) fn is_usable_name(name: &str) -> bool {
    let legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    (1..=limits::MAX_NAME).contains(&name.len()) && name.bytes().all(legal)
}

/// Whether `name` may name a function: languages mangle names with characters such as `$`.
fn is_printable_name(name: &str) -> bool {
    (1..=MAX_SYMBOL_NAME).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_graphic())
}

pub(super) fn references(
    code: &[Insn],
    maps: &[MapDef],
    data: &[DataSection],
) -> Result<(), ImageError> {
    for (slot, insn) in code.iter().enumerate() {
        let found = match *insn {
            Insn::Wide {
                value: Wide::Map(index),
                ..
            } => get(maps, index).is_some(),
            Insn::Wide {
                value: Wide::Data { section, offset },
                ..
            } => get(data, section).is_some_and(|section| get(&section.bytes, offset).is_some()),
            _ => true,
        };
        if !found {
            return Err(ImageError::Reference {
                slot: slot_number(slot),
            });
        }
    }
    Ok(())
}

fn get<T>(items: &[T], index: u32) -> Option<&T> {
    items.get(usize::try_from(index).ok()?)
}

/// Lengths were bounded by [`limits::MAX_INSTRUCTIONS`].
pub(super) fn slot_number(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX)
}
