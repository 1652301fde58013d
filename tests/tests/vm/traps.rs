//! What must not be possible in the kernel is not: each probe of the image ends it with a trap.

use crate::lab::Lab;
use crate::machine::Machine;

/// QEMU's exit code after a trap, and after a panic.
const TRAP: i32 = 2 * 0x7e + 1;
const PANIC: i32 = 2 * 0x7f + 1;

/// Bits of the code of a page fault: the page is there, it was written, it was executed.
const PRESENT: u64 = 1;
const WRITE: u64 = 1 << 1;
const EXECUTE: u64 = 1 << 4;

fn probe(machine: &str, name: &str) -> (String, i32) {
    let lab = Lab::empty();
    Machine::start(
        &lab,
        machine,
        "Idle -> Discard",
        0,
        &format!("--append probe={name}"),
    )
    .ended()
}

/// Probes, and what the processor says of each.
const PROBES: &[(&str, u64)] = &[
    ("write-text", PRESENT | WRITE),
    ("write-constant", PRESENT | WRITE),
    ("write-sealed", PRESENT | WRITE),
    ("execute-data", PRESENT | EXECUTE),
    ("execute-heap", PRESENT | EXECUTE),
    ("read-null", 0),
    ("read-near-null", 0),
    ("read-low", 0),
    ("read-image-low", 0),
    ("read-image-window", 0),
    ("write-behind-object", WRITE),
    ("stack", WRITE),
];

#[test]
fn what_must_not_be_possible_ends_in_a_trap() {
    for (name, code) in PROBES {
        let (said, exit) = probe("microvm", name);
        assert_eq!(exit, TRAP, "{said}");
        let expected = format!("trap: page fault (14), error {code:#x},");
        assert!(said.contains(&expected), "{name}: {said}");
    }
    let (said, exit) = probe("q35", "write-text");
    assert_eq!(exit, TRAP, "{said}");
}

#[test]
fn a_panic_says_where_and_ends_the_machine() {
    let (said, exit) = probe("microvm", "panic");
    assert_eq!(exit, PANIC);
    assert!(said.contains("panic: panicked at src/probe.rs:"), "{said}");
}

/// A probe that is none comes back: the others ended where they should.
#[test]
fn without_a_violation_there_is_no_trap() {
    let (said, exit) = probe("microvm", "none");
    assert_eq!(exit, 3, "{said}");
    assert!(said.contains("probe: nothing happened"), "{said}");
}
