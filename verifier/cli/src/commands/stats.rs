//! `bpfsign stats`: figures of programs, and whether they became worse.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use platform_click::ExitCode;
use serde_json::{Value, json};

use crate::args::Stats;
use crate::error::{CliError, codes};
use crate::gate;
use crate::output::Output;
use crate::report::{Problem, ProgramFacts, Report};
use crate::{files, show};

/// Bytes of a baseline: a kilobyte for each of several thousand programs.
const MAX_BASELINE: usize = 8 << 20;

/// The figures that are compared.
const FIGURES: &[&str] = &[
    "instruction_slots",
    "worst_case_instructions",
    "worst_case_helper_calls",
    "worst_case_map_updates",
    "max_stack_bytes",
    "max_loop_iterations",
    "unwound_instructions",
    "map_bytes",
];

/// Figures of a program, by name.
type Figures = BTreeMap<String, u64>;

pub(crate) fn run(args: &Stats, output: &Output) -> Result<ExitCode, CliError> {
    let report = gate::survey(&args.paths, output)?;
    let now = figures(&report);
    let before = match &args.baseline {
        Some(path) => Some(read(path)?),
        None => None,
    };
    let changes = before.map_or_else(Vec::new, |before| compare(&before, &now));
    let worse: Vec<&Change> = changes
        .iter()
        .filter(|change| change.is_worse(args.max_increase))
        .collect();
    for problem in report.problems() {
        let (object, problem) = problem;
        output.diagnostic(&[crate::report::describe(object, problem, output.verbosity())]);
    }
    for change in &worse {
        let problem = Problem::new(codes::REGRESSION, &change.text());
        output.diagnostic(&[crate::report::describe(None, &problem, 0)]);
    }
    output.result(
        || text(&report, &changes),
        || to_json(&report, &now, &changes),
    );
    let exit = report.exit_code();
    if exit == ExitCode::Accepted && !worse.is_empty() {
        return Ok(codes::REGRESSION.exit);
    }
    Ok(exit)
}

/// The figures of each program of each object, by `PATH PROGRAM`.
fn figures(report: &Report) -> BTreeMap<String, Figures> {
    let objects = report.objects.iter();
    let programs = objects.flat_map(|object| {
        let programs = object.programs.iter();
        programs.map(|program| (format!("{} {}", object.path, program.name), of(program)))
    });
    programs.collect()
}

fn of(program: &ProgramFacts) -> Figures {
    let value = serde_json::to_value(program).unwrap_or_default();
    let figures = FIGURES.iter();
    figures
        .filter_map(|name| Some(((*name).to_owned(), value.get(*name)?.as_u64()?)))
        .collect()
}

fn read(path: &std::path::Path) -> Result<BTreeMap<String, Figures>, CliError> {
    let bytes = files::read(path, MAX_BASELINE)?;
    let failed = |error: &serde_json::Error| CliError::new(codes::BASELINE, error).about(path);
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| failed(&error))?;
    let programs = value.get("figures").cloned().unwrap_or_default();
    serde_json::from_value(programs).map_err(|error| failed(&error))
}

/// A figure that is not what it was.
struct Change {
    program: String,
    figure: String,
    before: u64,
    now: u64,
}

impl Change {
    fn text(&self) -> String {
        let Self {
            program,
            figure,
            before,
            now,
        } = self;
        format!("{program}: {figure} {before} -> {now}")
    }

    /// Whether it grew by more than so many percent.
    fn is_worse(&self, percent: u32) -> bool {
        let allowed =
            u128::from(self.before).saturating_mul(u128::from(percent).saturating_add(100));
        u128::from(self.now).saturating_mul(100) > allowed
    }
}

/// What both have and is not equal. Programs that are new or gone are no regression.
fn compare(before: &BTreeMap<String, Figures>, now: &BTreeMap<String, Figures>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (program, figures) in now {
        let Some(old) = before.get(program) else {
            continue;
        };
        for (figure, now) in figures {
            // A program that had to be unwound and need not be any more has no such figure.
            let before = old.get(figure).copied().unwrap_or(0);
            if before != *now {
                changes.push(Change {
                    program: program.clone(),
                    figure: figure.clone(),
                    before,
                    now: *now,
                });
            }
        }
    }
    changes
}

fn text(report: &Report, changes: &[Change]) -> String {
    let mut table = show::Table::new(&[
        "object",
        "program",
        "slots",
        "runs at most",
        "calls",
        "updates",
        "stack",
        "loop",
        "unwound",
        "map bytes",
        "ms",
    ]);
    for object in &report.objects {
        for program in &object.programs {
            table.row([
                object.path.clone(),
                program.name.clone(),
                program.instruction_slots.to_string(),
                program.worst_case_instructions.to_string(),
                program.worst_case_helper_calls.to_string(),
                program.worst_case_map_updates.to_string(),
                program.max_stack_bytes.to_string(),
                program.max_loop_iterations.to_string(),
                program
                    .unwound_instructions
                    .map_or_else(|| "-".to_owned(), |slots| slots.to_string()),
                program.map_bytes.to_string(),
                object.milliseconds.to_string(),
            ]);
        }
    }
    let mut text = table.render(0);
    for change in changes {
        let _ = writeln!(text, "{}", change.text());
    }
    text
}

fn to_json(report: &Report, now: &BTreeMap<String, Figures>, changes: &[Change]) -> Value {
    json!({
        "version": crate::report::VERSION,
        "figures": now,
        "milliseconds": report.objects.iter().map(|object| {
            (object.path.clone(), json!(object.milliseconds))
        }).collect::<serde_json::Map<_, _>>(),
        "changes": changes.iter().map(|change| json!({
            "program": change.program,
            "figure": change.figure,
            "before": change.before,
            "now": change.now,
        })).collect::<Vec<_>>(),
        "problems": report.problems().map(|(_, problem)| json!(problem)).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_beyond_the_percentage_is_worse() {
        let change = |before, now| Change {
            program: String::new(),
            figure: String::new(),
            before,
            now,
        };
        for (before, now, percent, worse) in [
            (100, 100, 0, false),
            (100, 101, 0, true),
            (100, 90, 0, false),
            (100, 110, 10, false),
            (100, 111, 10, true),
            (0, 1, 50, true),
            (u64::MAX, u64::MAX, 0, false),
        ] {
            assert_eq!(
                change(before, now).is_worse(percent),
                worse,
                "{before} {now}"
            );
        }
    }
}
