//! What the engine is fed with, and what is made of its answers.

use super::*;
use crate::testing::{by_prevail, exit, image, mov, op, pass};

/// Statements name the version that the workspace pins.
#[test]
fn the_engines_version_is_the_pinned_one() {
    let (major, minor, patch) = ENGINE.version;
    let pinned = format!("{} = \"={major}.{minor}.{patch}\"", ENGINE.name);
    let manifest = include_str!("../../../Cargo.toml");
    assert!(manifest.lines().any(|line| line == pinned), "{pinned}");
}

fn outcome(kind: ProgramKind, code: &[bpf_object::RawInsn]) -> Proof {
    by_prevail(&image(kind, code))
}

/// The bounds of what must be accepted.
fn bounds_of(kind: ProgramKind, code: &[bpf_object::RawInsn]) -> Bounds {
    match outcome(kind, code) {
        Proof::Accepted(proved) => proved.bounds,
        other => panic!("{other:?}"),
    }
}

fn code_of(kind: ProgramKind, code: &[bpf_object::RawInsn]) -> (&'static str, u32) {
    match outcome(kind, code) {
        Proof::Rejected(reports) => (reports[0].code.id, reports[0].slot),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_kind_has_its_return_values() {
    for kind in ProgramKind::ALL {
        let (low, high) = kind.returns().into_inner();
        for value in [low, high] {
            let number = i32::try_from(value).unwrap();
            let bounds = bounds_of(*kind, &[mov(0, number), exit()]);
            assert_eq!((bounds.exit_low, bounds.exit_high), (value, value));
        }
        for number in [-1, i32::try_from(high).unwrap().saturating_add(1)] {
            let found = code_of(*kind, &[mov(0, number), exit()]);
            assert_eq!(found, (codes::RETURN_RANGE.id, 1), "{kind} {number}");
        }
    }
}

/// Each exit is judged for itself, and named.
#[test]
fn the_exit_with_the_wrong_value_is_named() {
    let code = [
        op(0x61, 2, 1, 16, 0),
        mov(0, 1),
        op(0x15, 2, 0, 1, 0),
        exit(),
        mov(0, 9),
        exit(),
    ];
    assert_eq!(
        code_of(ProgramKind::Filter, &code),
        (codes::RETURN_RANGE.id, 5)
    );
}

#[test]
fn a_classifiers_highest_output_does_not_count_drops() {
    // Output 1, or drop: through one exit, where the interval is 1..=255.
    let code = [
        op(0x61, 2, 1, 16, 0),
        mov(0, 1),
        op(0x15, 2, 0, 1, 0),
        mov(0, 255),
        exit(),
    ];
    let bounds = bounds_of(ProgramKind::Classifier, &code);
    assert_eq!((bounds.exit_low, bounds.exit_high), (1, 255));
    assert_eq!(bounds.highest_output, Some(1));
    // Always drop.
    let bounds = bounds_of(ProgramKind::Classifier, &[mov(0, 255), exit()]);
    assert_eq!(bounds.highest_output, None);
    // A byte of the context: any output, and drop.
    let code = [op(0x71, 0, 1, 16, 0), exit()];
    assert_eq!(
        bounds_of(ProgramKind::Classifier, &code).highest_output,
        Some(254)
    );
    assert_eq!(bounds_of(ProgramKind::Filter, &pass()).highest_output, None);
}

#[test]
fn loops_are_bounded_or_refused() {
    // for (r1 = 0; r1 < n; r1++): the head is passed once more than the body.
    let counted = |n| {
        [
            mov(0, 1),
            mov(1, 0),
            op(0x35, 1, 0, 2, n),
            op(0x07, 1, 0, 0, 1),
            op(0x05, 0, 0, -3, 0),
            exit(),
        ]
    };
    assert_eq!(
        bounds_of(ProgramKind::Filter, &counted(64)).max_loop_count,
        65
    );
    assert_eq!(
        code_of(ProgramKind::Filter, &counted(200_000)).0,
        codes::LOOP.id
    );
    let endless = [mov(0, 1), op(0x05, 0, 0, -2, 0)];
    assert_eq!(code_of(ProgramKind::Filter, &endless).0, codes::LOOP.id);
}

/// Maps and data have numbers of their own: with one map, data sections are 2 and 3.
#[test]
fn references_become_numbers_of_descriptors() {
    let code = [
        op(0x18, 1, 1, 0, 0),
        op(0, 0, 0, 0, 0),
        op(0x18, 2, 2, 0, 1),
        op(0, 0, 0, 0, 4),
        mov(0, 1),
        exit(),
    ];
    let fed = instructions(&image(ProgramKind::Filter, &code));
    assert_eq!((fed[0].imm, fed[2].imm, fed[3].imm), (1, 3, 4));
    // The last four bytes of a section of eight, and four bytes behind it.
    let read = |off| {
        [
            op(0x18, 2, 2, 0, 1),
            op(0, 0, 0, 0, 4),
            op(0x61, 3, 2, off, 0),
            mov(0, 1),
            exit(),
        ]
    };
    bounds_of(ProgramKind::Filter, &read(0));
    assert_eq!(
        code_of(ProgramKind::Filter, &read(4)),
        (codes::MAP_VALUE_BOUNDS.id, 2)
    );
}

/// The engine says that this never comes to an exit: it takes the swapped number for negative.
#[test]
fn a_proof_without_an_exit_contradicts_itself() {
    let code = [
        mov(1, 0x80),
        op(0xd7, 1, 0, 0, 64),
        op(0x25, 1, 0, 2, 5),
        mov(0, 1),
        exit(),
        mov(1, 0),
        op(0x79, 0, 1, 0, 0),
        exit(),
    ];
    match outcome(ProgramKind::Filter, &code) {
        Proof::Contradicted(_) => {}
        other => panic!("the engine has changed: {other:?}"),
    }
}
