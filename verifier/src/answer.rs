//! The worker's side: from the bytes of an object to an answer about each of its programs.

use core::time::Duration;
use std::time::Instant;

use bpf_object::{Image, Object, ParseOptions};
use platform_click::{Code, Digest, ProgramKind};

use crate::claims::Claims;
use crate::finding::Report;
use crate::first::Prover;
use crate::ladder;
use crate::prevail::Bounds;
use crate::trial::{self, Budget, Ending};
use crate::wire::{
    Bytes, Input, Malformed, Wire, decode, encode, wire_enum, wire_names, wire_struct,
};

/// What a worker is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The kind of programs in a section of the legacy name `bpffilter`.
    pub(crate) bpffilter: ProgramKind,
    /// The object file.
    pub(crate) object: Bytes,
    /// What is asked.
    pub(crate) task: Task,
}

/// What is asked about the programs of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// To prove them.
    Prove(ProofRequest),
    /// To try programs that were accepted.
    Try(TrialRequest),
}

/// What is to be proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProofRequest {
    /// How.
    pub(crate) rung: Rung,
    /// By which PREVAIL.
    pub(crate) prover: Prover,
    /// The index of the program that is asked about.
    pub(crate) program: u32,
}

/// How programs with loops are proved; others are given to both engines as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    /// By unwinding them, if that does not take long.
    Quick,
    /// As they are.
    Plain,
    /// As they are, with guards at the heads of loops.
    Guarded,
    /// By unwinding them.
    Unwound,
}

/// What is to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrialRequest {
    /// What inputs are made of.
    pub(crate) seed: u64,
    /// Runs of each program at most.
    pub(crate) runs: u32,
    /// Milliseconds for all programs together.
    pub(crate) time_ms: u64,
    /// What is proved of each program.
    pub(crate) facts: Vec<Facts>,
}

/// An answer about one program, and who may know better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) next: Next,
}

/// Which rungs may accept what this one did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// None.
    Nothing,
    /// The program as it is.
    Plain,
    /// That, and then the program with guards.
    Guarded,
    /// Both, and then the program unwound, which takes long.
    GuardedOrUnwound,
}

/// An answer about one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Both engines accept it.
    Accepted(Facts),
    /// It is not safe, or not shown to be.
    Rejected(Vec<Report>),
    /// One engine accepts it, the other does not.
    Disagreed(Disagreement),
    /// There is no answer.
    Undecided(Gap),
}

/// Engines of different opinions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disagreement {
    /// The engine that accepts.
    pub(crate) accepts: String,
    /// The engine that does not.
    pub(crate) rejects: String,
    /// Its reasons.
    pub(crate) reports: Vec<Report>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) code: Code,
    pub(crate) reason: String,
}

/// What is proved of an accepted program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Bytes of stack of the deepest chain of calls.
    pub(crate) max_stack: u32,
    /// Instructions that no run exceeds.
    pub(crate) longest_run: u64,
    /// Calls of helpers that no run exceeds.
    pub(crate) helper_calls: u64,
    /// Calls of helpers that change a map that no run exceeds.
    pub(crate) map_updates: u64,
    /// Slots of the unwound program that PREVAIL accepted; `None` when it accepted the program as it
    /// is.
    pub(crate) unwound: Option<u32>,
    /// Slot of each loop's head, ascending, and how often it is passed at most, each time that the
    /// loop is entered.
    pub(crate) loops: Vec<(u32, u64)>,
    pub(crate) bounds: Bounds,
    /// What each engine says of single instructions.
    pub(crate) claims: Vec<Claims>,
}

wire_struct!(Request {
    bpffilter,
    object,
    task
});
wire_struct!(ProofRequest {
    rung,
    prover,
    program
});
wire_struct!(Answer { outcome, next });
wire_struct!(TrialRequest {
    seed,
    runs,
    time_ms,
    facts
});
wire_struct!(Bounds {
    max_loop_count,
    exit_low,
    exit_high,
    highest_output
});
wire_struct!(Facts {
    max_stack,
    longest_run,
    helper_calls,
    map_updates,
    unwound,
    loops,
    bounds,
    claims
});
wire_struct!(Disagreement {
    accepts,
    rejects,
    reports
});
wire_struct!(Gap { code, reason });
wire_struct!(Report {
    code,
    slot,
    cause,
    engine,
    related,
    registers,
    facts
});
wire_enum!(Outcome {
    0 => Accepted,
    1 => Rejected,
    2 => Disagreed,
    3 => Undecided,
});
wire_enum!(Task { 0 => Prove, 1 => Try });

wire_names!(Prover { 0 => Rust, 1 => Cpp, 2 => Both });
wire_names!(Rung { 0 => Quick, 1 => Plain, 2 => Guarded, 3 => Unwound });
wire_names!(Next { 0 => Nothing, 1 => Plain, 2 => Guarded, 3 => GuardedOrUnwound });

impl Wire for ProgramKind {
    fn put(&self, out: &mut Vec<u8>) {
        self.number().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Self::from_number(u8::get(input)?).ok_or(Malformed)
    }
}

/// Serves a request: an answer for each program, with the digest of the image that it is about.
/// Images are made from the same bytes here and by the parent, so the digests show that both speak
/// of the same.
///
/// There is no answer to a request that cannot be read or about an object that cannot be linked. The
/// parent has linked it before it asked, so it takes silence for the failure that it is.
pub(crate) fn answer(request: &[u8]) -> Vec<u8> {
    let Ok(request) = decode::<Request>(request) else {
        return Vec::new();
    };
    let Some(images) = link(&request) else {
        return Vec::new();
    };
    match request.task {
        Task::Prove(ProofRequest {
            rung,
            prover,
            program,
        }) => {
            let index = usize::try_from(program).ok();
            let asked = index.and_then(|index| images.get(index));
            encode(&answers(asked.into_iter(), |image| {
                ladder::examine_by(prover, image, rung)
            }))
        }
        Task::Try(request) => {
            let mut proved = request.facts.iter().zip(request.budgets(Instant::now()));
            encode(&answers(images.iter(), |image| match proved.next() {
                Some((facts, budget)) => trial::run(image, facts, request.seed, budget),
                None => Ending::Impossible("nothing is proved of it".into()),
            }))
        }
    }
}

impl TrialRequest {
    /// A budget for each program, from now on: equal parts of the time. What one leaves over, the
    /// ones behind it have.
    pub(crate) fn budgets(&self, now: Instant) -> impl Iterator<Item = Budget> {
        let programs = u64::try_from(self.facts.len()).unwrap_or(u64::MAX);
        (1..=programs).map(move |nth| {
            let share = u128::from(self.time_ms)
                .saturating_mul(nth.into())
                .checked_div(programs.into());
            let share = share.and_then(|share| u64::try_from(share).ok());
            Budget {
                runs: self.runs,
                until: now.checked_add(Duration::from_millis(share.unwrap_or(self.time_ms))),
            }
        })
    }
}

fn link(request: &Request) -> Option<Vec<Image>> {
    let options = ParseOptions {
        bpffilter: request.bpffilter,
    };
    let object = Object::parse(&request.object.0, options).ok()?;
    let programs = object.programs().iter();
    programs.map(|program| object.link(program).ok()).collect()
}

fn answers<'i, T>(
    images: impl Iterator<Item = &'i Image>,
    mut answer: impl FnMut(&Image) -> T,
) -> Vec<(Digest, T)> {
    images
        .map(|image| (image.digest(), answer(image)))
        .collect()
}
