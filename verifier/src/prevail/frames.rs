//! Stack accesses that the checks before the engine left to the engine's bounds.

use ::prevail::crab::ebpf_domain::DomainContext;
use ::prevail::crab::var_registry::VariableRegistry;
use ::prevail::result::AnalysisResult;
use platform_click::PROFILE;

use super::labels::Labels;
use super::reading::Reading;
use crate::checks::{AccessSize, StackAccess};
use crate::codes;
use crate::finding::Report;

/// A report for each access to the stack that the engine lets reach beyond the frame to which it
/// belongs: it takes all frames for one piece of memory.
pub(super) fn beyond_frame(
    accesses: &[StackAccess],
    labels: Labels,
    context: &DomainContext<'_>,
    registry: &mut VariableRegistry,
    result: &AnalysisResult,
) -> Vec<Report> {
    let mut reports: Vec<Report> = Vec::new();
    for access in accesses {
        let label = labels.at(access.slot, &access.calls);
        let within = result.invariants.get(&label).is_some_and(|state| {
            state.pre.is_bottom()
                || stays_in_frame(access, &mut Reading::new(&state.pre, context, registry))
                    == Some(true)
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
fn stays_in_frame(access: &StackAccess, state: &mut Reading<'_>) -> Option<bool> {
    let frame_size = i128::from(PROFILE.stack_frame_size);
    let frame = i128::try_from(access.frame?).ok()?;
    let frames_below = i128::from(PROFILE.max_call_frames).checked_sub(frame)?;
    let top = frames_below.checked_mul(frame_size)?;
    let bottom = top.checked_sub(frame_size)?;
    let (low, high) = state.bounds(access.register, "stack_offset");
    let size = match access.size {
        AccessSize::Bytes(size) => i128::from(size),
        AccessSize::Register(register) => state.bounds(register, "svalue").1?,
    };
    let low = low?.checked_add(access.off.into())?;
    let end = high?.checked_add(access.off.into())?.checked_add(size)?;
    Some(bottom <= low && end <= top)
}
