//! Runs of a program in the reference interpreter, on inputs made at random.

use bpf_object::Image;
use bpf_runtime::{
    DeterministicEnvironment, Fault, Instance, LoadError, Maps, Observer, Outcome, Packet,
    Registers,
};

use crate::random::Random;

/// Instructions of one run; far more than any generated program executes.
pub const FUEL: u64 = 1_000_000;

/// A program and the inputs on which it is run, one after another. Equal seeds give equal inputs.
#[derive(Debug)]
pub struct Bench {
    instance: Instance,
    random: Random,
}

impl Bench {
    /// Makes a program ready.
    ///
    /// # Errors
    /// It calls helpers that do not exist for it.
    ///
    /// # Panics
    /// When its maps are larger than a program's may be.
    pub fn new(image: &Image, seed: u64) -> Result<Self, LoadError> {
        let maps = Maps::new(image.maps(), [1, 2]).expect("maps that fit");
        Ok(Self {
            instance: Instance::new(image, maps)?,
            random: Random::new(seed),
        })
    }

    /// Runs the program on the next input. Maps and data keep what runs before have left in them.
    ///
    /// # Errors
    /// The fault that stopped the run.
    pub fn run(&mut self, observer: &mut impl Observer) -> Result<Outcome, Fault> {
        self.instance.set_address_seed(self.random.next());
        self.fill_maps();
        let mut packet = packet(&mut self.random);
        let mut environment = DeterministicEnvironment::new(self.random.next());
        self.instance
            .run_observed(&mut packet, &mut environment, FUEL, observer)
    }

    fn fill_maps(&mut self) {
        let maps = self.instance.maps_mut();
        let count = maps.iter().len();
        for index in 0..count {
            let map = maps.get_mut(index).unwrap();
            let definition = map.definition();
            let value = vec![self.random.next() as u8; definition.value_size as usize];
            let mut key = vec![0; definition.key_size as usize];
            let low = (self.random.below(5) as u32).to_le_bytes();
            for (byte, low) in key.iter_mut().zip(low) {
                *byte = low;
            }
            // A full hash refuses another key, which is one of the cases.
            let _ = map.update(&key, &value, 0);
        }
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
    packet.annotations.port = annotation(random) as u32;
    packet.annotations.mark = annotation(random) as u32;
    packet.annotations.rx_time_ns = annotation(random);
    packet.annotations.delay_ns = annotation(random);
    packet
}

fn annotation(random: &mut Random) -> u64 {
    match random.below(6) {
        0 => 0,
        1 => u64::MAX,
        2 => 1 << random.below(64),
        3 => random.below(70),
        4 => random.next() >> random.below(64),
        _ => (1_u64 << random.below(64)).wrapping_sub(1),
    }
}

/// An instruction that is about to be executed, and how the run came to it.
#[derive(Clone, Copy, Debug)]
pub struct Step<'r> {
    /// The slot of the instruction before; none at the start.
    pub from: Option<u32>,
    /// Its slot.
    pub slot: u32,
    /// What the registers hold.
    pub registers: &'r Registers,
    /// Where the context lies in this run.
    pub context: u64,
    /// The frame pointer of the entry function in this run.
    pub stack: u64,
}

/// An observer that hands every step to a function, until that returns something.
#[derive(Debug)]
pub struct Steps<F, T> {
    look: F,
    last: Option<u32>,
    places: (u64, u64),
    /// What the function returned.
    pub found: Option<T>,
}

impl<F: FnMut(Step<'_>) -> Option<T>, T> Steps<F, T> {
    /// Observes one run.
    pub const fn new(look: F) -> Self {
        Self {
            look,
            last: None,
            places: (0, 0),
            found: None,
        }
    }
}

impl<F: FnMut(Step<'_>) -> Option<T>, T> Observer for Steps<F, T> {
    fn step(&mut self, slot: u32, registers: &Registers) {
        if self.last.is_none() {
            let at_start = |reg| registers.get(reg).expect("set at the start");
            self.places = (at_start(bpf_object::Reg::R1), at_start(bpf_object::Reg::FP));
        }
        if self.found.is_none() {
            self.found = (self.look)(Step {
                from: self.last,
                slot,
                registers,
                context: self.places.0,
                stack: self.places.1,
            });
        }
        self.last = Some(slot);
    }
}
