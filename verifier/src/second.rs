//! The second proof: `bpf-checker`, of another design than the first, and what follows from both.
//!
//! Nothing is accepted on one engine's word. Where both refuse, the first one's reasons are shown,
//! since it knows more about how a program came to where it is. Where they disagree, nobody knows
//! which one is wrong: that is no acceptance, and no refusal either.

use bpf_checker::Verdict;
use bpf_object::Image;

use crate::answer::{Disagreement, Facts, Gap, Outcome};
use crate::checks::Checked;
use crate::claims;
use crate::codes;
use crate::finding::Report;
use crate::first::{self, Prover};
use crate::prevail::{Bounds, Proof, Proved};
use crate::unwind;
use crate::verdict::Engine;

/// The second engine as statements name it. `bpf_checker::ENGINE` is the same as text.
pub(crate) const ENGINE: Engine = Engine {
    name: "bpf-checker",
    version: (0, 1, 0),
};

/// Findings of one program that are reported.
pub(crate) const MAX_REPORTS: usize = 16;

/// What the first engine was asked about.
pub(crate) enum Loops {
    /// The program as it is.
    Plain,
    /// The program unwound.
    Unwound {
        /// Its slots.
        slots: u32,
        /// How often loops run at most, by both proofs.
        bounds: unwind::Bounds,
        /// Instructions of the longest path that the first proof leaves open, if it accepts.
        longest: u64,
    },
}

/// What follows from both answers about a program that passed the own checks. The second engine's is
/// about the program as it is.
pub(crate) fn judge(
    prover: Prover,
    image: &Image,
    checked: &Checked<'_>,
    proof: Proof,
    second: Verdict,
    loops: Loops,
) -> Outcome {
    match proof {
        Proof::Accepted(proved) => confirm(prover, image, checked, *proved, second, loops),
        Proof::Rejected(reports) => refuse(prover, reports, &second),
        Proof::Divided(disagreement) => Outcome::Disagreed(first::divided(disagreement, second)),
        Proof::Contradicted(reason) => undecided(codes::CONTRADICTED, reason),
        Proof::Unsupported(reason) => undecided(codes::UNSUPPORTED, reason),
    }
}

/// The first engine accepts.
fn confirm(
    prover: Prover,
    image: &Image,
    checked: &Checked<'_>,
    first: Proved,
    second: Verdict,
    loops: Loops,
) -> Outcome {
    let facts = match second {
        Verdict::Accepted(facts) => facts,
        Verdict::Rejected(findings) => {
            return Outcome::Disagreed(Disagreement {
                accepts: prover.names(),
                rejects: ENGINE.name.to_owned(),
                reports: findings.into_iter().take(MAX_REPORTS).map(report).collect(),
            });
        }
        Verdict::Undecided(why) => return undecided(codes::UNCONFIRMED, why.to_string()),
    };
    // Both ranges hold for every run, so what they have in common does.
    let proved = first.bounds;
    let bounds = Bounds {
        exit_low: proved.exit_low.max(*facts.returns.start()),
        exit_high: proved.exit_high.min(*facts.returns.end()),
        ..proved
    };
    if bounds.exit_low > bounds.exit_high {
        let reason = "the two proofs exclude each other's return values".to_owned();
        return undecided(codes::CONTRADICTED, reason);
    }
    let (unwound, loops, longest) = match loops {
        Loops::Plain => (None, unwind::Bounds::of_loops(&facts.loops), 0),
        Loops::Unwound {
            slots,
            bounds,
            longest,
        } => (Some(slots), bounds, longest),
    };
    let loops = loops.all();
    let deepest = loops.iter().map(|(_, bound)| *bound).max().unwrap_or(0);
    let deepest = u32::try_from(deepest).unwrap_or(u32::MAX);
    let second_claims = claims::checker::claims(image, image, &facts, &claims::same_slot);
    Outcome::Accepted(Facts {
        max_stack: checked.max_stack,
        // What exceeds this contradicts both proofs.
        longest_run: facts.longest_run.max(longest),
        helper_calls: facts.helper_calls,
        map_updates: facts.map_updates,
        unwound,
        loops,
        bounds: Bounds {
            max_loop_count: bounds.max_loop_count.max(deepest),
            ..bounds
        },
        claims: vec![first.claims, second_claims],
    })
}

/// The first engine refuses. When the second has no opinion, the reasons of the first stand.
fn refuse(prover: Prover, reports: Vec<Report>, second: &Verdict) -> Outcome {
    match second {
        Verdict::Accepted(_) => Outcome::Disagreed(Disagreement {
            accepts: ENGINE.name.to_owned(),
            rejects: prover.names(),
            reports,
        }),
        Verdict::Rejected(_) | Verdict::Undecided(_) => Outcome::Rejected(reports),
    }
}

fn undecided(code: platform_click::Code, reason: String) -> Outcome {
    Outcome::Undecided(Gap { code, reason })
}

/// A finding of the checker in the form of all findings.
pub(crate) fn report(finding: bpf_checker::Finding) -> Report {
    let report = Report::new(finding.code(), finding.slot, finding.cause.to_string());
    finding
        .related
        .into_iter()
        .fold(report, |report, (slot, label)| report.with(slot, label))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The version in statements is that of the crate.
    #[test]
    fn the_engine_is_named_as_it_is() {
        let (major, minor, patch) = ENGINE.version;
        let version = format!("{major}.{minor}.{patch}");
        assert_eq!((ENGINE.name, version.as_str()), bpf_checker::ENGINE);
    }
}
