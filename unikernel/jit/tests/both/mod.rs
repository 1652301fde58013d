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

use bpf_jit::{Options, Program};
use bpf_object::Image;
use bpf_runtime::{
    Annotations, DeterministicEnvironment, Fault, FaultCause, Instance, Maps, Packet,
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
    let maps = Maps::new_in(image.maps(), [1, 2], &mut ProcessMemory).unwrap();
    // SAFETY: the caller's promise.
    unsafe { Program::unverified(image, options, maps, &mut ProcessMemory) }.unwrap()
}

impl Both {
    /// # Safety
    /// As [`Program::unverified`], but for runs of which the interpreter finds that they are not
    /// safe: those are not repeated.
    pub unsafe fn new(image: &Image, options: &Options<'_>) -> Self {
        let maps = Maps::new(image.maps(), [1, 2]).unwrap();
        Self {
            interpreted: Instance::new(image, maps).unwrap(),
            // SAFETY: the caller's promise.
            compiled: unsafe { compile(image, options) },
            environments: [1, 1].map(DeterministicEnvironment::new),
        }
    }

    /// Runs both, and gives what both left, or why the interpreter stopped the program.
    pub fn run(&mut self, bytes: &[u8], fuel: u64) -> Result<Left, Fault> {
        let annotations = Annotations {
            port: 3,
            mark: 5,
            rx_time_ns: 1 << 40,
            delay_ns: 7,
        };
        let mut packet = Packet::new(bytes).unwrap();
        packet.annotations = annotations;
        let mut same = packet.clone();
        let [first, second] = &mut self.environments;
        let outcome = self.interpreted.run(&mut packet, first, fuel)?;
        let returned = self.compiled.run(&mut same, second, outcome.instructions);
        let returned = returned.unwrap_or_else(|fault| {
            panic!("the interpreter returns {outcome:?}, the code stops: {fault}")
        });
        assert_eq!(outcome.value, returned.value, "r0");
        assert!(returned.fuel <= outcome.instructions);
        assert_eq!(packet, same, "packet and annotations");
        assert_eq!(first.traced(), second.traced(), "traces");
        assert_eq!(first.now_ns, second.now_ns, "the clock");
        self.compare_memory();
        Ok(Left {
            value: outcome.value,
            packet: packet.bytes().to_vec(),
            annotations: packet.annotations,
        })
    }

    /// Sets the value of a number in a map of both, to zeros.
    pub fn fill(&mut self, map: &str, key: u64) {
        let maps = self.interpreted.maps();
        let index = maps
            .iter()
            .position(|other| other.definition().name == map)
            .unwrap();
        let value = vec![0; maps.by_name(map).unwrap().definition().value_size as usize];
        let key = key.to_le_bytes();
        let interpreted = self.interpreted.maps_mut().get_mut(index).unwrap();
        interpreted.update(&key, &value, 0).unwrap();
        self.compiled.update(index, &key, &value, 0).unwrap();
    }

    fn compare_memory(&self) {
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
