//! Inputs that lead programs deep into their loops: what reached something new is changed further.

use bpf_object::{Image, Insn, Operand};
use bpf_runtime::{DeterministicEnvironment, Environment as _, Maps, Packet};

/// Inputs that are kept for changes.
const KEPT: usize = 64;

/// What a run is given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    pub(crate) packet: Vec<u8>,
    pub(crate) port: u32,
}

impl Input {
    /// The packet that a program runs on.
    pub(crate) fn packet(&self) -> Packet {
        let mut packet = Packet::new(&self.packet).unwrap();
        packet.annotations.port = self.port;
        packet
    }
}

/// Makes inputs for one program.
pub(crate) struct Generator {
    random: DeterministicEnvironment,
    /// Numbers that the program has in its instructions.
    numbers: Vec<u32>,
    kept: Vec<Input>,
}

impl Generator {
    pub(crate) fn new(image: &Image, seed: u64) -> Self {
        let numbers = image.code().iter().filter_map(|insn| match *insn {
            Insn::Alu {
                src: Operand::Imm(number),
                ..
            }
            | Insn::Branch {
                src: Operand::Imm(number),
                ..
            } => Some(number.cast_unsigned()),
            _ => None,
        });
        Self {
            random: DeterministicEnvironment::new(seed),
            numbers: numbers.chain([1]).collect(),
            kept: Vec::new(),
        }
    }

    /// The next input: a new one, or a change of one that is kept.
    pub(crate) fn next(&mut self) -> Input {
        if self.kept.is_empty() || self.below(4) == 0 {
            return self.fresh();
        }
        let place = self.below(self.kept.len());
        let mut input = self.kept[place].clone();
        for _ in 0..=self.below(3) {
            self.change(&mut input);
        }
        input
    }

    /// Keeps an input that reached something new.
    pub(crate) fn keep(&mut self, input: Input) {
        if self.kept.len() < KEPT {
            self.kept.push(input);
        } else {
            let place = self.below(KEPT);
            self.kept[place] = input;
        }
    }

    /// A seed for anything else.
    pub(crate) fn seed(&mut self) -> u64 {
        u64::from(self.random.random_u32()) << 32 | u64::from(self.random.random_u32())
    }

    /// Puts values into maps under keys that the program may look up for `input`.
    pub(crate) fn fill(&mut self, maps: &mut Maps, input: &Input) {
        let count = maps.iter().len();
        for index in 0..count {
            let map = maps.get_mut(index).unwrap();
            let mut key = vec![0; map.definition().key_size as usize];
            let mut value = vec![0; map.definition().value_size as usize];
            for _ in 0..4 {
                match self.below(3) {
                    0 => key.fill(0),
                    1 => {
                        key.fill(0);
                        key[0] = self.below(20) as u8;
                    }
                    _ => {
                        let at = self.below(input.packet.len());
                        let part = input.packet[at..].iter().chain(&[0; 64]);
                        key.iter_mut()
                            .rev()
                            .zip(part)
                            .for_each(|(to, from)| *to = *from);
                    }
                }
                let filling = self.content();
                value.fill_with(|| self.byte(filling));
                // A full hash refuses another key, and an array an index: as good as any content.
                let _ = map.update(&key, &value, 0);
            }
        }
    }

    fn fresh(&mut self) -> Input {
        let length = match self.below(8) {
            0..=2 => self.below(100),
            3 | 4 => self.number() as usize % 300 + self.below(3),
            5 => self.below(400),
            6 => 1514,
            _ => self.below(1514),
        };
        let filling = self.content();
        let packet = (0..length).map(|_| self.byte(filling)).collect();
        let mut input = Input {
            packet,
            port: self.below(4) as u32,
        };
        for _ in 0..self.below(4) {
            self.change(&mut input);
        }
        input
    }

    fn change(&mut self, input: &mut Input) {
        let length = input.packet.len();
        match self.below(8) {
            0 => {
                let longer = (length + self.below(65)).saturating_sub(32);
                let filling = self.content();
                let byte = self.byte(filling);
                input.packet.resize(longer, byte);
            }
            1 => input.port = self.random.random_u32() >> self.below(32),
            // Equal bytes in a row, anywhere.
            2 if length > 0 => {
                let from = self.below(length);
                let count = self.below(length - from) + 1;
                let filling = self.content();
                let byte = self.byte(filling);
                input.packet[from..from + count].fill(byte);
            }
            // A number of the program in one of its encodings, mostly near the front.
            3 | 4 if length > 0 => {
                let number = self.number();
                let bytes = match self.below(3) {
                    0 => vec![number as u8],
                    1 => (number as u16).to_be_bytes().to_vec(),
                    _ => number.to_be_bytes().to_vec(),
                };
                let at = self.place(length);
                let place = input.packet[at..].iter_mut();
                place.zip(bytes).for_each(|(to, from)| *to = from);
            }
            _ if length > 0 => {
                let at = self.place(length);
                let filling = self.content();
                input.packet[at] = self.byte(filling);
            }
            _ => {}
        }
    }

    fn place(&mut self, length: usize) -> usize {
        match self.below(2) {
            0 => self.below(length.min(32)),
            _ => self.below(length),
        }
    }

    /// How bytes are drawn that are drawn together.
    fn content(&mut self) -> (usize, u8) {
        (self.below(5), self.random.random_u32() as u8)
    }

    fn byte(&mut self, (kind, constant): (usize, u8)) -> u8 {
        match kind {
            0 => 0,
            1 => constant,
            2 => self.below(4) as u8,
            // Printable: digits, letters and what lies between.
            3 => b'0' + self.below(75) as u8,
            _ => self.random.random_u32() as u8,
        }
    }

    /// A number of the program, or one beside it.
    fn number(&mut self) -> u32 {
        let place = self.below(self.numbers.len());
        let number = self.numbers[place];
        number.wrapping_add(self.below(3) as u32).wrapping_sub(1)
    }

    /// Below `bound`, 0 when that is 0.
    fn below(&mut self, bound: usize) -> usize {
        self.random.random_u32() as usize % bound.max(1)
    }
}
