//! The caller's side of the ladder: which rung is asked about which program, and for how long.

use core::time::Duration;
use std::time::Instant;

use crate::answer::{Answer, Gap, Next, Outcome, ProofRequest, Rung, Task};
use crate::codes;
use crate::verify::{Case, Stop};
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
    /// What the engines say of each program. All attempts together keep to the worker's limit of
    /// time on the clock, and each to that of processor time.
    pub(crate) fn climb(&self, method: LoopMethod) -> Result<(Vec<Outcome>, Sandbox), Stop> {
        let start = Instant::now();
        let rung = match method {
            LoopMethod::Auto => Rung::Quick,
            LoopMethod::Plain => Rung::Plain,
            LoopMethod::Unwind => Rung::Unwound,
        };
        let task = |rung, program| Task::Prove(ProofRequest { rung, program });
        let limits = self.worker.limits;
        let (answers, mut sandbox) =
            self.ask::<Answer>(task(rung, None), &self.programs, limits)?;
        let mut outcomes = Vec::new();
        for (index, answer) in (0..).zip(answers) {
            let Answer { mut outcome, next } = answer;
            if method != LoopMethod::Auto {
                outcomes.push(outcome);
                continue;
            }
            let rungs: &[(Rung, Duration)] = match next {
                Next::Nothing => &[],
                Next::Plain => &RUNGS[..1],
                Next::Guarded => &RUNGS[..2],
                Next::GuardedOrUnwound => &RUNGS,
            };
            for (rung, limit) in rungs {
                let about = usize::try_from(index).ok();
                let about = about.and_then(|index| self.programs.get(index));
                let (Some(limits), Some(about)) = (left(limits, start, *limit), about) else {
                    break;
                };
                let about = core::slice::from_ref(about);
                match self.ask::<Answer>(task(*rung, Some(index)), about, limits) {
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
            outcomes.push(outcome);
        }
        Ok((outcomes, sandbox))
    }
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
