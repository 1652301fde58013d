//! The reference interpreter as the judge: whatever program the checker accepts, it never faults,
//! and every fact holds in every run. And the judge judged: a mistake in the checker is found.
//!
//! `CHECKER_TEST_SCALE` multiplies the number of programs; 50 makes a million.
#![allow(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a test counts, and says what it counted"
)]

use std::string::{String, ToString as _};
use std::time::Instant;
use std::{env, format, println};

use bpf_object::{Image, Reg};
use bpf_programs::{Bench, Random, Steps, corner, program, write};
use bpf_runtime::Outcome;

use crate::mistake::{self, Mistake};
use crate::{Facts, Options, Step, Verdict, Watch, check};

/// Runs of each accepted program.
const RUNS: u64 = 100;

/// Seeds that are tried; about seven of eight give a program.
fn programs() -> u64 {
    let scale = env::var("CHECKER_TEST_SCALE");
    let scale: u64 = scale.map_or(1, |scale| scale.parse().expect("a number"));
    23_000 * scale
}

/// The program of a seed: every fourth of computations alone.
fn program_of(seed: u64) -> Option<Image> {
    match seed % 4 {
        3 => corner(seed),
        _ => program(&mut Random::new(seed)),
    }
}

fn verdict(image: &Image) -> Verdict {
    let options = Options {
        watch: Watch::Everything,
        ..Options::default()
    };
    check(image, &options)
}

/// The first contradiction between facts and runs.
fn contradiction(image: &Image, facts: &Facts, seed: u64) -> Option<String> {
    let mut bench = Bench::new(image, seed).expect("helpers that exist");
    for run in 0..RUNS {
        let mut steps = Steps::new(|step| {
            let step = Step {
                from: step.from,
                slot: step.slot,
                registers: core::array::from_fn(|reg| {
                    step.registers.get(Reg::new(reg as u8).expect("r0 to r10"))
                }),
                context: step.context,
                stack: step.stack,
            };
            facts.confirm(image, &step).err()
        });
        let result = bench.run(&mut steps);
        let wrong = match (steps.found, result) {
            (Some(wrong), _) => wrong.to_string(),
            (None, Err(fault)) => fault.to_string(),
            (None, Ok(outcome)) if !allows(facts, outcome) => {
                format!("{outcome:?} contradicts {facts:?}")
            }
            (None, Ok(_)) => continue,
        };
        return Some(format!("run {run}: {wrong}"));
    }
    None
}

fn allows(facts: &Facts, outcome: Outcome) -> bool {
    facts.returns.contains(&outcome.value)
        && outcome.instructions <= facts.longest_run
        && outcome.call_depth <= facts.frames
        && outcome.stack_bytes <= facts.stack_bytes
}

#[test]
fn accepted_programs_never_fault_and_keep_to_their_facts() {
    let (mut decoded, mut accepted, mut undecided) = (0_u64, 0_u64, 0_u64);
    let start = Instant::now();
    for seed in 1..=programs() {
        let Some(image) = program_of(seed) else {
            continue;
        };
        decoded += 1;
        match verdict(&image) {
            Verdict::Accepted(facts) => {
                accepted += 1;
                if let Some(wrong) = contradiction(&image, &facts, seed) {
                    panic!("seed {seed}: {wrong}\n{}", write(&image));
                }
            }
            Verdict::Rejected(_) => {}
            Verdict::Undecided(_) => undecided += 1,
        }
    }
    let seconds = start.elapsed().as_secs();
    println!(
        "{decoded} programs, {accepted} accepted and run {RUNS} times each, {undecided} undecided, \
         no fault, {seconds} s"
    );
    // Otherwise the test says little.
    assert!(accepted * 4 > decoded, "{accepted} of {decoded} accepted");
    assert!(
        undecided * 100 < decoded,
        "{undecided} of {decoded} undecided"
    );
}

const MISTAKES: [Mistake; 16] = [
    Mistake::UpperHalfKept,
    Mistake::ComparisonOffByOne,
    Mistake::StalePointerKept,
    Mistake::StackForgotten,
    Mistake::NullTestIgnored,
    Mistake::NullTestReversed,
    Mistake::FramesOverlap,
    Mistake::PacketOffByOne,
    Mistake::ValueOffByOne,
    Mistake::ArgumentsKept,
    Mistake::JoinOneSided,
    Mistake::VariableStoreIgnored,
    Mistake::SignDropped,
    Mistake::CopyUncut,
    Mistake::WrapForgotten,
    Mistake::OrForSum,
];

/// Programs within which each mistake is found; that takes far less than a minute.
const MOST_PROGRAMS: u64 = 200_000;

#[test]
fn planted_mistakes_are_found() {
    for planted in MISTAKES {
        let start = Instant::now();
        let found = mistake::with(planted, || {
            (1..=MOST_PROGRAMS).find_map(|seed| {
                let image = program_of(seed)?;
                let Verdict::Accepted(facts) = verdict(&image) else {
                    return None;
                };
                let wrong = contradiction(&image, &facts, seed)?;
                Some((seed, wrong))
            })
        });
        let seconds = start.elapsed();
        let (seed, wrong) = found.unwrap_or_else(|| panic!("{planted:?} is not found"));
        println!("{planted:?}: program {seed}, {seconds:.1?}: {wrong}");
    }
}
