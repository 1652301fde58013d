//! Safe programs that are not accepted yet, and why.

/// Reasons, each with the programs that it holds for.
const LEDGER: &[(&str, &[&str])] = &[
    (
        "that what is left gets less is a relation between two numbers, so that the checker thinks of the longest packet, and PREVAIL finds no bound",
        &["tcp-options-left"],
    ),
    (
        "PREVAIL loses what was compared with the packet's end; the checker accepts",
        &[
            "geneve-options",
            "gtpu-extensions",
            "ipv4-checksum-options",
            "ipv6-hop-by-hop",
            "sctp-chunks",
        ],
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
