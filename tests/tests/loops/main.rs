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
use verify::{Answer, Opinion, WORKER};

/// Inputs for each program; `LOOPS_INPUTS` sets another number.
const INPUTS: u64 = 2_000;

/// Instruction sets and levels of optimisation that the corpus is compiled for when LOOPS_VARIANTS
/// is set.
const CPUS: [&str; 3] = ["v2", "v3", "v4"];
const LEVELS: [&str; 3] = ["O1", "O2", "Os"];

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
    if std::env::var_os("LOOPS_VARIANTS").is_some() {
        for (cpu, level) in CPUS
            .iter()
            .flat_map(|cpu| LEVELS.map(|level| (*cpu, level)))
        {
            trials.push(test(&format!("{cpu}_{level}"), move || variant(cpu, level)));
        }
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
    let answer = judge(program, object, true);
    let accepted = answer.opinion == Opinion::Accepts;
    match (program.truth, exception) {
        (Truth::Unsafe(_), _) => {}
        (Truth::Safe, None) => assert!(accepted, "not accepted: {}", answer.reason),
        (Truth::Safe, Some(why)) => assert!(!accepted, "accepted in spite of: {why}"),
    }
}

/// What holds of a program however it is compiled, and the verifier's answer: no unsafe one is
/// accepted by anybody, and accepted ones keep to what was proved. With `as_committed`, inputs made
/// by hand do what they are said to do, too.
fn judge(program: &LoopProgram, object: &[u8], as_committed: bool) -> Answer {
    let image = verify::image(object);
    let ours = verify::ours(object);
    let checker = bpf_checker::check(&image, &bpf_checker::Options::default());
    let mut subject = Subject::new(&image);
    let mut generator = Generator::new(&image, seed(&program.name));
    let name = &program.name;
    match program.truth {
        Truth::Unsafe(violation) => {
            assert!(ours.opinion != Opinion::Accepts, "{name} is accepted");
            let by_checker = matches!(checker, bpf_checker::Verdict::Accepted(_));
            assert!(!by_checker, "the checker accepts {name}");
            if as_committed {
                violated(&mut subject, &mut generator, name, violation);
            }
        }
        Truth::Safe => {
            let mut bounds: Vec<Bounds> = ours.bounds.iter().cloned().collect();
            if let bpf_checker::Verdict::Accepted(facts) = &checker {
                bounds.push(facts.into());
            }
            // Compiled in another way, a safe program may copy a register that has no value (so does
            // `dhcp-options` for v4 with O1). Then nobody accepts it, and there is nothing to keep.
            if as_committed || !bounds.is_empty() {
                kept(&mut subject, &mut generator, &bounds);
            }
            if as_committed {
                reached(&mut subject, name, &bounds);
            }
        }
    }
    ours
}

/// Every program, compiled in another way; gives how many of the safe ones are accepted.
fn variant(cpu: &str, level: &str) {
    let folder = tempfile::tempdir().unwrap();
    let variables = [format!("CPU={cpu}"), format!("LEVEL={level}")];
    e2e::make(
        "tests/loops",
        folder.path(),
        &variables.each_ref().map(|text| text.as_str()),
    );
    let (mut safe, mut refused) = (0, Vec::new());
    for program in loop_programs() {
        let answer = judge(&program, &program.bytes_in(folder.path()), false);
        if program.truth == Truth::Safe {
            safe += 1;
            if answer.opinion != Opinion::Accepts {
                refused.push(program.name);
            }
        }
    }
    eprintln!(
        "{cpu} {level}: {} of {safe} safe programs are not accepted: {refused:?}",
        refused.len()
    );
    // A few idioms more or less: which ones depends on what clang makes of them.
    assert!(refused.len() * 3 < safe, "{refused:?}");
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
