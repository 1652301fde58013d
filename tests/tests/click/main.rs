//! Tests in Click's own format: ours in `tests/click`, and those of a checkout of Click whose folder
//! the variable `CLICK_TESTS` names (that with `test/clicktest`, or the checkout itself).
//!
//! Every test of the checkout is in one of two lists: it passes, or it is known to fail and the list
//! says why. A test that does other than its list says fails, so that neither loss nor success goes
//! unnoticed. `CLICK_PROGRAM` names another program than ours to try the tests with, such as Click's.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and says so when it is left out"
)]

mod compare;
mod format;
mod ledger;
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use run::{Outcome, Programs};

fn main() -> ExitCode {
    let program = std::env::var_os("CLICK_PROGRAM");
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_bpfclick-e2e").into());
    let programs = Arc::new(Programs::new(Path::new(&program)));
    let mut trials = own(&programs);
    match std::env::var_os("CLICK_TESTS") {
        Some(checkout) => trials.extend(theirs(Path::new(&checkout), &programs)),
        None => eprintln!("CLICK_TESTS is not set: Click's own tests are left out"),
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Ours, which all pass.
fn own(programs: &Arc<Programs>) -> Vec<Trial> {
    let root = e2e::root().join("tests/click");
    let trial = |(name, path): (String, PathBuf)| {
        let programs = Arc::clone(programs);
        Trial::test(format!("own/{name}"), move || match programs.run(&path) {
            Outcome::Passed => Ok(()),
            Outcome::Skipped => Err("what it requires is always here".into()),
            Outcome::Failed(why) => Err(why.into()),
        })
    };
    tests(&root).into_iter().map(trial).collect()
}

/// Those of a checkout.
fn theirs(checkout: &Path, programs: &Arc<Programs>) -> Vec<Trial> {
    let inner = checkout.join("test");
    let root = if inner.is_dir() {
        inner
    } else {
        checkout.into()
    };
    let found = tests(&root);
    let names: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
    let trial = |(name, path): (String, PathBuf)| {
        let programs = Arc::clone(programs);
        Trial::test(format!("click/{name}"), move || {
            judge(&name, programs.run(&path))
        })
    };
    let mut trials: Vec<Trial> = found.into_iter().map(trial).collect();
    trials.push(Trial::test("click/ledger", move || {
        for name in ledger::names() {
            assert!(
                names.iter().any(|found| found == name),
                "there is no {name}"
            );
        }
        Ok(())
    }));
    trials
}

/// Compares what came of a test with what the lists say.
fn judge(name: &str, outcome: Outcome) -> Result<(), Failed> {
    let passes = ledger::PASSES.contains(&name);
    let reason = ledger::reason(name);
    match (outcome, passes, reason) {
        (Outcome::Passed, true, None)
        | (Outcome::Failed(_), false, Some(_))
        | (Outcome::Skipped, false, None) => Ok(()),
        (Outcome::Passed, _, _) => Err("it passes: add it to those that do".into()),
        (Outcome::Skipped, _, _) => Err("what it requires is not here".into()),
        (Outcome::Failed(why), _, _) => Err(why.into()),
    }
}

/// The test files below a folder: their names, from the folder on and without their ending.
fn tests(root: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "clicktest") {
                let name = path.strip_prefix(root).unwrap().with_extension("");
                found.push((name.display().to_string(), path));
            }
        }
    }
    found.sort();
    found
}
