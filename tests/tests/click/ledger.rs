//! Which of Click's own tests pass, and why the others do not.

/// Those that pass.
pub(crate) const PASSES: &[&str] = &[];

/// Those that fail, by reason. Those that a test's own `%require` leaves out are in neither list.
const FAILS: &[(&str, &[&str])] = &[];

/// Why a test fails.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    let of = |(_, names): &&(&str, &[&str])| names.contains(&name);
    FAILS.iter().find(of).map(|(reason, _)| *reason)
}

/// All names in the lists.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let fails = FAILS.iter().flat_map(|(_, names)| names.iter());
    PASSES.iter().chain(fails).copied()
}
