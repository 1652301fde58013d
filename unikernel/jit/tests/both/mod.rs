//! One program in the interpreter and as machine code, side by side.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and not every test uses everything"
)]

use std::collections::BTreeSet;

use bpf_jit::{Options, Program};
use bpf_object::{Image, Insn};
use bpf_runtime::{
    Annotations, DeterministicEnvironment, Fault, FaultCause, Instance, Maps, Observer, Packet,
    Registers,
};
use code_memory::ProcessMemory;

/// Fuel of tests that do not care.
pub const FUEL: u64 = 1_000_000;

/// An image that is loaded twice.
#[derive(Debug)]
pub struct Both {
    pub interpreted: Instance,
    pub compiled: Program,
    environments: [DeterministicEnvironment; 2],
    charges: Vec<u64>,
    /// What packets come with.
    pub annotations: Annotations,
}

/// By slot, what machine code charges when the instruction is executed, as the documentation of
/// `bpf-jit` has it: a backward jump its block but local calls, a local call 1.
fn charges(image: &Image) -> Vec<u64> {
    let mut leaders: BTreeSet<usize> = image.functions().iter().map(|f| f.start as usize).collect();
    for (slot, insn) in image.code().iter().enumerate() {
        leaders.extend(insn.jump_target().map(|target| target as usize));
        if insn.jump_target().is_some() || *insn == Insn::Exit {
            leaders.insert(slot + 1);
        }
    }
    let mut block = 0;
    let charge = |(slot, insn): (usize, &Insn)| {
        if leaders.contains(&slot) {
            block = 0;
        }
        match insn {
            Insn::CallLocal { .. } => return 1,
            Insn::WideTail => return 0,
            _ => block += 1,
        }
        let backward = insn
            .jump_target()
            .is_some_and(|target| target as usize <= slot);
        if backward { block } else { 0 }
    };
    image.code().iter().enumerate().map(charge).collect()
}

/// Adds up what is charged.
struct Meter<'a> {
    charges: &'a [u64],
    fuel: u64,
}

impl Observer for Meter<'_> {
    fn step(&mut self, slot: u32, _: &Registers) {
        self.fuel += self.charges[slot as usize];
    }
}

/// What a run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub value: u64,
    pub packet: Vec<u8>,
    pub annotations: Annotations,
}

/// An image as machine code.
///
/// # Safety
/// As [`Program::unverified`].
pub unsafe fn compile(image: &Image, options: &Options<'_>) -> Program {
    // SAFETY: the caller's promise.
    unsafe { compile_filled(image, options, &mut |_| {}) }
}

/// The same, with its maps filled first.
///
/// # Safety
/// As [`Program::unverified`].
unsafe fn compile_filled(
    image: &Image,
    options: &Options<'_>,
    fill: &mut dyn FnMut(&mut Maps),
) -> Program {
    let mut maps = Maps::new_in(image.maps(), [1, 2], &mut ProcessMemory).unwrap();
    fill(&mut maps);
    // SAFETY: the caller's promise.
    unsafe { Program::unverified(image, options, maps, &mut ProcessMemory) }.unwrap()
}

impl Both {
    /// # Safety
    /// As [`Program::unverified`], but for runs of which the interpreter finds that they are not
    /// safe: those are not repeated.
    pub unsafe fn new(image: &Image, options: &Options<'_>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::filled(image, options, &mut |_| {}) }
    }

    /// Both with filled maps: `fill` is called for the maps of each, and has to do the same both times.
    ///
    /// # Safety
    /// As for [`Self::new`].
    pub unsafe fn filled(
        image: &Image,
        options: &Options<'_>,
        fill: &mut dyn FnMut(&mut Maps),
    ) -> Self {
        let mut maps = Maps::new(image.maps(), [1, 2]).unwrap();
        fill(&mut maps);
        Self {
            interpreted: Instance::new(image, maps).unwrap(),
            // SAFETY: the caller's promise.
            compiled: unsafe { compile_filled(image, options, fill) },
            environments: [1, 1].map(DeterministicEnvironment::new),
            charges: charges(image),
            annotations: Annotations {
                port: 3,
                mark: 5,
                rx_time_ns: 1 << 40,
                delay_ns: 7,
            },
        }
    }

    /// Runs both, and gives what both left, or why the interpreter stopped the program.
    pub fn run(&mut self, bytes: &[u8], fuel: u64) -> Result<Left, Fault> {
        let left = self.run_alone(bytes, fuel)?;
        self.compare_memory();
        Ok(left)
    }

    /// The same without a look at maps and data, which takes longer than a run.
    pub fn run_alone(&mut self, bytes: &[u8], fuel: u64) -> Result<Left, Fault> {
        let mut packet = Packet::new(bytes).unwrap();
        packet.annotations = self.annotations;
        let mut same = packet.clone();
        let [first, second] = &mut self.environments;
        let mut meter = Meter {
            charges: &self.charges,
            fuel: 0,
        };
        let interpreted = &mut self.interpreted;
        let outcome = interpreted.run_observed(&mut packet, first, fuel, &mut meter)?;
        let returned = self.compiled.run(&mut same, second, outcome.instructions);
        let returned = returned.unwrap_or_else(|fault| {
            panic!("the interpreter returns {outcome:?}, the code stops: {fault}")
        });
        assert_eq!(outcome.value, returned.value, "r0");
        assert_eq!(returned.fuel, meter.fuel, "fuel");
        assert!(returned.fuel <= outcome.instructions);
        assert_eq!(packet, same, "packet and annotations");
        assert_eq!(first.traced(), second.traced(), "traces");
        assert_eq!(first.now_ns, second.now_ns, "the clock");
        Ok(Left {
            value: outcome.value,
            packet: packet.bytes().to_vec(),
            annotations: packet.annotations,
        })
    }

    /// Sets the value of a key in a map of both, to zeros.
    pub fn fill(&mut self, map: &str, key: &[u8]) {
        let definition = self.interpreted.maps().by_name(map).unwrap().definition();
        let value = vec![0; definition.value_size as usize];
        self.set(map, key, &value);
    }

    /// Sets the value of a key in a map of both.
    pub fn set(&mut self, map: &str, key: &[u8], value: &[u8]) {
        let index = self.index(map);
        let interpreted = self.interpreted.maps_mut().get_mut(index).unwrap();
        interpreted.update(key, value, 0).unwrap();
        self.compiled.update(index, key, value, 0).unwrap();
    }

    /// Takes a key out of a map of both.
    pub fn remove(&mut self, map: &str, key: &[u8]) {
        let index = self.index(map);
        let interpreted = self.interpreted.maps_mut().get_mut(index).unwrap();
        interpreted.delete(key).unwrap();
        self.compiled.delete(index, key).unwrap();
    }

    /// The value of a key, which is there.
    pub fn value(&self, map: &str, key: &[u8]) -> Vec<u8> {
        let map = self.interpreted.maps().by_name(map).unwrap();
        map.lookup(key).unwrap().to_vec()
    }

    /// What a ring buffer holds.
    pub fn records(&self, map: &str) -> Vec<Vec<u8>> {
        let map = self.interpreted.maps().by_name(map).unwrap();
        map.records().map(|record| record.to_vec()).collect()
    }

    fn index(&self, map: &str) -> usize {
        let mut maps = self.interpreted.maps().iter();
        maps.position(|other| other.definition().name == map)
            .unwrap()
    }

    /// Sets both clocks.
    pub fn at(&mut self, now_ns: u64) {
        for environment in &mut self.environments {
            environment.now_ns = now_ns;
        }
    }

    /// By how much both clocks advance when they are read.
    pub fn step(&mut self, step_ns: u64) {
        for environment in &mut self.environments {
            environment.step_ns = step_ns;
        }
    }

    /// Asserts that both have the same in their maps and data.
    pub fn compare_memory(&self) {
        for (one, other) in self
            .interpreted
            .maps()
            .iter()
            .zip(self.compiled.maps().iter())
        {
            let mut entries: [Vec<(Vec<u8>, Vec<u8>)>; 2] = [one, other].map(|map| {
                let entries = map.iter();
                entries
                    .map(|(key, value)| (key.into_owned(), value.to_vec()))
                    .collect()
            });
            for entries in &mut entries {
                entries.sort();
            }
            assert_eq!(entries[0], entries[1], "map {}", one.definition().name);
            assert!(
                one.records().eq(other.records()),
                "map {}",
                one.definition().name
            );
        }
        let sections = (0..).map_while(|i| self.interpreted.data(i).map(|data| (i, data)));
        for (section, data) in sections {
            assert_eq!(Some(data), self.compiled.data(section), "section {section}");
        }
    }

    /// Why the code stops the program, if it does.
    pub fn stops(&mut self, bytes: &[u8], fuel: u64) -> Option<FaultCause> {
        let mut packet = Packet::new(bytes).unwrap();
        let ran = self
            .compiled
            .run(&mut packet, &mut self.environments[1], fuel);
        ran.err().map(|fault| fault.cause)
    }
}
