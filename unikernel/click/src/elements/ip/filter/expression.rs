//! Patterns as expressions of tests, and as steps.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::steps::{Next, Place, Step, Steps};

/// What a pattern says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// A constant.
    Constant(bool),
    /// Some bits of a word have a value.
    Test {
        place: Place,
        mask: u32,
        value: u32,
        /// What it says of packets that end before the bits.
        if_short: bool,
    },
    /// The opposite.
    Not(Box<Self>),
    /// All hold; none are true.
    All(Vec<Self>),
    /// One holds; none are false.
    Any(Vec<Self>),
    /// If the first holds the second, otherwise the third.
    Choice(Box<[Self; 3]>),
}

impl Expression {
    /// A test that does not hold for packets that end before the bits.
    pub(super) const fn test(place: Place, mask: u32, value: u32) -> Self {
        Self::Test {
            place,
            mask,
            value: value & mask,
            if_short: false,
        }
    }

    /// The opposite, which is true of packets that are too short to say.
    pub(super) fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// The opposite, which is, as the expression itself, not true of packets that are too short to say.
    pub(super) fn differs(self) -> Self {
        self.with_short_ends_turned().not()
    }

    fn with_short_ends_turned(self) -> Self {
        let all = |parts: Vec<Self>| {
            let parts = parts.into_iter();
            parts.map(Self::with_short_ends_turned).collect()
        };
        match self {
            Self::Constant(_) => self,
            Self::Test {
                place,
                mask,
                value,
                if_short,
            } => Self::Test {
                place,
                mask,
                value,
                if_short: !if_short,
            },
            Self::Not(inner) => inner.with_short_ends_turned().not(),
            Self::All(parts) => Self::All(all(parts)),
            Self::Any(parts) => Self::Any(all(parts)),
            Self::Choice(parts) => Self::Choice(Box::new(parts.map(Self::with_short_ends_turned))),
        }
    }
}

/// Steps that are being written from the last to the first.
pub(super) struct Writer {
    /// In reverse; a `Next::Step` counts from the end.
    reversed: Vec<Step>,
}

impl Writer {
    pub(super) const fn new() -> Self {
        Self {
            reversed: Vec::new(),
        }
    }

    /// Writes an expression in front of what is there: where it holds, packets go on with `yes`,
    /// otherwise with `no`. Gives where it starts.
    ///
    /// How deep this calls itself is bounded by the parser.
    pub(super) fn write(&mut self, expression: &Expression, yes: Next, no: Next) -> Next {
        match expression {
            Expression::Constant(true) => yes,
            Expression::Constant(false) => no,
            Expression::Test { mask: 0, .. } => yes,
            Expression::Test {
                place,
                mask,
                value,
                if_short,
            } => {
                self.reversed.push(Step {
                    place: *place,
                    mask: *mask,
                    value: *value,
                    if_short: *if_short,
                    yes,
                    no,
                });
                Next::Step(self.reversed.len())
            }
            Expression::Not(inner) => self.write(inner, no, yes),
            Expression::All(parts) => {
                let parts = parts.iter().rev();
                parts.fold(yes, |yes, part| self.write(part, yes, no))
            }
            Expression::Any(parts) => {
                let parts = parts.iter().rev();
                parts.fold(no, |no, part| self.write(part, yes, no))
            }
            Expression::Choice(parts) => {
                let [condition, first, second] = parts.as_ref();
                let no_part = self.write(second, yes, no);
                let yes_part = self.write(first, yes, no);
                self.write(condition, yes_part, no_part)
            }
        }
    }

    /// The steps in order.
    pub(super) fn finish(mut self, start: Next) -> Steps {
        let len = self.reversed.len();
        let forward = |next: Next| match next {
            Next::Step(from_end) => Next::Step(len.saturating_sub(from_end)),
            other => other,
        };
        self.reversed.reverse();
        for step in &mut self.reversed {
            (step.yes, step.no) = (forward(step.yes), forward(step.no));
        }
        Steps {
            start: forward(start),
            steps: self.reversed,
        }
    }
}
