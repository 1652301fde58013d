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
use std::path::{Path, PathBuf};

use bpf_object::{Image, Object, ParseOptions};

/// The programs of a folder whose sources say one of these verdicts, ordered by the paths of their sources.
pub fn programs(folder: &str, verdicts: &[&str]) -> Vec<(String, Image)> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut sources: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    sources.sort();
    let mut images = Vec::new();
    for source in sources {
        let text = fs::read_to_string(&source).unwrap();
        let says = |verdict: &&str| text.contains(&format!(" * verdict: {verdict}\n"));
        if verdicts.iter().any(says) {
            let linked = link(&source.with_extension("o")).into_iter();
            images.extend(linked.map(|image| (source.display().to_string(), image)));
        }
    }
    images
}

/// The one program of an object, which is named from the root of the repository and without `.o`.
pub fn program(name: &str) -> Image {
    let mut images = link(&root().join(format!("{name}.o")));
    assert_eq!(images.len(), 1, "{name}");
    images.pop().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn link(object: &Path) -> Vec<Image> {
    let object = fs::read(object).unwrap();
    let object = Object::parse(&object, ParseOptions::default()).unwrap();
    let programs = object.programs().iter();
    programs
        .map(|program| object.link(program).unwrap())
        .collect()
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
