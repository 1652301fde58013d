//! `cargo xtask test`: everything that has to hold before a change is taken.

use std::path::Path;

use anyhow::{Result, bail};
use cargo_metadata::{Metadata, MetadataCommand};
use xshell::{Shell, cmd};

use crate::cargo_test;
use crate::report::Report;
use crate::stamps::Stamps;
use crate::tools;

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What every change has to pass.
    Commit,
    /// That, and what takes longer than anyone waits.
    Full,
}

/// Cases per property in a full run: 64 times proptest's default of 256.
const FULL_PROPTEST_CASES: &str = "16384";

/// The checker's own long tests, as `docs/checker.md` promises them: the name of the step, the tests,
/// and how many times as many cases. 10^7 pairs for each operation, a million programs.
const LONG_CHECKER_TESTS: &[(&str, &str, &str)] = &[
    ("checker-pairs", "operations", "500"),
    ("checker-runs", "oracle::accepted", "50"),
];

/// The corpus of loops on many more inputs, and compiled in every way.
const LONG_LOOP_TESTS: &[(&str, (&str, &str))] = &[
    ("loops-runs", ("LOOPS_INPUTS", "100000")),
    ("loops-variants", ("LOOPS_VARIANTS", "1")),
];

/// Runs every step; whether all passed.
pub(crate) fn run(sh: &Shell, extent: Extent) -> Result<bool> {
    let metadata = MetadataCommand::new()
        .manifest_path(sh.current_dir().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()?;
    let target = metadata.target_directory.as_std_path();
    let mut report = Report::default();

    check_tools(sh, &mut report);
    report.step("format", || format(sh));
    report.step("lints", || lints(sh));
    report.step("documentation", || documentation(sh));
    report.step("no_std", || no_std(sh, target));
    check_other_machine(sh, target, &mut report);
    check_dependencies(sh, &mut report);
    // Without a build there is nothing to test, and its error has been shown.
    if report.step("build", || build(sh)) {
        report.step("tests", || cargo_test::run(sh, &["--workspace"], &[]));
        report.step("tests-pkcs11", || {
            cargo_test::run(sh, &["--package", "bpf-pki", "--features", "pkcs11"], &[])
        });
        if extent == Extent::Full {
            let stamps = Stamps::of_commit(sh, target)?;
            for package in packages_with_properties(&metadata) {
                let step = format!("long-{package}");
                let cases = ("PROPTEST_CASES", FULL_PROPTEST_CASES);
                long_test(
                    sh,
                    &step,
                    &["--package", package],
                    cases,
                    &stamps,
                    &mut report,
                )?;
            }
            for (step, filter, scale) in LONG_CHECKER_TESTS {
                let selection = ["--package", "bpf-checker", "--lib", filter];
                let scale = ("CHECKER_TEST_SCALE", *scale);
                long_test(sh, step, &selection, scale, &stamps, &mut report)?;
            }
            for (step, variable) in LONG_LOOP_TESTS {
                let selection = ["--package", "e2e", "--test", "loops"];
                long_test(sh, step, &selection, *variable, &stamps, &mut report)?;
            }
        }
    }
    Ok(report.finish())
}

/// Tests with many more cases, unless they passed before for this commit: a run that was stopped goes
/// on where it was.
fn long_test(
    sh: &Shell,
    step: &str,
    selection: &[&str],
    cases: (&str, &str),
    stamps: &Stamps,
    report: &mut Report,
) -> Result<()> {
    if stamps.contains(step) {
        report.skip(step, "passed before for this commit".to_owned());
        return Ok(());
    }
    if report.step(step, || cargo_test::run(sh, selection, &[cases])) {
        stamps.add(sh, step)?;
    }
    Ok(())
}

/// Installs or names what is missing. On a developer's machine a missing compiler leaves out the
/// tests that need it (they say so); CI must have everything.
fn check_tools(sh: &Shell, report: &mut Report) {
    let missing = tools::missing(sh, tools::ALL);
    if missing.is_empty() {
        report.step("tools", || Ok("nothing is missing".to_owned()));
    } else if std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false") {
        report.step("tools", || bail!("{}", missing.join("; ")));
    } else {
        report.skip("tools", missing.join("; "));
    }
}

fn format(sh: &Shell) -> Result<String> {
    cmd!(sh, "cargo fmt --all --check").run()?;
    Ok("no differences".to_owned())
}

/// In release mode, as everything else: what procedural macros and build scripts are compiled to is
/// then there for the tests.
fn lints(sh: &Shell) -> Result<String> {
    cmd!(
        sh,
        "cargo clippy --locked --release --workspace --all-targets -- --deny warnings"
    )
    .run()?;
    Ok("no warnings".to_owned())
}

fn documentation(sh: &Shell) -> Result<String> {
    cmd!(
        sh,
        "cargo doc --locked --release --workspace --no-deps --quiet"
    )
    .env("RUSTDOCFLAGS", "--deny warnings")
    .run()?;
    Ok("no warnings".to_owned())
}

/// Links the crates that do without std, at the versions of the workspace.
fn no_std(sh: &Shell, target: &Path) -> Result<String> {
    let folder = "tests/no_std";
    sh.copy_file("Cargo.lock", folder)?;
    let _folder = sh.push_dir(folder);
    let target = target.join("no_std");
    cmd!(sh, "cargo fmt --check").run()?;
    cmd!(sh, "cargo build --target-dir {target}").run()?;
    Ok("no std leaks in".to_owned())
}

/// Another kind of machine: the same crates, which interpret programs there.
const OTHER_MACHINE: &str = "aarch64-unknown-none";

/// Checks the crates that do without std for another machine, where rustup has its core library.
fn check_other_machine(sh: &Shell, target: &Path, report: &mut Report) {
    let step = "other machine";
    let installed = cmd!(sh, "rustup target list --installed").quiet().read();
    if !installed.is_ok_and(|targets| targets.lines().any(|target| target == OTHER_MACHINE)) {
        report.skip(
            step,
            format!("`rustup target add {OTHER_MACHINE}` was not done"),
        );
        return;
    }
    report.step(step, || {
        let _folder = sh.push_dir("tests/no_std");
        let target = target.join("no_std");
        cmd!(
            sh,
            "cargo check --target {OTHER_MACHINE} --target-dir {target}"
        )
        .run()?;
        Ok(OTHER_MACHINE.to_owned())
    });
}

/// Licences, sources and known vulnerabilities of dependencies, by `deny.toml`.
fn check_dependencies(sh: &Shell, report: &mut Report) {
    let step = "dependencies";
    if !tools::is_installed("cargo-deny") {
        report.skip(step, "cargo-deny is not installed".to_owned());
        return;
    }
    report.step(step, || {
        cmd!(sh, "cargo deny --locked check").run()?;
        Ok("no complaints".to_owned())
    });
}

/// Tests, and with them the programs that they start. One command for both: another one would choose
/// other features of dependencies, and compile those again.
fn build(sh: &Shell) -> Result<String> {
    cmd!(sh, "cargo test --locked --release --workspace --no-run").run()?;
    Ok("programs and tests".to_owned())
}

/// Packages of the workspace whose tests use proptest.
fn packages_with_properties(metadata: &Metadata) -> impl Iterator<Item = &str> {
    metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| {
            package
                .dependencies
                .iter()
                .any(|other| other.name == "proptest")
        })
        .map(|package| package.name.as_str())
}
