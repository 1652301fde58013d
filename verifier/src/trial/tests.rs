//! Programs that a proof was wrong about, and programs that it was right about.

use bpf_object::RawInsn;
use platform_click::{MapKind, ProgramKind};

use super::*;
use crate::answer::{Outcome, Rung};
use crate::ladder::examine;
use crate::prevail::{Bounds, Proof};
use crate::scenario::Draws;
use crate::testing::{by_prevail, exit, image, mov, op, pass, with_map};

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

/// A load through null, and the end.
fn fault_and_exit() -> [RawInsn; 4] {
    [mov(1, 0), op(0x79, 0, 1, 0, 0), mov(0, 0), exit()]
}

/// `r1 = m; r2 = &key; r3 = &value; r4 = 0; call helper`, with a key of 4 and a value of 8 bytes.
fn map_call(helper: i32) -> Vec<RawInsn> {
    vec![
        op(0x62, 10, 0, -4, 77),
        op(0x7a, 10, 0, -16, 0),
        op(0x18, 1, 1, 0, 0),
        op(0, 0, 0, 0, 0),
        op(0xbf, 2, 10, 0, 0),
        op(0x07, 2, 0, 0, -4),
        op(0xbf, 3, 10, 0, 0),
        op(0x07, 3, 0, 0, -16),
        mov(4, 0),
        op(0x85, 0, 0, 0, helper),
    ]
}

/// What only one kind of input reaches is reached, each within the budget, and the report says by
/// which: a helper that fails, a key that is there, a value in a map, a clock that stands still, a
/// random number, a length.
#[test]
fn every_kind_of_input_is_tried() {
    type IsShown = fn(&Step) -> bool;
    let after = |mut code: Vec<RawInsn>, tests: &[RawInsn]| {
        code.extend(tests);
        code.extend(fault_and_exit());
        code
    };
    let cases: [(&str, Vec<RawInsn>, IsShown); 8] = [
        (
            "an update that finds no entry",
            after(map_call(2), &[op(0x55, 0, 0, 2, -2)]),
            |step| !step.refusals.is_empty(),
        ),
        (
            "a deletion from a map that is full",
            after(map_call(3), &[op(0x55, 0, 0, 2, -7)]),
            |step| !step.refusals.is_empty(),
        ),
        (
            "a lookup of one key that finds something",
            after(map_call(1), &[op(0x15, 0, 0, 2, 0)]),
            |step| step.entries.len() == 1 && step.entries[0].key == [77, 0, 0, 0],
        ),
        (
            "a value in a map",
            after(
                map_call(1),
                &[
                    op(0x15, 0, 0, 4, 0),
                    op(0x61, 0, 0, 4, 0),
                    op(0x56, 0, 0, 2, 0x0012_3456),
                ],
            ),
            |step| step.entries[0].value == [0, 0, 0, 0, 0x56, 0x34, 0x12, 0],
        ),
        (
            "a clock that stands still",
            after(
                vec![
                    op(0x85, 0, 0, 0, 5),
                    op(0xbf, 6, 0, 0, 0),
                    op(0x85, 0, 0, 0, 5),
                ],
                &[op(0x5d, 0, 6, 2, 0)],
            ),
            |step| step.clock.step_ns == 0,
        ),
        (
            "a clock near its end",
            after(
                vec![op(0x85, 0, 0, 0, 5)],
                &[op(0xc5, 0, 0, 1, 0), op(0x05, 0, 0, 2, 0)],
            ),
            |step| step.clock.start_ns > i64::MAX.cast_unsigned(),
        ),
        (
            "a random number",
            after(
                vec![op(0x85, 0, 0, 0, 7)],
                &[op(0x56, 0, 0, 2, 0x1234_5678)],
            ),
            |step| step.draws == Draws::Constant(0x1234_5678),
        ),
        (
            "a packet of one length",
            after(
                vec![
                    op(0x79, 2, 1, 0, 0),
                    op(0x79, 3, 1, 8, 0),
                    op(0x07, 2, 0, 0, 1234),
                ],
                &[op(0x5d, 2, 3, 2, 0)],
            ),
            |step| step.packet == [0; 1234],
        ),
    ];
    for (what, code, is_shown) in cases {
        let image = with_map(MapKind::Hash, ProgramKind::Filter, &code, &[]);
        let Ending::Contradicted(found) = run(&image, &claims(), SEED, BUDGET) else {
            panic!("{what}: not found");
        };
        let steps = &found.scenario.steps;
        assert!(steps.len() == 1 && is_shown(&steps[0]), "{what}: {found:?}");
        let replayed = found.scenario.replay(&image, 1_000).unwrap().unwrap_err();
        assert_eq!(Some(replayed.slot), found.wrong.slot, "{what}");
        assert_eq!(replayed.cause.to_string(), found.wrong.reason, "{what}");
    }
}

/// What is not needed is left out or zero; what happened before is left out unless it is needed.
#[test]
fn reports_are_small() {
    // Counts runs in an array, and faults in the fourth with byte 12 of the packet.
    let code = [
        op(0x79, 6, 1, 0, 0),
        op(0x79, 7, 1, 8, 0),
        op(0x62, 10, 0, -4, 3),
        op(0x18, 1, 1, 0, 0),
        op(0, 0, 0, 0, 0),
        op(0xbf, 2, 10, 0, 0),
        op(0x07, 2, 0, 0, -4),
        op(0x85, 0, 0, 0, 1),
        op(0x15, 0, 0, 11, 0), // if r0 == 0 goto out
        op(0x79, 1, 0, 0, 0),
        op(0x07, 1, 0, 0, 1),
        op(0x7b, 0, 1, 0, 0), // count
        op(0x55, 1, 0, 7, 4), // if r1 != 4 goto out
        op(0xbf, 2, 6, 0, 0),
        op(0x07, 2, 0, 0, 20),
        op(0x2d, 2, 7, 4, 0), // if r2 > data_end goto out
        op(0x71, 3, 6, 12, 0),
        op(0x15, 3, 0, 2, 0), // if r3 == 0 goto out
        mov(4, 0),
        op(0x79, 0, 4, 0, 0),
        mov(0, 0),
        exit(),
    ];
    let found = contradiction(&code, &claims());
    assert_eq!(found.wrong.slot, Some(19));
    let (last, before) = found.scenario.steps.split_last().unwrap();
    assert_eq!(last.packet.len(), 20);
    assert_eq!(last.packet.iter().filter(|byte| **byte != 0).count(), 1);
    assert_ne!(last.packet[12], 0);
    assert_eq!((last.addresses, &last.refusals), (0, &vec![]));
    // Three runs that count, or an entry that begins at three.
    for step in before {
        assert_eq!((step.packet.len(), &step.entries), (0, &vec![]));
    }
    let begun = last.entries.iter().any(|entry| entry.value[0] == 3);
    assert!(before.len() == 3 || begun, "{found:?}");
}

/// Each kind of claim about an instruction, wrong, is contradicted by a trial.
#[test]
fn wrong_claims_about_instructions_are_found() {
    let code = samples_image("target-port");
    let Outcome::Accepted(facts) = examine(&code, Rung::Plain).outcome else {
        panic!("not accepted");
    };
    let branches = (0_u32..).zip(code.code());
    let branches = branches.filter(|(_, insn)| matches!(insn, bpf_object::Insn::Branch { .. }));
    for (slot, _) in branches {
        // Nothing behind the last branch that is passed: the directions are closed.
        let mut collector = crate::claims::Collector::new(&code);
        for reached in (0_u32..).take(code.code().len()) {
            collector.reaches(reached, |_| None);
            if reached != slot {
                collector.goes(reached, reached.saturating_add(1));
                if let bpf_object::Insn::Branch { target, .. } =
                    code.code()[usize::try_from(reached).unwrap()]
                {
                    collector.goes(reached, target);
                }
            }
        }
        let wrong = Facts {
            claims: vec![collector.finish("engine")],
            ..facts.clone()
        };
        match run(&code, &wrong, SEED, BUDGET) {
            Ending::Contradicted(found) => {
                assert_eq!(found.wrong.slot, Some(slot));
                assert!(found.wrong.reason.contains("engine proved"));
            }
            other => panic!("{slot}: {other:?}"),
        }
    }
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

/// A limit of time changes how many runs there are, and nothing else.
#[test]
fn time_cuts_only_the_number_of_runs() {
    let code = image(ProgramKind::Filter, &pass());
    let over = Budget {
        until: Some(Instant::now()),
        ..BUDGET
    };
    match run(&code, &claims(), SEED, over) {
        Ending::Passed(summary) => assert_eq!(summary.runs, 1),
        other => panic!("{other:?}"),
    }
    let request = crate::answer::TrialRequest {
        seed: 0,
        runs: 7,
        time_ms: 900,
        facts: vec![claims(), claims(), claims()],
    };
    let now = Instant::now();
    let shares = request.budgets(now).map(|budget| {
        assert_eq!(budget.runs, 7);
        budget.until.unwrap().duration_since(now).as_millis()
    });
    assert_eq!(shares.collect::<Vec<_>>(), [300, 600, 900]);
}

/// Entries have the sizes of their maps, and every content of maps is another.
#[test]
fn contents_belong_to_their_maps() {
    let code = with_map(MapKind::Hash, ProgramKind::Filter, &pass(), &[]);
    let mut random = Random::new(SEED);
    let numbers = grammar::Numbers::new(vec![5]);
    let lookups = [(0, vec![1, 2, 3, 4]), (9, vec![0])];
    for (instance, count) in [(0, 0), (1, 4), (2, 4), (3, 4), (4, 0)] {
        let contents = Contents::of_instance(instance);
        let entries = contents::first(&code, contents, &mut random, &numbers);
        assert_eq!(entries.len(), count, "{contents:?}");
        let more =
            (0..100).filter_map(|_| contents::another(&code, &lookups, &mut random, &numbers));
        let more: Vec<_> = more.collect();
        assert!(more.iter().any(|entry| entry.key == [1, 2, 3, 4]));
        for entry in entries.iter().chain(&more) {
            assert_eq!((entry.map, entry.key.len(), entry.value.len()), (0, 4, 8));
        }
    }
    // A full map is full: every key has an entry of its own.
    let full = contents::first(&code, Contents::Full, &mut random, &numbers);
    let keys: std::collections::BTreeSet<_> = full.iter().map(|entry| &entry.key).collect();
    assert_eq!(keys.len(), 4);
    let holding = contents::holding(&code, &lookups[..1], 0x55, &mut random).unwrap();
    assert!(holding.value.contains(&0x55));
}
