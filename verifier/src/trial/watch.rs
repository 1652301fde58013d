//! What a trial reaches, and what it would take to reach more.

use std::collections::BTreeSet;

use bpf_object::{Cond, Image, Insn, Operand, Width};
use bpf_runtime::{Observer, Registers};

/// Hints kept of one run.
const MAX_HINTS: usize = 32;

/// A comparison that went one way only: a value that would be another if the branch were to go the
/// other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) have: u64,
    pub(super) want: u64,
}

/// Sees every step of every run.
pub(super) struct Watch<'a> {
    image: &'a Image,
    /// Directions taken: slot of the branch, and whether it was taken.
    directions: BTreeSet<(u32, bool)>,
    /// The branch that was executed last, and where it leads.
    pending: Option<(u32, u32)>,
    hints: Vec<Hint>,
    is_new: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(image: &'a Image) -> Self {
        Self {
            image,
            directions: BTreeSet::new(),
            pending: None,
            hints: Vec::new(),
            is_new: false,
        }
    }

    /// A run begins.
    pub(super) fn begin(&mut self) {
        self.pending = None;
        self.hints.clear();
        self.is_new = false;
    }

    /// Whether the run took a direction that none took before.
    pub(super) fn saw_something_new(&self) -> bool {
        self.is_new
    }

    /// What the last run would have needed.
    pub(super) fn hints(&self) -> &[Hint] {
        &self.hints
    }

    /// Directions taken, and all there are. A branch to the next instruction has one direction, but
    /// nobody writes those.
    pub(super) fn coverage(&self) -> (u32, u32) {
        let branches = self.image.code().iter().filter(|insn| is_branch(insn));
        let directions = branches.count().saturating_mul(2);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        (count(self.directions.len()), count(directions))
    }

    fn take_direction(&mut self, slot: u32) {
        if let Some((branch, target)) = self.pending.take() {
            let taken = slot == target;
            self.is_new |= self.directions.insert((branch, taken));
        }
    }

    /// Notes what would turn the branch round, if that was never seen.
    fn note(&mut self, slot: u32, insn: &Insn, registers: &Registers) {
        let Insn::Branch {
            width,
            cond,
            dst,
            src,
            target,
        } = *insn
        else {
            return;
        };
        self.pending = Some((slot, target));
        let seen = |taken| self.directions.contains(&(slot, taken));
        if (seen(true) && seen(false)) || self.hints.len() >= MAX_HINTS {
            return;
        }
        let Some(left) = registers.get(dst) else {
            return;
        };
        let right = match src {
            Operand::Imm(number) => i64::from(number).cast_unsigned(),
            Operand::Reg(register) => match registers.get(register) {
                Some(value) => value,
                None => return,
            },
        };
        let mask = if width == Width::W32 {
            u64::from(u32::MAX)
        } else {
            u64::MAX
        };
        for want in candidates(cond, right) {
            if want & mask != left & mask {
                self.hints.push(Hint {
                    have: left & mask,
                    want: want & mask,
                });
            }
        }
    }
}

impl Observer for Watch<'_> {
    fn step(&mut self, slot: u32, registers: &Registers) {
        self.take_direction(slot);
        let index = usize::try_from(slot).unwrap_or(usize::MAX);
        if let Some(insn) = self.image.code().get(index)
            && is_branch(insn)
        {
            let insn = *insn;
            self.note(slot, &insn, registers);
        }
    }
}

fn is_branch(insn: &Insn) -> bool {
    matches!(insn, Insn::Branch { .. })
}

/// Left operands on either side of a comparison with `right`.
fn candidates(cond: Cond, right: u64) -> [u64; 2] {
    match cond {
        Cond::Eq | Cond::Ne => [right, right.wrapping_add(1)],
        Cond::Set => [right, 0],
        Cond::Gt | Cond::Le | Cond::SGt | Cond::SLe => [right, right.wrapping_add(1)],
        Cond::Ge | Cond::Lt | Cond::SGe | Cond::SLt => [right, right.wrapping_sub(1)],
    }
}
