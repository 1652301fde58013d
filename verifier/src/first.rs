//! The first proof: which PREVAIL gives it, and what follows where two are asked.
//!
//! The crate `prevail` is always there. The C++ original is where `prevail-cpp` is built in. Where both
//! are asked they have to agree; what the crate says beyond "safe" is what counts then.

use bpf_object::Image;

use crate::answer::Disagreement;
use crate::checks::Checked;
use crate::claims::{SlotOf, same_slot};
use crate::prevail::{self, Proof};
use crate::verdict::Engine;
use crate::{cpp, second};

/// Which PREVAIL proves, beside the checker, which always does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// All that are built in.
    #[default]
    Auto,
    /// The crate `prevail`.
    Rust,
    /// The C++ original.
    Cpp,
    /// Both, and they have to agree.
    Both,
}

impl EngineChoice {
    /// Who is asked; nobody if the C++ original is not built in and has to be.
    pub(crate) const fn prover(self) -> Option<Prover> {
        match (self, cpp::BUILT_IN) {
            (Self::Rust, _) | (Self::Auto, false) => Some(Prover::Rust),
            (Self::Cpp, true) => Some(Prover::Cpp),
            (Self::Both | Self::Auto, true) => Some(Prover::Both),
            (Self::Cpp | Self::Both, false) => None,
        }
    }
}

/// Who gives the first proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prover {
    /// The crate.
    Rust,
    /// The C++ original.
    Cpp,
    /// Both.
    Both,
}

impl Prover {
    /// The engines, in the order in which they are asked.
    pub(crate) const fn engines(self) -> &'static [Engine] {
        match self {
            Self::Rust => &[prevail::ENGINE],
            Self::Cpp => &[cpp::ENGINE],
            Self::Both => &[prevail::ENGINE, cpp::ENGINE],
        }
    }

    /// Their names, for people.
    pub(crate) fn names(self) -> String {
        let names: Vec<&str> = self.engines().iter().map(|engine| engine.name).collect();
        names.join(" and ")
    }

    /// Runs the engines with the platform's profile. They may run very long, use much memory or panic:
    /// callers run them in a confined process.
    pub(crate) fn prove(self, image: &Image, checked: &Checked<'_>) -> Proof {
        self.prove_as(image, checked, image, &same_slot)
    }

    /// The same for a program of which each slot stands for one of `original`'s, or for none: the
    /// claims are about those.
    pub(crate) fn prove_as(
        self,
        image: &Image,
        checked: &Checked<'_>,
        original: &Image,
        slot_of: SlotOf<'_>,
    ) -> Proof {
        match self {
            Self::Rust => prevail::prove_as(image, checked, original, slot_of),
            Self::Cpp => cpp::prove_as(image, checked, original, slot_of),
            Self::Both => {
                let first = prevail::prove_as(image, checked, original, slot_of);
                match &first {
                    Proof::Accepted(_) | Proof::Rejected(_) => {
                        agreed(first, cpp::judge(image, checked))
                    }
                    // Nothing that the other says could make it an acceptance or a refusal.
                    Proof::Divided(_) | Proof::Contradicted(_) | Proof::Unsupported(_) => first,
                }
            }
        }
    }
}

/// What follows when the crate and the original have answered.
fn agreed(rust: Proof, cpp: cpp::Judgement) -> Proof {
    let names = [prevail::ENGINE.name, cpp::ENGINE.name].map(str::to_owned);
    let [rust_name, cpp_name] = names;
    match (rust, cpp) {
        (accepted @ Proof::Accepted(_), cpp::Judgement::Accepts) => accepted,
        (Proof::Accepted(_), cpp::Judgement::Refuses(reports)) => Proof::Divided(Disagreement {
            accepts: rust_name,
            rejects: cpp_name,
            reports,
        }),
        (Proof::Rejected(reports), cpp::Judgement::Accepts) => Proof::Divided(Disagreement {
            accepts: cpp_name,
            rejects: rust_name,
            reports,
        }),
        (Proof::Accepted(_), cpp::Judgement::Silent(reason)) => Proof::Unsupported(reason),
        (other, _) => other,
    }
}

/// A disagreement to which the checker's opinion is added.
pub(crate) fn divided(
    mut disagreement: Disagreement,
    second: bpf_checker::Verdict,
) -> Disagreement {
    let side = match second {
        bpf_checker::Verdict::Accepted(_) => &mut disagreement.accepts,
        bpf_checker::Verdict::Rejected(findings) => {
            let findings = findings.into_iter().take(second::MAX_REPORTS);
            disagreement.reports.extend(findings.map(second::report));
            &mut disagreement.rejects
        }
        bpf_checker::Verdict::Undecided(_) => return disagreement,
    };
    side.push_str(" and ");
    side.push_str(second::ENGINE.name);
    disagreement
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;
    use crate::finding::Report;

    #[test]
    fn nobody_is_asked_who_is_not_there() {
        let provers = [
            EngineChoice::Auto,
            EngineChoice::Rust,
            EngineChoice::Cpp,
            EngineChoice::Both,
        ]
        .map(EngineChoice::prover);
        let expected = if cpp::BUILT_IN {
            [
                Some(Prover::Both),
                Some(Prover::Rust),
                Some(Prover::Cpp),
                Some(Prover::Both),
            ]
        } else {
            [Some(Prover::Rust), Some(Prover::Rust), None, None]
        };
        assert_eq!(provers, expected);
    }

    /// Neither acceptance nor refusal comes of two opinions.
    #[test]
    fn opinions_that_differ_decide_nothing() {
        let reports = || vec![Report::new(codes::REFUSED, 3, "why")];
        let divided = |proof| match proof {
            Proof::Divided(Disagreement {
                accepts,
                rejects,
                reports,
            }) => (accepts, rejects, reports.len()),
            other => panic!("{other:?}"),
        };
        let refused = agreed(Proof::Rejected(reports()), cpp::Judgement::Accepts);
        assert_eq!(
            divided(refused),
            ("prevail-cpp".into(), "prevail".into(), 1)
        );
        let both = agreed(
            Proof::Rejected(reports()),
            cpp::Judgement::Refuses(reports()),
        );
        assert!(matches!(both, Proof::Rejected(_)));
        let image =
            crate::testing::image(platform_click::ProgramKind::Filter, &crate::testing::pass());
        let checked = crate::checks::check(&image).unwrap();
        let accepted = || prevail::prove_as(&image, &checked, &image, &same_slot);
        let split = agreed(accepted(), cpp::Judgement::Refuses(reports()));
        assert_eq!(divided(split), ("prevail".into(), "prevail-cpp".into(), 1));
        let silent = agreed(accepted(), cpp::Judgement::Silent("it failed".into()));
        assert_eq!(silent, Proof::Unsupported("it failed".into()));
        assert!(matches!(
            agreed(accepted(), cpp::Judgement::Accepts),
            Proof::Accepted(_)
        ));
    }
}
