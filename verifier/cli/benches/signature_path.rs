//! How long a user waits for a verdict, and a loader for an admission, per sample.
//!
//! `verify` is all of it: parsing, linking, the engine and the trial in their child processes.
//! `admit` is the loader's part, from bytes in memory to an `Admission`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark fails by panicking, and criterion's macros make public items"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_loader::{AdmitRequest, Expectation, InstanceId, Snapshot, admit};
use bpf_trust::UnverifiedTrustBundle;
use bpf_verifier::{Limits, VerifyOptions, Worker, verify_object};
use criterion::{Criterion, criterion_group, criterion_main};

/// Every accepted sample: name and object.
fn samples() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ebpf-samples/accept");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "o"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

fn worker() -> Worker {
    Worker {
        program: env!("CARGO_BIN_EXE_bpfsign").into(),
        args: vec!["__worker".into()],
        limits: Limits::DEFAULT,
    }
}

fn verify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    for (name, object) in samples() {
        for (step, trial) in [("proof", false), ("proof and trial", true)] {
            let options = VerifyOptions {
                trial,
                trial_seed: Some(1),
                ..VerifyOptions::default()
            };
            group.bench_function(format!("{name}/{step}"), |bencher| {
                bencher.iter(|| verify_object(&object, &options, &worker()).unwrap());
            });
        }
    }
    group.finish();
}

/// What `bpfsign` prints when it works is of no interest here; whether it works is.
fn bpfsign(directory: &Path, args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_bpfsign"))
        .current_dir(directory)
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn admission(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    bpfsign(directory, &["pki", "init", "--dir", "pki"]);
    let trust = std::fs::read(directory.join("pki/trust.bpftrust")).unwrap();
    let trust = UnverifiedTrustBundle::parse(&trust)
        .unwrap()
        .provision()
        .unwrap();
    let state = Snapshot::new(InstanceId([1; 16]), &trust);
    let mut group = criterion.benchmark_group("admit");
    for (name, object) in samples() {
        let file = format!("{name}.o");
        std::fs::write(directory.join(&file), &object).unwrap();
        bpfsign(
            directory,
            &["verify-and-sign", &file, "--key", "pki/signer.pem"],
        );
        let bundle = std::fs::read(directory.join(format!("{file}.bpfsig"))).unwrap();
        let expectation = Expectation::object(vec![name.parse().unwrap()]);
        let request = AdmitRequest {
            object: &object,
            bundle: Some(&bundle),
            expectation: &expectation,
            trust: &trust,
            state: &state,
            clock: None,
        };
        group.bench_function(&name, |bencher| bencher.iter(|| admit(&request).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, verify, admission);
criterion_main!(benches);
