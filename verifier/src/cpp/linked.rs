//! The engine, fed with the same instructions, maps and sizes as the crate.

use std::collections::{BTreeMap, BTreeSet};

use bpf_object::{Image, Insn};
use platform_click::ProgramKind;
use prevail_cpp::{Answer, Map, Question, Size};

use super::{ENGINE, Judgement};
use crate::checks::{self, Checked};
use crate::claims::{Claims, Collector, SlotOf};
use crate::codes;
use crate::finding::Report;
use crate::platform::ClickPlatform;
use crate::prevail::{self, Bounds, Proof, Proved, Reached};
use crate::unwind::has_loops;

/// Findings of one program that are reported.
const MAX_REPORTS: usize = 16;

/// What the engine says of a program. It may run very long and use much memory.
pub(crate) fn judge(image: &Image, checked: &Checked<'_>) -> Judgement {
    judgement(image, &ask(image, &checked.outputs))
}

/// What follows from its answer alone. Which frame an access to the stack stays in is not asked of it:
/// where the checks before could not tell, there is no answer.
pub(crate) fn prove_as(
    image: &Image,
    checked: &Checked<'_>,
    original: &Image,
    slot_of: SlotOf<'_>,
) -> Proof {
    let answer = ask(image, &checked.outputs);
    match judgement(image, &answer) {
        Judgement::Refuses(reports) => return Proof::Rejected(reports),
        Judgement::Silent(reason) => return Proof::Unsupported(reason),
        Judgement::Accepts if !checked.accesses.is_empty() => {
            let reason =
                "only the crate `prevail` says which frame an access to the stack stays in";
            return Proof::Unsupported(reason.into());
        }
        Judgement::Accepts => {}
    }
    let Some((exit_low, exit_high)) = returns(image.kind(), &answer) else {
        return Proof::Contradicted("the engine accepts, and then does not".into());
    };
    let instructions = answer.places.iter().filter(|place| place.to < 0);
    let reached = instructions
        .filter_map(|place| Some((u32::try_from(place.from).ok()?, place.before)))
        .collect::<Reached>();
    Proof::Accepted(Box::new(Proved {
        bounds: Bounds {
            max_loop_count: answer.max_loop_count,
            exit_low,
            exit_high,
            highest_output: highest_output(image.kind(), exit_low, exit_high),
        },
        reached,
        claims: claims(original, &answer, slot_of),
    }))
}

/// What the engine says by itself, as `prevail::alone` has it of the crate.
///
/// # Errors
/// Why there is no answer, in its own words.
pub(crate) fn alone(image: &Image) -> Result<Option<(u32, String)>, String> {
    let outputs = checks::check(image).map(|checked| checked.outputs);
    let answer = ask(image, &outputs.unwrap_or_default());
    if !answer.answered {
        return Err(answer.reason);
    }
    let first = failures(&answer).into_iter().next();
    let refused = first.filter(|_| !answer.accepted);
    Ok(refused.map(|report| (report.slot, report.cause)))
}

fn judgement(image: &Image, answer: &Answer) -> Judgement {
    if !answer.answered {
        return Judgement::Silent(answer.reason.clone());
    }
    if !answer.accepted {
        return Judgement::Refuses(failures(answer));
    }
    if returns(image.kind(), answer).is_some() {
        return Judgement::Accepts;
    }
    let allowed = image.kind().returns();
    let cause = format!(
        "the program may return {}; a {} returns {}..={}",
        match (answer.exit_known, answer.exit_low, answer.exit_high) {
            (true, low, high) if low <= high => format!("any number from {low} to {high}"),
            _ => "any number".to_owned(),
        },
        image.kind(),
        allowed.start(),
        allowed.end()
    );
    let exits = (0_u32..).zip(image.code());
    let exit = exits.filter(|(_, insn)| matches!(insn, Insn::Exit)).last();
    let slot = exit.map_or(0, |(slot, _)| slot);
    Judgement::Refuses(vec![Report::new(codes::RETURN_RANGE, slot, cause)])
}

/// One report for each slot that fails; at least one.
fn failures(answer: &Answer) -> Vec<Report> {
    let mut reports: BTreeMap<u32, Report> = BTreeMap::new();
    for failure in &answer.failures {
        let slot = u32::try_from(failure.slot).unwrap_or(0);
        let report = Report::new(codes::REFUSED, slot, failure.message.clone());
        reports.entry(slot).or_insert(report);
    }
    if reports.is_empty() {
        let cause = "the engine refuses the program without naming a place";
        reports.insert(0, Report::new(codes::REFUSED, 0, cause));
    }
    reports.into_values().take(MAX_REPORTS).collect()
}

/// The bounds of the return value, if all values in between may be returned.
fn returns(kind: ProgramKind, answer: &Answer) -> Option<(u64, u64)> {
    let low = u64::try_from(answer.exit_low).ok()?;
    let high = u64::try_from(answer.exit_high).ok()?;
    let allowed = kind.returns();
    let within = low <= high && allowed.contains(&low) && allowed.contains(&high);
    (answer.exit_known && within).then_some((low, high))
}

/// An upper bound of the outputs that a classifier names.
fn highest_output(kind: ProgramKind, low: u64, high: u64) -> Option<u8> {
    let last = ProgramKind::CLASSIFIER_DROP.saturating_sub(1);
    let names_one = kind == ProgramKind::Classifier && low <= last;
    names_one
        .then(|| u8::try_from(high.min(last)).ok())
        .flatten()
}

/// Which instructions and ways are taken; of registers it is not asked.
fn claims(original: &Image, answer: &Answer, slot_of: SlotOf<'_>) -> Claims {
    let stands_for = |number: i32| slot_of(u32::try_from(number).ok()?);
    let known: BTreeSet<u32> = answer
        .places
        .iter()
        .filter_map(|place| stands_for(place.from))
        .collect();
    let mut collector = Collector::new(original);
    let slots = (0_u32..).zip(original.code()).map(|(slot, _)| slot);
    slots
        .filter(|slot| !known.contains(slot))
        .for_each(|slot| collector.silent(slot));
    for place in &answer.places {
        let Some(slot) = stands_for(place.from) else {
            continue;
        };
        if place.to >= 0 {
            if let Some(next) = stands_for(place.to)
                && place.after
            {
                collector.goes(slot, next);
            }
        } else if place.before {
            collector.reaches(slot, |_| None);
        }
    }
    collector.finish(ENGINE.name)
}

fn ask(image: &Image, outputs: &BTreeMap<u32, u32>) -> Answer {
    let code = prevail::instructions(image).into_iter();
    let maps = ClickPlatform::new(image);
    let maps = maps.descriptors().iter();
    prevail_cpp::analyse(&Question {
        kind: image.kind().number(),
        long_labels: !has_loops(image),
        code: code
            .map(|insn| prevail_cpp::Insn {
                opcode: insn.opcode,
                dst: insn.dst_src & 0xf,
                src: insn.dst_src >> 4,
                offset: insn.offset,
                imm: insn.imm,
            })
            .collect(),
        maps: maps
            .map(|map| Map {
                number: map.original_fd,
                kind: map.map_type,
                key_size: map.key_size,
                value_size: map.value_size,
                max_entries: map.max_entries,
            })
            .collect(),
        sizes: outputs
            .iter()
            .map(|(slot, bytes)| Size {
                slot: slot.cast_signed(),
                bytes: *bytes,
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests;
