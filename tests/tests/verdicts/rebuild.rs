//! The committed objects are what clang makes of the sources.

use std::fs;

use e2e::{clang_version, make, samples};

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// The same compiler gives the same bytes. Another build of clang 19 may choose other instructions,
/// so there the new objects have to get the verdicts of the old ones.
pub(crate) fn all() {
    let Some(version) = clang_version() else {
        eprintln!("left out: clang-19 is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    make("ebpf-samples", folder.path(), &[]);
    // Those in Rust need a toolchain of their own.
    for sample in samples().iter().filter(|sample| sample.folder != "rust") {
        let committed = sample.bytes();
        let rebuilt = fs::read(folder.path().join(sample.object())).unwrap();
        if contains(&committed, &version) {
            assert!(
                rebuilt == committed,
                "{}: the object is not what its source gives; `cargo xtask samples` renews it",
                sample.name
            );
        } else {
            super::check(sample, &rebuilt);
        }
    }
}
