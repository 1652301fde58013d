//! What a trial reaches, what it would take to reach more, and what contradicts a claim on the way.

use bpf_object::{Cond, Image, Insn, Operand, Width};
use bpf_runtime::{Addresses, Observer, Region, Registers};

use crate::claims::{Claims, Judge};

/// Hints kept of one run.
const MAX_HINTS: usize = 32;

/// A comparison that only ever went one way: what would turn it round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// Another number in the place of one.
    Number { have: u64, want: u64 },
    /// A packet of another length in bytes.
    Length(usize),
    /// A lookup that finds something.
    Present,
    /// A lookup that finds nothing.
    Absent,
}

/// Sees every step of every run.
pub(super) struct Watch<'a> {
    image: &'a Image,
    judge: Judge<'a>,
    /// By slot: the number of the branch there, counted from 0.
    branches: Vec<Option<usize>>,
    /// By direction, two for each branch: not taken and taken.
    directions: Vec<Direction>,
    /// Directions that the proofs leave open, and those of them that were taken.
    open: u32,
    taken: u32,
    run: Run,
}

/// What is known of one direction of a branch.
#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    /// Whether the proofs leave it open.
    open: bool,
    /// Runs that took it.
    runs: u64,
    /// Powers of two, by bit, between which the times lie that one run took it.
    times_seen: u64,
    /// How often the present run took it.
    times: u64,
}

/// What is known of the present run.
#[derive(Default)]
struct Run {
    addresses: Option<Addresses>,
    packet_length: usize,
    /// The branch that was executed last: its slot, its target, its number.
    pending: Option<(u32, u32, usize)>,
    /// Directions taken, each once.
    path: Vec<usize>,
    hints: Vec<Hint>,
    /// What first contradicted a claim, and the slot.
    wrong: Option<(String, u32)>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(image: &'a Image, claims: &'a [Claims]) -> Self {
        let judge = Judge::new(image, claims);
        let mut branches = Vec::new();
        let mut directions = Vec::new();
        for (slot, insn) in (0_u32..).zip(image.code()) {
            branches.push(is_branch(insn).then_some(directions.len() / 2));
            if is_branch(insn) {
                directions.extend([false, true].map(|taken| Direction {
                    open: judge.may_go(slot, taken),
                    ..Direction::default()
                }));
            }
        }
        let open = directions.iter().filter(|direction| direction.open);
        Self {
            image,
            judge,
            branches,
            open: u32::try_from(open.count()).unwrap_or(u32::MAX),
            taken: 0,
            directions,
            run: Run::default(),
        }
    }

    /// A run begins on a packet of this length.
    pub(super) fn begin(&mut self, addresses: Addresses, packet_length: usize) {
        self.run = Run {
            addresses: Some(addresses),
            packet_length,
            ..Run::default()
        };
    }

    /// The run is over: whether it took a direction that none took before, or took one about twice
    /// as often as any.
    pub(super) fn end(&mut self) -> bool {
        let mut is_new = false;
        for direction in &self.run.path {
            let Some(direction) = self.directions.get_mut(*direction) else {
                continue;
            };
            let bit = 1_u64.wrapping_shl(direction.times.checked_ilog2().unwrap_or(0));
            is_new |= direction.times_seen & bit == 0;
            direction.times_seen |= bit;
            if direction.open && direction.runs == 0 {
                self.taken = self.taken.saturating_add(1);
            }
            direction.runs = direction.runs.saturating_add(1);
            direction.times = 0;
        }
        is_new
    }

    /// The directions that the last run took.
    pub(super) fn path(&self) -> &[usize] {
        &self.run.path
    }

    /// What the last run would have needed.
    pub(super) fn hints(&self) -> &[Hint] {
        &self.run.hints
    }

    /// What first contradicted a claim in the last run, and the slot.
    pub(super) fn take_wrong(&mut self) -> Option<(String, u32)> {
        self.run.wrong.take()
    }

    /// How many runs took the rarest of these directions.
    pub(super) fn rarity(&self, path: &[usize]) -> u64 {
        let runs = path.iter().filter_map(|at| self.directions.get(*at));
        runs.map(|direction| direction.runs)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// Directions taken, and those that the proofs leave open. A branch to the next instruction has
    /// one direction, but nobody writes those.
    pub(super) const fn coverage(&self) -> (u32, u32) {
        (self.taken, self.open)
    }

    fn goes(&mut self, slot: u32) {
        let Some((branch, target, number)) = self.run.pending.take() else {
            return;
        };
        let taken = slot == target;
        let at = number.saturating_mul(2).saturating_add(usize::from(taken));
        let Some(direction) = self.directions.get_mut(at) else {
            return;
        };
        direction.times = direction.times.saturating_add(1);
        if direction.times == 1 {
            self.run.path.push(at);
        }
        if !direction.open && self.run.wrong.is_none() {
            let wrong = self.judge.going(branch, taken);
            self.run.wrong = wrong.map(|wrong| (wrong, branch));
        }
    }

    /// Notes what would turn the branch round, if that was never seen.
    fn note(&mut self, slot: u32, number: usize, insn: &Insn, registers: &Registers) {
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
        self.run.pending = Some((slot, target, number));
        let at = number.saturating_mul(2);
        let both = self.directions.get(at..at.saturating_add(2));
        let missing = |direction: &Direction| direction.open && direction.runs == 0;
        if !both.unwrap_or_default().iter().any(missing) || self.run.hints.len() >= MAX_HINTS {
            return;
        }
        let right = match src {
            Operand::Imm(number) => Some(i64::from(number).cast_unsigned()),
            Operand::Reg(register) => registers.get(register),
        };
        let (Some(left), Some(right)) = (registers.get(dst), right) else {
            return;
        };
        let mask = match width {
            Width::W32 => u64::from(u32::MAX),
            Width::W64 => u64::MAX,
        };
        if !self.note_pointers(left, right) {
            for want in candidates(cond, right) {
                if want & mask != left & mask {
                    self.run.hints.push(Hint::Number {
                        have: left & mask,
                        want: want & mask,
                    });
                }
            }
        }
    }

    /// What turns a comparison of pointers round: packets of another length, and lookups.
    fn note_pointers(&mut self, left: u64, right: u64) -> bool {
        let Some(addresses) = self.run.addresses else {
            return false;
        };
        let hints = &mut self.run.hints;
        match (addresses.locate(left), addresses.locate(right)) {
            (Some((Region::Packet, a)), Some((Region::Packet, b))) => {
                for offset in [a, b].into_iter().filter_map(|at| usize::try_from(at).ok()) {
                    if a == b || offset != self.run.packet_length {
                        hints.push(Hint::Length(offset.saturating_sub(1)));
                        hints.push(Hint::Length(offset));
                        hints.push(Hint::Length(offset.saturating_add(1)));
                    }
                }
                true
            }
            (Some((Region::MapValue { .. }, _)), None) if right == 0 => {
                hints.push(Hint::Absent);
                true
            }
            (None, None) if left == 0 && right == 0 => {
                hints.push(Hint::Present);
                false
            }
            _ => false,
        }
    }
}

impl Observer for Watch<'_> {
    #[inline]
    fn step(&mut self, slot: u32, registers: &Registers) {
        self.goes(slot);
        if let Some(addresses) = &self.run.addresses
            && self.run.wrong.is_none()
        {
            let wrong = self.judge.at(slot, registers, addresses);
            self.run.wrong = wrong.map(|wrong| (wrong, slot));
        }
        let index = usize::try_from(slot).unwrap_or(usize::MAX);
        if let Some(Some(number)) = self.branches.get(index)
            && let Some(insn) = self.image.code().get(index)
        {
            self.note(slot, *number, &insn.clone(), registers);
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
