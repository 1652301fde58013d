//! The rules that hold between claims, whoever makes them.

use alloc::string::ToString;

use platform_click::{ProgramKind, VerifierProfile, limits};

use super::{
    Claims, ExitRange, LoopMethod, MAX_COUNTER, MAX_ENGINES, MAX_LOOPS, MAX_UNREACHED, Map,
    Program, SlotRange, StatementError, Termination, Trial, Way,
};
use crate::text::Text;
use crate::time::UnixTime;

/// The first rule that does not hold. Lists are short, so each item is compared with those before.
pub(super) fn check(claims: &Claims) -> Result<(), StatementError> {
    in_range("counter", claims.counter, 1, MAX_COUNTER)?;
    let Trial {
        branches_taken,
        branches,
        ..
    } = claims.trial;
    in_range("number of directions taken", branches_taken, 0, branches)?;
    count("number of engines", claims.engines.len(), 1, MAX_ENGINES)?;
    each_once("engine", claims.engines.iter().map(|engine| &engine.name))?;
    count(
        "number of programs",
        claims.programs.len(),
        1,
        limits::MAX_PROGRAMS,
    )?;
    each_once(
        "program",
        claims.programs.iter().map(|program| &program.name),
    )?;
    let latest = UnixTime::YEAR_9999.as_secs();
    in_range("time of expiry", claims.expires_at.as_secs(), 0, latest)?;
    if claims.expires_at <= claims.issued_at {
        return Err(StatementError::Lifetime {
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
        });
    }
    if claims.profile.check_termination != (claims.termination == Termination::Proved) {
        return Err(StatementError::Termination {
            check: claims.profile.check_termination,
            termination: claims.termination,
        });
    }
    for program in &claims.programs {
        check_program(program, &claims.profile)?;
        check_termination(program, claims.termination)?;
    }
    check_maps_agree(claims)
}

fn check_program(program: &Program, profile: &VerifierProfile) -> Result<(), StatementError> {
    let slots = u64::from(program.instructions);
    in_range(
        "instruction count",
        slots,
        1,
        widen(limits::MAX_INSTRUCTIONS),
    )?;
    let stack_size =
        u64::from(profile.stack_frame_size).saturating_mul(u64::from(profile.max_call_frames));
    in_range("stack use", u64::from(program.max_stack), 0, stack_size)?;
    check_exit(program)?;
    check_helpers(program)?;
    check_map_list(program)?;
    check_loops(program)?;
    check_unreached(program)?;
    check_worst_case(program)
}

fn check_exit(program: &Program) -> Result<(), StatementError> {
    let ExitRange { min, max } = program.exit;
    let legal = program.kind.returns();
    in_range("return value", max, *legal.start(), *legal.end())?;
    in_range("lowest return value", min, *legal.start(), max)?;

    let broken = |rule| {
        let program = program.name.clone();
        Err(StatementError::Program { program, rule })
    };
    let is_classifier = program.kind == ProgramKind::Classifier;
    match program.highest_output {
        Some(_) if !is_classifier => broken("only a classifier has outputs"),
        None if is_classifier && min != ProgramKind::CLASSIFIER_DROP => {
            broken("a classifier that does not always drop has a highest output")
        }
        Some(output) if u64::from(output) == ProgramKind::CLASSIFIER_DROP => {
            broken("255 drops and is no output")
        }
        Some(output) if !(min..=max).contains(&u64::from(output)) => {
            broken("the highest output is not a return value")
        }
        _ => Ok(()),
    }
}

fn check_helpers(program: &Program) -> Result<(), StatementError> {
    let numbers = program.helpers.iter().map(|helper| helper.spec().id);
    each_once("helper", numbers)?;
    for helper in &program.helpers {
        let spec = helper.spec();
        if !spec.kinds.contains(program.kind) {
            return Err(StatementError::HelperKind {
                program: program.name.clone(),
                kind: program.kind,
                helper: spec.id,
            });
        }
    }
    Ok(())
}

fn check_map_list(program: &Program) -> Result<(), StatementError> {
    count("number of maps", program.maps.len(), 0, limits::MAX_MAPS)?;
    each_once("map", program.maps.iter().map(|map| &map.name))?;
    for map in &program.maps {
        map.kind
            .check_shape(map.key_size, map.value_size, map.max_entries)
            .map_err(|source| StatementError::MapShape {
                name: map.name.clone(),
                source,
            })?;
    }
    Ok(())
}

fn check_loops(program: &Program) -> Result<(), StatementError> {
    count("number of loops", program.loops.len(), 0, MAX_LOOPS)?;
    each_once("loop at slot", program.loops.iter().map(|a| a.slot))?;
    let last_slot = u64::from(program.instructions.saturating_sub(1));
    for a in &program.loops {
        in_range("slot of a loop", u64::from(a.slot), 0, last_slot)?;
        if (a.bound == 0) != (a.method == LoopMethod::Fuel) {
            return Err(StatementError::Program {
                program: program.name.clone(),
                rule: "a loop has a bound, or fuel ends it, and not both",
            });
        }
    }
    Ok(())
}

/// Every run begins at slot 0, and whatever it reaches, it leaves.
fn check_unreached(program: &Program) -> Result<(), StatementError> {
    let slots = &program.unreached.slots;
    let ways = &program.unreached.ways;
    count("number of unreached ranges", slots.len(), 0, MAX_UNREACHED)?;
    count("number of unreached ways", ways.len(), 0, MAX_UNREACHED)?;
    let broken = |rule| {
        let program = program.name.clone();
        Err(StatementError::Program { program, rule })
    };
    // The first slot that the next range may have.
    let mut next = 1;
    for range in slots {
        let SlotRange { first, count } = *range;
        in_range("slots of an unreached range", count.into(), 1, u64::MAX)?;
        if first < next {
            return broken("unreached ranges ascend apart from each other and from slot 0");
        }
        let last = u64::from(first).saturating_add(u64::from(count).saturating_sub(1));
        let last_slot = u64::from(program.instructions.saturating_sub(1));
        in_range("slot of an unreached range", last, 0, last_slot)?;
        next = range.end().saturating_add(1);
    }
    for way in ways {
        let slots = u64::from(program.instructions.saturating_sub(1));
        in_range("slot of an unreached way", way.slot.into(), 0, slots)?;
        if program.unreached.has_slot(way.slot) {
            return broken("of a jump that is not reached, no way is listed");
        }
    }
    if !ways.is_sorted_by(|Way { slot, .. }, next| *slot < next.slot) {
        return broken("unreached ways ascend, one of each jump");
    }
    Ok(())
}

/// A call of a helper is an instruction, and what changes a map is a call of a helper.
fn check_worst_case(program: &Program) -> Result<(), StatementError> {
    let counts = [
        program.worst_case_map_updates,
        program.worst_case_helper_calls,
        program.worst_case_instructions,
    ];
    if !counts.iter().flatten().is_sorted() {
        return Err(StatementError::Program {
            program: program.name.clone(),
            rule: "a run has no more map updates than helper calls, nor these than instructions",
        });
    }
    Ok(())
}

fn check_termination(program: &Program, termination: Termination) -> Result<(), StatementError> {
    let unbounded = program.max_loop_count.is_none()
        || program.loops.iter().any(|a| a.method == LoopMethod::Fuel);
    if termination == Termination::Proved && unbounded {
        return Err(StatementError::Program {
            program: program.name.clone(),
            rule: "termination is said to be proved, but a loop has no bound",
        });
    }
    Ok(())
}

/// Names of maps are unique in an object: one that several programs name is one map.
fn check_maps_agree(claims: &Claims) -> Result<(), StatementError> {
    let all = || claims.programs.iter().flat_map(|program| &program.maps);
    for (i, map) in all().enumerate() {
        let differs = |other: &Map| other.name == map.name && other != map;
        if all().take(i).any(differs) {
            return Err(StatementError::MapConflict(map.name.clone()));
        }
    }
    Ok(())
}

fn each_once<T: PartialEq + ToString>(
    what: &'static str,
    items: impl Iterator<Item = T> + Clone,
) -> Result<(), StatementError> {
    for (i, item) in items.clone().enumerate() {
        if items.clone().take(i).any(|other| other == item) {
            let name = Text::new(&item.to_string())?;
            return Err(StatementError::Twice { what, name });
        }
    }
    Ok(())
}

fn count(what: &'static str, len: usize, min: usize, max: usize) -> Result<(), StatementError> {
    in_range(what, widen(len), widen(min), widen(max))
}

fn in_range(what: &'static str, value: u64, min: u64, max: u64) -> Result<(), StatementError> {
    if !(min..=max).contains(&value) {
        return Err(StatementError::Range {
            what,
            value,
            min,
            max,
        });
    }
    Ok(())
}

/// No supported target has a `usize` of more than 64 bits.
fn widen(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
