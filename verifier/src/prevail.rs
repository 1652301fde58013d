//! The engine: `prevail`, fed with an image.
//!
//! The engine's own ELF loader is not used. It gets the instructions of the image, with references
//! to maps and data as numbers of descriptors that are made from the same image.

use std::collections::BTreeSet;

use ::prevail::cfg::label::Label;
use ::prevail::crab::ebpf_domain::DomainContext;
use ::prevail::crab::interval::Interval;
use ::prevail::crab::var_registry::VariableRegistry;
use ::prevail::fwd_analyzer;
use ::prevail::ir::program::Program;
use ::prevail::ir::syntax::{Instruction, Reg, Value};
use ::prevail::ir::unmarshal::unmarshal;
use ::prevail::result::AnalysisResult;
use ::prevail::spec::type_descriptors::ProgramInfo;
use ::prevail::spec::vm_isa::EbpfInst;
use bpf_object::{Image, Insn, Wide};
use platform_click::{PROFILE, ProgramKind};

use crate::checks::{AccessSize, Checked, StackAccess};
use crate::codes;
use crate::explain::explain;
use crate::finding::Report;
use crate::flow::Flow;
use crate::invariant::Invariant;
use crate::platform::{CONFORMANCE_GROUPS, ClickPlatform, options};
use crate::verdict::Engine;

/// The engine as statements name it; the version is the one that the workspace pins.
pub(crate) const ENGINE: Engine = Engine {
    name: "prevail",
    version: (0, 2, 6),
};

/// Findings of one program that are reported; there is one for each path that fails.
const MAX_REPORTS: usize = 16;

/// What the engine says about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It is safe.
    Accepted(Bounds),
    /// It is not proved safe, for these reasons; at least one.
    Rejected(Vec<Report>),
    /// The engine contradicts itself.
    Contradicted(String),
    /// The engine cannot read it.
    Unsupported(String),
}

/// What the engine proved beyond safety.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The most times that the head of one loop is passed.
    pub(crate) max_loop_count: u32,
    /// Lowest return value.
    pub(crate) exit_low: u64,
    /// Highest return value.
    pub(crate) exit_high: u64,
    /// The highest output of a classifier.
    pub(crate) highest_output: Option<u8>,
}

/// Runs the engine with the platform's profile. It may run very long, use much memory or panic:
/// callers run it in a confined process.
pub(crate) fn prove(image: &Image, checked: &Checked<'_>) -> Proof {
    let platform = ClickPlatform::new(image);
    let options = options(&PROFILE);
    let mut info = ProgramInfo {
        map_descriptors: platform.descriptors().to_vec(),
        program_type: platform.program_type(),
        supported_conformance_groups: CONFORMANCE_GROUPS,
        ..ProgramInfo::default()
    };
    let code = instructions(image);
    let sequence = match unmarshal(&code, &mut Vec::new(), &info, &platform, &options) {
        Ok(sequence) => sequence,
        Err(error) => return Proof::Unsupported(error.to_string()),
    };
    let program = match Program::from_sequence(&sequence, &mut info, &platform, &options) {
        Ok(program) => program,
        Err(error) => return Proof::Unsupported(error.to_string()),
    };
    let context = DomainContext::new(&info, &program, &options, &platform);
    let mut registry = VariableRegistry::new();
    let result = fwd_analyzer::analyze(&program, &context, &mut registry);
    if result.failed {
        return Proof::Rejected(failures(&checked.flow, &program, &registry, &result));
    }
    let outside = outside_of_range(image.kind(), &program, &mut registry, &result);
    if !outside.is_empty() {
        return Proof::Rejected(outside);
    }
    let beyond = beyond_frame(&checked.accesses, &registry, &result);
    if !beyond.is_empty() {
        return Proof::Rejected(beyond);
    }
    bounds(image.kind(), &program, &mut registry, &result)
}

/// The engine's form of the image's instructions.
fn instructions(image: &Image) -> Vec<EbpfInst> {
    image
        .raw()
        .into_iter()
        .zip(image.code())
        .map(|(raw, insn)| EbpfInst {
            opcode: raw.opcode,
            dst_src: raw.dst | raw.src << 4,
            offset: raw.off,
            imm: match insn {
                Insn::Wide {
                    value: Wide::Map(index),
                    ..
                } => ClickPlatform::map_number(*index),
                Insn::Wide {
                    value: Wide::Data { section, .. },
                    ..
                } => ClickPlatform::data_number(image, *section),
                _ => raw.imm,
            },
        })
        .collect()
}

/// One report for each place that fails, by slot. An inlined function fails once.
fn failures(
    flow: &Flow<'_>,
    program: &Program,
    registry: &VariableRegistry,
    result: &AnalysisResult,
) -> Vec<Report> {
    let mut reports: Vec<Report> = Vec::new();
    for (label, state) in &result.invariants {
        let Some(error) = &state.error else { continue };
        if state.pre.is_bottom() {
            continue;
        }
        let report = explain(flow, program, registry, label, &state.pre, error);
        let known = |other: &Report| (other.slot, other.code) == (report.slot, report.code);
        if !reports.iter().any(known) {
            reports.push(report);
        }
    }
    reports.sort_by_key(|report| report.slot);
    reports.truncate(MAX_REPORTS);
    if reports.is_empty() {
        // `failed` without a reachable error: nothing to point at, yet never an acceptance.
        reports.push(Report::new(
            codes::REFUSED,
            0,
            "the engine refuses the program without naming a place",
        ));
    }
    reports
}

/// A report for each access to the stack that the engine lets reach beyond the frame to which it
/// belongs: it takes all frames for one piece of memory.
fn beyond_frame(
    accesses: &[StackAccess],
    registry: &VariableRegistry,
    result: &AnalysisResult,
) -> Vec<Report> {
    let mut reports: Vec<Report> = Vec::new();
    for access in accesses {
        let calls: Vec<String> = access.calls.iter().map(u32::to_string).collect();
        let label = Label::new_full(access.slot.cast_signed(), -1, calls.join("/"));
        let within = result.invariants.get(&label).is_some_and(|state| {
            state.pre.is_bottom()
                || stays_in_frame(access, &Invariant::new(&state.pre, registry)) == Some(true)
        });
        if !within && !reports.iter().any(|report| report.slot == access.slot) {
            reports.push(Report::new(
                codes::FRAME,
                access.slot,
                "nothing shows that this access stays within one stack frame",
            ));
        }
    }
    reports
}

/// Whether an access stays within its frame, if the engine's bounds tell. Frames lie below each
/// other, the entry function's at the top.
fn stays_in_frame(access: &StackAccess, invariant: &Invariant) -> Option<bool> {
    let frame_size = i64::from(PROFILE.stack_frame_size);
    let frame = i64::try_from(access.frame?).ok()?;
    let frames_below = i64::from(PROFILE.max_call_frames).checked_sub(frame)?;
    let top = frames_below.checked_mul(frame_size)?;
    let bottom = top.checked_sub(frame_size)?;
    let (low, high) = invariant.interval(&format!("r{}.stack_offset", access.register))?;
    let size = match access.size {
        AccessSize::Bytes(size) => size,
        AccessSize::Register(register) => invariant.interval(&format!("r{register}.svalue"))?.1,
    };
    let low = low.checked_add(access.off.into())?;
    let end = high.checked_add(access.off.into())?.checked_add(size)?;
    Some(bottom <= low && end <= top)
}

/// A report for each exit of the program whose value may be outside of what the kind allows.
fn outside_of_range(
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
fn range_within(kind: ProgramKind, value: &Interval) -> Option<(u64, u64)> {
    let low = value.lb().number()?.to_i64()?;
    let high = value.ub().number()?.to_i64()?;
    let (low, high) = (u64::try_from(low).ok()?, u64::try_from(high).ok()?);
    let allowed = kind.returns();
    (low <= high && allowed.contains(&low) && allowed.contains(&high)).then_some((low, high))
}

/// The bounds of an accepted program. The range over all exits is checked again as a whole.
fn bounds(
    kind: ProgramKind,
    program: &Program,
    registry: &mut VariableRegistry,
    result: &AnalysisResult,
) -> Proof {
    let Some((exit_low, exit_high)) = range_within(kind, &result.exit_value) else {
        // A program that is safe and ends comes to an exit, and each exit was looked at before.
        return Proof::Contradicted(
            "the engine proves that the program ends, and that it never comes to an exit".into(),
        );
    };
    let highest_output = match kind {
        ProgramKind::Classifier => highest_output(program, registry, result, exit_high),
        _ => None,
    };
    Proof::Accepted(Bounds {
        max_loop_count: u32::try_from(result.max_loop_count).unwrap_or(u32::MAX),
        exit_low,
        exit_high,
        highest_output,
    })
}

/// The highest output that a classifier may name, given its highest return value.
///
/// At an exit where "drop" (255) and an output meet, their interval holds every output. So the value
/// is looked at where it comes from: before the exit, at the ends of all paths that lead to it
/// without changing it. Every execution passes one of these places.
fn highest_output(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Outcome, examine};
    use crate::testing::{exit, image, mov, op, pass};

    /// Statements name the version that the workspace pins.
    #[test]
    fn the_engines_version_is_the_pinned_one() {
        let (major, minor, patch) = ENGINE.version;
        let pinned = format!("{} = \"={major}.{minor}.{patch}\"", ENGINE.name);
        let manifest = include_str!("../../Cargo.toml");
        assert!(manifest.lines().any(|line| line == pinned), "{pinned}");
    }

    fn outcome(kind: ProgramKind, code: &[bpf_object::RawInsn]) -> Outcome {
        examine(&image(kind, code))
    }

    /// The bounds of what must be accepted.
    fn bounds_of(kind: ProgramKind, code: &[bpf_object::RawInsn]) -> Bounds {
        match outcome(kind, code) {
            Outcome::Accepted(facts) => facts.bounds,
            other => panic!("{other:?}"),
        }
    }

    fn code_of(kind: ProgramKind, code: &[bpf_object::RawInsn]) -> (&'static str, u32) {
        match outcome(kind, code) {
            Outcome::Rejected(reports) => (reports[0].code.id, reports[0].slot),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_kind_has_its_return_values() {
        for kind in ProgramKind::ALL {
            let (low, high) = kind.returns().into_inner();
            for value in [low, high] {
                let number = i32::try_from(value).unwrap();
                let bounds = bounds_of(*kind, &[mov(0, number), exit()]);
                assert_eq!((bounds.exit_low, bounds.exit_high), (value, value));
            }
            for number in [-1, i32::try_from(high).unwrap().saturating_add(1)] {
                let found = code_of(*kind, &[mov(0, number), exit()]);
                assert_eq!(found, (codes::RETURN_RANGE.id, 1), "{kind} {number}");
            }
        }
    }

    /// Each exit is judged for itself, and named.
    #[test]
    fn the_exit_with_the_wrong_value_is_named() {
        let code = [
            op(0x61, 2, 1, 16, 0),
            mov(0, 1),
            op(0x15, 2, 0, 1, 0),
            exit(),
            mov(0, 9),
            exit(),
        ];
        assert_eq!(
            code_of(ProgramKind::Filter, &code),
            (codes::RETURN_RANGE.id, 5)
        );
    }

    #[test]
    fn a_classifiers_highest_output_does_not_count_drops() {
        // Output 1, or drop: through one exit, where the interval is 1..=255.
        let code = [
            op(0x61, 2, 1, 16, 0),
            mov(0, 1),
            op(0x15, 2, 0, 1, 0),
            mov(0, 255),
            exit(),
        ];
        let bounds = bounds_of(ProgramKind::Classifier, &code);
        assert_eq!((bounds.exit_low, bounds.exit_high), (1, 255));
        assert_eq!(bounds.highest_output, Some(1));
        // Always drop.
        let bounds = bounds_of(ProgramKind::Classifier, &[mov(0, 255), exit()]);
        assert_eq!(bounds.highest_output, None);
        // A byte of the context: any output, and drop.
        let code = [op(0x71, 0, 1, 16, 0), exit()];
        assert_eq!(
            bounds_of(ProgramKind::Classifier, &code).highest_output,
            Some(254)
        );
        assert_eq!(bounds_of(ProgramKind::Filter, &pass()).highest_output, None);
    }

    #[test]
    fn loops_are_bounded_or_refused() {
        // for (r1 = 0; r1 < n; r1++): the head is passed once more than the body.
        let counted = |n| {
            [
                mov(0, 1),
                mov(1, 0),
                op(0x35, 1, 0, 2, n),
                op(0x07, 1, 0, 0, 1),
                op(0x05, 0, 0, -3, 0),
                exit(),
            ]
        };
        assert_eq!(
            bounds_of(ProgramKind::Filter, &counted(64)).max_loop_count,
            65
        );
        assert_eq!(
            code_of(ProgramKind::Filter, &counted(200_000)).0,
            codes::LOOP.id
        );
        let endless = [mov(0, 1), op(0x05, 0, 0, -2, 0)];
        assert_eq!(code_of(ProgramKind::Filter, &endless).0, codes::LOOP.id);
    }

    /// Maps and data have numbers of their own: with one map, data sections are 2 and 3.
    #[test]
    fn references_become_numbers_of_descriptors() {
        let code = [
            op(0x18, 1, 1, 0, 0),
            op(0, 0, 0, 0, 0),
            op(0x18, 2, 2, 0, 1),
            op(0, 0, 0, 0, 4),
            mov(0, 1),
            exit(),
        ];
        let fed = instructions(&image(ProgramKind::Filter, &code));
        assert_eq!((fed[0].imm, fed[2].imm, fed[3].imm), (1, 3, 4));
        // The last four bytes of a section of eight, and four bytes behind it.
        let read = |off| {
            [
                op(0x18, 2, 2, 0, 1),
                op(0, 0, 0, 0, 4),
                op(0x61, 3, 2, off, 0),
                mov(0, 1),
                exit(),
            ]
        };
        bounds_of(ProgramKind::Filter, &read(0));
        assert_eq!(
            code_of(ProgramKind::Filter, &read(4)),
            (codes::MAP_VALUE_BOUNDS.id, 2)
        );
    }

    /// The engine says that this never comes to an exit: it takes the swapped number for negative.
    #[test]
    fn a_proof_without_an_exit_contradicts_itself() {
        let code = [
            mov(1, 0x80),
            op(0xd7, 1, 0, 0, 64),
            op(0x25, 1, 0, 2, 5),
            mov(0, 1),
            exit(),
            mov(1, 0),
            op(0x79, 0, 1, 0, 0),
            exit(),
        ];
        match outcome(ProgramKind::Filter, &code) {
            Outcome::Contradicted(_) => {}
            other => panic!("the engine has changed: {other:?}"),
        }
    }
}
