//! What the engine knows at a place, read from its text form: the domains themselves are private
//! to the engine.
//!
//! Facts look like `r1.type=packet`, `r2.stack_offset=[4080, 4088]`, `r3.svalue=r1.uvalue+14` or
//! `packet_size=14`, the last meaning at least 14. What cannot be read counts as not known.

use ::prevail::crab::ebpf_domain::EbpfDomain;
use ::prevail::crab::var_registry::VariableRegistry;

/// Equalities that are followed from one variable to another.
const MAX_HOPS: u32 = 4;

/// The least and the greatest value of a variable, each if it is known.
pub(crate) type Bounds = (Option<i128>, Option<i128>);

/// The facts that hold at one place.
pub(crate) struct Invariant {
    facts: Vec<String>,
}

impl Invariant {
    pub(crate) fn new(domain: &EbpfDomain, registry: &VariableRegistry) -> Self {
        let invariant = domain.to_set(registry);
        let facts = if invariant.is_bottom() {
            Vec::new()
        } else {
            invariant.value().iter().cloned().collect()
        };
        Self { facts }
    }

    /// Every fact in the engine's notation.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &str> {
        self.facts.iter().map(String::as_str)
    }

    /// The types that a register may have, by the engine's names; empty when nothing is known.
    pub(crate) fn types(&self, register: u8) -> &str {
        let variable = format!("r{register}.type");
        let value = self.values(&variable).next();
        value.map_or("", |value| value.trim_start_matches(" in "))
    }

    /// The least and greatest value of a variable, if both are known: for messages. The text form writes
    /// `a=b` where the engine may know no more than `b<=a`, so no proof can rest on it.
    pub(crate) fn interval(&self, variable: &str) -> Option<(i64, i64)> {
        self.interval_within(variable, MAX_HOPS)
    }

    /// The bounds of a variable, if there is a fact that names them.
    pub(crate) fn bounds(&self, variable: &str) -> Option<Bounds> {
        self.values(variable).find_map(|value| {
            if let Ok(number) = value.parse() {
                return Some((Some(number), Some(number)));
            }
            let bounds = value.strip_prefix('[')?.strip_suffix(']')?;
            let (low, high) = bounds.split_once(", ")?;
            Some((low.parse().ok(), high.parse().ok()))
        })
    }

    /// Whether there is a fact of the form `variable=`.
    pub(crate) fn mentions(&self, variable: &str) -> bool {
        self.values(variable).next().is_some()
    }

    fn interval_within(&self, variable: &str, hops: u32) -> Option<(i64, i64)> {
        let hops = hops.checked_sub(1)?;
        let read = |value: &str| {
            if let Some(bounds) = value
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                let (low, high) = bounds.split_once(", ")?;
                return Some((low.parse().ok()?, high.parse().ok()?));
            }
            if let Ok(number) = value.parse() {
                return Some((number, number));
            }
            let at = value.find(['+', '-']).unwrap_or(value.len());
            let (other, offset) = value.split_at_checked(at)?;
            let offset: i64 = match offset {
                "" => 0,
                offset => offset.parse().ok()?,
            };
            let (low, high) = self.interval_within(other, hops)?;
            Some((low.checked_add(offset)?, high.checked_add(offset)?))
        };
        self.values(variable).find_map(read)
    }

    /// The packet's least length in bytes.
    pub(crate) fn packet_size(&self) -> Option<u64> {
        self.values("packet_size")
            .find_map(|value| value.parse().ok())
    }

    /// Right sides of the facts about a variable.
    fn values(&self, variable: &str) -> impl Iterator<Item = &str> {
        self.facts.iter().filter_map(move |fact| {
            let rest = fact.strip_prefix(variable)?;
            let value = rest.strip_prefix('=');
            value.or_else(|| rest.starts_with(" in ").then_some(rest))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invariant(facts: &[&str]) -> Invariant {
        Invariant {
            facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
        }
    }

    #[test]
    fn intervals_are_read_in_each_form() {
        let invariant = invariant(&[
            "r1.stack_offset=[4080, 4088]",
            "r2.stack_offset=4096",
            "r3.stack_offset=r1.stack_offset+4",
            "r4.stack_offset=r3.stack_offset-8",
            "r5.stack_offset=[0, +oo]",
            "r6.stack_offset=r7.stack_offset",
            "r7.stack_offset=r6.stack_offset",
            "r8.stack_offset-r1.stack_offset<=-1",
            "r10.stack_offset=9",
        ]);
        for (register, want) in [
            (1, Some((4080, 4088))),
            (2, Some((4096, 4096))),
            (3, Some((4084, 4092))),
            (4, Some((4076, 4084))),
            (5, None),
            (6, None),
            (8, None),
            (0, None),
            (10, Some((9, 9))),
        ] {
            let variable = format!("r{register}.stack_offset");
            assert_eq!(invariant.interval(&variable), want, "{variable}");
        }
    }

    #[test]
    fn bounds_are_read_where_they_are_named() {
        let invariant = invariant(&[
            "r1.uvalue=[0, 18446744073709551615]",
            "r2.svalue=-5",
            "r3.svalue=[-oo, 7]",
            "r4.svalue=r3.svalue",
        ]);
        let max = i128::from(u64::MAX);
        for (variable, want) in [
            ("r1.uvalue", Some((Some(0), Some(max)))),
            ("r2.svalue", Some((Some(-5), Some(-5)))),
            ("r3.svalue", Some((None, Some(7)))),
            ("r4.svalue", None),
            ("r5.svalue", None),
        ] {
            assert_eq!(invariant.bounds(variable), want, "{variable}");
        }
        assert!(invariant.mentions("r4.svalue"));
        assert!(!invariant.mentions("r5.svalue"));
    }

    #[test]
    fn types_and_packet_sizes_are_read() {
        let invariant = invariant(&[
            "packet_size=14",
            "r1.type in {number, packet}",
            "r10.type=stack",
        ]);
        assert_eq!(invariant.types(1), "{number, packet}");
        assert_eq!(invariant.types(10), "stack");
        assert_eq!(invariant.types(0), "");
        assert_eq!(invariant.packet_size(), Some(14));
    }
}
