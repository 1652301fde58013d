//! Return values: within what the kind allows, and which outputs a classifier names.

use std::collections::BTreeSet;

use ::prevail::cfg::label::Label;
use ::prevail::crab::interval::Interval;
use ::prevail::crab::var_registry::VariableRegistry;
use ::prevail::ir::program::Program;
use ::prevail::ir::syntax::{Instruction, Reg, Value};
use ::prevail::result::AnalysisResult;
use platform_click::ProgramKind;

use super::MAX_REPORTS;
use crate::codes;
use crate::finding::Report;

/// A report for each exit of the program whose value may be outside of what the kind allows.
pub(super) fn outside_of_range(
    kind: ProgramKind,
    program: &Program,
    registry: &mut VariableRegistry,
    result: &AnalysisResult,
) -> Vec<Report> {
    let allowed = kind.returns();
    let mut reports = Vec::new();
    for exit in program.cfg().parents_of(&Label::exit()) {
        let Some(state) = result.invariants.get(exit) else {
            continue;
        };
        if state.pre.is_bottom() || reports.len() >= MAX_REPORTS {
            continue;
        }
        let value = state.pre.get_r0(registry);
        if range_within(kind, &value).is_none() {
            let cause = format!(
                "the program may return {}; a {kind} returns {}..={}",
                describe(&value),
                allowed.start(),
                allowed.end()
            );
            let slot = u32::try_from(exit.from).unwrap_or(0);
            reports.push(Report::new(codes::RETURN_RANGE, slot, cause));
        }
    }
    reports
}

/// An interval in words.
fn describe(value: &Interval) -> String {
    let bounds = (
        value.lb().number().and_then(|bound| bound.to_i64()),
        value.ub().number().and_then(|bound| bound.to_i64()),
    );
    match bounds {
        (Some(low), Some(high)) if low == high => low.to_string(),
        (Some(low), Some(high)) => format!("any number from {low} to {high}"),
        (Some(low), None) => format!("any number from {low} on"),
        (None, Some(high)) => format!("any number up to {high}"),
        (None, None) => "any number".into(),
    }
}

/// The bounds of an interval, if all values in it may be returned by a program of this kind.
pub(super) fn range_within(kind: ProgramKind, value: &Interval) -> Option<(u64, u64)> {
    let low = value.lb().number()?.to_i64()?;
    let high = value.ub().number()?.to_i64()?;
    let (low, high) = (u64::try_from(low).ok()?, u64::try_from(high).ok()?);
    let allowed = kind.returns();
    (low <= high && allowed.contains(&low) && allowed.contains(&high)).then_some((low, high))
}

/// The highest output that a classifier may name, given its highest return value.
///
/// At an exit where "drop" (255) and an output meet, their interval holds every output. So the value
/// is looked at where it comes from: before the exit, at the ends of all paths that lead to it
/// without changing it. Every execution passes one of these places.
pub(super) fn highest_output(
    program: &Program,
    registry: &mut VariableRegistry,
    result: &AnalysisResult,
    exit_high: u64,
) -> Option<u8> {
    let last_output = ProgramKind::CLASSIFIER_DROP.saturating_sub(1);
    let mut highest = None;
    let mut seen = BTreeSet::new();
    let mut places = vec![Label::exit()];
    while let Some(place) = places.pop() {
        for parent in program.cfg().parents_of(&place) {
            let Some(state) = result.invariants.get(parent) else {
                continue;
            };
            if state.post.is_bottom() || !seen.insert(parent.clone()) {
                continue;
            }
            let range = range_within(ProgramKind::Classifier, &state.post.get_r0(registry));
            let mixed = range.is_none_or(|(low, high)| low <= last_output && high > last_output);
            if mixed && keeps_r0(program.instruction_at(parent)) {
                places.push(parent.clone());
                continue;
            }
            let (low, high) = range.unwrap_or((0, exit_high));
            if low <= last_output {
                highest = highest.max(Some(high.min(last_output)));
            }
        }
    }
    highest.and_then(|output| u8::try_from(output).ok())
}

/// Whether r0 is after the instruction what it was before.
fn keeps_r0(instruction: &Instruction) -> bool {
    let r0 = Reg { v: 0 };
    match instruction {
        Instruction::Jmp(_)
        | Instruction::Assume(_)
        | Instruction::IncrementLoopCounter(_)
        | Instruction::Exit(_) => true,
        Instruction::Bin(bin) => bin.dst != r0,
        Instruction::Un(un) => un.dst != r0,
        Instruction::Mem(access) => !access.is_load || access.value != Value::Reg(r0),
        _ => false,
    }
}
