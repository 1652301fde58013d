//! What the checker learned about a program that it accepts.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use bpf_object::Reg;
use platform_click::HelperId;

use crate::number::Number;
use crate::value::{Base, Pointer, Value};

/// What holds for every run of an accepted program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Slots that a run may reach. A wide load counts by its first slot.
    pub reachable: SlotSet,
    /// Conditional jumps, by slot, that may be taken.
    pub taken: SlotSet,
    /// Conditional jumps, by slot, that may be passed.
    pub not_taken: SlotSet,
    /// Bounds of the return value.
    pub returns: RangeInclusive<u64>,
    /// By index of the function: bytes of its own frame that it, or a function that it gave a
    /// pointer to, accesses at most.
    pub frame_bytes: Vec<usize>,
    /// Bytes below the entry function's frame pointer that are accessed at most, all frames
    /// together; frames lie 512 bytes apart.
    pub stack_bytes: usize,
    /// Frames that exist at one time, at most; 1 without local calls.
    pub frames: usize,
    /// Helpers that a run may call.
    pub helpers: BTreeSet<HelperId>,
    /// The loops that a run may enter.
    pub loops: Vec<LoopFact>,
    /// Instructions of the longest run, at most; a wide load counts as one.
    pub longest_run: u64,
    /// Calls of helpers in one run, at most.
    pub helper_calls: u64,
    /// Calls of helpers that insert, replace or delete an entry of a map in one run, at most. (A
    /// program may also write to values that it looked up.)
    pub map_updates: u64,
    /// What the registers hold before each instruction that was asked about and is reachable.
    pub watched: BTreeMap<u32, Registers>,
    /// Units of work that the analysis took.
    pub work: u64,
    /// States that waited at one time, at most.
    pub peak_states: u64,
    /// Values that they held together, at most, counted as in [`Limits`](crate::Limits).
    pub peak_values: u64,
}

/// How often a loop runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopFact {
    /// Slot of its first instruction.
    pub slot: u32,
    /// How often that instruction is executed at most, each time that the loop is entered.
    pub iterations: u64,
}

/// A set of slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotSet(Vec<u64>);

impl SlotSet {
    pub(crate) fn with_capacity(slots: usize) -> Self {
        Self(vec![0; slots.div_ceil(64)])
    }

    fn place(slot: u32) -> (usize, u64) {
        let word = usize::try_from(slot / 64).unwrap_or(usize::MAX);
        (word, 1_u64.wrapping_shl(slot % 64))
    }

    pub(crate) fn insert(&mut self, slot: u32) {
        let (word, bit) = Self::place(slot);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    /// Whether `slot` is in the set.
    #[must_use]
    pub fn contains(&self, slot: u32) -> bool {
        let (word, bit) = Self::place(slot);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// The slots in the set, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let end = u32::try_from(self.0.len().saturating_mul(64)).unwrap_or(u32::MAX);
        (0..end).filter(|slot| self.contains(*slot))
    }
}

/// What `r0` to `r10` hold, on all paths together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers(pub(crate) [Known; 11]);

impl Registers {
    /// What a register holds.
    #[must_use]
    pub fn get(&self, reg: Reg) -> Known {
        self.0.get(reg.index()).copied().unwrap_or(Known::Anything)
    }
}

/// What is known of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Known {
    /// Nothing: it may hold anything, and the program does not use it.
    Anything,
    /// A number out of these.
    Number(Number),
    /// A pointer, with the bounds of its offset in bytes.
    Pointer {
        /// What it points into.
        region: Region,
        /// Least offset.
        least: i64,
        /// Greatest offset.
        greatest: i64,
        /// Whether it may be null instead.
        maybe_null: bool,
    },
}

/// What a pointer points into, and where its offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Region {
    /// The context, from its start.
    Context,
    /// The packet, from its first byte.
    Packet,
    /// The packet, from behind its last byte.
    PacketEnd,
    /// A stack frame, 0 the outermost, from its frame pointer.
    Stack(usize),
    /// The map with this index.
    Map(u32),
    /// A value of the map with this index, from its start.
    MapValue(u32),
    /// The data section with this index, from its start.
    Data(u32),
}

impl Known {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Unset(_) => Self::Anything,
            Value::Number(scalar) => Self::Number(scalar.number),
            Value::Pointer(pointer) => {
                let (least, greatest) = pointer.offsets();
                Self::Pointer {
                    region: region(pointer),
                    least,
                    greatest,
                    maybe_null: pointer.is_maybe_null(),
                }
            }
        }
    }

    pub(crate) fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => Self::Number(a.join(b)),
            (
                Self::Pointer {
                    region,
                    least,
                    greatest,
                    maybe_null,
                },
                Self::Pointer {
                    region: other_region,
                    least: other_least,
                    greatest: other_greatest,
                    maybe_null: other_maybe_null,
                },
            ) if region == other_region => Self::Pointer {
                region,
                least: least.min(other_least),
                greatest: greatest.max(other_greatest),
                maybe_null: maybe_null || other_maybe_null,
            },
            _ => Self::Anything,
        }
    }
}

const fn region(pointer: &Pointer) -> Region {
    match pointer.base {
        Base::Context => Region::Context,
        Base::Packet => Region::Packet,
        Base::PacketEnd => Region::PacketEnd,
        Base::Stack(frame) => Region::Stack(frame),
        Base::Map(map) => Region::Map(map),
        Base::MapValue { map, .. } => Region::MapValue(map),
        Base::Data(section) => Region::Data(section),
    }
}

/// Which slots the facts say register contents of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// None.
    #[default]
    Nothing,
    /// These.
    Slots(BTreeSet<u32>),
    /// All.
    Everything,
}
