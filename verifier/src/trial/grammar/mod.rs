//! Packets as protocols make them: headers from a table, one in the other, with lengths and checksums
//! that are right, and then perhaps made wrong in the places where programs believe them.

mod table;
mod wrong;

use std::collections::BTreeSet;

use super::random::Random;
pub(super) use table::Layer;
use table::{Extra, HEADERS, Header, Is};

/// Headers in one packet, payload not counted: Ethernet, IPv4, UDP, VXLAN and the same again.
const MAX_DEPTH: usize = 8;

/// Bytes of options of IPv4 and TCP: their length field has four bits.
const MAX_OPTIONS: usize = 40;

/// The numbers of a program, and what they tell of the protocols that it looks at.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    all: Vec<u64>,
    known: BTreeSet<u64>,
}

impl Numbers {
    pub(super) fn new(all: Vec<u64>) -> Self {
        // Fields are in network order, and programs compare them with swapped constants.
        let swapped = |number: &u64| {
            let short = u16::try_from(*number).ok().map(u16::swap_bytes);
            let long = u32::try_from(*number).ok().map(u32::swap_bytes);
            [short.map(u64::from), long.map(u64::from), Some(*number)]
        };
        let known = all.iter().flat_map(swapped).flatten().collect();
        Self { all, known }
    }

    /// One of the program's numbers, or one beside it, or a small one.
    pub(super) fn draw(&self, random: &mut Random) -> u64 {
        let number = random.pick(&self.all).unwrap_or(0);
        match random.below(6) {
            0 => number.wrapping_add(1),
            1 => number.wrapping_sub(1),
            2 => random.next() & 0xff,
            _ => number,
        }
    }

    /// Whether the program has this number, in either byte order.
    fn has(&self, number: u32) -> bool {
        self.known.contains(&u64::from(number))
    }
}

/// A packet that is being made.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    /// The headers, outermost first, with the offset of each.
    pub(super) layers: Vec<(Layer, usize)>,
    /// Fields that programs believe: offset and size of lengths, of numbers that say what is
    /// inside, and of checksums.
    pub(super) marks: Vec<(usize, usize)>,
    /// A checksum that needs the addresses around it: offset of its header, of itself, protocol.
    open: Option<(usize, usize, u8)>,
}

/// A packet of protocols that the program looks at, others now and then.
pub(super) fn packet(random: &mut Random, numbers: &Numbers) -> Vec<u8> {
    let mut made = well_formed(random, numbers);
    if random.chance(50) {
        wrong::spoil(&mut made, random, numbers);
    }
    made.bytes
}

/// A packet with nothing wrong.
pub(super) fn well_formed(random: &mut Random, numbers: &Numbers) -> Made {
    let path = path(random, numbers);
    let room = platform_click::limits::MAX_PACKET_SIZE
        .saturating_sub(path.len().saturating_mul(20 + MAX_OPTIONS));
    let length = match random.below(100) {
        0..40 => random.below(64),
        40..60 => 0,
        60..98 => random.below(1_400),
        98 => room,
        _ => random.below(room),
    };
    let mut payload = vec![0; length];
    if random.chance(50) {
        random.fill(&mut payload);
    }
    let mut made = Made {
        bytes: payload,
        ..Made::default()
    };
    for (header, number) in path.into_iter().rev() {
        made.enclose(header, number, random, numbers);
    }
    made
}

/// Headers from the outermost on, each with the number that says what is inside.
fn path(random: &mut Random, numbers: &Numbers) -> Vec<(&'static Header, u32)> {
    let mut path = Vec::new();
    let mut layer = Layer::Ethernet;
    while let Some(header) = header(layer)
        && path.len() < MAX_DEPTH
    {
        // What the program has a number of is eight times as likely.
        let weight = |(number, _): &(Option<u32>, Layer)| match number {
            Some(number) if numbers.has(*number) => 8,
            _ => 1,
        };
        let total = header.next.iter().map(weight).sum();
        let mut drawn = random.below(total);
        let chosen = header.next.iter().find(|next| {
            let here = drawn < weight(next);
            drawn = drawn.saturating_sub(weight(next));
            here
        });
        let Some((number, next)) = chosen else { break };
        let number = match number {
            Some(number) => *number,
            // Low bits of any number.
            None => u32::try_from(numbers.draw(random) & 0xffff).unwrap_or(0),
        };
        path.push((header, number));
        layer = *next;
    }
    path
}

fn header(layer: Layer) -> Option<&'static Header> {
    HEADERS.iter().find(|header| header.layer == layer)
}

impl Made {
    /// Puts a header around what there is.
    fn enclose(&mut self, header: &Header, number: u32, random: &mut Random, numbers: &Numbers) {
        let mut bytes = header.bytes.to_vec();
        extend(&mut bytes, header.extra, random);
        let size = bytes.len();
        bytes.append(&mut self.bytes);
        self.bytes = bytes;
        self.shift(size);
        self.layers.insert(0, (header.layer, 0));
        if let Some((at, width)) = header.next_at {
            self.set(at, width, number);
            self.marks.push((at, width));
        }
        for field in header.fields {
            if matches!(field.is, Is::Any) && random.chance(60) {
                continue;
            }
            self.fill(field.at, field.size, &field.is, size, random, numbers);
        }
        self.close(header.layer);
    }

    fn fill(
        &mut self,
        at: usize,
        width: usize,
        is: &Is,
        size: usize,
        random: &mut Random,
        numbers: &Numbers,
    ) {
        let total = self.bytes.len();
        match is {
            Is::Any => {
                let number = if random.chance(50) {
                    numbers.draw(random)
                } else {
                    random.next()
                };
                self.set(at, width, u32::try_from(number & 0xffff_ffff).unwrap_or(0));
            }
            Is::OneOf(choices) => {
                let number = random.pick(choices).unwrap_or(0);
                self.set(at, width, number);
            }
            Is::Length(more) => {
                let length = total.saturating_add_signed(isize::try_from(*more).unwrap_or(0));
                self.set(at, width, u32::try_from(length).unwrap_or(u32::MAX));
                self.marks.push((at, width));
            }
            Is::Words(unit, less, shift, above) => {
                let words = size.checked_div(*unit).unwrap_or(0).saturating_sub(*less);
                let words = u32::try_from(words).unwrap_or(0);
                self.set(at, width, words.wrapping_shl(*shift) | above);
                self.marks.push((at, width));
            }
            Is::HeaderChecksum => {
                let sum = checksum(0, self.bytes.get(..size).unwrap_or_default());
                self.set(at, width, sum.into());
                self.marks.push((at, width));
            }
            Is::Checksum => {
                let sum = checksum(0, &self.bytes);
                self.set(at, width, sum.into());
                self.marks.push((at, width));
            }
            Is::PseudoChecksum(protocol) => {
                self.open = Some((0, at, *protocol));
                self.marks.push((at, width));
            }
            Is::Bottom => {
                let inside = self.layers.get(1).map(|(layer, _)| *layer);
                self.set(at, width, u32::from(inside != Some(Layer::Mpls)));
            }
        }
    }

    /// Completes the checksum inside, once the addresses around it are there.
    fn close(&mut self, layer: Layer) {
        let addresses = match layer {
            Layer::Ipv4 => self.bytes.get(12..20),
            Layer::Ipv6 => self.bytes.get(8..40),
            _ => return,
        };
        let Some((start, at, protocol)) = self.open.take() else {
            return;
        };
        let length = u32::try_from(self.bytes.len().saturating_sub(start)).unwrap_or(0);
        let before = sum(0, addresses.unwrap_or_default());
        let before = sum(before, &length.to_be_bytes()).saturating_add(protocol.into());
        let checksum = match checksum(before, self.bytes.get(start..).unwrap_or_default()) {
            // Zero would mean that there is none (RFC 768).
            0 if protocol == 17 => 0xffff,
            checksum => checksum,
        };
        self.set(start.saturating_add(at), 2, checksum.into());
    }

    /// Everything inside has moved by so many bytes.
    fn shift(&mut self, size: usize) {
        for (_, at) in &mut self.layers {
            *at = at.saturating_add(size);
        }
        for (at, _) in &mut self.marks {
            *at = at.saturating_add(size);
        }
        if let Some((start, ..)) = &mut self.open {
            *start = start.saturating_add(size);
        }
    }

    /// Writes the lower bytes of a number in network order.
    fn set(&mut self, at: usize, width: usize, number: u32) {
        let bytes = number.to_be_bytes();
        let bytes = bytes.iter().skip(bytes.len().saturating_sub(width));
        for (place, byte) in self.bytes.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    }
}

/// Appends what a header has besides its fixed bytes.
fn extend(bytes: &mut Vec<u8>, extra: Extra, random: &mut Random) {
    let fixed = bytes.len();
    match extra {
        Extra::Nothing => {}
        Extra::Options(options) => {
            while random.chance(40)
                && let Some(option) = random.pick(options)
            {
                let size = bytes.len().saturating_sub(fixed);
                if size.saturating_add(option.len()) <= MAX_OPTIONS {
                    bytes.extend(option);
                }
            }
            pad(bytes, 4);
        }
        Extra::Options6 => {
            // Router alert (RFC 2711), or padding of several bytes.
            if random.chance(50) {
                bytes.extend([5, 2, 0, 0]);
            }
            let missing = 6_usize.wrapping_sub(bytes.len()) % 8;
            let padding = missing.saturating_add(random.below(3).saturating_mul(8));
            bytes.extend([1, u8::try_from(padding).unwrap_or(0)]);
            bytes.extend(core::iter::repeat_n(0, padding));
        }
        Extra::Question => {
            for _ in 0..random.below(4) {
                let label = random.below(20).saturating_add(1);
                bytes.push(u8::try_from(label).unwrap_or(1));
                bytes.extend(core::iter::repeat_n(b'a', label));
            }
            // The root, then type A or AAAA, class IN.
            bytes.push(0);
            bytes.extend([0, random.pick(&[1, 28]).unwrap_or(1), 0, 1]);
        }
        Extra::Announced => {
            let (flags, words) = random
                .pick(&[(0, 0), (0x20, 1), (0x10, 1), (0x30, 2)])
                .unwrap_or((0, 0));
            if let Some(first) = bytes.first_mut() {
                *first = flags;
            }
            bytes.extend(core::iter::repeat_n(0, 4_usize.saturating_mul(words)));
        }
    }
}

/// Fills up with zeros to a multiple.
fn pad(bytes: &mut Vec<u8>, unit: usize) {
    bytes.resize(bytes.len().next_multiple_of(unit), 0);
}

/// The Internet checksum (RFC 1071) of bytes in which it is still zero, begun with `before`.
fn checksum(before: u64, bytes: &[u8]) -> u16 {
    let mut folded = sum(before, bytes);
    while folded > 0xffff {
        folded = (folded & 0xffff).saturating_add(folded >> 16);
    }
    !u16::try_from(folded).unwrap_or(0)
}

/// The sum of 16-bit words in network order. 65,534 bytes do not overflow 64 bits.
fn sum(before: u64, bytes: &[u8]) -> u64 {
    let words = bytes.chunks(2).map(|word| match word {
        [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
        [high] => u64::from(u16::from_be_bytes([*high, 0])),
        _ => 0,
    });
    before.saturating_add(words.sum())
}

#[cfg(test)]
mod tests;
