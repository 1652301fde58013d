//! Limits of one analysis. They bound time and memory; reaching one is an answer of its own.

/// Limits of one analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Units of work: an instruction takes one; a branch, a call and each side of a join one, and
    /// one more for each stored value on the stack.
    pub work: u64,
    /// Values that waiting states hold together: a state holds 16, and one more for each stored
    /// value on the stack.
    pub values: u64,
    /// Iterations of one loop, each time that it is entered.
    pub iterations: u64,
    /// Findings after which the rest of a program is not looked at.
    pub findings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            work: MAX_WORK,
            values: MAX_VALUES,
            iterations: MAX_ITERATIONS,
            findings: MAX_FINDINGS,
        }
    }
}

/// Linux processes a million instructions at most (`BPF_COMPLEXITY_LIMIT_INSNS`); here joins and
/// branches count too, about as much as instructions in ordinary programs, and a loop over the bytes
/// of the largest packet, with ten instructions for each, must fit.
const MAX_WORK: u64 = 4_000_000;

/// A value takes 150 bytes, so that states stay below 300 MB. Ordinary programs hold a few hundred.
const MAX_VALUES: u64 = 2_000_000;

/// The engines' bound on loops is 100,000; a packet has at most 65,534 bytes.
const MAX_ITERATIONS: u64 = 100_000;

/// More than a person reads at once.
const MAX_FINDINGS: usize = 16;
