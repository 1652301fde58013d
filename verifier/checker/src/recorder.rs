//! Collecting facts while a program is walked.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use bpf_object::{Image, Reg};
use platform_click::HelperId;
use platform_click::limits::STACK_FRAME_SIZE;

use crate::facts::{Facts, Known, LoopFact, Registers, SlotSet, Watch};
use crate::state::{Executed, State};

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
                helper_calls: 0,
                map_updates: 0,
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

    pub(crate) fn helper(&mut self, helper: Option<HelperId>) {
        self.facts.helpers.extend(helper);
    }

    pub(crate) fn looped(&mut self, slot: u32, iterations: u64) {
        let most = self.iterations.entry(slot).or_default();
        *most = (*most).max(iterations);
    }

    pub(crate) fn returned(&mut self, returns: RangeInclusive<u64>, executed: Executed) {
        let facts = &mut self.facts;
        facts.longest_run = facts.longest_run.max(executed.instructions);
        facts.helper_calls = facts.helper_calls.max(executed.helper_calls);
        facts.map_updates = facts.map_updates.max(executed.map_updates);
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
