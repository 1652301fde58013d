//! Objects through a worker.

use core::time::Duration;

use bpf_verifier::{
    Limits, LoopMethod, Sandbox, Verdict, VerifyOptions, Worker, codes, verify_object,
};
use e2e::{Expected, samples};

use crate::worker;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("every_sample_gets_its_verdict", every_sample),
    ("an_endless_analysis_is_undecided", endless),
    ("a_worker_that_fails_leaves_it_undecided", failing_worker),
];

fn verdict(object: &[u8], worker: &Worker) -> Verdict {
    verify_object(object, &VerifyOptions::default(), worker).unwrap()
}

fn every_sample() {
    for sample in samples() {
        let name = sample.object();
        let mut worker = worker("verifier");
        if matches!(sample.expected, Expected::Undecided(_)) {
            worker.limits.wall = Duration::from_secs(3);
        }
        let verdict = verdict(&sample.bytes(), &worker);
        match (&sample.expected, verdict) {
            (Expected::Accept, Verdict::Accepted(facts)) => {
                assert_eq!(
                    facts.sandbox,
                    Sandbox {
                        seccomp: true,
                        landlock: true
                    }
                );
                assert!(
                    facts
                        .programs
                        .iter()
                        .all(|program| program.kind == sample.kind)
                );
            }
            (Expected::Reject(code), Verdict::Rejected(findings)) => {
                assert!(!findings.is_empty(), "{name:?}");
                let other = findings.iter().find(|finding| finding.code.id != code);
                assert_eq!(other, None, "{name:?}");
            }
            (Expected::Undecided(code), Verdict::Undecided(undecided)) => {
                assert_eq!(undecided.code.id, code, "{name:?}");
            }
            (_, verdict) => panic!("{name:?}: {verdict:#?}"),
        }
    }
}

fn sample(name: &str) -> Vec<u8> {
    let mut samples = samples().into_iter();
    samples.find(|sample| sample.name == name).unwrap().bytes()
}

fn endless() {
    let mut worker = worker("verifier");
    worker.limits = Limits {
        wall: Duration::from_millis(500),
        ..Limits::DEFAULT
    };
    let plain = VerifyOptions {
        loops: LoopMethod::Plain,
        ..VerifyOptions::default()
    };
    for name in ["loop_100", "24_loop_99999"] {
        match verify_object(&sample(name), &plain, &worker).unwrap() {
            Verdict::Undecided(undecided) => assert_eq!(undecided.code, codes::TIMEOUT),
            other => panic!("{name}: {other:?}"),
        }
    }
}

fn failing_worker() {
    let object = sample("pass");
    for (role, code) in [
        ("silent", codes::ANSWER),
        ("echo", codes::ANSWER),
        ("abort", codes::CRASHED),
        ("panic", codes::CRASHED),
        // A reply in the right frame: no answers, though the object has a program.
        ("say:06000000030000000000", codes::ANSWER),
    ] {
        match verdict(&object, &worker(role)) {
            Verdict::Undecided(undecided) => assert_eq!(undecided.code, code, "{role}"),
            other => panic!("{role}: {other:?}"),
        }
    }
}
