//! The reference interpreter as the judge: whatever program the checker accepts, it never faults,
//! and every fact holds in every run.
//!
//! `CHECKER_TEST_SCALE` multiplies the number of programs; 50 makes a million.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod generator;

use core::fmt::Write as _;
use std::env;

use bpf_checker::{Facts, Known, Options, Region, Verdict, Watch, check};
use bpf_object::{Image, Insn, Reg};
use bpf_runtime::{DeterministicEnvironment, Instance, Maps, Observer, Outcome, Packet, Registers};
use generator::{Random, program};

/// Runs of each accepted program.
const RUNS: u64 = 100;

/// Far more than any generated program executes.
const FUEL: u64 = 1_000_000;

fn programs() -> u64 {
    let scale = env::var("CHECKER_TEST_SCALE");
    let scale: u64 = scale.map_or(1, |scale| scale.parse().expect("a number"));
    20_000 * scale
}

/// Compares each step of a run with the facts.
struct Judge<'f> {
    image: &'f Image,
    facts: &'f Facts,
    last: Option<u32>,
    /// Where the context and the outermost frame lie.
    context: u64,
    stack: u64,
    /// The first contradiction.
    wrong: Option<String>,
}

impl<'f> Judge<'f> {
    fn new(image: &'f Image, facts: &'f Facts) -> Self {
        Self {
            image,
            facts,
            last: None,
            context: 0,
            stack: 0,
            wrong: None,
        }
    }

    fn check_edge(&self, slot: u32) -> Result<(), String> {
        if !self.facts.reachable.contains(slot) {
            return Err("not reachable".into());
        }
        let Some(last) = self.last else { return Ok(()) };
        let Insn::Branch { target, .. } = self.image.code()[last as usize] else {
            return Ok(());
        };
        let passed = slot == last + 1 && self.facts.not_taken.contains(last);
        let taken = slot == target && self.facts.taken.contains(last);
        match passed || taken {
            true => Ok(()),
            false => Err(format!("no edge from {last}")),
        }
    }

    fn check_register(&self, reg: Reg, known: Known, value: Option<u64>) -> Result<(), String> {
        let holds = match (known, value) {
            (Known::Anything, _) => true,
            (_, None) => false,
            (Known::Number(number), Some(value)) => number.contains(value),
            (
                Known::Pointer {
                    region,
                    least,
                    greatest,
                    ..
                },
                Some(value),
            ) => {
                let base = match region {
                    Region::Context => self.context,
                    Region::Stack(frame) => self.stack - 512 * frame as u64,
                    _ => return Ok(()),
                };
                (least..=greatest).contains(&(value.wrapping_sub(base) as i64))
            }
            (_, Some(_)) => true,
        };
        match holds {
            true => Ok(()),
            false => Err(format!("{reg:?} is {value:x?}, not in {known:x?}")),
        }
    }

    fn check(&self, slot: u32, registers: &Registers) -> Result<(), String> {
        self.check_edge(slot)?;
        for reg in (0..=10).filter_map(Reg::new) {
            let known = self.facts.watched[&slot].get(reg);
            self.check_register(reg, known, registers.get(reg))?;
        }
        Ok(())
    }

    fn check_outcome(&self, outcome: Outcome) -> Result<(), String> {
        let facts = self.facts;
        let holds = facts.returns.contains(&outcome.value)
            && outcome.instructions <= facts.longest_run
            && outcome.call_depth <= facts.frames
            && outcome.stack_bytes <= facts.stack_bytes;
        match holds {
            true => Ok(()),
            false => Err(format!("{outcome:?} contradicts {facts:?}")),
        }
    }
}

impl Observer for Judge<'_> {
    fn step(&mut self, slot: u32, registers: &Registers) {
        if self.last.is_none() {
            self.context = registers.get(Reg::R1).unwrap();
            self.stack = registers.get(Reg::FP).unwrap();
        }
        if self.wrong.is_none()
            && let Err(wrong) = self.check(slot, registers)
        {
            self.wrong = Some(format!("slot {slot}: {wrong}"));
        }
        self.last = Some(slot);
    }
}

/// A packet of a length and with contents where mistakes live.
fn packet(random: &mut Random) -> Packet {
    let length = match random.below(12) {
        0 => 0,
        1 => random.below(4),
        2 => 65_534,
        3..=5 => random.pick(&[13, 14, 15, 33, 34, 35, 53, 54, 55, 99, 100, 101]),
        _ => random.below(200),
    };
    let mut bytes = vec![random.pick(&[0, 0xff, 0x80, 0x45]); length as usize];
    for _ in 0..random.below(20) {
        if let Some(byte) = bytes.get_mut(random.below(length.max(1)) as usize) {
            *byte = random.next() as u8;
        }
    }
    let mut packet = Packet::with_room(&bytes, random.below(9) as usize, 4).unwrap();
    let number = |random: &mut Random| match random.below(6) {
        0 => 0,
        1 => u64::MAX,
        2 => 1 << random.below(64),
        3 => random.below(70),
        4 => random.next() >> random.below(64),
        _ => (1_u64 << random.below(64)).wrapping_sub(1),
    };
    packet.annotations.port = number(random) as u32;
    packet.annotations.mark = number(random) as u32;
    packet.annotations.rx_time_ns = number(random);
    packet.annotations.delay_ns = number(random);
    packet
}

/// Runs a program on many inputs; the first contradiction.
fn contradiction(image: &Image, facts: &Facts, random: &mut Random) -> Option<String> {
    let maps = Maps::new(image.maps(), [1, 2]).unwrap();
    let mut instance = Instance::new(image, maps).unwrap();
    for run in 0..RUNS {
        instance.set_address_seed(random.next());
        for map in 0..image.maps().len() {
            let map = instance.maps_mut().get_mut(map).unwrap();
            let value = vec![random.next() as u8; map.definition().value_size as usize];
            // A full hash refuses another key, which is one of the cases.
            let _ = map.update(&(random.below(5) as u32).to_le_bytes(), &value, 0);
        }
        let mut packet = packet(random);
        let mut environment = DeterministicEnvironment::new(random.next());
        let mut judge = Judge::new(image, facts);
        let result = instance.run_observed(&mut packet, &mut environment, FUEL, &mut judge);
        let wrong = match (judge.wrong.take(), result) {
            (Some(wrong), _) => Err(wrong),
            (None, Err(fault)) => Err(fault.to_string()),
            (None, Ok(outcome)) => judge.check_outcome(outcome),
        };
        if let Err(wrong) = wrong {
            return Some(format!("run {run}: {wrong}"));
        }
    }
    None
}

#[test]
fn accepted_programs_never_fault_and_keep_to_their_facts() {
    let (mut decoded, mut accepted, mut undecided) = (0_u64, 0_u64, 0_u64);
    for seed in 0..programs() {
        let mut random = Random::new(seed + 1);
        let Some(image) = program(&mut random) else {
            continue;
        };
        decoded += 1;
        let mut options = Options::default();
        options.watch = Watch::Everything;
        match check(&image, &options) {
            Verdict::Accepted(facts) => {
                accepted += 1;
                if let Some(wrong) = contradiction(&image, &facts, &mut random) {
                    panic!("seed {seed}: {wrong}\n{}", listing(&image));
                }
            }
            Verdict::Rejected(_) => {}
            Verdict::Undecided(_) => undecided += 1,
        }
    }
    println!("{decoded} programs, {accepted} accepted, {undecided} undecided");
    // Otherwise the test says little.
    assert!(accepted * 4 > decoded, "{accepted} of {decoded} accepted");
    assert!(
        undecided * 100 < decoded,
        "{undecided} of {decoded} undecided"
    );
}

fn listing(image: &Image) -> String {
    let mut text = String::new();
    for (slot, insn) in image.code().iter().enumerate() {
        writeln!(text, "{slot:4}: {insn:?}").unwrap();
    }
    text
}
