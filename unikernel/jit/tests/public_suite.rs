//! The public conformance suite, <https://github.com/Alan-Jowett/bpf_conformance>, through the example
//! `bpf-conformance-plugin`: everything passes but `callx`, a call of a register, which is refused by rule.
//!
//! `BPF_CONFORMANCE` names a checkout of the suite in whose folder `build` its runner was built:
//!
//! ```sh
//! git clone --recurse-submodules https://github.com/Alan-Jowett/bpf_conformance && cd bpf_conformance
//! cmake -S . -B build && cmake --build build --target bpf_conformance_runner
//! BPF_CONFORMANCE=$PWD cargo test --release -p bpf-jit --test public_suite -- --ignored
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Cases of the suite at commit f558566. A later one may have more.
const CASES: usize = 313;

/// The cases that fail, and how many pass.
fn run(suite: &Path, mode: &str) -> (Vec<String>, usize) {
    // Beside the folder of this program, which cargo builds with it.
    let tests = std::env::current_exe().unwrap();
    let plugin = tests.ancestors().nth(2).unwrap();
    let plugin = plugin.join("examples/bpf-conformance-plugin");
    let mut runner = Command::new(suite.join("build/bin/bpf_conformance_runner"));
    runner.arg("--test_file_directory").arg(suite.join("tests"));
    runner.args(["--cpu_version", "v4", "--include_groups", "callx"]);
    runner.args(["--include_groups", "packet", "--plugin_options", mode]);
    let output = runner.arg("--plugin_path").arg(plugin).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines();
    let results = lines.skip_while(|line| *line != "Test results:").skip(1);
    let results: Vec<(&str, &str)> = results.filter_map(|line| line.split_once(": ")).collect();
    let failed = results.iter().filter(|(result, _)| *result != "PASS");
    let name = |path: &str| {
        let path = Path::new(path.split('"').nth(1).unwrap_or(path));
        path.file_stem().unwrap().display().to_string()
    };
    let failed = failed.map(|(_, path)| name(path)).collect();
    let passed = results.iter().filter(|(result, _)| *result == "PASS");
    (failed, passed.count())
}

#[test]
#[ignore = "needs the public suite, named by BPF_CONFORMANCE"]
fn all_cases_pass_but_a_call_of_a_register() {
    let suite = std::env::var_os("BPF_CONFORMANCE").expect("BPF_CONFORMANCE names the suite");
    let suite = PathBuf::from(suite);
    for mode in ["--interpret", "--jit"] {
        let (failed, passed) = run(&suite, mode);
        assert_eq!(failed, ["callx"], "{mode}");
        assert!(passed >= CASES - 1, "{mode}: only {passed} cases");
    }
}
