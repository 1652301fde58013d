//! Arguments that name annotations (Click's `AnnoArg`).

use bpf_runtime::Notes;

use crate::error::ConfigError;
use crate::language::{Arguments, Value, parse_unsigned};

/// Names of annotations, with their offsets and sizes.
const NAMES: &[(&str, usize, usize)] = &[
    ("AGGREGATE", Notes::AGGREGATE, 4),
    ("DST_IP", Notes::DESTINATION, 4),
    ("FIX_IP_SRC", Notes::FIX_IP_SOURCE, 1),
    ("ICMP_PARAMPROB", Notes::PARAMETER_PROBLEM, 1),
    ("MISC_IP", Notes::AGGREGATE, 4),
    ("PAINT", Notes::PAINT, 1),
    ("VLAN", Notes::VLAN_TCI, 2),
    ("VLAN_TCI", Notes::VLAN_TCI, 2),
];

/// The offset of an annotation of `size` bytes: a name, or a number, with the size behind a slash if
/// it is given.
pub(super) fn read(value: Value<'_>, size: usize) -> Result<usize, ConfigError> {
    parse(value.text(), size).ok_or_else(|| {
        value.refuse("an annotation such as PAINT or DST_IP, or its offset below 24")
    })
}

fn parse(text: &str, size: usize) -> Option<usize> {
    if let Some((_, offset, _)) = NAMES
        .iter()
        .find(|(name, _, known)| *name == text && *known == size)
    {
        return Some(*offset);
    }
    let (offset, given) = text.split_once('/').unwrap_or((text, ""));
    let fits = given.is_empty() || parse_unsigned(given) == u64::try_from(size).ok();
    let offset = usize::try_from(parse_unsigned(offset)?).ok()?;
    let mut places = offset..offset.checked_add(size)?;
    let exists = places.all(|at| Notes::default().byte(at).is_some());
    (fits && exists).then_some(offset)
}

/// The annotation that the positional argument ANNO gives, or the one at `default`.
pub(super) fn argument(
    arguments: &mut Arguments<'_>,
    size: usize,
    default: usize,
) -> Result<usize, ConfigError> {
    let annotation = arguments.positional("ANNO")?;
    annotation.map_or(Ok(default), |value| read(value, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_have_names_and_offsets() {
        for (text, size, offset) in [
            ("PAINT", 1, Some(16)),
            ("PAINT", 4, None),
            ("DST_IP", 4, Some(0)),
            ("0", 4, Some(0)),
            ("20", 4, Some(20)),
            ("20/4", 4, Some(20)),
            ("20/2", 4, None),
            ("21", 4, None),
            ("23", 1, Some(23)),
            ("4", 1, None),
            ("24", 1, None),
            ("x", 1, None),
        ] {
            assert_eq!(parse(text, size), offset, "{text}");
        }
    }
}
