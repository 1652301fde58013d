//! The accepted samples, in the interpreter and as machine code.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod both;

use std::fs;
use std::path::Path;

use bpf_jit::Options;
use bpf_object::{Image, Object, ParseOptions};

use both::{Both, FUEL};

/// The images of the samples that the verifier accepts, by name.
fn accepted() -> Vec<(String, Image)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ebpf-samples");
    let mut images = Vec::new();
    for folder in ["accept", "corpus"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let source = entry.unwrap().path();
            if source.extension().is_none_or(|extension| extension != "c") {
                continue;
            }
            if !fs::read_to_string(&source)
                .unwrap()
                .contains("verdict: accept")
            {
                continue;
            }
            let object = fs::read(source.with_extension("o")).unwrap();
            let object = Object::parse(&object, ParseOptions::default()).unwrap();
            for program in object.programs() {
                let name = source.display().to_string();
                images.push((name, object.link(program).unwrap()));
            }
        }
    }
    assert!(images.len() >= 12, "only {} samples", images.len());
    images
}

/// Frames that come near to what the samples look for, cut to every length up to theirs.
fn packets() -> Vec<Vec<u8>> {
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

#[test]
fn samples_do_the_same_in_the_interpreter_and_as_machine_code() {
    for (name, image) in accepted() {
        for blinding in [None, Some(1), Some(u64::MAX)] {
            let options = Options {
                blinding,
                ..Options::default()
            };
            // SAFETY: the verifier accepts them.
            let mut both = unsafe { Both::new(&image, &options) };
            for packet in packets() {
                let ran = both.run(&packet, FUEL);
                assert!(ran.is_ok(), "{name}: {ran:?}");
            }
        }
    }
}
