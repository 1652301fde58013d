//! What helpers need from the world outside.

use alloc::string::String;
use alloc::vec::Vec;

use platform_click::HelperId;

use crate::map::Errno;
use crate::number::{low32, mix};

/// A call of a helper that may fail, before the helper does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelperCall<'a> {
    /// The helper.
    pub helper: HelperId,
    /// Index of the map that it works on, if it does.
    pub map: Option<u32>,
    /// The key that it is given; empty without one.
    pub key: &'a [u8],
}

/// What a helper changed in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapChange<'a> {
    /// The helper.
    pub helper: HelperId,
    /// Index of the map.
    pub map: u32,
    /// The key; empty for a map without keys.
    pub key: &'a [u8],
    /// The value that was set, pushed or taken out, or the record; `None` for a deletion.
    pub value: Option<&'a [u8]>,
}

/// Clock, random numbers and trace output of a program.
pub trait Environment {
    /// Makes a call fail that might succeed: a lookup finds nothing, every other helper that can fail
    /// returns the error and has no effect, except that packet pointers become stale as always. Asked
    /// once the arguments are found to be good, so that a failure hides no fault. For tests and trials
    /// of what a program does then; nothing fails so by default. Machine code does lookups without
    /// asking; trials interpret.
    fn refuse(&mut self, _call: &HelperCall<'_>) -> Option<Errno> {
        None
    }

    /// Hears of what helpers changed in maps, for those who watch a program. What a program writes
    /// through a pointer into a map is not among it.
    fn changed(&mut self, _change: &MapChange<'_>) {}

    /// Nanoseconds of a monotonic clock, for `bpf_ktime_get_ns`.
    fn clock_ns(&mut self) -> u64;

    /// Nanoseconds since the machine was started, suspended times included, for
    /// `bpf_ktime_get_boot_ns`. A machine that is never suspended has one clock for both.
    fn boot_ns(&mut self) -> u64 {
        self.clock_ns()
    }

    /// Nanoseconds since 1970-01-01 in International Atomic Time, for `bpf_ktime_get_tai_ns`. An
    /// environment without a calendar has its clock.
    fn tai_ns(&mut self) -> u64 {
        self.clock_ns()
    }

    /// A pseudo-random number, for `bpf_get_prandom_u32`.
    fn random_u32(&mut self) -> u32;

    /// Takes a text that `bpf_trace_printk` printed: ASCII, not ended by a line break unless the
    /// program says so. An implementation bounds what it keeps: a program may print for every
    /// packet.
    fn trace(&mut self, text: &str);
}

/// An environment that behaves the same in every run: for tests and for replaying a trial.
#[derive(Clone, Debug)]
pub struct DeterministicEnvironment {
    /// What the clock says next, in nanoseconds.
    pub now_ns: u64,
    /// By how much it advances each time it is read.
    pub step_ns: u64,
    random: u64,
    traced: Vec<String>,
}

impl DeterministicEnvironment {
    /// Texts that are kept; later ones are dropped.
    pub const MAX_TRACED: usize = 64;

    /// An environment whose random numbers belong to `seed`, with a clock that starts at one second
    /// and advances by a microsecond each time it is read.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            now_ns: 1_000_000_000,
            step_ns: 1_000,
            random: seed,
            traced: Vec::new(),
        }
    }

    /// The texts traced so far, the first [`Self::MAX_TRACED`].
    #[must_use]
    pub fn traced(&self) -> &[String] {
        &self.traced
    }
}

impl Environment for DeterministicEnvironment {
    fn clock_ns(&mut self) -> u64 {
        let now = self.now_ns;
        self.now_ns = now.saturating_add(self.step_ns);
        now
    }

    /// The upper half of SplitMix64.
    fn random_u32(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        low32(mix(self.random) >> 32)
    }

    fn trace(&mut self, text: &str) {
        if self.traced.len() < Self::MAX_TRACED {
            self.traced.push(text.into());
        }
    }
}
