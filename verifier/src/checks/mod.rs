//! Own checks before the engine: what engines are known to accept and must not, and what they do
//! not say well.
//!
//! - A helper that is called exists, for programs of this kind.
//! - Calls are neither recursive nor too deep.
//! - There is no arithmetic on the result of a lookup before its null test: null plus an offset
//!   passes the test.
//! - Nothing is read or written at or above a frame pointer, nor below its 512 bytes, neither
//!   directly nor by a helper: engines take all frames for one stack. Where an offset is not a
//!   constant, the engine's own bounds decide, later ([`StackAccess`]).
//! - Nothing is stored to read-only data, neither directly nor by a helper.
//! - What a helper takes and may be null is the constant null, or tested.
//! - What is printed is no address.
//! - A helper takes maps of the kind that it is given.
//! - It is known how many bytes a helper writes.

mod frame;

use std::collections::{BTreeMap, BTreeSet};

use bpf_object::{AluOp, Image, Insn, Reg, Width};
use platform_click::HelperId;

use crate::codes;
use crate::finding::Report;
use crate::flow::{ChainId, Flat, Flow, Kinds, State, operand, size_in_bytes, stack_place};
use crate::stack;
pub(crate) use frame::{AccessSize, StackAccess};

/// What the checks found of an image that passes them.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    /// What registers hold; explains what the engine refuses.
    pub(crate) flow: Flow<'a>,
    /// Bytes of stack of the deepest chain of calls.
    pub(crate) max_stack: u32,
    /// Accesses that the engine has to bound.
    pub(crate) accesses: Vec<StackAccess>,
    /// Bytes that the call in a slot writes to the memory that it is given.
    pub(crate) outputs: BTreeMap<u32, u32>,
}

/// Why an image does not pass.
#[derive(Debug)]
pub(crate) enum Failure {
    /// For these reasons, by slot; at least one.
    Rejected(Vec<Report>),
    /// The analysis was given up.
    TooComplex,
}

/// Checks an image.
///
/// # Errors
/// Why it does not pass.
pub(crate) fn check(image: &Image) -> Result<Checked<'_>, Failure> {
    let reports = helpers(image);
    if !reports.is_empty() {
        return Err(Failure::Rejected(reports));
    }
    stack::check_calls(image).map_err(|report| Failure::Rejected(vec![*report]))?;
    let flow = Flow::new(image).map_err(|_| Failure::TooComplex)?;
    let mut checks = Checks {
        image,
        reports: Vec::new(),
        reported: BTreeSet::new(),
        accesses: BTreeSet::new(),
        outputs: BTreeMap::new(),
        frame_use: vec![0; image.functions().len()],
    };
    flow.visit(|chain, slot, insn, state| checks.instruction(&flow, chain, slot, insn, state));
    if !checks.reports.is_empty() {
        checks.reports.sort_by_key(|report| report.slot);
        return Err(Failure::Rejected(checks.reports));
    }
    let max_stack = stack::max_stack(image, &checks.frame_use)
        .map_err(|report| Failure::Rejected(vec![*report]))?;
    let accesses = checks.accesses.into_iter().collect();
    let outputs = checks.outputs.into_iter();
    let outputs = outputs.filter_map(|(slot, size)| Some((slot, size.one()?)));
    Ok(Checked {
        flow,
        max_stack,
        accesses,
        outputs: outputs.collect(),
    })
}

/// Every helper that is called exists, and is for programs of this kind.
fn helpers(image: &Image) -> Vec<Report> {
    let kind = image.kind();
    let mut reports = Vec::new();
    for (insn, slot) in image.code().iter().zip(0..) {
        let Insn::CallHelper { id } = *insn else {
            continue;
        };
        match HelperId::from_number(id).map(HelperId::spec) {
            None => reports.push(Report::new(
                codes::UNKNOWN_HELPER,
                slot,
                format!("helper {id} is called, which the platform does not have"),
            )),
            Some(spec) if !spec.kinds.contains(kind) => reports.push(Report::new(
                codes::HELPER_KIND,
                slot,
                format!("a {kind} calls `{}`, which is not for it", spec.name),
            )),
            Some(_) => {}
        }
    }
    reports
}

struct Checks<'a> {
    image: &'a Image,
    reports: Vec<Report>,
    /// What is reported: once, though a function may be called from several places.
    reported: BTreeSet<(u32, &'static str)>,
    accesses: BTreeSet<StackAccess>,
    /// Bytes that helpers write, by the slot of the call.
    outputs: BTreeMap<u32, Flat<u32>>,
    /// Bytes that each function uses of its frame.
    frame_use: Vec<u32>,
}

/// An instruction and how it is reached.
struct Site<'a> {
    flow: &'a Flow<'a>,
    chain: ChainId,
    slot: u32,
    insn: Insn,
    state: &'a State,
}

impl Checks<'_> {
    fn instruction(
        &mut self,
        flow: &Flow<'_>,
        chain: ChainId,
        slot: u32,
        insn: Insn,
        state: &State,
    ) {
        let site = Site {
            flow,
            chain,
            slot,
            insn,
            state,
        };
        self.null_arithmetic(&site);
        match insn {
            Insn::Load {
                size, base, off, ..
            } => self.access(&site, base, off, AccessSize::Bytes(size_in_bytes(size))),
            Insn::Store {
                size, base, off, ..
            }
            | Insn::Atomic {
                size, base, off, ..
            } => {
                self.access(&site, base, off, AccessSize::Bytes(size_in_bytes(size)));
                self.read_only(&site, base);
            }
            Insn::CallHelper { id } => self.helper_memory(&site, id),
            _ => {}
        }
    }

    /// Keeps a report, unless there is one of its kind about the instruction.
    fn report(&mut self, report: Report) {
        if self.reported.insert((report.slot, report.code.id)) {
            self.reports.push(report);
        }
    }

    /// Anything but a 64-bit copy of a map value that was not tested, an atomic operation on a
    /// spilled one included.
    fn null_arithmetic(&mut self, site: &Site<'_>) {
        let state = site.state;
        let used = match site.insn {
            Insn::Alu {
                width: Width::W64,
                op: AluOp::Mov,
                ..
            } => vec![],
            Insn::Alu {
                op: AluOp::Mov,
                src,
                ..
            } => vec![operand(state, src)],
            Insn::Alu { dst, src, .. } => vec![state.get(dst), operand(state, src)],
            Insn::MovSx { src, .. } => vec![state.get(src)],
            Insn::Neg { dst, .. } | Insn::Swap { dst, .. } => vec![state.get(dst)],
            Insn::Atomic {
                size, base, off, ..
            } if state.get(base).kinds.has(Kinds::STACK) => {
                vec![state.overlapping(stack_place(state.get(base), off, size))]
            }
            _ => vec![],
        };
        let Some(value) = used.iter().find(|value| value.kinds.has(Kinds::NULLABLE)) else {
            return;
        };
        let map = map_name(self.image, value.region);
        let mut report = Report::new(
            codes::NULL_ARITHMETIC,
            site.slot,
            format!("this computes with the result of a lookup{map} that may be null"),
        );
        if let Flat::One(lookup) = value.made {
            report = report.with(lookup, "this lookup returns null when the key is absent");
        }
        self.report(report);
    }

    fn read_only(&mut self, site: &Site<'_>, base: Reg) {
        let value = site.state.get(base);
        if value.kinds.has(Kinds::READ_ONLY) {
            let section = value
                .region
                .one()
                .and_then(|index| usize::try_from(index).ok());
            let section = section.and_then(|index| self.image.data().get(index));
            let name = section.map_or("read-only data", |section| section.name.as_str());
            self.report(Report::new(
                codes::READ_ONLY_DATA,
                site.slot,
                format!("this writes to `{name}`, which is read-only"),
            ));
        }
    }
}

/// ` in `name``, for a sentence, if it is known which map it is.
pub(crate) fn map_name(image: &Image, map: Flat<u32>) -> String {
    let index = map.one().and_then(|index| usize::try_from(index).ok());
    let map = index.and_then(|index| image.maps().get(index));
    map.map_or_else(String::new, |map| format!(" in `{}`", map.name))
}

#[cfg(test)]
mod tests;
