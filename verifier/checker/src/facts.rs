//! What the checker learned about a program that it accepts.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use bpf_object::{Image, Reg};
use platform_click::HelperId;
use platform_click::limits::STACK_FRAME_SIZE;

use crate::number::Number;
use crate::state::State;
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
    fn with_capacity(slots: usize) -> Self {
        Self(vec![0; slots.div_ceil(64)])
    }

    fn place(slot: u32) -> (usize, u64) {
        let word = usize::try_from(slot / 64).unwrap_or(usize::MAX);
        (word, 1_u64.wrapping_shl(slot % 64))
    }

    fn insert(&mut self, slot: u32) {
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
pub struct Registers([Known; 11]);

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
    fn of(value: &Value) -> Self {
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

    fn join(self, other: Self) -> Self {
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

/// Collects facts while the program is walked.
pub(crate) struct Recorder {
    facts: Facts,
    watch: Watch,
    returns: Option<RangeInclusive<u64>>,
    iterations: BTreeMap<u32, u64>,
}

impl Recorder {
    pub(crate) fn new(image: &Image, watch: Watch) -> Self {
        let slots = image.code().len();
        Self {
            facts: Facts {
                reachable: SlotSet::with_capacity(slots),
                taken: SlotSet::with_capacity(slots),
                not_taken: SlotSet::with_capacity(slots),
                returns: 0..=0,
                frame_bytes: vec![0; image.functions().len()],
                stack_bytes: 0,
                frames: 1,
                helpers: BTreeSet::new(),
                loops: Vec::new(),
                longest_run: 0,
                watched: BTreeMap::new(),
                work: 0,
                peak_states: 0,
                peak_values: 0,
            },
            watch,
            returns: None,
            iterations: BTreeMap::new(),
        }
    }

    /// An instruction is about to be executed.
    pub(crate) fn reached(&mut self, state: &State, slot: u32) {
        self.facts.reachable.insert(slot);
        let watched = match &self.watch {
            Watch::Nothing => false,
            Watch::Slots(slots) => slots.contains(&slot),
            Watch::Everything => true,
        };
        if !watched {
            return;
        }
        let mut known = [Known::Anything; 11];
        for (number, known) in (0..).zip(known.iter_mut()) {
            if let Some(reg) = Reg::new(number) {
                *known = Known::of(&state.get(reg));
            }
        }
        let seen = self.facts.watched.entry(slot);
        let seen = seen.and_modify(|seen| {
            for (seen, known) in seen.0.iter_mut().zip(known) {
                *seen = seen.join(known);
            }
        });
        seen.or_insert(Registers(known));
    }

    pub(crate) fn branched(&mut self, slot: u32, taken: bool, not_taken: bool) {
        if taken {
            self.facts.taken.insert(slot);
        }
        if not_taken {
            self.facts.not_taken.insert(slot);
        }
    }

    /// The byte at offset `least` from the frame pointer of a frame is accessed, and none below it.
    pub(crate) fn stack_use(&mut self, state: &State, frame: usize, least: i64) {
        let bytes = usize::try_from(least.unsigned_abs()).unwrap_or(usize::MAX);
        let function = state.calls.get(frame).map_or(0, |call| call.function);
        if let Some(most) = self.facts.frame_bytes.get_mut(function) {
            *most = (*most).max(bytes);
        }
        let above = frame.saturating_mul(STACK_FRAME_SIZE);
        self.facts.stack_bytes = self.facts.stack_bytes.max(above.saturating_add(bytes));
    }

    pub(crate) fn called(&mut self, frames: usize) {
        self.facts.frames = self.facts.frames.max(frames);
    }

    pub(crate) fn helper(&mut self, helper: HelperId) {
        self.facts.helpers.insert(helper);
    }

    pub(crate) fn looped(&mut self, slot: u32, iterations: u64) {
        let most = self.iterations.entry(slot).or_default();
        *most = (*most).max(iterations);
    }

    pub(crate) fn returned(&mut self, returns: RangeInclusive<u64>, executed: u64) {
        self.facts.longest_run = self.facts.longest_run.max(executed);
        self.returns = Some(match self.returns.take() {
            None => returns,
            Some(seen) => *seen.start().min(returns.start())..=*seen.end().max(returns.end()),
        });
    }

    /// So many states wait, with so many values.
    pub(crate) fn waiting(&mut self, states: u64, values: u64) {
        self.facts.peak_states = self.facts.peak_states.max(states);
        self.facts.peak_values = self.facts.peak_values.max(values);
    }

    /// The facts; none when no run ends.
    pub(crate) fn finish(self, work: u64) -> Option<Facts> {
        let iterations = self.iterations.into_iter();
        let loops = iterations.map(|(slot, iterations)| LoopFact { slot, iterations });
        Some(Facts {
            returns: self.returns?,
            loops: loops.collect(),
            work,
            ..self.facts
        })
    }
}
