//! The vectors of `tests/conformance/`, in the interpreter and as machine code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod assembler;
mod both;
#[path = "../../runtime/tests/common/mod.rs"]
mod common;
mod vectors;

use std::fs;

use bpf_jit::Options;

use both::{Both, FUEL};
use vectors::{Case, cases, folder};

/// Runs a case in the interpreter and as machine code.
fn run_case(case: &Case, options: &Options<'_>) {
    let image = common::Program::new(case.code.clone()).image();
    // SAFETY: the interpreter runs it first, and no case depends on addresses.
    let mut both = unsafe { Both::new(&image, options) };
    let left = both.run(&case.memory, FUEL);
    let left = left.unwrap_or_else(|fault| panic!("{}: {fault}", case.name));
    assert_eq!(left.value, case.value, "{}: {:#x}", case.name, left.value);
    if let Some(packet) = &case.packet {
        assert_eq!(&left.packet, packet, "{}", case.name);
    }
}

fn run(file: &str) {
    let cases = cases(file);
    assert!(!cases.is_empty(), "{file}");
    for case in &cases {
        run_case(case, &Options::default());
    }
    // Once more with constants blinded.
    let blinding = Options {
        blinding: Some(7),
        ..Options::default()
    };
    for case in cases.iter().step_by(3) {
        run_case(case, &blinding);
    }
}

macro_rules! files {
    ($($name:ident $file:literal,)*) => { $(
        #[test]
        fn $name() {
            run($file);
        }
    )*

        const FILES: &[&str] = &[$( $file ),*];
    };
}

files! {
    arithmetic_of_64_bits "alu64.txt",
    arithmetic_of_32_bits "alu32.txt",
    division "divide.txt",
    extension_and_byte_order "extend.txt",
    comparisons "branch.txt",
    loads_and_stores "memory.txt",
    atomic_operations "atomic.txt",
    calls "call.txt",
    jumps "jump.txt",
    copies_that_are_changed_at_once "pairs.txt",
}

#[test]
fn every_file_is_run() {
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "README.md" || FILES.contains(&name.as_str()),
            "{name}"
        );
    }
}
