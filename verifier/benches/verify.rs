//! Verification of each sample as `bpfsign` does it: two child processes, sandbox, engine and trial.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot run ends"
)]

use std::process::ExitCode;

use bpf_verifier::{Limits, Verdict, VerifyOptions, Worker, verify_object, worker_main};
use criterion::Criterion;
use e2e::{Expected, samples};

/// The argument that makes the benchmark its own worker.
const WORKER: &str = "__worker";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        return worker_main();
    }
    let mut criterion = Criterion::default().configure_from_args();
    verify(&mut criterion);
    criterion.final_summary();
    ExitCode::SUCCESS
}

fn verify(criterion: &mut Criterion) {
    let worker = Worker {
        program: std::env::current_exe().unwrap(),
        args: vec![WORKER.into()],
        limits: Limits::DEFAULT,
    };
    let options = VerifyOptions {
        trial_seed: Some(0),
        ..VerifyOptions::default()
    };
    let mut group = criterion.benchmark_group("verify");
    let accepted = samples()
        .into_iter()
        .filter(|s| s.expected == Expected::Accept);
    for sample in accepted {
        let object = sample.bytes();
        group.bench_function(format!("{}/{}", sample.folder, sample.name), |bencher| {
            bencher.iter(|| match verify_object(&object, &options, &worker) {
                Ok(Verdict::Accepted(facts)) => facts,
                other => panic!("{}: {other:?}", sample.name),
            });
        });
    }
    group.finish();
}
