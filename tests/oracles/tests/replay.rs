//! What fuzzing found, asked about again: files `TARGET.input` in the folders of `tests/findings/`.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;

use bpf_oracles::{Oracle, TARGETS};

fn oracle(target: &str) -> Oracle {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    found.unwrap_or_else(|| panic!("no target {target}")).1
}

#[test]
fn findings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../findings");
    for folder in fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().path();
        let files = folder.is_dir().then(|| fs::read_dir(&folder).unwrap());
        for file in files.into_iter().flatten() {
            let file = file.unwrap().path();
            if file
                .extension()
                .is_some_and(|extension| extension == "input")
            {
                let target = file.file_stem().unwrap().to_str().unwrap();
                println!("{}", file.display());
                oracle(target)(&fs::read(&file).unwrap());
            }
        }
    }
}

/// Every target has its file in `fuzz/`, and its line in the manifest.
#[test]
fn targets() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let target = fs::read_to_string(fuzz.join(format!("targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("bpf_oracles::{name}(bytes)")));
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")));
    }
}

/// Real and empty input says nothing wrong, and reaches what lies behind the first checks.
#[test]
fn fixtures() {
    for (_, oracle) in TARGETS {
        oracle(&[]);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for folder in ["loader/object/tests/fixtures", "ebpf-samples/accept"] {
        for file in fs::read_dir(root.join(folder)).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "o") {
                oracle("object")(&fs::read(&file).unwrap());
            }
        }
    }
    for seed in 0..200_u8 {
        let bytes = [seed % 5 + 1, seed, 0, 0, 0, 0, 0, 0, 0];
        oracle("verify_then_run")(&bytes);
        oracle("jit_diff")(&bytes);
    }
}
