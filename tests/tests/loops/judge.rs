//! Runs of a program in the checking interpreter, held against what was proved of it.

use std::collections::{BTreeMap, BTreeSet};

use bpf_checker::Facts;
use bpf_object::{Image, Insn};
use bpf_runtime::{DeterministicEnvironment, Fault, Instance, Maps, Observer, Outcome, Registers};

use crate::generator::{Generator, Input};
use crate::structure::Structure;

/// More than any program here executes, and the end of those that do not end.
pub(crate) const FUEL: u64 = 1_000_000;

/// Runs on the same maps.
const RUNS_PER_INSTANCE: u64 = 64;

/// What no run exceeds.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) instructions: u64,
    pub(crate) returns: (u64, u64),
    /// By the slot of its head: iterations of a loop each time that it is entered. None where the
    /// proof speaks of no single loop.
    pub(crate) loops: Option<BTreeMap<u32, u64>>,
    /// Frames, and bytes of stack, where the proof names them.
    pub(crate) stack: Option<(usize, usize)>,
}

impl From<&Facts> for Bounds {
    fn from(facts: &Facts) -> Self {
        let loops = facts.loops.iter();
        Self {
            instructions: facts.longest_run,
            returns: (*facts.returns.start(), *facts.returns.end()),
            loops: Some(loops.map(|fact| (fact.slot, fact.iterations)).collect()),
            stack: Some((facts.frames, facts.stack_bytes)),
        }
    }
}

/// What one run did.
pub(crate) struct Run {
    pub(crate) result: Result<Outcome, Fault>,
    /// By head: most iterations of a loop.
    pub(crate) iterations: BTreeMap<u32, u64>,
}

impl Run {
    /// What contradicts `bounds`.
    pub(crate) fn contradiction(&self, bounds: &Bounds) -> Option<String> {
        let outcome = match &self.result {
            Ok(outcome) => outcome,
            Err(fault) => return Some(fault.to_string()),
        };
        let (least, greatest) = bounds.returns;
        if !(least..=greatest).contains(&outcome.value) {
            return Some(format!(
                "{} is not within {least}..={greatest}",
                outcome.value
            ));
        }
        if outcome.instructions > bounds.instructions {
            return Some(format!("{} instructions", outcome.instructions));
        }
        if let Some((frames, bytes)) = bounds.stack
            && (outcome.call_depth > frames || outcome.stack_bytes > bytes)
        {
            return Some(format!("{outcome:?} needs more stack"));
        }
        let loops = bounds.loops.as_ref()?;
        self.iterations.iter().find_map(|(head, iterations)| {
            let most = loops.get(head).copied().unwrap_or(0);
            (*iterations > most)
                .then(|| format!("{iterations} iterations of the loop at {head}, bound {most}"))
        })
    }
}

/// A program, and what its runs have reached so far.
pub(crate) struct Subject<'i> {
    image: &'i Image,
    structure: Structure,
    instance: Instance,
    /// Directions of branches that were taken.
    directions: BTreeSet<(u32, u32)>,
    /// By head: most iterations so far; under `u32::MAX`, most instructions.
    deepest: BTreeMap<u32, u64>,
}

impl<'i> Subject<'i> {
    pub(crate) fn new(image: &'i Image) -> Self {
        Self {
            image,
            structure: Structure::new(image),
            instance: instance(image),
            directions: BTreeSet::new(),
            deepest: BTreeMap::new(),
        }
    }

    /// One run on the maps as they are; and whether it reached something new.
    pub(crate) fn run(&mut self, input: &Input, seed: u64) -> (Run, bool) {
        self.instance.set_address_seed(seed);
        let mut environment = DeterministicEnvironment::new(seed);
        let mut trace = Trace::new(self.image, &self.structure, &mut self.directions);
        let result =
            self.instance
                .run_observed(&mut input.packet(), &mut environment, FUEL, &mut trace);
        let (iterations, mut is_new) = (trace.deepest, trace.is_new);
        let instructions = result.as_ref().map_or(0, |outcome| outcome.instructions);
        for (head, count) in iterations.iter().chain([(&u32::MAX, &instructions)]) {
            let most = self.deepest.entry(*head).or_default();
            is_new |= count > most;
            *most = (*most).max(*count);
        }
        (Run { result, iterations }, is_new)
    }

    /// Runs on generated inputs until `judge` finds something.
    pub(crate) fn search<T>(
        &mut self,
        runs: u64,
        generator: &mut Generator,
        mut judge: impl FnMut(&Input, &Run) -> Option<T>,
    ) -> Option<T> {
        for run in 0..runs {
            let input = generator.next();
            if run % RUNS_PER_INSTANCE == 0 {
                self.instance = instance(self.image);
            } else if run % 4 == 0 {
                generator.fill(self.instance.maps_mut(), &input);
            }
            let (run, is_new) = self.run(&input, generator.seed());
            if let Some(found) = judge(&input, &run) {
                return Some(found);
            }
            if is_new {
                generator.keep(input);
            }
        }
        None
    }
}

fn instance(image: &Image) -> Instance {
    Instance::new(image, Maps::new(image.maps(), [1, 2]).unwrap()).unwrap()
}

/// Counts what a run does.
struct Trace<'a> {
    image: &'a Image,
    structure: &'a Structure,
    directions: &'a mut BTreeSet<(u32, u32)>,
    frames: Vec<Frame>,
    deepest: BTreeMap<u32, u64>,
    is_new: bool,
}

/// A function that runs.
#[derive(Default)]
struct Frame {
    last: Option<u32>,
    /// By head: iterations since the loop was entered.
    iterations: BTreeMap<u32, u64>,
}

impl<'a> Trace<'a> {
    fn new(
        image: &'a Image,
        structure: &'a Structure,
        directions: &'a mut BTreeSet<(u32, u32)>,
    ) -> Self {
        Self {
            image,
            structure,
            directions,
            frames: vec![Frame::default()],
            deepest: BTreeMap::new(),
            is_new: false,
        }
    }
}

impl Observer for Trace<'_> {
    fn step(&mut self, slot: u32, _: &Registers) {
        let last = self.frames.last().and_then(|frame| frame.last);
        match last.map(|last| (last, self.image.code()[last as usize])) {
            Some((_, Insn::CallLocal { target })) if target == slot => {
                self.frames.push(Frame::default());
            }
            Some((_, Insn::Exit)) => {
                self.frames.pop();
            }
            Some((branch, Insn::Branch { .. })) => {
                self.is_new |= self.directions.insert((branch, slot));
            }
            _ => {}
        }
        let frame = self.frames.last_mut().unwrap();
        if self.structure.is_head(slot) {
            let repeats = (frame.last).is_some_and(|last| self.structure.repeats(last, slot));
            let count = frame.iterations.entry(slot).or_default();
            *count = if repeats { *count + 1 } else { 1 };
            let deepest = self.deepest.entry(slot).or_default();
            *deepest = (*deepest).max(*count);
        }
        frame.last = Some(slot);
    }
}
