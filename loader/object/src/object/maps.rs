//! Map definitions: `.maps`, described by BTF, and the legacy section `maps`.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use platform_click::{MapKind, limits};

use super::role::Role;
use crate::btf::{Btf, Member, Type, Variable};
use crate::elf::{Elf, Home, Relocations, Section, Symbol, SymbolKind};
use crate::error::{MapProblem, ObjectError};
use crate::image::{MapDef, is_usable_name};

/// A map and where its definition starts.
#[derive(Clone, Debug)]
pub(super) struct PlacedMap {
    pub(super) section: usize,
    pub(super) offset: u64,
    pub(super) def: MapDef,
}

/// Every map of the object, by section and offset.
pub(super) fn collect(
    elf: &Elf<'_>,
    roles: &[Role],
    btf: Option<&Btf<'_>>,
    relocations: &Relocations,
) -> Result<Vec<PlacedMap>, ObjectError> {
    let mut maps = Vec::new();
    for (section, role) in elf.sections().iter().zip(roles) {
        let defs = match role {
            Role::BtfMaps => described(elf, section, btf)?,
            Role::LegacyMaps => legacy(elf, section)?,
            _ => continue,
        };
        if let (Some(map), Some([_, ..])) = (
            defs.first(),
            relocations.get(&section.index).map(Vec::as_slice),
        ) {
            return Err(error(&map.def.name, MapProblem::Relocated));
        }
        maps.extend(defs);
    }
    if maps.len() > limits::MAX_MAPS {
        return Err(ObjectError::TooManyMaps(maps.len()));
    }
    for (i, map) in maps.iter().enumerate() {
        check(&map.def)?;
        if maps
            .iter()
            .take(i)
            .any(|other| other.def.name == map.def.name)
        {
            return Err(error(&map.def.name, MapProblem::Overlap));
        }
    }
    Ok(maps)
}

fn check(map: &MapDef) -> Result<(), ObjectError> {
    if !is_usable_name(&map.name) {
        return Err(error(&map.name, MapProblem::Name));
    }
    map.kind
        .check_shape(map.key_size, map.value_size, map.max_entries)
        .map_err(|problem| error(&map.name, MapProblem::Shape(problem)))
}

/// The symbols of maps in `section`, in ascending order; none overlaps another.
fn symbols<'e, 'a>(
    elf: &'e Elf<'a>,
    section: &Section<'_>,
) -> Result<Vec<&'e Symbol<'a>>, ObjectError> {
    let home = Home::Section(section.index);
    let mut symbols: Vec<&Symbol<'_>> = elf
        .symbols()
        .iter()
        .filter(|symbol| symbol.kind == SymbolKind::Object && symbol.home == home)
        .collect();
    symbols.sort_by_key(|symbol| (symbol.value, symbol.size));
    for pair in symbols.windows(2) {
        if let [first, second] = pair
            && first.value.saturating_add(first.size.max(1)) > second.value
        {
            return Err(error(second.name, MapProblem::Overlap));
        }
    }
    Ok(symbols)
}

/// Maps of `.maps`. A variable of BTF has the place of the symbol of its name: before linking, the
/// offsets in BTF are still relocations.
fn described(
    elf: &Elf<'_>,
    section: &Section<'_>,
    btf: Option<&Btf<'_>>,
) -> Result<Vec<PlacedMap>, ObjectError> {
    let symbols = symbols(elf, section)?;
    let mut variables = match btf {
        Some(btf) => variables(btf, section.name)?,
        None => BTreeMap::new(),
    };
    let mut maps = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        let (Some(btf), Some(variable)) = (btf, variables.remove(symbol.name)) else {
            return Err(error(symbol.name, MapProblem::NoBtf));
        };
        maps.push(PlacedMap {
            section: section.index,
            offset: symbol.value,
            def: define(btf, symbol.name, variable)?,
        });
    }
    match variables.keys().next() {
        Some(name) => Err(error(name, MapProblem::NoSymbol)),
        None => Ok(maps),
    }
}

/// The variables that BTF places in the section, by name.
fn variables<'a>(btf: &Btf<'a>, section: &str) -> Result<BTreeMap<&'a str, Variable>, ObjectError> {
    let mut found = BTreeMap::new();
    for candidate in btf.types().iter() {
        let Type::Section { name, variables } = *candidate else {
            continue;
        };
        if btf.name(name).map_err(ObjectError::Btf)? != section {
            continue;
        }
        for [t0, t1, t2, t3, ..] in variables {
            let id = u32::from_le_bytes([*t0, *t1, *t2, *t3]);
            let variable = btf.types().variable(id).map_err(ObjectError::Btf)?;
            let name = btf.name(variable.name).map_err(ObjectError::Btf)?;
            if found.insert(name, variable).is_some() {
                return Err(error(name, MapProblem::Overlap));
            }
        }
    }
    Ok(found)
}

/// What the members of a definition say.
#[derive(Default)]
struct Draft {
    kind: Option<u32>,
    key_size: Option<u32>,
    value_size: Option<u32>,
    max_entries: Option<u32>,
    flags: Option<u32>,
}

/// Reads a definition: a structure whose members are pointers to arrays, whose length is the number
/// meant (`__uint`), or pointers to a type (`__type`).
fn define(btf: &Btf<'_>, map: &str, variable: Variable) -> Result<MapDef, ObjectError> {
    let fail = |problem| error(map, problem);
    let btf_error = |problem| fail(MapProblem::Btf(problem));
    let Type::Struct { members, .. } = btf.types().resolve(variable.of).map_err(btf_error)? else {
        return Err(fail(MapProblem::NotStruct));
    };
    let mut draft = Draft::default();
    for entry in members {
        let member = Member::parse(entry);
        let name = btf.name(member.name).map_err(btf_error)?;
        let (field, label, by_type) = match name {
            "type" => (&mut draft.kind, "type", false),
            "key" => (&mut draft.key_size, "key", true),
            "key_size" => (&mut draft.key_size, "key_size", false),
            "value" => (&mut draft.value_size, "value", true),
            "value_size" => (&mut draft.value_size, "value_size", false),
            "max_entries" => (&mut draft.max_entries, "max_entries", false),
            "map_flags" => (&mut draft.flags, "map_flags", false),
            other => return Err(fail(MapProblem::Unsupported(other.to_string()))),
        };
        let value = member_value(btf, map, name, member, by_type)?;
        // `key` and `key_size` may both be there when they agree; `type` twice may not.
        if field.replace(value).is_some_and(|other| other != value) {
            return Err(fail(MapProblem::Twice(label)));
        }
    }
    finish(map, &draft)
}

fn member_value(
    btf: &Btf<'_>,
    map: &str,
    name: &str,
    member: Member,
    by_type: bool,
) -> Result<u32, ObjectError> {
    let form = || error(map, MapProblem::Form(name.to_string()));
    let btf_error = |problem| error(map, MapProblem::Btf(problem));
    let Type::Pointer(target) = btf.types().resolve(member.of).map_err(btf_error)? else {
        return Err(form());
    };
    if by_type {
        return btf.types().size(target).map_err(btf_error);
    }
    match btf.types().resolve(target).map_err(btf_error)? {
        Type::Array { count, .. } => Ok(count),
        _ => Err(form()),
    }
}

fn finish(map: &str, draft: &Draft) -> Result<MapDef, ObjectError> {
    let required =
        |value: Option<u32>, member| value.ok_or_else(|| error(map, MapProblem::Missing(member)));
    let kind = kind(map, required(draft.kind, "type")?)?;
    flags(map, kind, draft.flags.unwrap_or(0))?;
    // A kind without keys or values is defined without them, or with sizes of zero.
    let size = |size: Option<u32>, sizes, member| match sizes {
        (0, 0) => Ok(size.unwrap_or(0)),
        _ => required(size, member),
    };
    Ok(MapDef {
        name: map.to_string(),
        kind,
        key_size: size(draft.key_size, kind.key_sizes(), "key")?,
        value_size: size(draft.value_size, kind.value_sizes(), "value")?,
        max_entries: required(draft.max_entries, "max_entries")?,
    })
}

/// Maps of the section `maps`: five numbers (`struct bpf_map_def` of libbpf before 1.0: type, key
/// size, value size, entries, flags), or seven (aya and the system that this project re-creates: id
/// and pinning besides).
fn legacy(elf: &Elf<'_>, section: &Section<'_>) -> Result<Vec<PlacedMap>, ObjectError> {
    symbols(elf, section)?
        .into_iter()
        .map(|symbol| {
            Ok(PlacedMap {
                section: section.index,
                offset: symbol.value,
                def: legacy_def(section, symbol)?,
            })
        })
        .collect()
}

fn legacy_def(section: &Section<'_>, symbol: &Symbol<'_>) -> Result<MapDef, ObjectError> {
    let size_error = || error(symbol.name, MapProblem::Size(symbol.size));
    let start = usize::try_from(symbol.value).map_err(|_| size_error())?;
    let numbers: Vec<u32> = usize::try_from(symbol.size)
        .ok()
        .and_then(|size| section.contents.get(start..start.checked_add(size)?))
        .filter(|bytes| matches!(bytes.len(), 20 | 28))
        .ok_or_else(size_error)?
        .as_chunks()
        .0
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect();
    let [
        number,
        key_size,
        value_size,
        max_entries,
        map_flags,
        rest @ ..,
    ] = numbers.as_slice()
    else {
        return Err(size_error());
    };
    let kind = kind(symbol.name, *number)?;
    flags(symbol.name, kind, *map_flags)?;
    for (member, value) in ["id", "pinning"].into_iter().zip(rest) {
        no(symbol.name, member, *value)?;
    }
    Ok(MapDef {
        name: symbol.name.to_string(),
        kind,
        key_size: *key_size,
        value_size: *value_size,
        max_entries: *max_entries,
    })
}

fn kind(map: &str, number: u32) -> Result<MapKind, ObjectError> {
    MapKind::from_number(number).ok_or_else(|| error(map, MapProblem::Kind(number)))
}

/// The flags that maps of the kind have, and no others.
fn flags(map: &str, kind: MapKind, value: u32) -> Result<(), ObjectError> {
    match kind.flags() {
        needed if needed == value => Ok(()),
        needed => Err(error(
            map,
            MapProblem::Flags {
                kind,
                needed,
                value,
            },
        )),
    }
}

/// A number that has to be zero.
fn no(map: &str, member: &'static str, value: u32) -> Result<(), ObjectError> {
    if value == 0 {
        Ok(())
    } else {
        Err(error(map, MapProblem::Value { member, value }))
    }
}

fn error(map: &str, problem: MapProblem) -> ObjectError {
    ObjectError::Map {
        name: map.to_string(),
        problem,
    }
}
