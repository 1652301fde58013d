//! Programs that showed earlier forms of unwinding to be unsound.

use super::*;
use crate::answer::{Outcome, Rung};
use crate::ladder::examine;

fn outcomes(image: &Image) -> [Outcome; 2] {
    [Rung::Quick, Rung::Unwound].map(|rung| examine(image, rung).outcome)
}

/// Calls that are copied as they are lead to whatever lies at the same distance: here to what both
/// ways of the branch avoid.
#[test]
fn a_call_leads_to_the_unwound_function() {
    let image = program(
        "fn main: r6 = *(u32*)(r1 + 16); r7 = 0
         again: call evil
         r7 += 1
         if r7 < 3 goto again
         r0 = 0
         if r6 == 1 goto one
         goto other
         one: r0 = 1; exit
         other: r0 = 0; exit
         fn evil: r1 = 0; r0 = *(u64*)(r1 + 0); exit",
    );
    let unwinding = Unwinding::new(&image, &every(&image, 3)).unwrap();
    let unwound = unwinding.whole().unwrap();
    let called = unwound.image.functions()[1].start;
    let calls = unwound.image.code().iter().filter_map(|insn| match insn {
        Insn::CallLocal { target } => Some(*target),
        _ => None,
    });
    assert_eq!(calls.collect::<Vec<_>>(), [called; 3]);
    for outcome in outcomes(&image) {
        let Outcome::Rejected(reports) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(
            reports.iter().all(|report| report.slot == 13),
            "{reports:?}"
        );
    }
}

/// An opcode that is not known cannot be copied, since it cannot be decoded.
#[test]
fn unknown_opcodes_are_not_laundered() {
    let assembled = assemble("r0 = 0; raw 0x0d 1 2 1 0x1234; r0 = 1; exit");
    let image = Image::new(ImageParts {
        kind: ProgramKind::Rewriter,
        code: assembled.code,
        functions: assembled.functions,
        maps: vec![],
        data: vec![],
        lines: LineTable::default(),
    });
    assert!(image.is_err());
}

/// Instructions are counted in the original: its jumps cost time, and those of ours do not.
#[test]
fn jumps_of_the_original_count() {
    let mut text = String::from("r0 = 0; r2 = 0; again: r2 += 1\n");
    for number in 0..50 {
        text.push_str(&format!("goto l{number}; l{number}:\n"));
    }
    text.push_str("if r2 < 20 goto again; exit");
    let image = program(&text);
    for outcome in outcomes(&image) {
        let Outcome::Accepted(facts) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(facts.longest_run, 2 + 20 * 52 + 1);
    }
}

/// A loop that never ends, on a condition that goes over the stack: an engine that thinks it ends
/// must not be believed.
#[test]
fn an_endless_loop_has_no_bound() {
    let image = program(
        "r1 = -1; *(u64*)(r10 - 8) = r1; r0 = 0
         again: r0 += 1
         r1 = *(u64*)(r10 - 8)
         if r1 > 1000 goto again
         r0 = 1; exit",
    );
    for outcome in outcomes(&image) {
        assert!(!matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    }
}

/// What follows a loop is not reached while the bound is too small, and must not be forgotten when
/// the bound is raised.
#[test]
fn code_behind_a_loop_is_looked_at() {
    let image = program(
        "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8)
         r4 = r2; r4 += 34; r0 = 0
         if r4 > r3 goto out
         r5 = 0; r6 = 0
         again: r4 = r2; r4 += r5; r4 = *(u8*)(r4 + 0); r6 += r4
         r5 += 1
         if r5 < 10 goto again
         r0 = *(u8*)(r2 + 1000)
         r0 &= 1
         out: exit",
    );
    let small = Unwinding::new(&image, &every(&image, 2)).unwrap();
    let whole = small.whole().unwrap();
    // Under a bound that is too small the last access is not reached.
    let Verdict::Rejected(findings) = check(&whole.image, &Options::default()) else {
        panic!("not rejected")
    };
    assert_eq!(whole.trap_at(findings[0].slot), Some(TrapCause::Beyond(8)));
    for outcome in outcomes(&image) {
        let Outcome::Rejected(reports) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(
            reports.iter().any(|report| report.slot == 14),
            "{reports:?}"
        );
    }
}
