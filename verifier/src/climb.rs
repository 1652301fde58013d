//! The caller's side of the ladder: which rung is asked about which program, and for how long.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::answer::{Answer, Gap, Next, Outcome, ProofRequest, Rung, Task};
use crate::codes;
use crate::first::Prover;
use crate::verdict::Undecided;
use crate::verify::{Case, Linked, Stop};
use crate::worker::{Limits, Sandbox};

/// How programs with loops are proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoopMethod {
    /// However one succeeds: unwound where that is short, as they are, with guards, unwound.
    #[default]
    Auto,
    /// As they are.
    Plain,
    /// Unwound.
    Unwind,
}

/// What the engine may take for a program with loops as it is: it answers within milliseconds, or
/// does not come to an end.
const PLAIN_LIMIT: Duration = Duration::from_secs(3);

/// The rungs after the first, and what each may take.
const RUNGS: [(Rung, Duration); 3] = [
    (Rung::Plain, PLAIN_LIMIT),
    (Rung::Guarded, PLAIN_LIMIT),
    (Rung::Unwound, Duration::MAX),
];

impl Case<'_> {
    /// What the engines say of each program: each in a child of its own, as many at a time as there
    /// are processors. All attempts together keep to the worker's limit of time on the clock, and each
    /// to that of processor time.
    pub(crate) fn climb(
        &self,
        method: LoopMethod,
        prover: Prover,
    ) -> Result<(Vec<Outcome>, Sandbox), Stop> {
        let start = Instant::now();
        let ladders = side_by_side(&self.programs, |index, program| {
            self.climb_alone(index, program, (method, prover), start)
        });
        let mut outcomes = Vec::new();
        let mut sandboxes = Vec::new();
        for ladder in ladders {
            let (outcome, sandbox) = ladder?;
            outcomes.push(outcome);
            sandboxes.push(sandbox);
        }
        // Each program has its outcome, or none is believed.
        match sandboxes.into_iter().reduce(Sandbox::and) {
            Some(sandbox) if outcomes.len() == self.programs.len() => Ok((outcomes, sandbox)),
            _ => {
                let reason = "there is not an answer for each program";
                Err(Undecided::new(codes::ANSWER, None, reason).into())
            }
        }
    }

    /// What the engines say of one program.
    fn climb_alone(
        &self,
        index: u32,
        program: &Linked<'_>,
        (method, prover): (LoopMethod, Prover),
        start: Instant,
    ) -> Result<(Outcome, Sandbox), Stop> {
        let first = match method {
            LoopMethod::Auto => Rung::Quick,
            LoopMethod::Plain => Rung::Plain,
            LoopMethod::Unwind => Rung::Unwound,
        };
        let ask = |rung, limits| {
            let about = core::slice::from_ref(program);
            let program = index;
            self.ask::<Answer>(
                Task::Prove(ProofRequest {
                    rung,
                    prover,
                    program,
                }),
                about,
                limits,
            )
        };
        let limits = self.worker.limits;
        // Who comes after others has less time; where none is left, the child says so.
        let remaining = left(limits, start, Duration::MAX).unwrap_or(Limits {
            wall: Duration::from_millis(1),
            ..limits
        });
        let (answers, mut sandbox) = ask(first, remaining)?;
        let Some(Answer { mut outcome, next }) = answers.into_iter().next() else {
            let reason = "the worker's answer is about no program";
            return Err(Undecided::new(codes::ANSWER, None, reason).into());
        };
        let rungs: &[(Rung, Duration)] = match (method, next) {
            (LoopMethod::Plain | LoopMethod::Unwind, _) | (_, Next::Nothing) => &[],
            (_, Next::Plain) => &RUNGS[..1],
            (_, Next::Guarded) => &RUNGS[..2],
            (_, Next::GuardedOrUnwound) => &RUNGS,
        };
        for (rung, limit) in rungs {
            let Some(limits) = left(limits, start, *limit) else {
                break;
            };
            match ask(*rung, limits) {
                Ok((answers, confined)) => {
                    sandbox = sandbox.and(confined);
                    let answer = answers.into_iter().next();
                    outcome = better(*rung, outcome, answer.map(|answer| answer.outcome));
                }
                Err(Stop::Verdict(_)) => note_silence(*rung, &mut outcome),
                Err(error) => return Err(error),
            }
            if matches!(outcome, Outcome::Accepted(_)) {
                break;
            }
        }
        Ok((outcome, sandbox))
    }
}

/// Does the work for each item, as many at a time as there are processors; results are in the order
/// of the items.
fn side_by_side<I: Sync, T: Send>(items: &[I], work: impl Fn(u32, &I) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let waiting = Mutex::new((0..).zip(items));
    let done = Mutex::new(BTreeMap::new());
    let serve = || {
        loop {
            // Nobody panics while he holds one of the locks.
            let next = waiting.lock().ok().and_then(|mut waiting| waiting.next());
            let Some((index, item)) = next else { break };
            let result = work(index, item);
            if let Ok(mut done) = done.lock() {
                done.insert(index, result);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            // Where the system has no thread left, this one does all the work.
            let _ = thread::Builder::new().spawn_scoped(scope, serve);
        }
        serve();
    });
    done.into_inner()
        .map(|done| done.into_values().collect())
        .unwrap_or_default()
}

/// What another attempt may take: what is left of the time on the clock, and no more than `most`;
/// nothing when that is used up.
fn left(limits: Limits, start: Instant, most: Duration) -> Option<Limits> {
    let wall = limits.wall.saturating_sub(start.elapsed());
    (!wall.is_zero()).then(|| Limits {
        cpu: limits.cpu.min(most),
        wall,
        ..limits
    })
}

/// What stands when another rung has answered. Acceptance does, and so do its reasons when both
/// engines refuse now; else what the rung before said, which looked at single iterations.
fn better(rung: Rung, before: Outcome, now: Option<Outcome>) -> Outcome {
    match (before, now) {
        (_, Some(accepted @ Outcome::Accepted(_))) => accepted,
        (Outcome::Rejected(_), Some(rejected @ Outcome::Rejected(_))) => rejected,
        (Outcome::Rejected(_), Some(disagreed @ Outcome::Disagreed(_))) => disagreed,
        (Outcome::Undecided(gap), Some(refused)) if gap.code == codes::UNCONFIRMED => refused,
        (Outcome::Undecided(_), Some(now)) if rung == Rung::Unwound => now,
        (mut before, Some(_)) => {
            note(
                &mut before,
                match rung {
                    Rung::Guarded => "with guards, PREVAIL refuses it",
                    _ => "as it is, PREVAIL refuses it",
                },
            );
            before
        }
        (before, None) => before,
    }
}

/// A process that did not answer changes nothing, but is worth a word.
fn note_silence(rung: Rung, outcome: &mut Outcome) {
    note(
        outcome,
        match rung {
            Rung::Plain => "as it is, PREVAIL came to no end",
            Rung::Guarded => "with guards, PREVAIL came to no end",
            Rung::Quick | Rung::Unwound => "unwound, PREVAIL came to no end",
        },
    );
}

fn note(outcome: &mut Outcome, what: &str) {
    if let Outcome::Undecided(Gap { reason, .. }) = outcome {
        reason.push_str("; ");
        reason.push_str(what);
    }
}
