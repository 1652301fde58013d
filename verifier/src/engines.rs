//! What each engine says by itself, for those who compare engines.
//!
//! Nothing here is a verdict: a [`Verdict`](crate::Verdict) comes from
//! [`verify_object`](crate::verify_object) alone. The engine `prevail` may run very long, use much
//! memory or panic: callers run it in a confined process, as [`crate::worker`] does.

use bpf_object::Image;

use crate::answer::{self, Outcome};
use crate::checks::{self, Failure};
use crate::finding::Report;
use crate::prevail;

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

/// All of them, as a verdict before the trial rests on them.
#[must_use]
pub fn together(image: &Image) -> Opinion {
    match answer::examine(image) {
        Outcome::Accepted(_) => Opinion::Accepts,
        Outcome::Rejected(reports) => Opinion::refuses(&reports),
        Outcome::Disagreed(disagreement) => Opinion::Undecided(format!(
            "{} accepts, {} does not",
            disagreement.accepts, disagreement.rejects
        )),
        Outcome::Undecided(gap) => Opinion::Undecided(gap.reason),
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
}
