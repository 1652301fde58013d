//! Programs that a proof was wrong about, and programs that it was right about.

use bpf_object::RawInsn;
use platform_click::ProgramKind;

use super::*;
use crate::answer::{Outcome, Rung};
use crate::ladder::examine;
use crate::prevail::{Bounds, Proof};
use crate::testing::{by_prevail, exit, image, mov, op, pass};

const SEED: u64 = 1;

/// What is claimed of a program that nothing was proved of.
fn claims() -> Facts {
    Facts {
        max_stack: 512,
        longest_run: 1 << 20,
        helper_calls: 1 << 20,
        map_updates: 1 << 20,
        unwound: None,
        loops: vec![],
        bounds: Bounds {
            max_loop_count: 0,
            exit_low: 0,
            exit_high: 2,
            highest_output: None,
        },
        claims: Vec::new(),
    }
}

/// As many runs as ordinary programs get.
const BUDGET: Budget = Budget {
    runs: 20_000,
    until: None,
};

fn try_with(code: &[RawInsn], facts: &Facts) -> Ending {
    run(&image(ProgramKind::Filter, code), facts, SEED, BUDGET)
}

fn contradiction(code: &[RawInsn], facts: &Facts) -> Contradiction {
    match try_with(code, facts) {
        Ending::Contradicted(contradiction) => contradiction,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_holds_is_not_contradicted() {
    match try_with(&pass(), &claims()) {
        Ending::Passed(summary) => {
            assert_eq!(summary.runs, u64::from(MIN_RUNS));
            assert_eq!(summary.instructions, 2 * summary.runs);
            assert_eq!((summary.cut, summary.directions), (0, 0));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_trial_follows_from_its_seed() {
    let code = samples_image("target-port");
    let Outcome::Accepted(facts) = examine(&code, Rung::Unwound).outcome else {
        panic!("not accepted");
    };
    assert_eq!(run(&code, &facts, 7, BUDGET), run(&code, &facts, 7, BUDGET));
    assert_ne!(run(&code, &facts, 7, BUDGET), run(&code, &facts, 8, BUDGET));
}

/// `r0 = *(u8 *)(data + 100)` without a test.
#[test]
fn a_packet_access_out_of_bounds_is_found() {
    let code = [
        op(0x79, 2, 1, 0, 0),
        op(0x71, 0, 2, 100, 0),
        mov(0, 0),
        exit(),
    ];
    let found = contradiction(&code, &claims());
    assert_eq!(found.wrong.slot, Some(1));
    assert!(found.scenario.steps[0].packet.len() <= 100);
}

#[test]
fn a_value_outside_of_the_proved_range_is_found() {
    let found = contradiction(&[mov(0, 3), exit()], &claims());
    assert_eq!(
        found.wrong.reason,
        "the program returned 3, of which 0..=2 was proved"
    );
}

#[test]
fn more_stack_than_proved_is_found() {
    let facts = Facts {
        max_stack: 8,
        ..claims()
    };
    let code = [op(0x7a, 10, 0, -16, 0), mov(0, 0), exit()];
    assert!(
        contradiction(&code, &facts)
            .wrong
            .reason
            .contains("16 bytes of stack")
    );
}

/// A loop that was proved not to exist.
#[test]
fn more_instructions_than_proved_are_found() {
    let code = [
        mov(0, 0),
        op(0x07, 0, 0, 0, 1),
        op(0x55, 0, 0, -2, 0),
        exit(),
    ];
    let facts = Facts {
        longest_run: 4,
        ..claims()
    };
    assert!(contradiction(&code, &facts).wrong.reason.contains("fuel"));
}

/// A loop that may be long proves nothing when it is cut off.
#[test]
fn long_runs_are_cut_off() {
    let facts = Facts {
        bounds: Bounds {
            max_loop_count: 100_000,
            ..claims().bounds
        },
        ..claims()
    };
    let code = [
        mov(0, 0),
        mov(1, 0),
        mov(2, 0),
        mov(3, 0),
        mov(4, 0),
        op(0x07, 0, 0, 0, 1),
        op(0x55, 0, 0, -2, 0),
        exit(),
    ];
    let code = image(ProgramKind::Filter, &code);
    match run(&code, &facts, SEED, Budget { runs: 3, ..BUDGET }) {
        Ending::Passed(summary) => {
            assert_eq!((summary.runs, summary.cut), (3, 3));
            assert_eq!(summary.instructions, 3 * MAX_FUEL);
        }
        other => panic!("{other:?}"),
    }
}

/// A fault behind comparisons that no random packet passes: 32 bits of the packet, 16 of them in
/// network order, and a field of the context.
#[test]
fn inputs_follow_the_comparisons() {
    let code = [
        op(0x79, 2, 1, 0, 0),           // r2 = data
        op(0x79, 3, 1, 8, 0),           // r3 = data_end
        op(0xbf, 4, 2, 0, 0),           // r4 = r2
        op(0x07, 4, 0, 0, 40),          // r4 += 40
        op(0x2d, 4, 3, 8, 0),           // if r4 > r3 goto out
        op(0x61, 5, 2, 20, 0),          // r5 = *(u32 *)(r2 + 20)
        op(0x56, 5, 0, 6, 0x1234_5678), // if w5 != 0x12345678 goto out
        op(0x69, 5, 2, 30, 0),          // r5 = *(u16 *)(r2 + 30)
        op(0xdc, 5, 0, 0, 16),          // r5 = be16 r5
        op(0x55, 5, 0, 3, 4242),        // if r5 != 4242 goto out
        op(0x61, 5, 1, 16, 0),          // r5 = port
        op(0x55, 5, 0, 1, 77),          // if r5 != 77 goto out
        op(0x79, 0, 5, 0, 0),           // r0 = *(u64 *)r5
        mov(0, 0),                      // out:
        exit(),
    ];
    let found = contradiction(&code, &claims());
    let [step] = found.scenario.steps.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((found.wrong.slot, step.annotations.port), (Some(12), 77));
}

/// The image of a sample's only program.
fn samples_image(name: &str) -> Image {
    let sample = e2e::samples()
        .into_iter()
        .find(|sample| sample.name == name);
    let object = bpf_object::Object::parse(&sample.unwrap().bytes(), Default::default()).unwrap();
    object.link(&object.programs()[0]).unwrap()
}

/// The engine accepts this program, which dereferences null whenever it runs.
#[test]
fn what_the_engine_wrongly_accepts_is_contradicted() {
    let code = samples_image("store-immediate");
    let Proof::Accepted(proved) = by_prevail(&code) else {
        panic!("the engine has learnt to refuse this: take another program");
    };
    let facts = Facts {
        bounds: proved.bounds,
        ..claims()
    };
    match run(&code, &facts, SEED, BUDGET) {
        Ending::Contradicted(found) => assert!(found.wrong.slot.is_some(), "{found:?}"),
        other => panic!("{other:?}"),
    }
}

/// Most branches of real programs are reached, and nothing that they do contradicts their proofs.
#[test]
fn samples_keep_their_promises_on_most_branches() {
    for sample in e2e::samples()
        .into_iter()
        .filter(|sample| sample.folder == "accept")
    {
        let code = samples_image(&sample.name);
        let Outcome::Accepted(facts) = examine(&code, Rung::Unwound).outcome else {
            panic!("{}: not accepted", sample.name);
        };
        match run(&code, &facts, SEED, BUDGET) {
            Ending::Passed(summary) => {
                let most = summary.directions * 3 / 4;
                assert!(summary.taken >= most, "{}: {summary:?}", sample.name);
            }
            other => panic!("{}: {other:?}", sample.name),
        }
    }
}
