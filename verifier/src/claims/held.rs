//! What a register holds, as a set of numbers or of addresses.

use core::fmt;

use bpf_runtime::{Addresses, Region};

use crate::wire::{Input, Malformed, Wire, wire_enum, wire_struct};

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// One of these numbers.
    Numbers(Numbers),
    /// An address here.
    Place(Place),
}

wire_enum!(Held { 0 => Numbers, 1 => Place });

/// The numbers that are members of every part; bounds are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) unsigned: (u64, u64),
    pub(crate) signed: (i64, i64),
    /// Of the lower 32 bits.
    pub(crate) low: (u64, u64),
    /// Bits that are 1, and those that may be either.
    pub(crate) bits: (u64, u64),
}

/// Addresses in memory of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) target: Target,
    /// Bounds of the offset in bytes, inclusive: from the first byte of what the address points
    /// into, on the stack from the lowest byte of the innermost frame that there may be.
    pub(crate) offsets: (i64, i64),
    /// Whether it may be null instead.
    pub(crate) maybe_null: bool,
}

wire_struct!(Place {
    target,
    offsets,
    maybe_null
});

/// What an address points into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Context,
    Packet,
    Stack,
    /// A map itself, any when no index is given.
    Map(Option<u32>),
    /// A value of a map.
    Value(u32),
    /// A data section.
    Data(u32),
    /// A value of any map or any data section.
    Shared,
}

impl Held {
    /// Whether a register that holds `value`, or nothing, holds what is claimed.
    pub(super) fn allows(&self, value: Option<u64>, addresses: &Addresses) -> bool {
        match (self, value) {
            (_, None) => false,
            (Self::Numbers(numbers), Some(value)) => numbers.contains(value),
            (Self::Place(place), Some(value)) => place.contains(value, addresses),
        }
    }

    /// What holds in both cases; none when that may be anything.
    pub(super) fn join(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Numbers(a), Self::Numbers(b)) => Some(Self::Numbers(a.join(b))),
            (Self::Place(a), Self::Place(b)) if a.target == b.target => Some(Self::Place(Place {
                target: a.target,
                offsets: hull(a.offsets, b.offsets),
                maybe_null: a.maybe_null || b.maybe_null,
            })),
            _ => None,
        }
    }
}

impl Numbers {
    /// Every number.
    pub(crate) const ANY: Self = Self {
        unsigned: (0, u64::MAX),
        signed: (i64::MIN, i64::MAX),
        low: (0, LOW),
        bits: (0, u64::MAX),
    };

    fn contains(&self, number: u64) -> bool {
        let (ones, unknown) = self.bits;
        within(number, self.unsigned)
            && within(number.cast_signed(), self.signed)
            && within(number & LOW, self.low)
            && number & !unknown == ones
    }

    fn join(self, other: Self) -> Self {
        let (ones, unknown) = self.bits;
        let (other_ones, other_unknown) = other.bits;
        let unknown = unknown | other_unknown | (ones ^ other_ones);
        Self {
            unsigned: hull(self.unsigned, other.unsigned),
            signed: hull(self.signed, other.signed),
            low: hull(self.low, other.low),
            bits: (ones & !unknown, unknown),
        }
    }
}

/// The lower half.
const LOW: u64 = 0xffff_ffff;

impl Place {
    /// The claim, unless its offsets are too large to tell by an address what it belongs to.
    pub(crate) fn claim(target: Target, offsets: (i64, i64), maybe_null: bool) -> Option<Held> {
        let reach = -Addresses::REACH..Addresses::REACH;
        let (least, greatest) = offsets;
        (reach.contains(&least) && reach.contains(&greatest)).then_some(Held::Place(Self {
            target,
            offsets,
            maybe_null,
        }))
    }

    /// Offsets that tell what is pointed into and nothing else.
    pub(crate) const ANYWHERE: (i64, i64) = (-Addresses::REACH, Addresses::REACH - 1);

    fn contains(&self, value: u64, addresses: &Addresses) -> bool {
        if value == 0 {
            return self.maybe_null;
        }
        addresses
            .locate(value)
            .is_some_and(|(region, offset)| self.target.is(region) && within(offset, self.offsets))
    }
}

impl Target {
    fn is(self, region: Region) -> bool {
        match (self, region) {
            (Self::Context, Region::Context)
            | (Self::Packet, Region::Packet)
            | (Self::Stack, Region::Stack)
            | (Self::Map(None), Region::Map { .. })
            | (Self::Shared, Region::MapValue { .. } | Region::Data { .. }) => true,
            (Self::Map(Some(index)), Region::Map { map })
            | (Self::Value(index), Region::MapValue { map }) => index == map,
            (Self::Data(index), Region::Data { section }) => index == section,
            _ => false,
        }
    }
}

fn within<T: PartialOrd>(number: T, (least, greatest): (T, T)) -> bool {
    (least..=greatest).contains(&number)
}

fn hull<T: Ord>(a: (T, T), b: (T, T)) -> (T, T) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// A register's content in words.
pub(super) fn describe(value: Option<u64>, addresses: &Addresses) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(value) => match addresses.locate(value) {
            Some((region, offset)) => format!("an address in {region}, offset {offset}"),
            None => format!("{value:#x}"),
        },
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers(numbers) => numbers.fmt(f),
            Self::Place(place) => place.fmt(f),
        }
    }
}

/// The parts that say something.
impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            unsigned,
            signed,
            low,
            bits: (ones, unknown),
        } = *self;
        if unsigned.0 == unsigned.1 {
            return write!(f, "{:#x}", unsigned.0);
        }
        f.write_str("a number")?;
        if unsigned != Self::ANY.unsigned {
            write!(f, ", {:#x}..={:#x}", unsigned.0, unsigned.1)?;
        }
        if signed != Self::ANY.signed && signed.0 < 0 {
            write!(f, ", signed {}..={}", signed.0, signed.1)?;
        }
        if low != Self::ANY.low {
            write!(f, ", its lower half {:#x}..={:#x}", low.0, low.1)?;
        }
        if unknown != u64::MAX {
            write!(f, ", its bits {ones:#x} where not {unknown:#x}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.target {
            Target::Context => f.write_str("an address in the context"),
            Target::Packet => f.write_str("an address in the packet"),
            Target::Stack => f.write_str("an address in the stack"),
            Target::Map(None) => f.write_str("a map"),
            Target::Map(Some(map)) => write!(f, "map {map}"),
            Target::Value(map) => write!(f, "an address in a value of map {map}"),
            Target::Data(section) => write!(f, "an address in data section {section}"),
            Target::Shared => f.write_str("an address in a map value or data"),
        }?;
        if self.offsets != Self::ANYWHERE {
            write!(f, ", offset {}..={}", self.offsets.0, self.offsets.1)?;
        }
        if self.maybe_null {
            f.write_str(", or null")?;
        }
        Ok(())
    }
}

/// The parts that say something, with a byte that tells which: most numbers are constants.
impl Wire for Numbers {
    fn put(&self, out: &mut Vec<u8>) {
        let parts = self.parts();
        let mut present = 0_u8;
        for (bit, (part, any)) in parts.iter().zip(Self::ANY.parts()).enumerate() {
            present |= u8::from(*part != any).wrapping_shl(u32::try_from(bit).unwrap_or(0));
        }
        if self.unsigned.0 == self.unsigned.1 && *self == Self::constant(self.unsigned.0) {
            out.push(CONSTANT);
            self.unsigned.0.put(out);
            return;
        }
        out.push(present);
        for (part, any) in parts.iter().zip(Self::ANY.parts()) {
            if *part != any {
                part.put(out);
            }
        }
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let present = u8::get(input)?;
        if present == CONSTANT {
            return u64::get(input).map(Self::constant);
        }
        if present > 0b1111 {
            return Err(Malformed);
        }
        let mut parts = Self::ANY.parts();
        for (bit, part) in (0_u32..).zip(parts.iter_mut()) {
            if present.wrapping_shr(bit) & 1 == 1 {
                let read = <(u64, u64)>::get(input)?;
                if read == *part {
                    return Err(Malformed);
                }
                *part = read;
            }
        }
        let [unsigned, (low_signed, high_signed), low, bits] = parts;
        let numbers = Self {
            unsigned,
            signed: (low_signed.cast_signed(), high_signed.cast_signed()),
            low,
            bits,
        };
        if unsigned.0 == unsigned.1 && numbers == Self::constant(unsigned.0) {
            return Err(Malformed);
        }
        Ok(numbers)
    }
}

/// Stands for a constant in the place of the parts.
const CONSTANT: u8 = 0x80;

impl Numbers {
    /// One number.
    pub(crate) const fn constant(number: u64) -> Self {
        let signed = number.cast_signed();
        Self {
            unsigned: (number, number),
            signed: (signed, signed),
            low: (number & LOW, number & LOW),
            bits: (number, 0),
        }
    }

    const fn parts(&self) -> [(u64, u64); 4] {
        let (least, greatest) = self.signed;
        [
            self.unsigned,
            (least.cast_unsigned(), greatest.cast_unsigned()),
            self.low,
            self.bits,
        ]
    }
}

impl Wire for Target {
    fn put(&self, out: &mut Vec<u8>) {
        let (number, index) = match *self {
            Self::Context => (0_u8, None),
            Self::Packet => (1, None),
            Self::Stack => (2, None),
            Self::Map(index) => (3, index),
            Self::Value(index) => (4, Some(index)),
            Self::Data(index) => (5, Some(index)),
            Self::Shared => (6, None),
        };
        number.put(out);
        index.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Ok(match <(u8, Option<u32>)>::get(input)? {
            (0, None) => Self::Context,
            (1, None) => Self::Packet,
            (2, None) => Self::Stack,
            (3, index) => Self::Map(index),
            (4, Some(index)) => Self::Value(index),
            (5, Some(index)) => Self::Data(index),
            (6, None) => Self::Shared,
            _ => return Err(Malformed),
        })
    }
}
