//! Programs that clang compiled, and packets for them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and not every test uses everything"
)]

use std::fs;
use std::path::Path;

use bpf_object::{Image, Object, ParseOptions};

/// The programs of a folder whose sources say one of these verdicts, by name.
pub fn programs(folder: &str, verdicts: &[&str]) -> Vec<(String, Image)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut images = Vec::new();
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let source = entry.unwrap().path();
        if source.extension().is_none_or(|extension| extension != "c") {
            continue;
        }
        let text = fs::read_to_string(&source).unwrap();
        let says = |verdict: &&str| text.contains(&format!(" * verdict: {verdict}\n"));
        if !verdicts.iter().any(says) {
            continue;
        }
        let object = fs::read(source.with_extension("o")).unwrap();
        let object = Object::parse(&object, ParseOptions::default()).unwrap();
        for program in object.programs() {
            let name = source.display().to_string();
            images.push((name, object.link(program).unwrap()));
        }
    }
    images
}

/// Frames that come near to what the samples look for, cut to every length up to theirs.
pub fn packets() -> Vec<Vec<u8>> {
    let ipv4 = |protocol: u8, words: u8, port: u16| {
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x40 | words, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0]);
        frame.extend([192, 0, 2, port as u8, 10, 0, 0, 1]);
        frame.resize(14 + usize::from(words) * 4, 1);
        frame.extend([0x30, 0x39]);
        frame.extend(port.to_be_bytes());
        frame.extend([0; 8]);
        frame
    };
    let mut tagged = vec![0; 12];
    tagged.extend([0x81, 0, 0, 7, 8, 0]);
    tagged.extend(0..60);
    let whole = [
        ipv4(17, 5, 12345),
        ipv4(6, 5, 12345),
        ipv4(17, 7, 12345),
        ipv4(17, 5, 80),
        ipv4(1, 5, 80),
        tagged,
        (0..=255).collect(),
    ];
    let mut packets = Vec::new();
    for packet in whole {
        packets.extend(
            (0..packet.len())
                .step_by(3)
                .map(|len| packet[..len].to_vec()),
        );
        packets.push(packet);
    }
    packets
}
