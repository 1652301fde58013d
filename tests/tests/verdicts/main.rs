//! Every sample gets the verdict that its source states, one test per sample.
//!
//! Verification runs in a confined child process; this program is its own child, so that the test
//! needs no other program and has a `main` of its own.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says so when it is left out"
)]

mod guide;
mod rebuild;

use core::time::Duration;
use std::process::ExitCode;

use bpf_verifier::{Limits, Verdict, VerifyOptions, Worker, verify_object, worker_main};
use e2e::{Expected, Sample, samples};
use libtest_mimic::{Arguments, Trial};

/// The argument with which this program starts itself.
const WORKER: &str = "__worker";

/// Processor time for a sample that no time suffices for.
const UNDECIDED_AFTER: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        return worker_main();
    }
    let mut trials = vec![
        test("objects_are_rebuilt_from_their_sources", rebuild::all),
        test("pieces_of_the_guide_get_their_verdicts", guide::all),
    ];
    for sample in samples() {
        let name = format!("{}/{}", sample.folder, sample.name);
        trials.push(test(&name, move || check(&sample, &sample.bytes())));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn test(name: &str, run: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        run();
        Ok(())
    })
}

/// This program, as the child in which verification runs.
fn worker() -> Worker {
    Worker {
        program: std::env::current_exe().unwrap(),
        args: vec![WORKER.into()],
        limits: Limits::DEFAULT,
    }
}

/// Verifies an object that was compiled from the source of `sample`.
fn check(sample: &Sample, object: &[u8]) {
    let mut worker = worker();
    if matches!(&sample.expected, Expected::Undecided(_)) {
        worker.limits.cpu = UNDECIDED_AFTER;
    }
    let verdict = verify_object(object, &VerifyOptions::default(), &worker).unwrap();
    match (&sample.expected, verdict) {
        (Expected::Accept, Verdict::Accepted(facts)) => {
            let kinds: Vec<_> = facts.programs.iter().map(|program| program.kind).collect();
            assert_eq!(kinds, [sample.kind]);
        }
        (Expected::Reject(code), Verdict::Rejected(findings)) => {
            let source = format!("ebpf-samples/{}", sample.source().display());
            assert!(!findings.is_empty());
            for finding in &findings {
                assert_eq!(finding.code.id, code, "{finding:#?}");
                assert_eq!(*finding.line.as_ref().unwrap().file, *source);
            }
        }
        (Expected::Undecided(code), Verdict::Undecided(undecided)) => {
            assert_eq!(undecided.code.id, code, "{undecided:#?}");
        }
        (expected, verdict) => panic!("expected {expected:?}, got {verdict:#?}"),
    }
}
