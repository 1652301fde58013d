//! What came of a run, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use bpf_runtime::{Map, Maps};
use platform_click::{MapUse, ProgramKind};
use serde_json::{Value, json};

use super::show;

/// Entries of a map that the text shows; JSON has all of them.
const MAX_ENTRIES: usize = 32;

/// What a program did with a capture. Its `Display` is the text for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DebugReport {
    /// The object's file.
    pub object: String,
    /// The program.
    pub program: String,
    /// Its kind.
    pub kind: ProgramKind,
    /// Packets of the capture.
    pub packets: u64,
    /// Packets that are longer than the platform takes; the program did not see them.
    pub too_long: u64,
    /// How often it returned what, by the name of the value.
    pub verdicts: BTreeMap<String, u64>,
    /// Packets for which it was stopped.
    pub faults: Faults,
    /// Its maps at the end.
    pub maps: Vec<MapContents>,
}

/// Faults of a program.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Faults {
    /// How many.
    pub count: u64,
    /// The number of the first packet that met one, and what it was.
    pub first: Option<(u64, String)>,
}

/// What a map held at the end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MapContents {
    /// Its name.
    pub name: String,
    /// The name of its kind.
    pub kind: &'static str,
    /// The most entries that it can have, or the size of a ring buffer in bytes.
    pub max_entries: u32,
    /// Keys and values, by key; of an array, those that are not all zeros.
    pub entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Values or records without keys, in the order in which they come out.
    pub records: Vec<Vec<u8>>,
    /// Number of entries or records.
    pub len: u32,
    /// Whether it is an array, of which zeros are left out.
    is_array: bool,
}

impl DebugReport {
    pub(super) fn new(object: &str, program: &str, kind: ProgramKind) -> Self {
        Self {
            object: object.into(),
            program: program.into(),
            kind,
            packets: 0,
            too_long: 0,
            verdicts: BTreeMap::new(),
            faults: Faults::default(),
            maps: Vec::new(),
        }
    }

    /// The report for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
        let map = |map: &MapContents| {
            let entry =
                |(key, value): &(Vec<u8>, Vec<u8>)| json!({ "key": hex(key), "value": hex(value) });
            json!({
                "name": map.name,
                "kind": map.kind,
                "max_entries": map.max_entries,
                "len": map.len,
                "entries": map.entries.iter().map(entry).collect::<Vec<_>>(),
                "records": map.records.iter().map(|record| hex(record)).collect::<Vec<_>>(),
            })
        };
        let first = self.faults.first.as_ref();
        json!({
            "object": self.object,
            "program": self.program,
            "kind": self.kind.name(),
            "verified": false,
            "packets": self.packets,
            "too_long": self.too_long,
            "verdicts": self.verdicts,
            "faults": {
                "count": self.faults.count,
                "first": first.map(|(packet, cause)| json!({ "packet": packet, "cause": cause })),
            },
            "maps": self.maps.iter().map(map).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for DebugReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            program,
            kind,
            object,
            packets,
            ..
        } = self;
        writeln!(f, "{program} ({kind}) of {object}, {packets} packets:")?;
        for (verdict, count) in &self.verdicts {
            writeln!(f, "  {count:>8}  {verdict}")?;
        }
        if self.faults.count > 0 {
            writeln!(f, "  {:>8}  fault, packet dropped", self.faults.count)?;
        }
        if self.too_long > 0 {
            writeln!(f, "  {:>8}  too long, not run", self.too_long)?;
        }
        if let Some((packet, cause)) = &self.faults.first {
            writeln!(f, "first fault, packet {packet}: {cause}")?;
        }
        for map in &self.maps {
            map.write(f)?;
        }
        Ok(())
    }
}

impl MapContents {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            kind,
            len,
            max_entries,
            ..
        } = self;
        match (self.is_array, *kind) {
            (true, _) => writeln!(
                f,
                "map {name} ({kind}), entries that are not zero, of {len}:"
            )?,
            (_, "ring-buffer") => writeln!(f, "map {name} ({kind}), {len} records:")?,
            _ => writeln!(f, "map {name} ({kind}), {len} of {max_entries}:")?,
        }
        for (key, value) in self.entries.iter().take(MAX_ENTRIES) {
            writeln!(f, "  {} = {}", show::bytes(key), show::bytes(value))?;
        }
        for record in self.records.iter().take(MAX_ENTRIES) {
            writeln!(f, "  {}", show::bytes(record))?;
        }
        let all = self.entries.len().saturating_add(self.records.len());
        match all.checked_sub(MAX_ENTRIES) {
            Some(more @ 1..) => writeln!(f, "  and {more} more; --json shows all"),
            _ => Ok(()),
        }
    }
}

/// What the maps hold.
pub(super) fn contents(maps: &Maps) -> Vec<MapContents> {
    maps.iter().map(of_map).collect()
}

fn of_map(map: &Map) -> MapContents {
    let definition = map.definition();
    // An array is the only kind with keys whose entries are there from the start.
    let is_array = definition.kind.usage() == MapUse::Keyed
        && map.len() == definition.max_entries
        && definition.kind.name().ends_with("array");
    let entries = map
        .iter()
        .map(|(key, value)| (key.into_owned(), value.to_vec()));
    let shown = |(_, value): &(Vec<u8>, Vec<u8>)| !is_array || value.iter().any(|byte| *byte != 0);
    let mut entries: Vec<_> = entries.filter(shown).collect();
    if !is_array {
        entries.sort();
    }
    MapContents {
        name: definition.name.clone(),
        kind: definition.kind.name(),
        max_entries: definition.max_entries,
        entries,
        records: map.records().map(std::borrow::Cow::into_owned).collect(),
        len: map.len(),
        is_array,
    }
}
