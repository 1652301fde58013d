//! Inputs: packets that look like packets, packets that do not, and maps to go with them.

use bpf_object::{Image, Insn, Operand, Wide};
use bpf_runtime::{Annotations, Maps};
use platform_click::limits::MAX_PACKET_SIZE;

use super::random::Random;
use super::watch::Hint;

/// Lengths around the ends of headers (Ethernet 14, VLAN 18, IPv4 34, UDP 42, TCP and IPv6 54,
/// smallest and largest frame).
const LENGTHS: [usize; 24] = [
    0, 1, 2, 13, 14, 15, 17, 18, 33, 34, 35, 38, 41, 42, 43, 53, 54, 55, 60, 64, 74, 128, 1513,
    1514,
];

/// Longest ordinary packet.
const ORDINARY: usize = 1514;

/// Numbers of the program that are used in inputs.
const MAX_NUMBERS: usize = 256;

/// Entries that one filling puts into a map.
const ENTRIES: usize = 4;

/// What a run is given.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) packet: Vec<u8>,
    pub(super) annotations: Annotations,
    /// What the clock says first.
    pub(super) clock_ns: u64,
}

/// Makes inputs for one program.
pub(super) struct Generator {
    random: Random,
    /// Numbers that the program has in its instructions.
    numbers: Vec<u64>,
}

impl Generator {
    pub(super) fn new(image: &Image, random: Random) -> Self {
        let mut numbers: Vec<u64> = image.code().iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.truncate(MAX_NUMBERS);
        Self { random, numbers }
    }

    /// An input that owes nothing to others.
    pub(super) fn fresh(&mut self) -> Input {
        let length = if self.random.chance(60) {
            self.random.pick(&LENGTHS).unwrap_or(0)
        } else if self.random.chance(98) {
            self.random.below(ORDINARY)
        } else if self.random.chance(50) {
            MAX_PACKET_SIZE
        } else {
            self.random.below(MAX_PACKET_SIZE)
        };
        let mut packet = vec![0; length];
        match self.random.below(8) {
            0 => {}
            1 => packet.fill(0xff),
            2 => self.random.fill(&mut packet),
            _ => {
                self.random.fill(&mut packet);
                self.protocols(&mut packet);
            }
        }
        if self.random.chance(30) {
            self.sprinkle(&mut packet);
        }
        Input {
            packet,
            annotations: self.annotations(),
            clock_ns: self.random.next() >> self.random.below(64),
        }
    }

    /// An input that differs a little from another.
    pub(super) fn change(&mut self, known: &Input, hints: &[Hint]) -> Input {
        let mut input = known.clone();
        if self.random.chance(60) {
            if let Some(hint) = self.random.pick(hints) {
                self.follow(hint, &mut input);
            }
        } else {
            match self.random.below(4) {
                0 => {
                    let length = self.random.pick(&LENGTHS).unwrap_or(0);
                    input.packet.resize(length, 0);
                }
                1 => self.sprinkle(&mut input.packet),
                2 => input.annotations = self.annotations(),
                _ => {
                    let at = self.random.below(input.packet.len());
                    let byte = self.random.next().to_le_bytes();
                    put(&mut input.packet, at, byte.get(..1).unwrap_or_default());
                }
            }
        }
        input
    }

    /// Puts values into maps under keys that the program may look up.
    pub(super) fn fill_maps(&mut self, maps: &mut Maps, input: &Input) {
        let count = maps.iter().len();
        for index in 0..count {
            let Some(map) = maps.get_mut(index) else {
                continue;
            };
            let size = |bytes: u32| usize::try_from(bytes).unwrap_or(0);
            let mut key = vec![0; size(map.definition().key_size)];
            let mut value = vec![0; size(map.definition().value_size)];
            for _ in 0..ENTRIES {
                self.key(&mut key, input);
                self.content(&mut value);
                // A full map, or an index out of range, is as good a content as another.
                let _ = map.update(&key, &value, 0);
            }
        }
    }

    /// Headers as they follow each other on a network.
    fn protocols(&mut self, packet: &mut [u8]) {
        let mut at = 12;
        if self.random.chance(20) {
            put(packet, at, &[0x81, 0x00]);
            at = 16;
        }
        let transport = match self.random.below(8) {
            0..=4 => {
                put(packet, at, &[0x08, 0x00]);
                let words = self.random.pick(&[5, 5, 5, 6, 15, 0]).unwrap_or(5);
                put(packet, at.saturating_add(2), &[0x40 | words]);
                let protocol = self.random.pick(&[6, 17, 1, 47, 132]).unwrap_or(6);
                put(packet, at.saturating_add(11), &[protocol]);
                for address in [14_usize, 18] {
                    let host = self.random.pick(&[1, 2, 255]).unwrap_or(1);
                    put(packet, at.saturating_add(address), &[10, 0, 0, host]);
                }
                let header = usize::from(words).saturating_mul(4);
                at.saturating_add(2).saturating_add(header)
            }
            5 | 6 => {
                put(packet, at, &[0x86, 0xdd]);
                put(packet, at.saturating_add(2), &[0x60]);
                let next = self.random.pick(&[6, 17, 58, 0, 43, 44]).unwrap_or(6);
                put(packet, at.saturating_add(8), &[next]);
                at.saturating_add(42)
            }
            _ => {
                put(packet, at, &[0x08, 0x06]);
                return;
            }
        };
        for port in [transport, transport.saturating_add(2)] {
            let ordinary = self.random.pick(&[53, 80, 443, 12345]).unwrap_or(80);
            let number = if self.random.chance(50) {
                self.number()
            } else {
                ordinary
            };
            let [.., high, low] = number.to_be_bytes();
            put(packet, port, &[high, low]);
        }
    }

    /// Numbers of the program at random places.
    fn sprinkle(&mut self, packet: &mut [u8]) {
        for _ in 0..=self.random.below(4) {
            let at = self.random.below(packet.len().min(128));
            let number = self.number();
            let size = self.random.pick(&[1, 2, 4, 8]).unwrap_or(1);
            let big_endian = self.random.chance(50);
            put(packet, at, &encoded(number, size, big_endian));
        }
    }

    /// Replaces what a comparison had by what it would have to have, wherever it may be from.
    fn follow(&mut self, hint: Hint, input: &mut Input) {
        let mut places = Vec::new();
        for size in [8, 4, 2, 1] {
            for big_endian in [false, true] {
                let (have, want) = (
                    encoded(hint.have, size, big_endian),
                    encoded(hint.want, size, big_endian),
                );
                if have == want || is_cut(hint.have, size) || is_cut(hint.want, size) {
                    continue;
                }
                let found = input.packet.windows(size).take(256).zip(0..);
                let found = found.filter(|(bytes, _)| *bytes == have.as_slice());
                places.extend(found.map(|(_, at)| (at, want.clone())));
            }
        }
        let wanted = u32::try_from(hint.want).ok();
        let annotations = &mut input.annotations;
        for field in [&mut annotations.port, &mut annotations.mark] {
            if u64::from(*field) == hint.have
                && let Some(wanted) = wanted
            {
                *field = wanted;
            }
        }
        let at = self.random.below(places.len());
        if let Some((at, want)) = places.get(at) {
            put(&mut input.packet, *at, want);
        } else if let Ok(length) = usize::try_from(hint.want)
            && length <= ORDINARY
        {
            // Perhaps the length of the packet was compared.
            input.packet.resize(length, 0);
        }
    }

    fn annotations(&mut self) -> Annotations {
        let small = |random: &mut Random| random.pick(&[0, 1, 2, 3, 255, u32::MAX]).unwrap_or(0);
        Annotations {
            port: small(&mut self.random),
            mark: small(&mut self.random),
            rx_time_ns: self.random.next() >> self.random.below(64),
            delay_ns: self.random.next() >> self.random.below(64),
        }
    }

    /// A key: a part of the packet, a small number, or anything.
    fn key(&mut self, key: &mut [u8], input: &Input) {
        let at = self
            .random
            .pick(&[0_usize, 6, 12, 23, 26, 30, 34, 36])
            .unwrap_or(0);
        let part = input.packet.get(at..at.saturating_add(key.len()));
        match (self.random.below(3), part) {
            (0, Some(part)) => {
                key.copy_from_slice(part);
                if self.random.chance(30) {
                    key.reverse();
                }
            }
            (1, _) => {
                key.fill(0);
                let number = self.number();
                put(key, 0, &encoded(number, key.len().min(8), false));
            }
            _ => self.random.fill(key),
        }
    }

    /// A value: zeros, ones, numbers of the program, or anything.
    fn content(&mut self, value: &mut [u8]) {
        match self.random.below(4) {
            0 => value.fill(0),
            1 => value.fill(0xff),
            2 => {
                value.fill(0);
                self.sprinkle(value);
            }
            _ => self.random.fill(value),
        }
    }

    /// A number of the program, or one beside it, or a small one.
    fn number(&mut self) -> u64 {
        let number = self.random.pick(&self.numbers).unwrap_or(0);
        match self.random.below(6) {
            0 => number.wrapping_add(1),
            1 => number.wrapping_sub(1),
            2 => self.random.next() & 0xff,
            _ => number,
        }
    }
}

/// The number in an instruction.
fn number(insn: &Insn) -> Option<u64> {
    let imm = |operand| match operand {
        Operand::Imm(number) => Some(i64::from(number).cast_unsigned()),
        Operand::Reg(_) => None,
    };
    match *insn {
        Insn::Branch { src, .. } | Insn::Alu { src, .. } | Insn::Store { src, .. } => imm(src),
        Insn::Wide {
            value: Wide::Number(number),
            ..
        } => Some(number),
        _ => None,
    }
}

/// Whether a number does not fit into `size` bytes.
fn is_cut(number: u64, size: usize) -> bool {
    number
        .to_le_bytes()
        .iter()
        .skip(size)
        .any(|byte| *byte != 0)
}

/// The lower `size` bytes of a number.
fn encoded(number: u64, size: usize, big_endian: bool) -> Vec<u8> {
    let mut bytes: Vec<u8> = number.to_le_bytes().into_iter().take(size).collect();
    if big_endian {
        bytes.reverse();
    }
    bytes
}

/// Writes what fits.
fn put(packet: &mut [u8], at: usize, bytes: &[u8]) {
    for (place, byte) in packet.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}
