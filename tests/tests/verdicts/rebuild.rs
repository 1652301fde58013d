//! The committed objects are what clang makes of the sources.

use std::fs;
use std::process::Command;

use e2e::samples;

/// The first line of `clang-19 --version`, which clang also writes into objects.
fn clang() -> Option<String> {
    let output = Command::new("clang-19").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// The same compiler gives the same bytes. Another build of clang 19 may choose other instructions,
/// so there the new objects have to get the verdicts of the old ones.
pub(crate) fn all() {
    let Some(version) = clang() else {
        eprintln!("left out: clang-19 is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("make")
        .arg("--directory")
        .arg(e2e::root().join("ebpf-samples"))
        .arg(format!("OUT={}", folder.path().display()))
        .arg("CLANG=clang-19")
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    for sample in samples() {
        let committed = sample.bytes();
        let rebuilt = fs::read(folder.path().join(sample.object())).unwrap();
        if contains(&committed, &version) {
            assert!(
                rebuilt == committed,
                "{}: the object is not what its source gives; `cargo xtask samples` renews it",
                sample.name
            );
        } else {
            super::check(&sample, &rebuilt);
        }
    }
}
