//! Unwound programs against their originals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod alike;
mod cases;
mod early;
mod extremes;
mod guards;
mod known;
mod structured;
mod validation;

use bpf_checker::{Options, Verdict, check};
use bpf_object::{Image, ImageParts, Insn, LineTable};
use bpf_programs::{assemble, default_data, default_maps};
use platform_click::ProgramKind;

use super::*;
use crate::finding::Report;

/// A program with the maps and data that [`bpf_programs`] has.
fn program(text: &str) -> Image {
    let assembled = assemble(text);
    Image::new(ImageParts {
        kind: ProgramKind::Rewriter,
        code: assembled.code,
        functions: assembled.functions,
        maps: default_maps(),
        data: default_data(),
        lines: LineTable::default(),
    })
    .unwrap()
}

/// The heads of all loops.
fn heads(image: &Image) -> Vec<u32> {
    let graphs = graphs(image);
    let heads = graphs
        .iter()
        .flat_map(|graph| (1..graph.loops().len()).filter_map(|index| graph.head(index)));
    heads.collect()
}

/// The same bound for every loop.
fn every(image: &Image, iterations: u64) -> Bounds {
    let mut bounds = Bounds::default();
    for head in heads(image) {
        bounds.at_least(head, iterations);
    }
    bounds
}

fn checkers_bounds(image: &Image) -> Bounds {
    match check(image, &Options::default()) {
        Verdict::Accepted(facts) => Bounds::of_loops(&facts.loops),
        other => panic!("{other:?}"),
    }
}

/// Slots that are neither jumps of ours nor traps.
fn copied(unwound: &Unwound) -> usize {
    let copies = unwound.roles.iter();
    copies.filter(|role| matches!(role, Role::Copy(_))).count()
}

const COUNTING: &str = "
    r0 = 1
    r2 = 0
    again: r2 += 1
    if r2 < 5 goto again
    exit";

#[test]
fn a_loop_has_a_copy_for_each_iteration() {
    let image = program(COUNTING);
    assert_eq!(heads(&image), [2]);
    let bounds = checkers_bounds(&image);
    assert_eq!(bounds.all(), [(2, 5)]);
    let unwinding = Unwinding::new(&image, &bounds).unwrap();
    let unwound = unwinding.whole().unwrap();
    // Two before the loop, five times two, and one copy of the exit.
    assert_eq!(copied(&unwound), 2 + 5 * 2 + 1);
    assert!(!has_loops(&unwound.image));
    let Verdict::Accepted(facts) = check(&unwound.image, &Options::default()) else {
        panic!("not accepted");
    };
    // With one copy less, the trap is reached.
    let fewer = Unwinding::new(&image, &every(&image, 4)).unwrap();
    let trapped = fewer.whole().unwrap();
    let Verdict::Rejected(findings) = check(&trapped.image, &Options::default()) else {
        panic!("not rejected");
    };
    let trap = trapped.trap_at(findings[0].slot);
    assert_eq!(trap, Some(TrapCause::Beyond(2)));
    // All copies but the way on from the fifth to a sixth are reached, so that nothing is left out.
    let reached = unwinding.reached(&unwound, &facts.reachable).unwrap();
    assert_eq!(copied(&reached), copied(&unwound));
}

/// The path through the unwound program is as long as what the checker counts: instructions of ours
/// are none, a call counts what is called.
#[test]
fn the_longest_path_is_counted_in_the_original() {
    for (text, longest) in [
        (COUNTING, 2 + 5 * 2 + 1),
        (
            "fn main: r6 = 3
             again: call f
             r6 += -1
             if r6 != 0 goto again
             r0 = 1
             exit
             fn f: r1 = 5 ll
             *(u32 *)(r10 - 4) = r1
             w0 = 2
             w0 |= 1
             exit",
            1 + 3 * (3 + 5) + 2,
        ),
    ] {
        let image = program(text);
        let unwinding = Unwinding::new(&image, &checkers_bounds(&image)).unwrap();
        let unwound = unwinding.whole().unwrap();
        let Verdict::Accepted(facts) = check(&unwound.image, &Options::default()) else {
            panic!("not accepted");
        };
        let excluded = |slot| !facts.reachable.contains(slot) && !is_tail(&unwound.image, slot);
        assert_eq!(unwound.longest_run(excluded), Some(longest));
        let Verdict::Accepted(facts) = check(&image, &Options::default()) else {
            panic!("not accepted");
        };
        assert_eq!(facts.longest_run, longest);
        assert_eq!(unwound.longest_run(|_| true), Some(0));
    }
}

/// Whether a slot is the second of a wide load.
fn is_tail(image: &Image, slot: u32) -> bool {
    image.code()[slot as usize] == Insn::WideTail
}

/// What is not reachable becomes a trap.
#[test]
fn what_is_left_out_is_a_trap() {
    let image = program(
        "r0 = 1
         r2 = 0
         again: r2 += 1
         if r2 > 100 goto never
         if r2 < 3 goto again
         exit
         never: r0 = 0
         exit",
    );
    let unwinding = Unwinding::new(&image, &checkers_bounds(&image)).unwrap();
    let whole = unwinding.whole().unwrap();
    let Verdict::Accepted(facts) = check(&whole.image, &Options::default()) else {
        panic!("not accepted");
    };
    let reached = unwinding.reached(&whole, &facts.reachable).unwrap();
    assert_eq!(copied(&reached), copied(&whole) - 2);
    assert!(
        reached
            .traps
            .values()
            .any(|cause| *cause == TrapCause::LeftOut)
    );
    // Everything left out at once: still a program, which traps at once.
    let nothing = unwinding.reached(&whole, &SlotSet::default()).unwrap();
    assert!(matches!(
        check(&nothing.image, &Options::default()),
        Verdict::Rejected(_)
    ));
}

#[test]
fn findings_name_their_iterations() {
    let image = program(COUNTING);
    let unwinding = Unwinding::new(&image, &checkers_bounds(&image)).unwrap();
    let unwound = unwinding.whole().unwrap();
    let third = (0..)
        .zip(&unwound.roles)
        .filter(|(_, role)| **role == Role::Copy(3));
    let (slot, _) = third.take(3).last().unwrap();
    assert_eq!(unwinding.iterations(&unwound, slot), [(2, 3)]);
    let report = Report::new(crate::codes::PACKET_BOUNDS, slot, "too far").with(0, "from here");
    let located = unwinding.locate(&unwound, report);
    assert_eq!(located.slot, 3);
    assert_eq!(
        located.cause,
        "too far, in iteration 3 of the loop at slot 2"
    );
    assert_eq!(located.related, [(0, "from here".to_owned())]);
}

/// Calls are inlined by PREVAIL, so that a function counts for each call.
#[test]
fn inlined_sizes_count_each_call() {
    let image = program(
        "fn main: call f; call f; r0 = 1; exit
         fn f: call g; exit
         fn g: r0 = 1; exit",
    );
    assert_eq!(inlined_size(&image), 4 + 2 * (2 + 2));
}
