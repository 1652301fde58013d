//! From what was proved to what is claimed.

use bpf_statement::{
    Engine, ExitRange, Loop, LoopMethod, MAX_LOOPS, MAX_UNREACHED, Map, MapSync, Name, Program,
    SandboxClass, SlotRange, Symbol, Text, Trial, Unreached, Version, Way,
};
use bpf_verifier::{AcceptedProgram, ObjectFacts, Sandbox};

use platform_click::PlatformSlice;

use crate::error::{CliError, codes};

/// What a statement says of the programs of an object.
///
/// # Errors
/// A name that a statement cannot carry.
pub(crate) fn programs(facts: &ObjectFacts) -> Result<Vec<Program>, CliError> {
    facts.programs.iter().map(program).collect()
}

fn program(facts: &AcceptedProgram) -> Result<Program, CliError> {
    let maps: Result<Vec<Map>, CliError> = facts
        .maps
        .iter()
        .map(|map| {
            Ok(Map {
                name: symbol(&map.name)?,
                kind: map.kind,
                key_size: map.key_size,
                value_size: map.value_size,
                max_entries: map.max_entries,
                sync: MapSync::None,
            })
        })
        .collect();
    Ok(Program {
        name: symbol(&facts.name)?,
        kind: facts.kind,
        image: facts.image,
        instructions: facts.instructions,
        max_stack: facts.max_stack,
        max_loop_count: Some(facts.max_loop_count.into()),
        exit: ExitRange {
            min: *facts.exit.start(),
            max: *facts.exit.end(),
        },
        highest_output: facts.highest_output,
        helpers: facts.helpers.clone(),
        maps: maps?,
        loops: loops(facts),
        worst_case_instructions: Some(facts.worst_case_instructions),
        proof: None,
        unreached: unreached(&facts.unreached),
        worst_case_helper_calls: Some(facts.worst_case_helper_calls),
        worst_case_map_updates: Some(facts.worst_case_map_updates),
    })
}

/// The loops of a program; none when there are more than a statement records.
fn loops(facts: &AcceptedProgram) -> Vec<Loop> {
    if facts.loops.len() > MAX_LOOPS {
        return Vec::new();
    }
    let method = match facts.unwound_instructions {
        Some(_) => LoopMethod::Unwound,
        None => LoopMethod::Fixpoint,
    };
    let loops = facts.loops.iter().map(|fact| Loop {
        slot: fact.slot,
        bound: fact.bound,
        method,
    });
    loops.collect()
}

/// What no proof reaches; the first ranges and ways, when there are more than a statement records.
fn unreached(facts: &bpf_verifier::Unreached) -> Unreached {
    let mut unreached = Unreached::default();
    for slot in &facts.slots {
        match unreached.slots.last_mut() {
            Some(range) if range.end() == *slot => range.count = range.count.saturating_add(1),
            _ => unreached.slots.push(SlotRange {
                first: *slot,
                count: 1,
            }),
        }
    }
    unreached.ways = facts
        .ways
        .iter()
        .map(|(slot, taken)| Way {
            slot: *slot,
            taken: *taken,
        })
        .collect();
    unreached.slots.truncate(MAX_UNREACHED);
    unreached.ways.truncate(MAX_UNREACHED);
    unreached
}

/// The engines that vouched.
///
/// # Errors
/// A name that a statement cannot carry.
pub(crate) fn engines(facts: &ObjectFacts) -> Result<Vec<Engine>, CliError> {
    let engine = |engine: &bpf_verifier::Engine| {
        let (major, minor, patch) = engine.version;
        Ok(Engine {
            name: name(engine.name)?,
            version: Version {
                major,
                minor,
                patch,
            },
        })
    };
    facts.engines.iter().map(engine).collect()
}

/// The part of the platform that the programs of an object use, together.
pub(crate) fn slice(facts: &ObjectFacts) -> PlatformSlice {
    let helpers = facts
        .programs
        .iter()
        .flat_map(|program| program.helpers.iter().copied());
    let maps = facts
        .programs
        .iter()
        .flat_map(|program| program.maps.iter().map(|map| map.kind));
    PlatformSlice::new(helpers, maps)
}

/// What was executed before signing.
///
/// # Errors
/// Nothing was: such an object is not signed.
pub(crate) fn trial(facts: &ObjectFacts) -> Result<Trial, CliError> {
    let trial = facts
        .trial
        .ok_or_else(|| CliError::message(codes::INTERNAL, "the object was not tried"))?;
    Ok(Trial {
        runs: trial.runs,
        instructions: trial.instructions,
        seed: trial.seed,
        branches_taken: trial.branches_taken.into(),
        branches: trial.branches.into(),
        max_runs: trial.max_runs.into(),
        max_time_ms: trial.max_time_ms,
    })
}

/// The class of a sandbox; Landlock without a filter of system calls counts as limits only, since
/// each class holds the ones before it.
pub(crate) const fn sandbox(sandbox: Sandbox) -> SandboxClass {
    match (sandbox.seccomp, sandbox.landlock) {
        (true, true) => SandboxClass::LandlockSeccomp,
        (true, false) => SandboxClass::Seccomp,
        (false, _) => SandboxClass::Limits,
    }
}

/// A statement's name.
///
/// # Errors
/// Characters or a length that names do not have.
pub(crate) fn name(text: &str) -> Result<Name, CliError> {
    Name::new(text).map_err(|error| {
        CliError::message(error.code(), format!("`{text}` is no name: {error}"))
            .hint("The name is the file's stem unless --name gives another.")
    })
}

/// The name of a program or map.
///
/// # Errors
/// Characters or a length that symbols do not have.
pub(crate) fn symbol(text: &str) -> Result<Symbol, CliError> {
    Symbol::new(text).map_err(|error| CliError::new(error.code(), &error))
}

/// A text of a statement.
///
/// # Errors
/// Characters or a length that texts do not have.
pub(crate) fn text(text: &str) -> Result<Text, CliError> {
    Text::new(text).map_err(|error| CliError::new(error.code(), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_the_ones_before_do() {
        for (seccomp, landlock, class) in [
            (false, false, SandboxClass::Limits),
            (false, true, SandboxClass::Limits),
            (true, false, SandboxClass::Seccomp),
            (true, true, SandboxClass::LandlockSeccomp),
        ] {
            assert_eq!(sandbox(Sandbox { seccomp, landlock }), class);
        }
    }
}
