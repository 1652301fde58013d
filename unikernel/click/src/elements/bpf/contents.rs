//! Maps as handlers show them.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use bpf_object::MapDef;
use bpf_runtime::Map;

/// Entries of a map that a handler shows: what a person still looks through.
const MAX_ENTRIES: usize = 4096;

/// Key and value.
type Entry<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Name, kind, sizes and number of entries, on one line.
pub(super) fn summary(map: &Map, retired: bool) -> String {
    let MapDef {
        name,
        kind,
        key_size,
        value_size,
        max_entries,
    } = map.definition();
    let len = map.len();
    let note = if retired {
        ", not declared any more"
    } else {
        ""
    };
    format!(
        "{name}: {kind}, key {key_size}, value {value_size}, {len} of {max_entries} entries{note}"
    )
}

/// The entries, a line each: key and value of a table, ordered by key; the values of a queue, stack or
/// ring buffer in the order in which they come out.
pub(super) fn entries(map: &Map) -> String {
    let mut lines: Vec<Entry<'_>> = map
        .iter()
        .map(|(key, value)| (key, Cow::Borrowed(value)))
        .chain(map.records().map(|value| (Cow::Borrowed(&[][..]), value)))
        .collect();
    // Stable: what has no key keeps its order.
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut text = String::new();
    for (key, value) in lines.iter().take(MAX_ENTRIES) {
        let blank = if key.is_empty() { "" } else { " " };
        text.push_str(&format!(
            "{}{blank}{}\n",
            hexadecimal(key),
            hexadecimal(value)
        ));
    }
    let more = lines.len().saturating_sub(MAX_ENTRIES);
    if more > 0 {
        text.push_str(&format!("and {more} more\n"));
    }
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A string takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use bpf_runtime::Maps;
    use platform_click::MapKind;

    use super::*;

    fn one(kind: MapKind, key_size: u32, value_size: u32, max_entries: u32) -> Maps {
        let definition = MapDef {
            name: "m".to_string(),
            kind,
            key_size,
            value_size,
            max_entries,
        };
        Maps::new(&[definition], [1, 2]).unwrap()
    }

    #[test]
    fn tables_are_shown_by_key_and_queues_in_order() {
        let mut table = one(MapKind::Hash, 2, 1, 4);
        let map = table.get_mut(0).unwrap();
        map.update(&[9, 0], &[1], 0).unwrap();
        map.update(&[1, 0xff], &[2], 0).unwrap();
        assert_eq!(entries(map), "01ff 02\n0900 01\n");
        assert_eq!(
            summary(map, false),
            "m: hash, key 2, value 1, 2 of 4 entries"
        );

        let mut queue = one(MapKind::Queue, 0, 1, 4);
        let map = queue.get_mut(0).unwrap();
        map.push(&[7], 0).unwrap();
        map.push(&[3], 0).unwrap();
        assert_eq!(entries(map), "07\n03\n");
        assert!(summary(map, true).ends_with("2 of 4 entries, not declared any more"));
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let count = u32::try_from(MAX_ENTRIES).unwrap() + 3;
        let maps = one(MapKind::Array, 4, 1, count);
        let text = entries(maps.get(0).unwrap());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), MAX_ENTRIES + 1);
        assert_eq!(lines[MAX_ENTRIES], "and 3 more");
    }
}
