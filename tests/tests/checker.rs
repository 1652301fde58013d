//! The independent checker on the samples, whose sources state the verdict.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use bpf_checker::{Options, Verdict, check};
use bpf_object::{Image, Object, ParseOptions};
use e2e::{Expected, Sample, samples};
use platform_click::ExitCode;

/// The one program of a sample, linked.
fn image(sample: &Sample) -> Image {
    let object = Object::parse(&sample.bytes(), ParseOptions::default()).unwrap();
    object.link(object.programs().first().unwrap()).unwrap()
}

#[test]
fn what_is_to_be_accepted_is_accepted() {
    for sample in samples() {
        if sample.expected == Expected::Accept {
            let verdict = check(&image(&sample), &Options::default());
            let accepted = matches!(verdict, Verdict::Accepted(_));
            assert!(accepted, "{}: {verdict:?}", sample.name);
        }
    }
}

/// What PREVAIL rejects, the checker rejects too, or finds no end of a loop of more than 100,000
/// iterations.
#[test]
fn what_is_to_be_rejected_is_not_accepted() {
    for sample in samples() {
        let Expected::Reject(_) = sample.expected else {
            continue;
        };
        match check(&image(&sample), &Options::default()) {
            Verdict::Rejected(_) => {}
            Verdict::Undecided(why) => {
                let long_loop = ["06_infinite_loop", "23_long_bounded_loop"];
                assert!(long_loop.contains(&sample.name.as_str()), "{}", sample.name);
                assert_eq!(why.code().exit, ExitCode::Undecided);
            }
            Verdict::Accepted(_) => panic!("{} is accepted", sample.name),
        }
    }
}

#[test]
fn what_prevail_wrongly_accepts_is_rejected() {
    for sample in samples() {
        if sample.folder == "unsound" {
            let verdict = check(&image(&sample), &Options::default());
            let rejected = matches!(verdict, Verdict::Rejected(_));
            assert!(rejected, "{}: {verdict:?}", sample.name);
        }
    }
}

/// Ordinary loops with 32-bit counters, which PREVAIL does not finish.
#[test]
fn loops_that_prevail_does_not_finish_are_decided() {
    for sample in samples() {
        if sample.folder == "corpus" && matches!(sample.expected, Expected::Undecided(_)) {
            let Verdict::Accepted(facts) = check(&image(&sample), &Options::default()) else {
                panic!("{} is not accepted", sample.name)
            };
            assert_eq!(facts.loops.len(), 1, "{}", sample.name);
        }
    }
}
