//! What each engine says by itself, for those who compare engines.
//!
//! Nothing here is a verdict: a [`Verdict`](crate::Verdict) comes from
//! [`verify_object`](crate::verify_object) alone. The engine `prevail` may run very long, use much
//! memory or panic: callers run it in a confined process, as [`crate::worker`] does.

use bpf_object::Image;

use crate::answer::{Facts, Outcome, Rung};
use crate::checks::{self, Failure};
use crate::finding::Report;
use crate::first::Prover;
use crate::ladder;
use crate::prevail;
use crate::trial::{self, Budget, Ending};
use crate::verdict::Counterexample;

/// An opinion about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It is safe.
    Accepts,
    /// It is not safe, or not shown to be.
    Refuses {
        /// The slot of the first finding.
        slot: u32,
        /// What is wrong there.
        cause: String,
    },
    /// There is no answer, for this reason.
    Undecided(String),
}

impl Opinion {
    fn refuses(reports: &[Report]) -> Self {
        let first = reports.first();
        Self::Refuses {
            slot: first.map_or(0, |report| report.slot),
            cause: first.map_or_else(String::new, |report| report.cause.clone()),
        }
    }
}

/// PREVAIL alone: what it says about an image on our platform, without the checks that belong to it
/// here.
#[must_use]
pub fn prevail(image: &Image) -> Opinion {
    match prevail::alone(image) {
        Ok(None) => Opinion::Accepts,
        Ok(Some((slot, cause))) => Opinion::Refuses { slot, cause },
        Err(reason) => Opinion::Undecided(reason),
    }
}

/// The C++ original of PREVAIL, where it is built in, as [`prevail`] has it of the crate.
#[cfg(feature = "prevail-cpp")]
#[must_use]
pub fn prevail_cpp(image: &Image) -> Opinion {
    match crate::cpp::alone(image) {
        Ok(None) => Opinion::Accepts,
        Ok(Some((slot, cause))) => Opinion::Refuses { slot, cause },
        Err(reason) => Opinion::Undecided(reason),
    }
}

/// The own checks alone.
#[must_use]
pub fn own_checks(image: &Image) -> Opinion {
    match checks::check(image) {
        Ok(_) => Opinion::Accepts,
        Err(Failure::Rejected(reports)) => Opinion::refuses(&reports),
        Err(Failure::TooComplex) => Opinion::Undecided("the checks were given up".into()),
    }
}

/// The independent checker alone.
#[must_use]
pub fn checker(image: &Image) -> Opinion {
    match bpf_checker::check(image, &bpf_checker::Options::default()) {
        bpf_checker::Verdict::Accepted(_) => Opinion::Accepts,
        bpf_checker::Verdict::Rejected(findings) => {
            let first = findings.first();
            Opinion::Refuses {
                slot: first.map_or(0, |finding| finding.slot),
                cause: first.map_or_else(String::new, |finding| finding.cause.to_string()),
            }
        }
        bpf_checker::Verdict::Undecided(why) => Opinion::Undecided(why.to_string()),
    }
}

/// What a trial finds that contradicts PREVAIL, if it accepts: the runs, and what is wrong, in a
/// sentence without a period. Neither own checks nor checker are asked, so that one sees what the
/// trial finds by itself.
#[must_use]
pub fn contradiction_of_prevail(
    image: &Image,
    seed: u64,
    runs: u32,
) -> Option<(String, Counterexample)> {
    let (bounds, claims) = prevail::proof_alone(image)?;
    let facts = Facts {
        // PREVAIL knows one stack of all frames, and counts no instructions.
        max_stack: u32::MAX,
        longest_run: u64::MAX,
        helper_calls: u64::MAX,
        map_updates: u64::MAX,
        unwound: None,
        loops: Vec::new(),
        bounds,
        claims: vec![claims],
    };
    match trial::run(image, &facts, seed, Budget { runs, until: None }) {
        Ending::Contradicted(found) => {
            let reason = found.wrong.reason.clone();
            Some((reason, Counterexample::new(image, seed, found)))
        }
        Ending::Passed(_) | Ending::Impossible(_) => None,
    }
}

/// All of them, as a verdict before the trial rests on them.
#[must_use]
pub fn together(image: &Image) -> Opinion {
    match ladder::examine_by(Prover::Rust, image, Rung::Unwound).outcome {
        Outcome::Accepted(_) => Opinion::Accepts,
        Outcome::Rejected(reports) => Opinion::refuses(&reports),
        Outcome::Disagreed(disagreement) => Opinion::Undecided(format!(
            "{} accepts, {} does not",
            disagreement.accepts, disagreement.rejects
        )),
        Outcome::Undecided(gap) => Opinion::Undecided(gap.reason),
    }
}

/// The trial of an image that all of them accept, in so many runs at most: what contradicts a proof, if
/// anything does.
#[must_use]
pub fn tried(image: &Image, seed: u64, runs: u32) -> Option<String> {
    let Outcome::Accepted(facts) = ladder::examine_by(Prover::Rust, image, Rung::Unwound).outcome
    else {
        return None;
    };
    match trial::run(image, &facts, seed, Budget { runs, until: None }) {
        Ending::Contradicted(found) => Some(found.wrong.reason),
        Ending::Passed(_) | Ending::Impossible(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use platform_click::ProgramKind;

    use super::*;
    use crate::testing::{exit, image, mov, op, pass};

    #[test]
    fn each_says_what_it_thinks() {
        let safe = image(ProgramKind::Filter, &pass());
        for opinion in [prevail, own_checks, checker, together] {
            assert_eq!(opinion(&safe), Opinion::Accepts);
        }
        assert_eq!(tried(&safe, 1, 10), None);
        // A load through null.
        let code = [mov(1, 0), op(0x79, 0, 1, 0, 0), exit()];
        let unsafe_one = image(ProgramKind::Filter, &code);
        for opinion in [prevail, checker, together] {
            assert!(matches!(
                opinion(&unsafe_one),
                Opinion::Refuses { slot: 1, .. }
            ));
        }
        assert_eq!(own_checks(&unsafe_one), Opinion::Accepts);
    }

    /// The return value is what we compare, not the engine.
    #[test]
    fn prevail_is_asked_without_our_checks() {
        let seven = image(ProgramKind::Filter, &[mov(0, 7), exit()]);
        assert_eq!(prevail(&seven), Opinion::Accepts);
        assert!(matches!(together(&seven), Opinion::Refuses { slot: 1, .. }));
    }

    /// PREVAIL takes the two shifts for one instruction, and does not tell the two ways of a branch to
    /// the next instruction apart: that is no claim.
    #[test]
    fn a_trial_does_not_hold_against_an_engine_what_it_does_not_say() {
        let shifts = [
            op(0x79, 0, 1, 24, 0),
            op(0x67, 0, 0, 0, 32),
            op(0x77, 0, 0, 0, 32),
            mov(0, 1),
            exit(),
        ];
        let next = [
            mov(0, 1),
            op(0x36, 0, 0, 0, 5),
            op(0x57, 0, 0, 0, 1),
            exit(),
        ];
        for code in [&shifts[..], &next] {
            let image = image(ProgramKind::Filter, code);
            assert_eq!(together(&image), Opinion::Accepts);
            assert_eq!(tried(&image, 1, 50), None);
        }
    }
}
