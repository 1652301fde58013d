//! Steps with their times, and what to say at the end.

use core::time::Duration;
use std::time::Instant;

use anyhow::Result;

/// How a step ended.
enum Outcome {
    /// With its closing line.
    Passed(String),
    /// It was not needed or not possible, for this reason.
    Skipped(String),
    /// For this reason.
    Failed(String),
}

/// Steps that have been taken.
#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<(String, Duration, Outcome)>,
}

impl Report {
    /// Takes a step; a later one is taken even if this one fails, so that one run shows everything.
    pub(crate) fn step(&mut self, name: &str, step: impl FnOnce() -> Result<String>) -> bool {
        println!("\n==> {name}");
        let start = Instant::now();
        let outcome = match step() {
            Ok(closing) => Outcome::Passed(closing),
            Err(error) => {
                let error = format!("{error:#}");
                println!("error: {error}");
                Outcome::Failed(error)
            }
        };
        let passed = matches!(outcome, Outcome::Passed(_));
        self.steps.push((name.to_owned(), start.elapsed(), outcome));
        passed
    }

    /// Records that a step is not taken, and why.
    pub(crate) fn skip(&mut self, name: &str, reason: String) {
        println!("\n==> {name}: skipped: {reason}");
        self.steps
            .push((name.to_owned(), Duration::ZERO, Outcome::Skipped(reason)));
    }

    /// Prints a line per step; whether none failed.
    pub(crate) fn finish(self) -> bool {
        let total: Duration = self.steps.iter().map(|(_, time, _)| *time).sum();
        println!("\n==> summary");
        let mut failed = 0_usize;
        for (name, time, outcome) in &self.steps {
            let (result, detail) = match outcome {
                Outcome::Passed(closing) => ("ok", closing),
                Outcome::Skipped(reason) => ("skipped", reason),
                Outcome::Failed(error) => {
                    failed = failed.saturating_add(1);
                    ("FAILED", error)
                }
            };
            println!(
                "{name:<14}{:>8.1}s  {result:<8}{detail}",
                time.as_secs_f64()
            );
        }
        let verdict = if failed == 0 { "all passed" } else { "FAILED" };
        println!("{:<14}{:>8.1}s  {verdict}", "total", total.as_secs_f64());
        failed == 0
    }
}
