//! Virtual addresses: what a program takes for pointers.
//!
//! Every object that a program can point to (the stack, the context, the packet, one value of a map,
//! one data section) has a window of 1 MiB of its own and lies in the middle of it. No object is
//! larger than 256 KiB, so that between any two there are at least 768 KiB that belong to nothing: a
//! pointer that is off by less does not reach another object, whatever lies beside it in memory. In
//! particular a pointer cannot wander from one value of a map to the next.
//!
//! An address is `salt + (region << 44 | element << 20 | offset)`. The salt keeps the first and last
//! 2^56 addresses unmapped, so that null, small numbers and negative ones point nowhere; its bits 20
//! to 55 come from a seed, so that a program that builds an address out of numbers cannot rely on
//! meeting an object.

use crate::fault::Region;
use crate::memory::region;
use crate::number::{index, low32, mix, wide};

/// Bits of an offset into an object's window.
const OFFSET_BITS: u32 = 20;

/// Bits that tell the objects of a region apart.
const ELEMENT_BITS: u32 = 24;

const REGION_SHIFT: u32 = OFFSET_BITS + ELEMENT_BITS;

/// Where in its window an object starts.
const OBJECT_START: u64 = 1 << (OFFSET_BITS - 1);

/// Regions of the maps' values; the map's index is added.
const MAP_VALUES: u32 = 16;

/// Which kind of thing an address points to, and which of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// The frames of the program, lowest address first.
    Stack,
    Context,
    /// The packet after so many moves, modulo 2^24.
    Packet {
        generation: u32,
    },
    /// A data section of the image.
    Data {
        section: u32,
    },
    /// A map itself: a value to hand to helpers, not memory.
    MapHandle {
        map: u32,
    },
    MapValue {
        map: u32,
        slot: u32,
    },
}

impl Object {
    const fn region_and_element(self) -> (u32, u32) {
        match self {
            Self::Stack => (1, 0),
            Self::Context => (2, 0),
            Self::Packet { generation } => (3, generation),
            Self::Data { section } => (4, section),
            Self::MapHandle { map } => (5, map),
            Self::MapValue { map, slot } => (MAP_VALUES.saturating_add(map), slot),
        }
    }

    const fn from_region_and_element(region: u64, element: u32) -> Option<Self> {
        match region {
            1 => Some(Self::Stack),
            2 => Some(Self::Context),
            3 => Some(Self::Packet {
                generation: element,
            }),
            4 => Some(Self::Data { section: element }),
            5 => Some(Self::MapHandle { map: element }),
            16..=0xffff => Some(Self::MapValue {
                map: low32(region).wrapping_sub(MAP_VALUES),
                slot: element,
            }),
            _ => None,
        }
    }
}

/// Generations of packet addresses wrap here.
pub(crate) const GENERATIONS: u32 = 1 << ELEMENT_BITS;

/// Where the objects of an instance lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    salt: u64,
}

impl Layout {
    /// The layout that belongs to `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            salt: 1 << 56 | mix(seed) & 0x00ff_ffff_fff0_0000,
        }
    }

    /// The address of the first byte of `object`.
    pub(crate) fn address(self, object: Object) -> u64 {
        let (region, element) = object.region_and_element();
        let plain =
            u64::from(region) << REGION_SHIFT | u64::from(element) << OFFSET_BITS | OBJECT_START;
        self.salt.wrapping_add(plain)
    }

    /// What `address` points to, and the offset in bytes from its start, which wraps below it.
    #[inline]
    pub(crate) fn locate(self, address: u64) -> Option<(Object, usize)> {
        let plain = address.wrapping_sub(self.salt);
        let element = low32(plain >> OFFSET_BITS) & (GENERATIONS - 1);
        let object = Object::from_region_and_element(plain >> REGION_SHIFT, element)?;
        let offset = low32(plain) & ((1 << OFFSET_BITS) - 1);
        Some((
            object,
            index(offset).wrapping_sub(index(low32(OBJECT_START))),
        ))
    }
}

/// What the numbers mean that a program takes for pointers, until the seed of its instance's
/// addresses changes.
#[derive(Clone, Copy, Debug)]
pub struct Addresses(Layout);

impl Addresses {
    /// How far from the start of an object an address may lie and still be taken for one of it, in
    /// bytes.
    pub const REACH: i64 = 1 << (OFFSET_BITS - 1);

    pub(crate) const fn new(layout: Layout) -> Self {
        Self(layout)
    }

    /// What `address` points into or beside, and its offset in bytes from the start of that, within
    /// [`Self::REACH`]. The stack starts with the innermost of all frames that there may be. Whether
    /// the object exists is not looked at.
    #[must_use]
    pub fn locate(&self, address: u64) -> Option<(Region, i64)> {
        let (object, offset) = self.0.locate(address)?;
        let offset = i64::try_from(offset.cast_signed()).ok()?;
        Some((region(object), offset))
    }
}

const _: () = {
    // The largest objects are data and values; each ends well before its window does.
    assert!(wide(platform_click::limits::MAX_DATA) <= OBJECT_START / 2);
    assert!(wide(index(platform_click::limits::MAX_MAP_VALUE_SIZE)) <= OBJECT_START / 2);
    assert!(wide(platform_click::limits::MAX_PACKET_SIZE) <= OBJECT_START / 2);
    // Twice the entries: some kinds of map keep spare slots.
    assert!(platform_click::limits::MAX_MAP_ENTRIES.saturating_mul(2) <= GENERATIONS);
};

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTS: [Object; 8] = [
        Object::Stack,
        Object::Context,
        Object::Packet { generation: 0 },
        Object::Packet {
            generation: GENERATIONS - 1,
        },
        Object::Data { section: 3 },
        Object::MapHandle { map: 15 },
        Object::MapValue { map: 0, slot: 0 },
        Object::MapValue {
            map: 15,
            slot: GENERATIONS - 1,
        },
    ];

    #[test]
    fn addresses_lead_back_to_their_objects() {
        for seed in [0, 1, u64::MAX] {
            let layout = Layout::new(seed);
            for object in OBJECTS {
                let address = layout.address(object);
                assert_eq!(layout.locate(address), Some((object, 0)));
                assert_eq!(layout.locate(address + 5), Some((object, 5)));
                let (same, offset) = layout.locate(address - 1).unwrap();
                assert_eq!((same, offset), (object, usize::MAX));
            }
        }
    }

    #[test]
    fn small_and_negative_numbers_point_nowhere() {
        for seed in 0..64 {
            let layout = Layout::new(seed);
            for address in [0, 1, 4096, 0x18_0000, u64::from(u32::MAX), 1 << 55] {
                assert_eq!(layout.locate(address), None);
                assert_eq!(layout.locate(address.wrapping_neg()), None);
            }
        }
    }

    #[test]
    fn objects_are_far_apart() {
        let layout = Layout::new(7);
        let mut addresses = OBJECTS.map(|object| layout.address(object));
        addresses.sort_unstable();
        assert!(
            addresses
                .windows(2)
                .all(|pair| pair[1] - pair[0] >= 1 << 20)
        );
    }
}
