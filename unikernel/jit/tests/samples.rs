//! The samples and the corpus of loops, in the interpreter and as machine code.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod both;
mod corpus;

use bpf_jit::Options;
use bpf_object::Image;

use both::{Both, FUEL};
use corpus::{packets, programs};

/// Runs a program on all packets in both. Whether the interpreter never found a fault.
fn agree(image: &Image, options: &Options<'_>) -> bool {
    // SAFETY: a run is repeated as machine code only after the interpreter found no fault in it.
    let mut both = unsafe { Both::new(image, options) };
    // After a fault, the two have seen different packets.
    packets()
        .iter()
        .all(|packet| both.run(packet, FUEL).is_ok())
}

#[test]
fn samples_do_the_same_in_the_interpreter_and_as_machine_code() {
    let mut images = programs("ebpf-samples/accept", &["accept"]);
    images.extend(programs("ebpf-samples/corpus", &["accept"]));
    assert!(images.len() >= 12, "only {} samples", images.len());
    for (name, image) in images {
        for blinding in [None, Some(1), Some(u64::MAX)] {
            let options = Options {
                blinding,
                ..Options::default()
            };
            assert!(agree(&image, &options), "{name}");
        }
    }
}

#[test]
fn loops_do_the_same_in_the_interpreter_and_as_machine_code() {
    let safe = programs("tests/loops", &["safe"]);
    assert!(safe.len() >= 70, "only {} programs", safe.len());
    for (name, image) in safe {
        assert!(agree(&image, &Options::default()), "{name}");
    }
}

/// As far as they go without doing what is wrong with them.
#[test]
fn unsafe_loops_do_the_same_until_they_are_stopped() {
    let images = programs("tests/loops", &["unsafe"]);
    assert!(images.len() >= 40, "only {} programs", images.len());
    let stopped = images
        .iter()
        .filter(|(_, image)| !agree(image, &Options::default()));
    assert!(stopped.count() >= 5);
}
