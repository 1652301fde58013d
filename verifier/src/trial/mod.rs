//! The trial: an accepted program runs in the reference interpreter, on inputs made to reach its
//! branches. A proof says what cannot happen; when it happens, an engine is wrong.
//!
//! What contradicts a proof: a fault; a return value outside of the proved range; more stack or more
//! instructions than proved; and, at any instruction, what an engine claims of it
//! ([`crate::claims`]): that it is never reached, that a jump is never taken, what a register holds.
//! A run that takes long is cut off, which proves nothing.
//!
//! | module | does |
//! |---|---|
//! | `input`, `grammar`, `contents` | make packets, failures and map contents |
//! | `corpus`, `watch` | keep inputs that reach something new, and what would lead further |
//! | `shrink` | makes what contradicts a proof small |
//!
//! Inputs follow from a seed, so that every trial can be repeated; a limit of time changes only how
//! many runs there are. The seed is drawn at random and recorded: whoever writes a program cannot
//! know the inputs that it will meet.

mod contents;
mod corpus;
mod grammar;
mod input;
mod random;
mod shrink;
mod watch;

use std::time::Instant;

use bpf_object::Image;
use bpf_runtime::{Fault, FaultCause, Instance, Outcome as RunOutcome};

use crate::answer::Facts;
use crate::scenario::{Lookup, Scenario, Step, instance};
use crate::wire::{wire_enum, wire_struct};
use contents::Contents;
use corpus::Corpus;
use input::Generator;
use random::Random;
use watch::Watch;

/// Instructions of one run before it is cut off.
const MAX_FUEL: u64 = 500_000;

/// Runs before maps and data start anew.
const RUNS_PER_INSTANCE: u32 = 128;

/// Runs that there are in any case: every content of maps comes up twice.
const MIN_RUNS: u32 = 1_024;

/// Runs without anything new after which a trial ends that took every direction that the proofs
/// leave open.
const QUIET_WHEN_COVERED: u32 = 512;

/// The same when some direction was not taken, perhaps since it cannot be: less than a tenth of a
/// second of an ordinary program.
const QUIET_OTHERWISE: u32 = 8_192;

/// How much is tried. It ends earlier where more runs find nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Runs.
    pub(crate) runs: u32,
    /// When the last run begins at the latest.
    pub(crate) until: Option<Instant>,
}

/// What was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) runs: u64,
    pub(crate) instructions: u64,
    /// Runs that were cut off.
    pub(crate) cut: u64,
    /// Directions of branches that were taken.
    pub(crate) taken: u32,
    /// Directions of branches that the proofs leave open.
    pub(crate) directions: u32,
}

/// What a proof rules out, and the runs that make it happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contradiction {
    pub(crate) wrong: Wrong,
    /// Which run, from 0.
    pub(crate) run: u32,
    /// Runs that show it; the last one does.
    pub(crate) scenario: Scenario,
}

/// What contradicts a proof in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// What happened, in a sentence without a period.
    pub(crate) reason: String,
    /// The instruction, if it happened at one.
    pub(crate) slot: Option<u32>,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing contradicts the proof.
    Passed(Summary),
    /// The proof is wrong.
    Contradicted(Contradiction),
    /// The program cannot be run.
    Impossible(String),
}

wire_struct!(Summary {
    runs,
    instructions,
    cut,
    taken,
    directions
});
wire_struct!(Contradiction {
    wrong,
    run,
    scenario
});
wire_struct!(Wrong { reason, slot });
wire_enum!(Ending { 0 => Passed, 1 => Contradicted, 2 => Impossible });

/// Tries an image of which `facts` are proved.
pub(crate) fn run(image: &Image, facts: &Facts, seed: u64, budget: Budget) -> Ending {
    match Trial::new(image, facts, seed).run(budget) {
        Ok(ending) => ending,
        Err(reason) => Ending::Impossible(reason),
    }
}

/// A trial in progress.
struct Trial<'a> {
    image: &'a Image,
    facts: &'a Facts,
    random: Random,
    generator: Generator<'a>,
    watch: Watch<'a>,
    corpus: Corpus,
    /// Runs since maps and data started anew.
    scenario: Scenario,
    summary: Summary,
    /// Runs since something new was reached.
    quiet: u32,
}

/// How one run went that contradicts nothing: what it took, unless it was cut off.
struct Played {
    outcome: Option<RunOutcome>,
    lookups: Vec<Lookup>,
}

impl<'a> Trial<'a> {
    fn new(image: &'a Image, facts: &'a Facts, seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            image,
            facts,
            generator: Generator::new(image, random.fork()),
            random,
            watch: Watch::new(image, &facts.claims),
            corpus: Corpus::default(),
            scenario: Scenario::default(),
            summary: Summary::default(),
            quiet: 0,
        }
    }

    fn run(mut self, budget: Budget) -> Result<Ending, String> {
        let mut ready = instance(self.image)?;
        for run in 0..budget.runs {
            if self.is_enough(run, budget) {
                break;
            }
            if run > 0 && run.is_multiple_of(RUNS_PER_INSTANCE) {
                ready = instance(self.image)?;
                self.scenario.steps.clear();
            }
            let step = self.step(run);
            let played = play(&step, &mut ready, self.facts, &mut self.watch)?;
            self.scenario.steps.push(step);
            match played {
                Ok(played) => self.learn(played),
                Err(wrong) => {
                    let scenario = self.scenario;
                    let (scenario, wrong) =
                        shrink::smaller(self.image, self.facts, scenario, wrong);
                    return Ok(Ending::Contradicted(Contradiction {
                        wrong,
                        run,
                        scenario,
                    }));
                }
            }
        }
        (self.summary.taken, self.summary.directions) = self.watch.coverage();
        Ok(Ending::Passed(self.summary))
    }

    /// Whether more runs are not worth their time, or there is none left.
    fn is_enough(&self, run: u32, budget: Budget) -> bool {
        if run > 0 && budget.until.is_some_and(|until| Instant::now() >= until) {
            return true;
        }
        let (taken, open) = self.watch.coverage();
        let quiet = if taken == open {
            QUIET_WHEN_COVERED
        } else {
            QUIET_OTHERWISE
        };
        run >= MIN_RUNS && self.quiet >= quiet
    }

    /// The next run's input.
    fn step(&mut self, run: u32) -> Step {
        let chosen = self.corpus.choose(&self.watch, &mut self.random);
        let mut step = match chosen {
            Some(known) if self.random.chance(70) => self.generator.change(known),
            _ => self.generator.fresh(),
        };
        if run.is_multiple_of(RUNS_PER_INSTANCE) {
            let nth = run / RUNS_PER_INSTANCE;
            let contents = Contents::of_instance(nth);
            let (random, numbers) = (&mut self.random, &self.generator.numbers);
            step.entries = contents::first(self.image, contents, random, numbers);
        }
        step
    }

    /// Notes what a run reached.
    fn learn(&mut self, Played { outcome, lookups }: Played) {
        let summary = &mut self.summary;
        summary.runs = summary.runs.saturating_add(1);
        summary.cut = summary.cut.saturating_add(u64::from(outcome.is_none()));
        let instructions = outcome.map_or(MAX_FUEL, |outcome| outcome.instructions);
        summary.instructions = summary.instructions.saturating_add(instructions);
        self.quiet = self.quiet.saturating_add(1);
        let is_new = self.watch.end();
        if is_new {
            self.quiet = 0;
        }
        if let Some(step) = self.scenario.steps.last() {
            let (watch, random) = (&self.watch, &mut self.random);
            self.corpus.note(step, lookups, is_new, watch, random);
        }
    }
}

/// One run, and what of it contradicts a proof.
///
/// # Errors
/// The run cannot begin.
fn play(
    step: &Step,
    instance: &mut Instance,
    facts: &Facts,
    watch: &mut Watch<'_>,
) -> Result<Result<Played, Wrong>, String> {
    let prepared = step.prepare(instance)?;
    let most = facts.longest_run;
    // One more than can be, to tell exceeding the bound from reaching it.
    let fuel = most.saturating_add(1).min(MAX_FUEL);
    watch.begin(instance.addresses(), step.packet.len());
    let (result, lookups) = prepared.run(instance, fuel, watch);
    let wrong = |reason, slot| Ok(Err(Wrong { reason, slot }));
    if let Some((reason, slot)) = watch.take_wrong() {
        return wrong(reason, Some(slot));
    }
    let outcome = match result {
        Ok(outcome) => match broken_claim(&outcome, facts) {
            Some(reason) => return wrong(reason, None),
            None => Some(outcome),
        },
        Err(Fault {
            cause: FaultCause::OutOfFuel { .. },
            ..
        }) if fuel <= most => None,
        Err(fault) => return wrong(fault.cause.to_string(), Some(fault.slot)),
    };
    Ok(Ok(Played { outcome, lookups }))
}

/// What a run did not keep to of what is claimed of the program as a whole.
fn broken_claim(outcome: &RunOutcome, facts: &Facts) -> Option<String> {
    let exit = facts.bounds.exit_low..=facts.bounds.exit_high;
    if !exit.contains(&outcome.value) {
        return Some(format!(
            "the program returned {}, of which {}..={} was proved",
            outcome.value,
            exit.start(),
            exit.end()
        ));
    }
    let max_stack = usize::try_from(facts.max_stack).unwrap_or(usize::MAX);
    // Frames lie apart, so bytes compare only where there is one.
    (outcome.call_depth <= 1 && outcome.stack_bytes > max_stack).then(|| {
        format!(
            "the program used {} bytes of stack, of which {max_stack} was proved",
            outcome.stack_bytes
        )
    })
}

#[cfg(test)]
mod tests;
