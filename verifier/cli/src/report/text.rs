//! For people: findings with their source lines, then a line for each object.

use core::fmt::Write as _;

use annotate_snippets::{Group, Level};

use super::{ObjectReport, Problem, Report};
use crate::show;

/// A problem as a diagnostic.
pub(crate) fn describe(
    object: Option<&ObjectReport>,
    problem: &Problem,
    verbosity: u8,
) -> Group<'static> {
    if let Some(finding) = &problem.finding {
        return show::finding::report(finding, verbosity);
    }
    let about = match (object, &problem.program) {
        (Some(object), Some(program)) => format!("{}: program `{program}`: ", object.path),
        (Some(object), None) => format!("{}: ", object.path),
        (None, _) => String::new(),
    };
    let level = if problem.waived.is_some() {
        Level::NOTE
    } else {
        Level::ERROR
    };
    let title = level
        .primary_title(format!("{about}{}", problem.message))
        .id(problem.code.clone());
    let group = Group::with_title(title);
    match &problem.waived {
        Some(waived) => group.element(Level::NOTE.message(format!(
            "excepted until {}: {}",
            waived.expires, waived.reason
        ))),
        None => group.element(Level::HELP.message(problem.help.clone())),
    }
}

/// A line for each object, and the sum.
pub(crate) fn text(report: &Report) -> String {
    let mut text = String::new();
    for object in &report.objects {
        let open = object
            .problems
            .iter()
            .filter(|problem| problem.waived.is_none());
        let open = open.count();
        let signed = match &object.signature {
            Some(facts) => format!(
                ", signed by {} with counter {}",
                facts.signer, facts.counter
            ),
            None => String::new(),
        };
        let problems = match open {
            0 => String::new(),
            1 => ", 1 problem".to_owned(),
            many => format!(", {many} problems"),
        };
        let verdict = object.verdict.name();
        let _ = writeln!(text, "{}: {verdict}{signed}{problems}", object.path);
    }
    let objects = report.objects.len();
    let programs: usize = report
        .objects
        .iter()
        .map(|object| object.programs.len())
        .sum();
    let verdict = if report.passed { "passed" } else { "failed" };
    let _ = writeln!(
        text,
        "{verdict}: {objects} objects, {programs} accepted programs{}",
        match report.passed_over.len() {
            0 => String::new(),
            many => format!(", {many} objects for other machines passed over"),
        }
    );
    text
}
