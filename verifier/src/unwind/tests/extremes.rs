//! Programs that are made to be large, deep or strange: an answer, in bounded time and memory.

use core::fmt::Write as _;

use platform_click::limits;

use super::*;
use crate::answer::{Next, Outcome, Rung};
use crate::codes;
use crate::ladder::examine;

fn answer(text: &str) -> (Outcome, Next) {
    let answer = examine(&program(text), Rung::Quick);
    (answer.outcome, answer.next)
}

fn code_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted(_) => "accepted",
        Outcome::Rejected(reports) => reports[0].code.id,
        Outcome::Disagreed(_) => codes::DISAGREEMENT.id,
        Outcome::Undecided(gap) => gap.code.id,
    }
}

/// More iterations than are looked at: undecided, and the reason names the loop and its bound.
#[test]
fn four_billion_iterations() {
    let (outcome, next) = answer(
        "r0 = 1; r2 = 0
         r3 = 0x100000000 ll
         again: r2 += 1
         if r2 != r3 goto again
         exit",
    );
    assert_eq!(code_of(&outcome), codes::UNCONFIRMED.id, "{outcome:?}");
    assert_eq!(next, Next::Plain);
}

#[test]
fn more_iterations_than_can_be_unwound() {
    let (outcome, next) = answer("r0 = 1; r2 = 90000; again: r2 -= 1; if r2 != 0 goto again; exit");
    let Outcome::Undecided(gap) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((gap.code, next), (codes::UNWOUND, Next::Guarded));
    assert!(gap.reason.contains("slot 2"), "{}", gap.reason);
    assert!(gap.reason.contains("90000"), "{}", gap.reason);
}

/// What takes long is left to a later rung.
#[test]
fn long_loops_come_later() {
    let text = "r0 = 1; r2 = 5000; again: r2 -= 1; if r2 != 0 goto again; exit";
    let (outcome, next) = answer(text);
    assert_eq!(code_of(&outcome), codes::UNWOUND.id);
    assert_eq!(next, Next::GuardedOrUnwound);
}

#[test]
fn a_loop_of_one_instruction() {
    let (outcome, _) = answer("r0 = 1; r2 = 7; again: if r2 == 7 goto again; exit");
    assert_ne!(code_of(&outcome), "accepted");
    let (outcome, _) = answer("r0 = 1; again: goto again");
    assert_ne!(code_of(&outcome), "accepted");
}

/// A loop that no run enters, endless or not, is no obstacle.
#[test]
fn unreachable_loops() {
    let (outcome, _) = answer(
        "r0 = 1; r2 = 0
         if r2 == 0 goto out
         again: r2 += 1
         if r2 != 0 goto again
         out: exit",
    );
    assert_eq!(code_of(&outcome), "accepted", "{outcome:?}");
}

/// A loop with two entries, of which neither dominates the other.
#[test]
fn an_irreducible_loop() {
    let (outcome, _) = answer(
        "r0 = 1; r3 = *(u32*)(r1 + 16); r2 = 0
         if r3 == 0 goto second
         first: r2 += 1
         if r2 > 9 goto out
         second: r2 += 2
         if r2 < 9 goto first
         out: exit",
    );
    let Outcome::Accepted(facts) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        facts.unwound.is_some() && facts.longest_run < 30,
        "{facts:?}"
    );
}

/// A loop around a call of a function that has a loop.
#[test]
fn a_loop_around_a_call_around_a_loop() {
    let (outcome, _) = answer(
        "fn main: r6 = 5
         again: call f
         r6 -= 1
         if r6 != 0 goto again
         r0 = 1; exit
         fn f: r1 = 4
         inner: r1 -= 1
         if r1 != 0 goto inner
         r0 = 0; exit",
    );
    let Outcome::Accepted(facts) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(facts.loops, [(1, 5), (7, 4)]);
    // Per call: 1 + 4 * 2 + 2; per iteration three more.
    assert_eq!(facts.longest_run, 1 + 5 * (3 + 11) + 2);
}

/// A thousand loops, one behind the other.
#[test]
fn a_thousand_loops_in_a_row() {
    let mut text = String::from("r0 = 1\n");
    for i in 0..1000 {
        let _ = writeln!(text, "r2 = 0; l{i}: r2 += 1; if r2 < 3 goto l{i}");
    }
    text.push_str("exit");
    let image = program(&text);
    assert_eq!(heads(&image).len(), 1000);
    let unwinding = Unwinding::new(&image, &checkers_bounds(&image)).unwrap();
    assert_eq!(copied(&unwinding.whole().unwrap()), 1 + 1000 * 7 + 1);
}

/// A thousand loops, one within the other: more copies than there may be.
#[test]
fn a_thousand_loops_in_each_other() {
    let mut text = String::from("r0 = 1; r2 = 0\n");
    for i in 0..1000 {
        let _ = writeln!(text, "l{i}: r2 += 1");
    }
    for i in (0..1000).rev() {
        let _ = writeln!(text, "if r2 < {} goto l{i}", 2000 - i);
    }
    text.push_str("exit");
    let image = program(&text);
    assert!(Unwinding::new(&image, &every(&image, 2)).is_err());
    let (outcome, _) = answer(&text);
    assert_ne!(code_of(&outcome), "");
}

/// Copies farther apart than a branch reaches.
#[test]
fn far_copies_are_reached_by_jumps() {
    let mut text = String::from("r0 = 1; r2 = *(u32*)(r1 + 16); r3 = 0\nagain: r3 += 1\n");
    text.push_str("if r2 == 5 goto out\n");
    for _ in 0..100 {
        text.push_str("r2 ^= r3\n");
    }
    text.push_str("if r3 < 700 goto again\nout: exit");
    let image = program(&text);
    let unwinding = Unwinding::new(&image, &checkers_bounds(&image)).unwrap();
    let unwound = unwinding.whole().unwrap();
    assert!(unwound.image.code().len() > limits::MAX_INSTRUCTIONS);
    assert!(matches!(
        check(&unwound.image, &Options::default()),
        Verdict::Accepted(_)
    ));
}
