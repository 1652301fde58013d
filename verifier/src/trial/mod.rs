//! The trial: an accepted program runs in the reference interpreter, on inputs made to reach its
//! branches. A proof says what cannot happen; when it happens, a verifier is wrong.
//!
//! What contradicts a proof: a fault, a return value outside of the proved range, more stack or
//! more instructions than proved. A program that runs for long is cut off, which proves nothing.
//!
//! Inputs follow from a seed, so that every trial can be repeated. The seed is drawn at random and
//! recorded: whoever writes a program cannot know the inputs that it will meet.

mod input;
mod random;
mod watch;

use bpf_object::Image;
use bpf_runtime::{
    DeterministicEnvironment, Fault, FaultCause, Instance, Maps, Outcome as RunOutcome, Packet,
};

use crate::answer::Facts;
use crate::wire::{Bytes, wire_enum, wire_struct};
use input::{Generator, Input};
use random::Random;
use watch::Watch;

/// Runs of one program.
const MAX_RUNS: u32 = 1_000;

/// Instructions of all runs of one program together: a fraction of a second.
const MAX_INSTRUCTIONS: u64 = 2_000_000;

/// Instructions of one run before it is cut off.
const MAX_FUEL: u64 = 500_000;

/// How often maps start empty again, in runs.
const RUNS_PER_INSTANCE: u32 = 250;

/// Inputs kept because they reached something new.
const MAX_KEPT: usize = 64;

/// What was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) runs: u64,
    pub(crate) instructions: u64,
    /// Runs that were cut off.
    pub(crate) cut: u64,
    /// Directions of branches that were taken.
    pub(crate) taken: u32,
    /// Directions of all branches: two each.
    pub(crate) directions: u32,
}

/// What a proof rules out, and the input that makes it happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contradiction {
    /// What happened, in a sentence without a period.
    pub(crate) reason: String,
    /// The instruction, if it happened at one.
    pub(crate) slot: Option<u32>,
    /// Which run, from 0.
    pub(crate) run: u32,
    pub(crate) packet: Bytes,
    pub(crate) port: u32,
    pub(crate) mark: u32,
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
    reason,
    slot,
    run,
    packet,
    port,
    mark
});
wire_enum!(Ending { 0 => Passed, 1 => Contradicted, 2 => Impossible });

/// Tries an image of which `facts` are proved.
pub(crate) fn run(image: &Image, facts: &Facts, seed: u64) -> Ending {
    let mut random = Random::new(seed);
    let mut generator = Generator::new(image, random.fork());
    let mut watch = Watch::new(image);
    let mut kept: Vec<Input> = Vec::new();
    let mut summary = Summary::default();
    let mut instance = None;
    for run in 0..MAX_RUNS {
        if summary.instructions >= MAX_INSTRUCTIONS {
            break;
        }
        if run.is_multiple_of(RUNS_PER_INSTANCE) {
            instance = None;
        }
        let instance = match &mut instance {
            Some(instance) => instance,
            none => match new_instance(image, &mut random) {
                Ok(new) => none.insert(new),
                Err(reason) => return Ending::Impossible(reason),
            },
        };
        let input = match kept.get(random.below(kept.len())) {
            Some(known) if random.chance(70) => generator.change(known, watch.hints()),
            _ => generator.fresh(),
        };
        // Every second instance starts with empty maps and keeps what the program puts in.
        if run / RUNS_PER_INSTANCE % 2 == 1 && run.is_multiple_of(8) {
            generator.fill_maps(instance.maps_mut(), &input);
        }
        instance.set_address_seed(random.next());
        let outcome = match execute(instance, &input, facts, random.next(), &mut watch) {
            Ok(outcome) => outcome,
            Err((reason, slot)) => {
                return Ending::Contradicted(Contradiction {
                    reason,
                    slot,
                    run,
                    packet: Bytes(input.packet),
                    port: input.annotations.port,
                    mark: input.annotations.mark,
                });
            }
        };
        summary.runs = summary.runs.saturating_add(1);
        match outcome {
            Some(outcome) => {
                summary.instructions = summary.instructions.saturating_add(outcome.instructions);
            }
            None => {
                summary.cut = summary.cut.saturating_add(1);
                summary.instructions = summary.instructions.saturating_add(MAX_FUEL);
            }
        }
        if watch.saw_something_new() {
            if kept.len() >= MAX_KEPT {
                kept.swap_remove(random.below(MAX_KEPT));
            }
            kept.push(input);
        }
    }
    (summary.taken, summary.directions) = watch.coverage();
    Ending::Passed(summary)
}

fn new_instance(image: &Image, random: &mut Random) -> Result<Instance, String> {
    let secret = [random.next(), random.next()];
    let maps = Maps::new(image.maps(), secret).map_err(|error| error.to_string())?;
    Instance::new(image, maps).map_err(|error| error.to_string())
}

/// One run: its outcome, nothing when it was cut off, or what contradicts the proof and where.
fn execute(
    instance: &mut Instance,
    input: &Input,
    facts: &Facts,
    seed: u64,
    watch: &mut Watch<'_>,
) -> Result<Option<RunOutcome>, (String, Option<u32>)> {
    let mut packet = Packet::new(&input.packet).map_err(|error| (error.to_string(), None))?;
    packet.annotations = input.annotations;
    let mut environment = DeterministicEnvironment::new(seed);
    environment.now_ns = input.clock_ns;
    let most = facts.longest_run;
    // One more than can be, to tell exceeding the bound from reaching it.
    let fuel = most.saturating_add(1).min(MAX_FUEL);
    watch.begin();
    match instance.run_observed(&mut packet, &mut environment, fuel, watch) {
        Ok(outcome) => {
            check_claims(&outcome, facts).map_err(|reason| (reason, None))?;
            Ok(Some(outcome))
        }
        Err(Fault {
            cause: FaultCause::OutOfFuel { .. },
            ..
        }) if fuel <= most => Ok(None),
        Err(fault) => Err((fault.cause.to_string(), Some(fault.slot))),
    }
}

/// Whether a run kept to what is claimed of the program.
fn check_claims(outcome: &RunOutcome, facts: &Facts) -> Result<(), String> {
    let exit = facts.bounds.exit_low..=facts.bounds.exit_high;
    if !exit.contains(&outcome.value) {
        return Err(format!(
            "the program returned {}, of which {}..={} was proved",
            outcome.value,
            exit.start(),
            exit.end()
        ));
    }
    let max_stack = usize::try_from(facts.max_stack).unwrap_or(usize::MAX);
    // Frames lie apart, so bytes compare only where there is one.
    if outcome.call_depth <= 1 && outcome.stack_bytes > max_stack {
        return Err(format!(
            "the program used {} bytes of stack, of which {max_stack} was proved",
            outcome.stack_bytes
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
