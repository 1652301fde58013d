//! What is known of an object after verification.

use core::fmt;
use core::ops::RangeInclusive;

use bpf_object::{Image, Line, MapDef, ObjectError};
use platform_click::{Code, Digest, HelperId, ProgramKind};

use crate::codes;
use crate::finding::Finding;
use crate::scenario::Scenario;
use crate::trial::{Contradiction, Summary};
use crate::worker::{Sandbox, WorkerError};

/// The answer about an object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Every program is safe.
    Accepted(ObjectFacts),
    /// At least one program is not proved safe; at least one finding, by program and slot.
    Rejected(Vec<Finding>),
    /// There is no answer. Never to be taken for an acceptance.
    Undecided(Undecided),
}

/// What was proved of an object. Only this crate makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectFacts {
    /// SHA-256 of the object file.
    pub object: Digest,
    /// Every program of the object, in the object's order.
    pub programs: Vec<AcceptedProgram>,
    /// The engines that accepted every program, in the order in which they ran.
    pub engines: Vec<Engine>,
    /// What the verifying processes were confined by; [`Sandbox::missing`] is to be said aloud.
    pub sandbox: Sandbox,
    /// What was executed, unless the trial was left out.
    pub trial: Option<Trial>,
}

/// What was executed of an object's programs, without contradicting a proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trial {
    /// What packets, map contents and everything else were made of.
    pub seed: u64,
    /// Executions.
    pub runs: u64,
    /// Executed instructions, about.
    pub instructions: u64,
    /// Executions that were cut off since they took long, which says nothing against the program.
    pub cut: u64,
    /// Directions of branches that were taken.
    pub branches_taken: u32,
    /// Directions of branches that the proofs leave open.
    pub branches: u32,
    /// Executions of each program that there might have been.
    pub max_runs: u32,
    /// Milliseconds that there were for all programs together.
    pub max_time_ms: u64,
}

impl Trial {
    /// How many of 100 directions of branches were taken, rounded down; 100 without branches.
    #[must_use]
    pub fn coverage_percent(&self) -> u32 {
        let taken = self.branches_taken.saturating_mul(100);
        taken.checked_div(self.branches).unwrap_or(100)
    }

    pub(crate) fn add(&mut self, summary: &Summary) {
        self.runs = self.runs.saturating_add(summary.runs);
        self.instructions = self.instructions.saturating_add(summary.instructions);
        self.cut = self.cut.saturating_add(summary.cut);
        self.branches_taken = self.branches_taken.saturating_add(summary.taken);
        self.branches = self.branches.saturating_add(summary.directions);
    }
}

/// An engine that vouches for a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Engine {
    /// Its name.
    pub name: &'static str,
    /// Its version: major, minor, patch.
    pub version: (u32, u32, u32),
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.version;
        write!(f, "{} {major}.{minor}.{patch}", self.name)
    }
}

/// What was proved of one program. Only this crate makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedProgram {
    /// Its name in the object.
    pub name: String,
    /// What it is for.
    pub kind: ProgramKind,
    /// Digest of its image.
    pub image: Digest,
    /// Instruction slots of its image.
    pub instructions: u32,
    /// Bytes of stack of the deepest chain of calls, each frame up to the lowest byte that it uses.
    pub max_stack: u32,
    /// The highest bound of any loop; 0 without loops. Where PREVAIL accepted the program as it is,
    /// its own count is part of it: how often the head is passed in a whole run.
    pub max_loop_count: u32,
    /// Instructions that no run exceeds; an upper bound, as all that follow.
    pub worst_case_instructions: u64,
    /// Calls of helpers in one run.
    pub worst_case_helper_calls: u64,
    /// Calls of helpers that insert, replace or delete entries of maps in one run.
    pub worst_case_map_updates: u64,
    /// Its loops, ascending by slot.
    pub loops: Vec<LoopBound>,
    /// What neither proof reaches.
    pub unreached: Unreached,
    /// Slots of the unwound program that PREVAIL accepted; `None` when it accepted the program as
    /// it is.
    pub unwound_instructions: Option<u32>,
    /// The values that it may return.
    pub exit: RangeInclusive<u64>,
    /// The highest output that a classifier may name; `None` for other kinds, and for a classifier
    /// that always drops.
    pub highest_output: Option<u8>,
    /// The helpers that it calls, ascending.
    pub helpers: Vec<HelperId>,
    /// The maps that it refers to, in the order of its image.
    pub maps: Vec<MapDef>,
}

/// What no run comes to, as both proofs say: what one of them reaches is not among it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreached {
    /// Slots, ascending, the second halves of wide instructions included.
    pub slots: Vec<u32>,
    /// Ways on from conditional jumps that are reached themselves, ascending: the slot, and whether
    /// the jump is taken. No jump lacks both.
    pub ways: Vec<(u32, bool)>,
}

/// How often a loop runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopBound {
    /// Slot of its first instruction.
    pub slot: u32,
    /// Where that instruction comes from.
    pub line: Option<Line>,
    /// How often it is executed at most, each time that the loop is entered.
    pub bound: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undecided {
    /// The diagnostic.
    pub code: Code,
    /// The program that it is about, when it is about one.
    pub program: Option<String>,
    /// What happened, in a sentence without a period.
    pub reason: String,
    /// The input that contradicts a proof.
    pub counterexample: Option<Counterexample>,
    /// The reasons of the engine that refuses what another accepts.
    pub findings: Vec<Finding>,
}

/// Runs that contradict a proof, as few and as small as they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counterexample {
    /// The seed of the trial ([`VerifyOptions::trial_seed`](crate::VerifyOptions::trial_seed)) in
    /// which it was found.
    pub seed: u64,
    /// In which run of the program, from 0.
    pub run: u32,
    /// Runs that show it; the last one contradicts the proof.
    pub scenario: Scenario,
    /// The slot of the instruction that went wrong, if it was one.
    pub slot: Option<u32>,
    /// Where that instruction comes from.
    pub line: Option<Line>,
}

impl Counterexample {
    pub(crate) fn new(image: &Image, seed: u64, found: Contradiction) -> Self {
        let slot = found.wrong.slot;
        Self {
            seed,
            run: found.run,
            scenario: found.scenario,
            slot,
            line: slot.and_then(|slot| image.lines().get(slot).cloned()),
        }
    }
}

impl Undecided {
    pub(crate) fn new(code: Code, program: Option<&str>, reason: impl Into<String>) -> Self {
        Self {
            code,
            program: program.map(Into::into),
            reason: reason.into(),
            counterexample: None,
            findings: Vec::new(),
        }
    }
}

/// Why an object could not be given to the verifier at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The file is not a valid object.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The verifying process could not be started.
    #[error(transparent)]
    Worker(WorkerError),
    /// An engine is asked for that this program was built without.
    #[error("this program was built without the C++ PREVAIL")]
    NotBuiltIn,
    /// The operating system gives no random number for the trial's seed.
    #[error("no random number")]
    Random(#[source] getrandom::Error),
}

impl VerifyError {
    /// The diagnostic.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Object(error) => error.code(),
            Self::Worker(error) => error.code(),
            Self::NotBuiltIn => codes::NOT_BUILT_IN,
            Self::Random(_) => codes::WORKER,
        }
    }
}
