//! `cargo test`, shown as it runs, with its many result lines added up.

use core::fmt;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use xshell::Shell;

/// Runs `cargo test` on a selection of packages; gives the closing line.
pub(crate) fn run(sh: &Shell, selection: &[&str], variables: &[(&str, &str)]) -> Result<String> {
    let mut child = Command::new("cargo")
        .args(["test", "--locked", "--release", "--no-fail-fast"])
        .args(selection)
        .current_dir(sh.current_dir())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo cannot be started")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        tally.read(&line);
    }
    let status = child.wait()?;
    if tally.failed > 0 {
        bail!("{tally}");
    }
    // A test program that crashed has no result line, and neither has a cargo that was killed.
    if !status.success() {
        bail!("{tally}; cargo ended with {status}");
    }
    Ok(tally.to_string())
}

/// What the result lines say, added up over all test programs and documentation tests.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    failures: Vec<String>,
}

impl Tally {
    /// Takes in one line of output; most say nothing.
    fn read(&mut self, line: &str) {
        if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.trim_end().to_owned());
        }
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        for part in counts.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(Ok(count)), Some(what)) = (words.next().map(str::parse::<u64>), words.next())
            else {
                continue;
            };
            let sum = match what {
                "passed" => &mut self.passed,
                "failed" => &mut self.failed,
                "ignored" => &mut self.ignored,
                _ => continue,
            };
            *sum = sum.saturating_add(count);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            ignored,
            failures,
        } = self;
        write!(f, "{passed} passed; {failed} failed; {ignored} ignored")?;
        for name in failures {
            write!(f, "; {name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_programs_are_added_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test a::c     ... FAILED",
            "test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test src/lib.rs - x (line 3) ... ok",
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            tally.read(line);
        }
        assert_eq!(tally.to_string(), "13 passed; 1 failed; 1 ignored; a::c");
    }
}
