//! Copies of blocks as one program: where each lies, and how edges between them are written.
//!
//! Copies lie in the order of execution, so that every jump leads forwards. What is not next is
//! reached by a jump of our own; so is what a branch, whose distance has 16 bits, cannot reach.

use core::ops::Range;
use std::collections::BTreeMap;

use bpf_checker::Graph;
use bpf_object::{AluOp, Function, Image, Insn, Operand, Reg, Size, Width};

use super::copies::{Copy, Target};
use super::idle::Written;
use super::{Role, TrapCause};

/// The instructions of a trap: a load through 0, which no engine can take for safe.
pub(super) const TRAP: [Insn; 3] = [
    Insn::Alu {
        width: Width::W64,
        op: AluOp::Mov,
        dst: Reg::R0,
        src: Operand::Imm(0),
    },
    Insn::Load {
        size: Size::B8,
        signed: false,
        dst: Reg::R0,
        base: Reg::R0,
        off: 0,
    },
    Insn::Exit,
];

/// The farthest that a branch leads behind the next instruction.
const BRANCH_REACH: usize = 32_767;

/// A program that is being laid out.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) code: Vec<Insn>,
    pub(super) roles: Vec<Role>,
    /// The traps, by their first slots.
    pub(super) traps: BTreeMap<u32, TrapCause>,
    /// First slots of copies, with the index of function and copy.
    pub(super) starts: BTreeMap<u32, (usize, usize)>,
}

/// One function and which of its copies it keeps.
pub(super) struct Layout<'a> {
    pub(super) image: &'a Image,
    pub(super) graph: &'a Graph,
    pub(super) index: usize,
    pub(super) copies: &'a [Copy],
    /// By copy: whether it is kept. An edge to one that is not leads to a trap.
    pub(super) kept: &'a [bool],
}

/// Where everything of a function lies, relative to its first slot.
struct Plan {
    /// By copy: its first slot, if it is kept.
    starts: Vec<Option<usize>>,
    /// By copy: whether its branch is too far from where it leads to.
    far: Vec<bool>,
    traps: Vec<(TrapCause, usize)>,
}

impl Layout<'_> {
    /// Appends the function.
    pub(super) fn write(&self, output: &mut Output) {
        let plan = self.plan();
        let base = output.code.len();
        for (copy, block) in self.copies.iter().enumerate() {
            if self.is_kept(copy) {
                output
                    .starts
                    .insert(slot(output.code.len()), (self.index, copy));
                self.write_copy(copy, block, base, &plan, output);
            }
        }
        for (cause, _) in &plan.traps {
            output.traps.insert(slot(output.code.len()), *cause);
            output.code.extend(TRAP);
            output.roles.extend([Role::Trap; TRAP.len()]);
        }
    }

    fn write_copy(&self, index: usize, copy: &Copy, base: usize, plan: &Plan, output: &mut Output) {
        let target = |edge: Option<Target>| {
            let place = edge.and_then(|edge| self.resolve(edge, plan));
            slot(base.saturating_add(place.unwrap_or(0)))
        };
        let glue = |output: &mut Output, edge| {
            output.code.push(Insn::Jump {
                target: target(edge),
            });
            output.roles.push(Role::Glue);
        };
        let far = plan.far.get(index) == Some(&true);
        // Where a branch leads: as far as it reaches, to the second of two jumps.
        let branch = |output: &Output| {
            if far {
                slot(output.code.len().saturating_add(2))
            } else {
                target(copy.jump)
            }
        };
        if let Some((back, mask)) = copy.back {
            output.code.push(back);
            output.roles.push(Role::Back(mask));
        }
        for from in copy.slots.clone() {
            let Some(insn) = usize::try_from(from)
                .ok()
                .and_then(|from| self.image.code().get(from))
            else {
                continue;
            };
            let written = Written::new(*insn);
            let before = written.before.into_iter().flatten();
            for (insn, role) in before.zip([Role::Before, Role::Behind]) {
                output.code.push(insn);
                output.roles.push(role);
            }
            output.roles.push(Role::Copy(from));
            let insn = match written.insn {
                Insn::Jump { .. } => Insn::Jump {
                    target: target(copy.jump),
                },
                other => leading_to(other, branch(output)),
            };
            output.code.push(insn);
            output.code.extend(written.behind);
            output.roles.extend(written.behind.map(|_| Role::Behind));
        }
        if let Some(down) = copy.down {
            output.code.push(down);
            output.roles.push(Role::Behind);
        }
        if let Some(test) = copy.test {
            let test = leading_to(test, branch(output));
            output.code.push(test);
            output.roles.push(Role::Glue);
        }
        if far {
            glue(output, copy.fall);
            glue(output, copy.jump);
        } else if copy.fall.is_some() && !self.falls_into_next(index, copy) {
            glue(output, copy.fall);
        }
    }

    /// Where everything lies. A branch that turns out to be too far makes what follows it longer, so
    /// this is repeated until none does; each round but the last finds at least one.
    fn plan(&self) -> Plan {
        let mut far = vec![false; self.copies.len()];
        loop {
            let plan = self.place(far);
            let reached = |copy: &Copy, start: usize| {
                let to = copy.jump.and_then(|edge| self.resolve(edge, &plan));
                let next = start.saturating_add(self.length(copy));
                to.is_none_or(|to| to.saturating_sub(next) <= BRANCH_REACH)
            };
            let copies = self.copies.iter().zip(&plan.starts).zip(&plan.far);
            let now: Vec<bool> = copies
                .map(|((copy, start), was)| {
                    let branches = copy.fall.is_some() && copy.jump.is_some();
                    *was || branches && start.is_some_and(|start| !reached(copy, start))
                })
                .collect();
            if now == plan.far {
                return plan;
            }
            far = now;
        }
    }

    fn place(&self, far: Vec<bool>) -> Plan {
        let mut next = 0_usize;
        let mut starts = Vec::with_capacity(self.copies.len());
        for (index, copy) in self.copies.iter().enumerate() {
            starts.push(self.is_kept(index).then_some(next));
            if !self.is_kept(index) {
                continue;
            }
            let glue = if far.get(index) == Some(&true) {
                2
            } else {
                usize::from(copy.fall.is_some() && !self.falls_into_next(index, copy))
            };
            next = next.saturating_add(self.length(copy)).saturating_add(glue);
        }
        let kept = self.copies.iter().enumerate();
        let kept = kept.filter(|(index, _)| self.is_kept(*index));
        let edges = kept.flat_map(|(_, copy)| copy.fall.into_iter().chain(copy.jump));
        let mut causes: Vec<TrapCause> = edges.filter_map(|edge| self.trap(edge)).collect();
        causes.sort_unstable();
        causes.dedup();
        let at = |number: usize| next.saturating_add(number.saturating_mul(TRAP.len()));
        let numbered = causes.into_iter().enumerate();
        let traps = numbered.map(|(number, cause)| (cause, at(number)));
        Plan {
            starts,
            far,
            traps: traps.collect(),
        }
    }

    /// Where an edge leads, relative to the function's first slot.
    fn resolve(&self, edge: Target, plan: &Plan) -> Option<usize> {
        if let Some(cause) = self.trap(edge) {
            let mut traps = plan.traps.iter();
            return traps.find_map(|(other, at)| (*other == cause).then_some(*at));
        }
        match edge {
            Target::Copy(index) => plan.starts.get(index).copied().flatten(),
            Target::Beyond(_) => None,
        }
    }

    /// The trap that an edge leads to, if it leads to one.
    fn trap(&self, edge: Target) -> Option<TrapCause> {
        match edge {
            Target::Copy(index) if self.is_kept(index) => None,
            Target::Copy(_) => Some(TrapCause::LeftOut),
            Target::Beyond(index) => Some(TrapCause::Beyond(
                self.graph.head(index).unwrap_or(u32::MAX),
            )),
        }
    }

    fn is_kept(&self, copy: usize) -> bool {
        self.kept.get(copy) == Some(&true)
    }

    /// Whether what follows a copy is the copy behind it.
    fn falls_into_next(&self, index: usize, copy: &Copy) -> bool {
        let behind = self.kept.iter().enumerate().skip(index.saturating_add(1));
        let next = behind
            .filter(|(_, kept)| **kept)
            .map(|(next, _)| next)
            .next();
        next.is_some() && copy.fall == next.map(Target::Copy)
    }

    /// The slots that a copy takes, without jumps of ours behind it.
    fn length(&self, copy: &Copy) -> usize {
        let beside = [copy.back.map(|(back, _)| back), copy.down, copy.test];
        let beside = beside.iter().flatten();
        let Range { start, end } = copy.slots;
        let slots = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let insns = slots.and_then(|(start, end)| self.image.code().get(start..end));
        let slots = insns
            .unwrap_or_default()
            .iter()
            .map(|insn| Written::new(*insn).slots());
        slots.sum::<usize>().saturating_add(beside.count())
    }
}

/// A branch with another target; anything else as it is.
const fn leading_to(insn: Insn, target: u32) -> Insn {
    match insn {
        Insn::Branch {
            width,
            cond,
            dst,
            src,
            ..
        } => Insn::Branch {
            width,
            cond,
            dst,
            src,
            target,
        },
        other => other,
    }
}

/// Sizes are bounded by [`super::MAX_SLOTS`].
fn slot(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Leads calls to the unwound functions.
pub(super) fn retarget_calls(original: &Image, functions: &[Function], code: &mut [Insn]) {
    for insn in code {
        let Insn::CallLocal { target } = insn else {
            continue;
        };
        let called = original.functions().iter().zip(functions);
        let mut called = called.filter(|(old, _)| old.start == *target);
        if let Some((_, new)) = called.next() {
            *target = new.start;
        }
    }
}
