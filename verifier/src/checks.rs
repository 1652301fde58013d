//! Own checks before the engine: what the engine does not check, or does not say well.

use bpf_object::{Image, Insn};
use platform_click::HelperId;

use crate::codes;
use crate::finding::Report;
use crate::stack;

/// What the checks found of an image that passes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Bytes of stack of the deepest chain of calls.
    pub(crate) max_stack: u32,
}

/// Checks an image.
///
/// # Errors
/// Every report, by slot; at least one.
pub(crate) fn check(image: &Image) -> Result<Checked, Vec<Report>> {
    let reports = helpers(image);
    if !reports.is_empty() {
        return Err(reports);
    }
    let max_stack = stack::max_stack(image).map_err(|report| vec![*report])?;
    Ok(Checked { max_stack })
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
