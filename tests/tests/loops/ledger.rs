//! Safe programs that are not accepted yet, and why.

/// Reasons, each with the programs that it holds for.
const LEDGER: &[(&str, &[&str])] = &[
    (
        "PREVAIL finds no bound of a loop; the checker walks through it and accepts",
        &[
            "add-headers",
            "adler32",
            "base64",
            "batch-lookup",
            "ber-length",
            "bitmap-scan",
            "bubble-sort",
            "compare-constant",
            "copy-and-sum",
            "count-signed",
            "count-u16",
            "count-u64",
            "count-u8",
            "crc16",
            "crc32-nibbles",
            "dns-copy",
            "dns-hash",
            "dns-label-bytes",
            "dns-labels",
            "dns-questions",
            "do-while",
            "fletcher16",
            "fnv1a",
            "function-writes",
            "geneve-options",
            "gtpu-extensions",
            "hexadecimal",
            "histogram",
            "http-host",
            "http-method",
            "internet-checksum-large",
            "ipv4-checksum",
            "ipv4-checksum-options",
            "ipv4-record-route",
            "ipv6-extensions",
            "ipv6-hop-by-hop",
            "jhash",
            "lldp",
            "loop-in-function",
            "matrix",
            "mpls-labels",
            "packet-bound-exact",
            "pairs",
            "payload-checksum",
            "ring-scan",
            "sctp-chunks",
            "selection",
            "sliding-window",
            "substring",
            "tcp-options-left",
            "tcp-options-stack",
            "tlv",
            "tlv-nested",
            "two-exits",
            "value-sum",
            "varint",
            "vlan-tags",
            "vxlan",
            "while-n",
        ],
    ),
    (
        "PREVAIL does not finish with a 32-bit counter; the checker accepts",
        &[
            "crc32-bits",
            "dhcp-options",
            "greatest-divisor",
            "ipv6-extensions-function",
            "retry",
            "strip-tags",
        ],
    ),
    (
        "which elements of the array are written depends on data, and the checker joins all cases",
        &["insertion-sort"],
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
