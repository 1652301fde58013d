//! Inputs made by hand.

use crate::generator::Input;

/// Inputs that make an unsafe program fault, where the generator finds none.
pub(crate) fn faults() -> impl Iterator<Item = (&'static str, Input)> {
    let tag = [0x81, 0, 0, 0];
    [
        // The pattern itself, so that the comparison goes on behind its end.
        (
            "compare-constant-one-more",
            [b"hello-world-1234".as_slice(), &[0; 16]].concat(),
        ),
        // The line, and more behind it.
        ("http-host-state", filled(b"\r\nHost: ", 16)),
        // A count of 65 and 64 bytes.
        ("packet-bound-one-more", filled(&[0, 65], 66)),
        // One tag, and then another where the packet was.
        ("strip-tags-stale", filled(&[tag, tag].concat(), 12)),
        // Nothing behind the tag.
        ("strip-tags-unchecked", tag.to_vec()),
        // Three letters at the end of the packet.
        ("substring-last", [[0; 61].as_slice(), b"evi"].concat()),
        // The packet ends within the tag.
        ("vlan-tags-moved", [[0; 12].as_slice(), &tag].concat()),
    ]
    .into_iter()
    .map(|(name, packet)| (name, input(packet)))
}

/// Inputs that lead a program into the deepest iteration of each of its loops.
pub(crate) fn deepest() -> impl Iterator<Item = (&'static str, Input)> {
    [
        ("adler32", vec![1; 64]),
        ("ber-length", filled(&[0x30, 0x84], 6)),
        ("bubble-sort", vec![0; 24]),
        ("compare-constant", filled(b"hello-world-1234", 32)),
        ("copy-and-sum", vec![0; 40]),
        ("count-signed", vec![255]),
        ("count-u8", vec![]),
        ("count-u16", vec![]),
        ("count-u64", vec![]),
        ("crc16", vec![0; 20]),
        ("crc32-bits", vec![0; 64]),
        ("dns-hash", vec![1; 300]),
        ("dns-labels", vec![1; 100]),
        ("fletcher16", vec![0; 32]),
        ("ipv4-checksum", vec![0; 34]),
        ("ipv4-checksum-options", filled(&[0x4f], 60)),
        ("ipv6-extensions", vec![0; 200]),
        ("jhash", vec![0; 48]),
        ("matrix", vec![0; 18]),
        ("packet-bound", filled(&[0, 64], 66)),
        ("packet-bound-exact", vec![255; 256]),
        ("pairs", vec![0; 12]),
        ("payload-checksum", vec![0; 130]),
        ("substring", filled(b"evi", 64)),
        ("tlv", vec![0; 40]),
        ("value-sum", vec![]),
        ("varint", vec![0x80; 10]),
        ("while-n", vec![255]),
    ]
    .into_iter()
    .map(|(name, packet)| (name, input(packet)))
}

/// `front`, and as many zeros behind it as make `length` bytes.
fn filled(front: &[u8], length: usize) -> Vec<u8> {
    let mut packet = front.to_vec();
    packet.resize(length, 0);
    packet
}

fn input(packet: Vec<u8>) -> Input {
    Input { packet, port: 1 }
}
