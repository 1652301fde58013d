//! Writes what fuzzing starts from: `seeds SIGNED CORPUS`, where `SIGNED` holds what `cargo xtask fuzz`
//! had signed, and `CORPUS` gets a folder for each target.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a tool of the workspace, which fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

use bpf_oracles::TARGETS;
use bpf_statement::Bundle;
use platform_click::Digest;

struct Corpus(PathBuf);

impl Corpus {
    /// Files have the names of their contents, so that none is there twice.
    fn add(&self, target: &str, seed: &[u8]) {
        assert!(TARGETS.iter().any(|(name, _)| *name == target));
        let folder = self.0.join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(Digest::of(seed).to_string()), seed).unwrap();
    }
}

fn main() {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [signed, corpus] = arguments.as_slice() else {
        panic!("seeds SIGNED CORPUS");
    };
    let corpus = Corpus(corpus.clone());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (target, _) in TARGETS {
        corpus.add(target, b"\0");
    }
    for folder in ["loader/object/tests/fixtures", "ebpf-samples/accept"] {
        for object in files(&root.join(folder), "o") {
            corpus.add("object", &object);
            if let Some((offset, size)) = bpf_oracles::btf_of(&object) {
                corpus.add("btf", object.get(offset..offset + size).unwrap());
            }
            corpus.add("isa", object.get(64..).unwrap());
        }
    }
    for folder in fs::read_dir(root.join("examples")).unwrap() {
        let folder = folder.unwrap().path();
        for config in folder
            .is_dir()
            .then(|| files(&folder, "click"))
            .into_iter()
            .flatten()
        {
            corpus.add("click_config", &config);
        }
    }
    for config in files(&root.join("examples"), "click") {
        corpus.add("click_config", &config);
    }
    for bytes in files(signed, "bpfsig") {
        let bundle = Bundle::parse(&bytes).unwrap();
        let (leaf, ca) = bundle.certificates();
        corpus.add("bundle", &bytes);
        corpus.add("statement", bundle.payload());
        corpus.add("x509_profile", leaf);
        corpus.add("x509_profile", ca);
    }
    for bytes in files(&signed.join("pki"), "bpftrust") {
        corpus.add("trust_bundle", &bytes);
    }
    // Both slots without their digests, the first twice.
    let store = fs::read(signed.join("state/store")).unwrap();
    let slot = store.get(..store.len() / 2 - 32).unwrap();
    corpus.add("store", slot);
    corpus.add("store", &[slot, slot].concat());
    for seed in 0..64_u8 {
        let bytes = [seed % 4 + 1, seed, 0, 0, 0, 0, 0, 0, 0];
        corpus.add("verify_then_run", &bytes);
        corpus.add("jit_diff", &bytes);
    }
}

/// The contents of the files of one kind in a folder.
fn files(folder: &Path, extension: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| fs::read(path).unwrap())
        .collect()
}
