//! From a slot of an unwound program back to the original's.

use bpf_object::{Image, Insn};

use super::{Role, TrapCause, Unwinding, Unwound};
use crate::codes;
use crate::finding::Report;

impl Unwound {
    /// What the trap in which a finding lies stands for.
    pub(crate) fn trap_at(&self, slot: u32) -> Option<TrapCause> {
        let (start, cause) = self.traps.range(..=slot).next_back()?;
        let end = start.saturating_add(u32::try_from(super::layout::TRAP.len()).ok()?);
        (slot < end).then_some(*cause)
    }

    /// The original's slot that a slot stands for: the one of which it is a copy; for an instruction of
    /// ours, the one that it leads to. None for a trap.
    pub(crate) fn stands_for(&self, slot: u32) -> Option<u32> {
        let index = usize::try_from(slot).ok()?;
        match (self.roles.get(index)?, self.image.code().get(index)?) {
            (Role::Copy(slot), _) => Some(*slot),
            (Role::Before | Role::Behind | Role::Back(_), _) => {
                self.stands_for(slot.checked_add(1)?)
            }
            // One of its ways may lead to a trap.
            (Role::Glue, Insn::Branch { target, .. }) if *target > slot => {
                let next = self.stands_for(slot.checked_add(1)?);
                next.or_else(|| self.stands_for(*target))
            }
            // Jumps lead forwards, so this ends; there is never more than one behind the other.
            (Role::Glue, Insn::Jump { target }) if *target > slot => self.stands_for(*target),
            _ => None,
        }
    }
}

impl Unwinding<'_> {
    /// The loops around a slot of an unwound program, outermost first: the slot of the head, and
    /// the iteration, from 1.
    pub(crate) fn iterations(&self, unwound: &Unwound, slot: u32) -> Vec<(u32, u32)> {
        let place = unwound.starts.range(..=slot).next_back();
        let copy = place.and_then(|(_, (function, copy))| {
            Some((
                self.graphs.get(*function)?,
                self.copies.get(*function)?.get(*copy)?,
            ))
        });
        let Some((graph, copy)) = copy else {
            return Vec::new();
        };
        let around = copy.iterations.iter();
        around
            .filter_map(|(index, iteration)| {
                Some((graph.head(*index)?, iteration.saturating_add(1)))
            })
            .collect()
    }

    /// For the first slot of each copy that passes: the loops around it, and the iteration of each.
    pub(crate) fn iterations_where<'u>(
        &'u self,
        unwound: &'u Unwound,
        passes: impl Fn(u32) -> bool + 'u,
    ) -> impl Iterator<Item = (u32, u64)> + 'u {
        let starts = unwound.starts.keys().copied();
        let starts = starts.filter(move |slot| passes(*slot));
        let iterations = starts.flat_map(|slot| self.iterations(unwound, slot));
        iterations.map(|(head, iteration)| (head, u64::from(iteration)))
    }

    /// A report about the unwound program as one about the original, with the iterations in words.
    pub(crate) fn locate(&self, unwound: &Unwound, report: Report) -> Report {
        if let Some(cause) = unwound.trap_at(report.slot) {
            return trapped(cause, report);
        }
        let around = self.iterations(unwound, report.slot);
        let original = |slot| unwound.stands_for(slot);
        let mut related: Vec<(u32, String)> = report
            .related
            .into_iter()
            .filter_map(|(slot, label)| Some((original(slot)?, label)))
            .collect();
        related.dedup();
        let mut cause = report.cause;
        for (head, iteration) in around.iter().rev() {
            let place = place(self.original, *head);
            cause = format!("{cause}, in iteration {iteration} of the loop at {place}");
        }
        Report {
            slot: original(report.slot).unwrap_or(0),
            cause,
            related,
            ..report
        }
    }
}

/// A finding in a trap: the loop was not seen to end.
fn trapped(cause: TrapCause, report: Report) -> Report {
    let slot = match cause {
        TrapCause::Beyond(head) => head,
        TrapCause::LeftOut | TrapCause::Guard => 0,
    };
    Report {
        engine: report.engine,
        ..Report::new(codes::LOOP, slot, "nothing shows that this loop ends")
    }
}

/// A place in the words of a finding: `file.c:31`, or its slot where there are no lines.
pub(crate) fn place(image: &Image, slot: u32) -> String {
    match image.lines().get(slot) {
        Some(line) => {
            let file = line.file.rsplit('/').next().unwrap_or_default();
            format!("{file}:{}", line.line)
        }
        None => format!("slot {slot}"),
    }
}
