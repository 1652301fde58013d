//! The corpus of loops, one test per program: what is true of it, what the verifier says, and what
//! runs of it do. `tests/loops/README.md` describes it.
//!
//! Verification runs in a confined child process; this program is its own child, so that the test
//! needs no other program and has a `main` of its own.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says so when it is left out"
)]

mod crafted;
mod generator;
mod judge;
mod kernel;
mod ledger;
mod structure;
mod table;
mod verify;

use std::process::ExitCode;

use e2e::{LoopProgram, Truth, Violation, loop_programs};
use libtest_mimic::{Arguments, Trial};

use generator::Generator;
use judge::{Bounds, Run, Subject};
use verify::{Opinion, WORKER};

/// Inputs for each program; `LOOPS_INPUTS` sets another number.
const INPUTS: u64 = 2_000;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        return bpf_verifier::worker_main();
    }
    let mut trials = vec![
        test("the_corpus_is_what_it_says", corpus),
        test("objects_are_rebuilt_from_their_sources", rebuilt),
        test("the_table_is_fresh", table::fresh),
    ];
    for program in loop_programs() {
        let name = program.name.clone();
        trials.push(test(&name, move || {
            check(&program, &program.bytes(), ledger::reason(&program.name));
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn test(name: &str, run: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        run();
        Ok(())
    })
}

/// Size and balance of the corpus; tables beside it speak of programs that exist.
fn corpus() {
    let programs = loop_programs();
    let safe = |name: &str| {
        let found = programs.iter().find(|program| program.name == name);
        let found = found.unwrap_or_else(|| panic!("there is no program {name}"));
        found.truth == Truth::Safe
    };
    let safes = programs
        .iter()
        .filter(|program| program.truth == Truth::Safe);
    assert!(programs.len() >= 100 && safes.count() >= 60);
    assert!(ledger::names().all(safe));
    assert!(crafted::deepest().all(|(name, _)| safe(name)));
    assert!(crafted::deepest().count() >= 10);
    assert!(crafted::faults().all(|(name, _)| !safe(name)));
}

/// The committed objects are what clang makes of the sources.
fn rebuilt() {
    let Some(version) = e2e::clang_version() else {
        eprintln!("left out: clang-19 is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    e2e::make("tests/loops", folder.path(), &[]);
    for program in loop_programs() {
        let committed = program.bytes();
        let same_compiler = committed
            .windows(version.len())
            .any(|part| part == version.as_bytes());
        assert!(
            !same_compiler || program.bytes_in(folder.path()) == committed,
            "{}: the object is not what its source gives; `cargo xtask samples` renews it",
            program.name
        );
    }
}

/// Everything about one program. `exception` is why a safe one is not accepted.
fn check(program: &LoopProgram, object: &[u8], exception: Option<&str>) {
    let image = verify::image(object);
    let ours = verify::ours(object);
    let checker = bpf_checker::check(&image, &bpf_checker::Options::default());
    let mut subject = Subject::new(&image);
    let mut generator = Generator::new(&image, seed(&program.name));
    match program.truth {
        Truth::Unsafe(violation) => {
            assert!(ours.opinion != Opinion::Accepts, "accepted");
            assert!(
                !matches!(checker, bpf_checker::Verdict::Accepted(_)),
                "accepted by the checker"
            );
            violated(&mut subject, &mut generator, &program.name, violation);
        }
        Truth::Safe => {
            let accepted = ours.opinion == Opinion::Accepts;
            match exception {
                None => assert!(accepted, "not accepted: {}\n{checker:?}", ours.reason),
                Some(why) => assert!(!accepted, "accepted in spite of: {why}"),
            }
            let mut bounds: Vec<Bounds> = ours.bounds.into_iter().collect();
            if let bpf_checker::Verdict::Accepted(facts) = &checker {
                bounds.push(facts.into());
            }
            kept(&mut subject, &mut generator, &bounds);
            reached(&mut subject, &program.name, &bounds);
        }
    }
}

/// No input makes a safe program fault, run on, or exceed what was proved.
fn kept(subject: &mut Subject<'_>, generator: &mut Generator, bounds: &[Bounds]) {
    let wrong = subject.search(inputs(), generator, |input, run| {
        let fault = run.result.as_ref().err().map(ToString::to_string);
        let wrong = bounds.iter().find_map(|bounds| run.contradiction(bounds));
        Some((fault.or(wrong)?, input.clone()))
    });
    assert!(wrong.is_none(), "{wrong:?}");
}

/// There is an input that makes an unsafe program do what its source says.
fn violated(
    subject: &mut Subject<'_>,
    generator: &mut Generator,
    name: &str,
    violation: Violation,
) {
    if let Some((_, input)) = crafted::faults().find(|(of, _)| *of == name) {
        let (run, _) = subject.run(&input, 1);
        assert!(violation_of(&run, violation), "{:?}", run.result);
        return;
    }
    let found = subject.search(inputs(), generator, |_, run| {
        let fault = run.result.as_ref().err()?;
        Some((violation_of(run, violation), *fault))
    });
    let (is_right, fault) = found.unwrap_or_else(|| panic!("no input makes it fault"));
    assert!(is_right, "{fault}");
}

fn violation_of(run: &Run, violation: Violation) -> bool {
    use bpf_runtime::FaultCause::{
        OutOfBounds, OutOfFuel, Stale, UninitialisedRegister, UninitialisedStack, Unmapped,
    };
    let Err(fault) = &run.result else {
        return false;
    };
    match violation {
        Violation::OutOfBounds => matches!(fault.cause, OutOfBounds { .. }),
        Violation::Uninitialised => matches!(
            fault.cause,
            UninitialisedStack { .. } | UninitialisedRegister { .. }
        ),
        Violation::Null => matches!(fault.cause, Unmapped { address: 0, .. }),
        Violation::Stale => matches!(fault.cause, Stale { .. }),
        Violation::Endless => matches!(fault.cause, OutOfFuel { .. }),
        other => panic!("{other:?}"),
    }
}

/// Where an input is known that leads to a bound, the bound is reached.
fn reached(subject: &mut Subject<'_>, name: &str, bounds: &[Bounds]) {
    for (_, input) in crafted::deepest().filter(|(of, _)| *of == name) {
        let (run, _) = subject.run(&input, 1);
        for bounds in bounds {
            let loops = bounds.loops.as_ref().unwrap_or(&run.iterations);
            assert_eq!(&run.iterations, loops);
        }
    }
}

/// Inputs for each program.
fn inputs() -> u64 {
    let inputs = std::env::var("LOOPS_INPUTS").ok();
    inputs.map_or(INPUTS, |inputs| inputs.parse().unwrap())
}

/// A seed that follows from a name.
fn seed(name: &str) -> u64 {
    name.bytes().fold(0, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(u64::from(byte))
    })
}
