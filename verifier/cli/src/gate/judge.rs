//! One object: proved, and held against the policy.

use core::time::Duration;
use std::path::Path;
use std::time::Instant;

use bpf_verifier::{AcceptedProgram, Finding, ObjectFacts};
use platform_click::{Digest, limits};

use super::signed::Loader;
use crate::args::VerifyOptions;
use crate::commands::verify;
use crate::error::CliError;
use crate::files;
use crate::policy::{self, Policy};
use crate::report::{ObjectReport, Problem, ProgramFacts, Verdict};
use crate::show::{self, text};

/// What all objects have in common.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    pub(super) policy: &'a Policy,
    pub(super) options: VerifyOptions,
    /// Asked when bundles are.
    pub(super) loader: Option<Loader>,
}

impl Judge<'_> {
    pub(super) fn judge(&self, path: &Path) -> ObjectReport {
        let start = Instant::now();
        let mut report = ObjectReport {
            path: text::path(path),
            sha256: None,
            verdict: Verdict::Unreadable,
            engines: Vec::new(),
            programs: Vec::new(),
            signature: None,
            problems: Vec::new(),
            milliseconds: 0,
        };
        if let Err(error) = self.fill(path, &mut report) {
            report.problems.push(problem(&error));
        }
        report.milliseconds = milliseconds(start.elapsed());
        report
    }

    fn fill(&self, path: &Path, report: &mut ObjectReport) -> Result<(), CliError> {
        let object = files::read(path, limits::MAX_OBJECT_SIZE)?;
        report.sha256 = Some(Digest::of(&object).to_string());
        match verify::prove(path, &object, &self.options)? {
            bpf_verifier::Verdict::Accepted(facts) => {
                report.verdict = Verdict::Accepted;
                self.accepted(&facts, report);
            }
            bpf_verifier::Verdict::Rejected(findings) => {
                report.verdict = Verdict::Rejected;
                report.problems.extend(findings.into_iter().map(found));
            }
            bpf_verifier::Verdict::Undecided(undecided) => {
                report.verdict = Verdict::Undecided;
                let mut open = Problem::new(undecided.code, &undecided.reason);
                open.program = undecided.program.as_deref().map(text::visible);
                if let Some(example) = &undecided.counterexample {
                    let runs = text::visible(&show::finding::runs(example));
                    open.message = format!("{}; {runs}", open.message);
                }
                if let Some(first) = undecided.findings.first() {
                    let line = first.line.as_ref();
                    open.message = format!("{}: {}", open.message, text::visible(&first.cause));
                    open.slot = Some(first.slot);
                    open.place = line.map(show::finding::place_of);
                }
                report.problems.push(open);
            }
            _ => {}
        }
        if let Some(loader) = &self.loader {
            match loader.admit(path, &object) {
                Ok(facts) => report.signature = Some(facts),
                Err(error) => report.problems.push(problem(&error)),
            }
        }
        Ok(())
    }

    fn accepted(&self, facts: &ObjectFacts, report: &mut ObjectReport) {
        report.engines = facts.engines.iter().map(ToString::to_string).collect();
        for program in &facts.programs {
            report.programs.push(program_facts(program));
            for (code, message) in policy::violations(self.policy, program) {
                let problem = Problem::new(code, &message).in_program(&program.name);
                report.problems.push(problem);
            }
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What was proved of a program.
pub(crate) fn program_facts(program: &AcceptedProgram) -> ProgramFacts {
    let deepest = program.loops.iter().map(|item| item.bound).max();
    ProgramFacts {
        name: text::visible(&program.name),
        kind: program.kind.name().into(),
        image_sha256: program.image.to_string(),
        instruction_slots: program.instructions,
        worst_case_instructions: program.worst_case_instructions,
        worst_case_helper_calls: program.worst_case_helper_calls,
        worst_case_map_updates: program.worst_case_map_updates,
        max_stack_bytes: program.max_stack,
        max_loop_iterations: deepest.unwrap_or(0),
        unwound_instructions: program.unwound_instructions,
        map_bytes: policy::map_bytes(&program.maps),
        helpers: program
            .helpers
            .iter()
            .map(|helper| helper.spec().name.to_owned())
            .collect(),
        maps: program
            .maps
            .iter()
            .map(|map| text::visible(&map.name))
            .collect(),
    }
}

fn problem(error: &CliError) -> Problem {
    Problem::new(error.code, &error.message)
}

fn found(finding: Finding) -> Problem {
    let mut problem = Problem::new(finding.code, &finding.cause).in_program(&finding.program);
    problem.slot = Some(finding.slot);
    problem.place = finding.line.as_ref().map(show::finding::place_of);
    problem.related = finding
        .related
        .iter()
        .map(|related| crate::report::Related {
            slot: related.slot,
            place: related.line.as_ref().map(show::finding::place_of),
            label: text::visible(&related.label),
        })
        .collect();
    problem.registers = finding
        .registers
        .iter()
        .map(|text| text::visible(text))
        .collect();
    problem.engine = finding.engine.as_deref().map(text::visible);
    problem.finding = Some(Box::new(finding));
    problem
}
