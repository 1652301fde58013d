//! How long a loader takes to admit each sample: from bytes in memory to an `Admission`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark fails by panicking, and criterion's macros make public items"
)]

use std::path::Path;
use std::process::Command;

use bpf_loader::{AdmitRequest, Expectation, InstanceId, Snapshot, admit};
use bpf_trust::UnverifiedTrustBundle;
use criterion::{Criterion, criterion_group, criterion_main};
use e2e::{Expected, samples};

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
    let accepted = samples()
        .into_iter()
        .filter(|sample| sample.expected == Expected::Accept);
    for sample in accepted.filter(|sample| sample.folder == "accept") {
        let (name, object) = (&sample.name, sample.bytes());
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
        group.bench_function(name, |bencher| bencher.iter(|| admit(&request).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, admission);
criterion_main!(benches);
