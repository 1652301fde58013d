//! Inputs: packets that look like packets, packets that do not, helpers that fail, clocks that stand
//! still; and inputs that differ from others in one respect.

use bpf_object::{Image, Insn, Operand, Wide};
use bpf_runtime::Annotations;
use platform_click::HelperId;
use platform_click::limits::MAX_PACKET_SIZE;

use super::contents;
use super::corpus::Known;
use super::grammar::{self, Numbers};
use super::random::Random;
use super::watch::Hint;
use crate::scenario::{Clock, Draws, ERRNOS, Refusal, Step};

/// Lengths around the ends of headers (Ethernet 14, VLAN 18, IPv4 34, UDP 42, TCP and IPv6 54,
/// smallest and largest frame), and the bounds of packets.
const LENGTHS: [usize; 26] = [
    0,
    1,
    2,
    13,
    14,
    15,
    17,
    18,
    33,
    34,
    35,
    38,
    41,
    42,
    43,
    53,
    54,
    55,
    60,
    64,
    74,
    128,
    1513,
    1514,
    MAX_PACKET_SIZE - 1,
    MAX_PACKET_SIZE,
];

/// Longest ordinary packet.
const ORDINARY: usize = 1514;

/// Numbers of the program that are used in inputs.
const MAX_NUMBERS: usize = 256;

/// Bytes at the start of a packet in which a number that was compared is looked for.
const MAX_SEARCHED: usize = 256;

/// What a clock may say: bounds, a second, and where 32 bits of nanoseconds and of seconds end.
const CLOCKS: [u64; 8] = [
    0,
    1,
    1_000_000_000,
    0xffff_ffff,
    0x1_0000_0000,
    0xffff_ffff * 1_000_000_000,
    i64::MAX.cast_unsigned(),
    u64::MAX,
];

/// Makes inputs for one program.
pub(super) struct Generator<'a> {
    image: &'a Image,
    random: Random,
    /// Numbers that the program has in its instructions.
    pub(super) numbers: Numbers,
    /// The helpers that it calls and that may fail.
    fallible: Vec<HelperId>,
}

impl<'a> Generator<'a> {
    pub(super) fn new(image: &'a Image, random: Random) -> Self {
        let mut numbers: Vec<u64> = image.code().iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.truncate(MAX_NUMBERS);
        let called = image.helper_numbers().into_iter();
        let fallible = called
            .filter_map(HelperId::from_number)
            .filter(|helper| !matches!(helper, HelperId::KtimeGetNs | HelperId::GetPrandomU32));
        Self {
            image,
            random,
            numbers: Numbers::new(numbers),
            fallible: fallible.collect(),
        }
    }

    /// An input that owes nothing to others.
    pub(super) fn fresh(&mut self) -> Step {
        let mut packet = match self.random.below(8) {
            0 => self.formless(),
            _ => grammar::packet(&mut self.random, &self.numbers),
        };
        if self.random.chance(20) {
            self.sprinkle(&mut packet);
        }
        let refusals = match self.random.chance(15) {
            true => self.refusal().into_iter().collect(),
            false => Vec::new(),
        };
        Step {
            entries: Vec::new(),
            packet,
            annotations: self.annotations(),
            clock: self.clock(),
            draws: self.draws(),
            refusals,
            addresses: self.random.next(),
        }
    }

    /// An input that differs a little from another.
    pub(super) fn change(&mut self, known: &Known) -> Step {
        let mut step = Step {
            addresses: self.random.next(),
            ..known.step.clone()
        };
        match self.random.below(16) {
            0 => {
                let length = self.random.pick(&LENGTHS).unwrap_or(0);
                step.packet.resize(length, 0);
            }
            1 => {
                let length = step.packet.len();
                let less = self.random.below(4);
                let length = match self.random.chance(50) {
                    true => length.saturating_add(less).min(MAX_PACKET_SIZE),
                    false => length.saturating_sub(less),
                };
                step.packet.resize(length, 0);
            }
            2 | 3 => self.sprinkle(&mut step.packet),
            4 => step.annotations = self.annotations(),
            5 => step.clock = self.clock(),
            6 => step.draws = self.draws(),
            7 => step.refusals.extend(self.refusal()),
            8 => step.refusals.clear(),
            9 | 10 => {
                let at = self.random.below(step.packet.len().min(MAX_SEARCHED));
                let byte = self.random.next().to_le_bytes();
                put(&mut step.packet, at, byte.get(..1).unwrap_or_default());
            }
            11 => {
                let (image, numbers) = (self.image, &self.numbers);
                let entry = contents::another(image, &known.lookups, &mut self.random, numbers);
                step.entries.extend(entry);
            }
            _ => {
                if let Some(hint) = self.random.pick(&known.hints) {
                    self.follow(hint, &mut step, known);
                }
            }
        }
        step
    }

    /// Bytes that follow no protocol: of awkward lengths, all zeros, all ones, or anything.
    fn formless(&mut self) -> Vec<u8> {
        let length = match self.random.below(20) {
            0 => self.random.below(MAX_PACKET_SIZE.saturating_add(1)),
            1..8 => self.random.below(ORDINARY),
            _ => self.random.pick(&LENGTHS).unwrap_or(0),
        };
        let mut packet = vec![0; length];
        match self.random.below(4) {
            0 => {}
            1 => packet.fill(0xff),
            _ => self.random.fill(&mut packet),
        }
        packet
    }

    /// Numbers of the program at random places.
    fn sprinkle(&mut self, packet: &mut [u8]) {
        for _ in 0..=self.random.below(4) {
            let at = self.random.below(packet.len().min(128));
            let number = self.numbers.draw(&mut self.random);
            let size = self.random.pick(&[1, 2, 4, 8]).unwrap_or(1);
            let big_endian = self.random.chance(50);
            put(packet, at, &encoded(number, size, big_endian));
        }
    }

    /// Does what a hint says.
    fn follow(&mut self, hint: Hint, step: &mut Step, known: &Known) {
        match hint {
            Hint::Number { have, want } => self.replace(have, want, step, known),
            Hint::Length(length) => step.packet.resize(length.min(MAX_PACKET_SIZE), 0),
            Hint::Present => {
                let (image, numbers) = (self.image, &self.numbers);
                step.refusals.clear();
                let entry = contents::another(image, &known.lookups, &mut self.random, numbers);
                step.entries.extend(entry);
            }
            Hint::Absent => {
                let first = u32::try_from(self.random.below(known.lookups.len())).unwrap_or(0);
                step.refusals.push(Refusal {
                    helper: HelperId::MapLookupElem,
                    first,
                    count: 1,
                    errno: ERRNOS[0],
                });
            }
        }
    }

    /// Replaces what a comparison had by what it would have to have, wherever it may be from.
    fn replace(&mut self, have: u64, want: u64, step: &mut Step, known: &Known) {
        let mut places = Vec::new();
        for size in [8, 4, 2, 1] {
            for big_endian in [false, true] {
                if is_cut(have, size) || is_cut(want, size) {
                    continue;
                }
                let have = encoded(have, size, big_endian);
                let want = encoded(want, size, big_endian);
                if have == want {
                    continue;
                }
                let found = step.packet.windows(size).take(MAX_SEARCHED).zip(0..);
                let found = found.filter(|(bytes, _)| *bytes == have.as_slice());
                places.extend(found.map(|(_, at)| (at, want.clone())));
            }
        }
        let is_elsewhere = self.replace_elsewhere(have, want, step);
        let at = self.random.below(places.len());
        if let Some((at, want)) = places.get(at)
            && !(is_elsewhere && self.random.chance(50))
        {
            put(&mut step.packet, *at, want);
        } else if self.random.chance(50) {
            let random = &mut self.random;
            let entry = contents::holding(self.image, &known.lookups, want, random);
            step.entries.extend(entry);
        } else if let Ok(length) = usize::try_from(want)
            && length <= ORDINARY
        {
            // Perhaps the length of the packet was compared.
            step.packet.resize(length, 0);
        }
    }

    /// The same in what is not the packet. Whether there was such a place.
    fn replace_elsewhere(&mut self, have: u64, want: u64, step: &mut Step) -> bool {
        let mut found = false;
        let annotations = &mut step.annotations;
        for field in [&mut annotations.port, &mut annotations.mark] {
            if u64::from(*field) == have
                && let Ok(want) = u32::try_from(want)
            {
                *field = want;
                found = true;
            }
        }
        for field in [
            &mut annotations.rx_time_ns,
            &mut annotations.delay_ns,
            &mut step.clock.start_ns,
        ] {
            if *field == have {
                *field = want;
                found = true;
            }
        }
        let calls = |helper: HelperId| self.image.helper_numbers().contains(&helper.spec().id);
        if let Ok(want) = u32::try_from(want)
            && calls(HelperId::GetPrandomU32)
            && self.random.chance(30)
        {
            step.draws = Draws::Constant(want);
            found = true;
        }
        found
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

    /// Ordinary ones, ones at the bounds, and ones that stand still.
    fn clock(&mut self) -> Clock {
        let start_ns = match self.random.below(3) {
            0 => self.random.pick(&CLOCKS).unwrap_or(0),
            _ => self.random.next() >> self.random.below(64),
        };
        let step_ns = match self.random.below(4) {
            0 => 0,
            1 => self.random.next() >> self.random.below(64),
            _ => 1_000,
        };
        Clock { start_ns, step_ns }
    }

    fn draws(&mut self) -> Draws {
        match self.random.below(4) {
            0 => Draws::Constant(0),
            1 => Draws::Constant(u32::MAX),
            _ => Draws::Seed(self.random.next()),
        }
    }

    /// Some calls of one helper fail, or all.
    fn refusal(&mut self) -> Option<Refusal> {
        let helper = self.random.pick(&self.fallible)?;
        let all = self.random.chance(50);
        Some(Refusal {
            helper,
            first: match all {
                true => 0,
                false => u32::try_from(self.random.below(4)).unwrap_or(0),
            },
            count: if all { u32::MAX } else { 1 },
            errno: self.random.pick(&ERRNOS)?,
        })
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
    let bytes = number.to_le_bytes();
    bytes.iter().skip(size).any(|byte| *byte != 0)
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
