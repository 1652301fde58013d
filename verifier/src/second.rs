//! The second proof: `bpf-checker`, of another design than the first, and what follows from both.
//!
//! Nothing is accepted on one engine's word. Where both refuse, the first one's reasons are shown,
//! since it knows more about how a program came to where it is. Where they disagree, nobody knows
//! which one is wrong: that is no acceptance, and no refusal either.

use bpf_checker::{Options, Verdict, Watch};
use bpf_object::Image;

use crate::answer::{Disagreement, Facts, Gap, Outcome};
use crate::checks::Checked;
use crate::claims::{self, Claims};
use crate::codes;
use crate::finding::Report;
use crate::prevail::{self, Bounds, Proof};
use crate::verdict::Engine;

/// The second engine as statements name it. `bpf_checker::ENGINE` is the same as text.
pub(crate) const ENGINE: Engine = Engine {
    name: "bpf-checker",
    version: (0, 1, 0),
};

/// Findings of one program that are reported.
const MAX_REPORTS: usize = 16;

/// Lets both engines judge an image that passed the own checks.
pub(crate) fn prove(image: &Image, checked: &Checked<'_>) -> Outcome {
    let mut options = Options::default();
    options.watch = Watch::Everything;
    let second = bpf_checker::check(image, &options);
    match prevail::prove(image, checked) {
        Proof::Accepted(bounds, claims) => confirm(image, checked, (bounds, claims), second),
        Proof::Rejected(reports) => refuse(reports, &second),
        Proof::Contradicted(reason) => undecided(codes::CONTRADICTED, reason),
        Proof::Unsupported(reason) => undecided(codes::UNSUPPORTED, reason),
    }
}

/// The first engine accepts.
fn confirm(
    image: &Image,
    checked: &Checked<'_>,
    (first, first_claims): (Bounds, Claims),
    second: Verdict,
) -> Outcome {
    let facts = match second {
        Verdict::Accepted(facts) => facts,
        Verdict::Rejected(findings) => {
            return Outcome::Disagreed(Disagreement {
                accepts: prevail::ENGINE.name.to_owned(),
                rejects: ENGINE.name.to_owned(),
                reports: findings.into_iter().take(MAX_REPORTS).map(report).collect(),
            });
        }
        Verdict::Undecided(why) => return undecided(codes::UNCONFIRMED, why.to_string()),
    };
    // Both ranges hold for every run, so what they have in common does.
    let bounds = Bounds {
        exit_low: first.exit_low.max(*facts.returns.start()),
        exit_high: first.exit_high.min(*facts.returns.end()),
        ..first
    };
    if bounds.exit_low > bounds.exit_high {
        let reason = "the two proofs exclude each other's return values".to_owned();
        return undecided(codes::CONTRADICTED, reason);
    }
    let second_claims = claims::checker::claims(image, image, &facts, &claims::same_slot);
    Outcome::Accepted(Facts {
        max_stack: checked.max_stack,
        longest_run: facts.longest_run,
        bounds,
        claims: vec![first_claims, second_claims],
    })
}

/// The first engine refuses. When the second has no opinion, the reasons of the first stand.
fn refuse(reports: Vec<Report>, second: &Verdict) -> Outcome {
    match second {
        Verdict::Accepted(_) => Outcome::Disagreed(Disagreement {
            accepts: ENGINE.name.to_owned(),
            rejects: prevail::ENGINE.name.to_owned(),
            reports,
        }),
        Verdict::Rejected(_) | Verdict::Undecided(_) => Outcome::Rejected(reports),
    }
}

fn undecided(code: platform_click::Code, reason: String) -> Outcome {
    Outcome::Undecided(Gap { code, reason })
}

/// A finding of the checker in the form of all findings.
fn report(finding: bpf_checker::Finding) -> Report {
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
