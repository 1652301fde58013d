//! What `bpfsign verify` shows of the mistakes in `ebpf-samples/reject`.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "lab/mod.rs"]
mod lab;

use e2e::{Expected, samples};
use lab::Lab;
use serde_json::Value;

#[test]
fn findings_point_at_the_line() {
    let lab = Lab::empty();
    let mut count = 0;
    for sample in samples() {
        let Expected::Reject(code) = &sample.expected else {
            continue;
        };
        if sample.folder != "reject" {
            continue;
        }
        count += 1;
        let file = format!("{}.o", sample.name);
        lab.write(&file, &sample.bytes());
        let before = lab.files();
        let ended = lab.run(&format!("bpfsign verify {file}"));
        assert_eq!((ended.code(), ended.exit), (code.as_str(), 10), "{ended}");
        assert_eq!(ended.out, format!("{file}: rejected\n"));
        let source = format!("--> ebpf-samples/{}:", sample.source().display());
        assert!(ended.err.contains(&source), "{ended}");
        assert_eq!(lab.files(), before);
        insta::assert_snapshot!(sample.name, ended.err);
    }
    assert_eq!(count, 9);
}

#[test]
fn a_finding_in_json() {
    let lab = Lab::empty();
    let sample = e2e::root().join("ebpf-samples/reject/null-dereference.o");
    lab.write("prog.o", &std::fs::read(sample).unwrap());
    let ended = lab.run("bpfsign verify prog.o --json");
    assert_eq!((ended.exit, ended.err.as_str()), (10, ""), "{ended}");
    let value: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(value["verdict"], "rejected");
    insta::assert_snapshot!("null-dereference-json", ended.out);
}
