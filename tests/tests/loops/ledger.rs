//! Safe programs that are not accepted yet, and why.

/// Reasons, each with the programs that it holds for.
const LEDGER: &[(&str, &[&str])] = &[
    (
        "that what is left gets less is a relation between two numbers, so that the checker thinks of the longest packet, and PREVAIL finds no bound",
        &["tcp-options-left"],
    ),
    (
        "the option's number is read at `at | 2`, of which PREVAIL knows no relation to `at`, so that what was compared with the packet's end at `at + 4` does not hold there; the checker accepts, and 64 values of the length times 32 of each option are too many to have a copy each",
        &["geneve-options"],
    ),
    (
        "a byte is read one before what was compared with the packet's end, at a sum of two numbers; where neither is a constant, PREVAIL relates two numbers, and not a sum of two to another; the checker accepts",
        &["gtpu-extensions", "ipv6-hop-by-hop"],
    ),
    (
        "PREVAIL refuses to compare a pointer with the packet's end that may lie more than 65,535 bytes behind its start, which a chunk's length of 16 bits makes possible; the checker accepts",
        &["sctp-chunks"],
    ),
    (
        "the rest of the bytes is a remainder, and where the paths meet no position is known",
        &["murmur3"],
    ),
    (
        "clearing the lowest bit is not seen to end",
        &["population"],
    ),
    (
        "every length from one to eight in each of six rounds is more work than the checker does",
        &["quic-frames"],
    ),
    (
        "`at < stop` compares two positions in the packet, of which the checker remembers only the packet's end",
        &["tcp-options-pointer"],
    ),
];

/// Why a safe program is not accepted, if it is an exception.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    let entry = LEDGER.iter().find(|(_, names)| names.contains(&name));
    entry.map(|(reason, _)| *reason)
}

/// Every program in the ledger.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    LEDGER.iter().flat_map(|(_, names)| names.iter().copied())
}
