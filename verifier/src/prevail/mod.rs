//! The engine: `prevail`, fed with an image.
//!
//! The engine's own ELF loader is not used. It gets the instructions of the image, with references
//! to maps and data as numbers of descriptors that are made from the same image.

mod claims;
mod frames;
mod labels;
pub(crate) mod outputs;
mod reading;
mod returns;

use std::collections::{BTreeMap, BTreeSet};

use ::prevail::crab::ebpf_domain::DomainContext;
use ::prevail::crab::var_registry::VariableRegistry;
use ::prevail::fwd_analyzer;
use ::prevail::ir::program::Program;
use ::prevail::ir::unmarshal::unmarshal;
use ::prevail::result::AnalysisResult;
use ::prevail::spec::config::EbpfVerifierOptions;
use ::prevail::spec::type_descriptors::ProgramInfo;
use ::prevail::spec::vm_isa::EbpfInst;
use bpf_object::{Image, Insn, Wide};
use platform_click::{PROFILE, ProgramKind};

use crate::answer::Disagreement;
use crate::checks::{self, Checked};
use crate::claims::{Claims, SlotOf, same_slot};
use crate::codes;
use crate::explain::explain;
use crate::finding::Report;
use crate::flow::Flow;
use crate::platform::{CONFORMANCE_GROUPS, ClickPlatform, options};
use crate::unwind::has_loops;
use crate::verdict::Engine;
use frames::beyond_frame;
use labels::Labels;
pub(crate) use labels::calls;
use returns::{highest_output, outside_of_range, range_within};

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
    Accepted(Box<Proved>),
    /// It is not proved safe, for these reasons; at least one.
    Rejected(Vec<Report>),
    /// Two engines that were both asked do not agree.
    Divided(Disagreement),
    /// The engine contradicts itself.
    Contradicted(String),
    /// The engine cannot read it.
    Unsupported(String),
}

/// All that the engine proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proved {
    pub(crate) bounds: Bounds,
    pub(crate) reached: Reached,
    /// What it says of single instructions.
    pub(crate) claims: Claims,
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

/// The slots that the engine takes for reachable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    reached: BTreeSet<u32>,
    /// Those that it knows at all: two shifts may be one instruction to it.
    known: BTreeSet<u32>,
}

/// Of what an engine says of slots, of which there may be several opinions: whether a run comes there.
impl FromIterator<(u32, bool)> for Reached {
    fn from_iter<I: IntoIterator<Item = (u32, bool)>>(places: I) -> Self {
        let mut all = Self::default();
        for (slot, reached) in places {
            all.known.insert(slot);
            if reached {
                all.reached.insert(slot);
            }
        }
        all
    }
}

impl Reached {
    fn of(result: &AnalysisResult) -> Self {
        let places = result.invariants.iter();
        places
            .filter_map(|(label, state)| {
                Some((u32::try_from(label.from).ok()?, !state.pre.is_bottom()))
            })
            .collect()
    }

    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.reached.contains(&slot)
    }

    /// Whether the engine proves that no run comes to a slot.
    pub(crate) fn excludes(&self, slot: u32) -> bool {
        self.known.contains(&slot) && !self.reached.contains(&slot)
    }
}

/// Runs the engine with the platform's profile. It may run very long, use much memory or panic:
/// callers run it in a confined process. Each slot of the program stands for one of `original`'s, or for
/// none: the engine's claims are about those.
pub(crate) fn prove_as(
    image: &Image,
    checked: &Checked<'_>,
    original: &Image,
    slot_of: SlotOf<'_>,
) -> Proof {
    let mut analysis = match analyse(image, &checked.outputs) {
        Ok(analysis) => analysis,
        Err(reason) => return Proof::Unsupported(reason),
    };
    let Analysis {
        program,
        registry,
        result,
        labels,
    } = &mut analysis;
    if result.failed {
        return Proof::Rejected(failures(&checked.flow, program, registry, result));
    }
    let outside = outside_of_range(image.kind(), program, registry, result);
    if !outside.is_empty() {
        return Proof::Rejected(outside);
    }
    let (platform, options, info) = reading_with(image);
    let context = DomainContext::new(&info, program, &options, &platform);
    let beyond = beyond_frame(&checked.accesses, *labels, &context, registry, result);
    if !beyond.is_empty() {
        return Proof::Rejected(beyond);
    }
    match bounds(image.kind(), program, registry, result) {
        Ok(bounds) => {
            let reached = Reached::of(&analysis.result);
            let claims = claims::claims(original, &mut analysis, slot_of);
            Proof::Accepted(Box::new(Proved {
                bounds,
                reached,
                claims,
            }))
        }
        Err(contradiction) => Proof::Contradicted(contradiction),
    }
}

/// What constraints about the registers of an image are read with, beside its program.
fn reading_with(image: &Image) -> (ClickPlatform, EbpfVerifierOptions, ProgramInfo) {
    (
        ClickPlatform::new(image),
        options(&PROFILE),
        ProgramInfo::default(),
    )
}

/// What the engine found, and what its answer is read with.
struct Analysis {
    program: Program,
    registry: VariableRegistry,
    result: AnalysisResult,
    labels: Labels,
}

/// Lets the engine analyse an image, given how many bytes the helpers that are called in these slots
/// write.
///
/// # Errors
/// What it cannot read, in its own words.
fn analyse(image: &Image, outputs: &BTreeMap<u32, u32>) -> Result<Analysis, String> {
    let platform = ClickPlatform::new(image);
    let options = options(&PROFILE);
    let mut info = ProgramInfo {
        map_descriptors: platform.descriptors().to_vec(),
        program_type: platform.program_type(),
        supported_conformance_groups: CONFORMANCE_GROUPS,
        ..ProgramInfo::default()
    };
    let code = instructions(image);
    let mut sequence = unmarshal(&code, &mut Vec::new(), &info, &platform, &options)
        .map_err(|error| error.to_string())?;
    let labels = if has_loops(image) {
        Labels::Ordinary
    } else {
        Labels::Long
    };
    labels.give(&mut sequence);
    let sequence = outputs::with_sizes(sequence, outputs);
    let program = Program::from_sequence(&sequence, &mut info, &platform, &options)
        .map_err(|error| error.to_string())?;
    let context = DomainContext::new(&info, &program, &options, &platform);
    let mut registry = VariableRegistry::new();
    let result = fwd_analyzer::analyze(&program, &context, &mut registry);
    Ok(Analysis {
        program,
        registry,
        result,
        labels,
    })
}

/// What the engine says by itself, with nothing of ours before or after it but the sizes that it cannot
/// know: the slot and the words of its first error, if it refuses.
///
/// # Errors
/// What it cannot read, in its own words.
pub(crate) fn alone(image: &Image) -> Result<Option<(u32, String)>, String> {
    let outputs = checks::check(image).map(|checked| checked.outputs);
    let result = analyse(image, &outputs.unwrap_or_default())?.result;
    if !result.failed {
        return Ok(None);
    }
    let error = result.find_first_error();
    let (slot, message) = error.map_or_else(Default::default, |error| {
        let from = error.label.as_ref().map_or(0, |label| label.from);
        (u32::try_from(from).unwrap_or(0), error.message.clone())
    });
    Ok(Some((slot, message)))
}

/// What the engine claims by itself, if it accepts. Where it also claims that no run comes to an exit,
/// return values are bounded by the kind alone.
pub(crate) fn proof_alone(image: &Image) -> Option<(Bounds, Claims)> {
    let outputs = checks::check(image).map(|checked| checked.outputs);
    let analysis = analyse(image, &outputs.unwrap_or_default()).ok();
    let mut analysis = analysis.filter(|analysis| !analysis.result.failed)?;
    let Analysis {
        program,
        registry,
        result,
        ..
    } = &mut analysis;
    let allowed = image.kind().returns();
    let bounds = bounds(image.kind(), program, registry, result);
    let bounds = bounds.unwrap_or_else(|_| Bounds {
        max_loop_count: 0,
        exit_low: *allowed.start(),
        exit_high: *allowed.end(),
        highest_output: None,
    });
    Some((bounds, claims::claims(image, &mut analysis, &same_slot)))
}

/// The engine's form of the image's instructions.
pub(crate) fn instructions(image: &Image) -> Vec<EbpfInst> {
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

/// The bounds of an accepted program. The range over all exits is checked again as a whole.
fn bounds(
    kind: ProgramKind,
    program: &Program,
    registry: &mut VariableRegistry,
    result: &AnalysisResult,
) -> Result<Bounds, String> {
    let Some((exit_low, exit_high)) = range_within(kind, &result.exit_value) else {
        // A program that is safe and ends comes to an exit, and each exit was looked at before.
        return Err(
            "the engine proves that the program ends, and that it never comes to an exit".into(),
        );
    };
    let highest_output = match kind {
        ProgramKind::Classifier => highest_output(program, registry, result, exit_high),
        _ => None,
    };
    Ok(Bounds {
        max_loop_count: u32::try_from(result.max_loop_count).unwrap_or(u32::MAX),
        exit_low,
        exit_high,
        highest_output,
    })
}

#[cfg(test)]
mod tests;
