//! `bpfsign verify`: is the object safe?

use core::fmt::Write as _;
use std::path::Path;

use bpf_verifier::worker::{Limits, Worker};
use bpf_verifier::{
    AcceptedProgram, EngineChoice, Finding, LoopMethod, ObjectFacts, Undecided, Verdict,
    VerifyOptions,
};
use platform_click::{ExitCode, limits};
use serde_json::{Value, json};

use crate::args;
use crate::claims;
use crate::error::{CliError, codes};
use crate::output::Output;
use crate::{counterexample, files, show};

pub(crate) fn run(args: &args::Verify, output: &Output) -> Result<ExitCode, CliError> {
    let object = files::read(&args.object, limits::MAX_OBJECT_SIZE)?;
    match prove(&args.object, &object, &args.options)? {
        Verdict::Accepted(facts) => {
            warn(&facts, output);
            let programs = claims::programs(&facts)?;
            output.result(
                || {
                    let table = show::statement::programs(&programs).render(2);
                    let trial = facts.trial.map_or_else(String::new, |trial| trial_text(&trial));
                    let engines = engines(&facts).join(", ");
                    let path = show::text::path(&args.object);
                    let bounds = bounds_text(&facts);
                    format!("{path}: accepted by {engines}\n{table}{bounds}{trial}")
                },
                || json!({
                    "verdict": "accepted",
                    "object_sha256": facts.object.to_string(),
                    "engines": engines(&facts),
                    "sandbox": claims::sandbox(facts.sandbox).name(),
                    "trial": facts.trial.as_ref().map(trial_json),
                    "programs": programs.iter().map(show::statement::program_json).collect::<Vec<_>>(),
                    "upper_bounds": facts.programs.iter().map(bounds_json).collect::<Vec<_>>(),
                }),
            );
            Ok(ExitCode::Accepted)
        }
        other => refuse(&args.object, other, output),
    }
}

fn engines(facts: &ObjectFacts) -> Vec<String> {
    facts.engines.iter().map(ToString::to_string).collect()
}

/// What no run exceeds, and how often loops run.
fn bounds_text(facts: &ObjectFacts) -> String {
    let mut text = String::new();
    for program in &facts.programs {
        let AcceptedProgram {
            name,
            worst_case_instructions: instructions,
            worst_case_helper_calls: helper_calls,
            worst_case_map_updates: map_updates,
            ..
        } = program;
        let _ = writeln!(
            text,
            "  `{name}`, upper bounds of a run: {instructions} instructions, {helper_calls} helper \
             calls, {map_updates} map updates"
        );
        for item in &program.loops {
            let place = match &item.line {
                Some(line) => format!("{}:{}", line.file, line.line),
                None => format!("slot {}", item.slot),
            };
            let bound = show::statement::at_most(item.bound);
            let _ = writeln!(text, "  `{name}`, loop at {place}: {bound}");
        }
        if let Some(slots) = program.unwound_instructions {
            let _ = writeln!(
                text,
                "  `{name}` was proved unwound, in {slots} instructions"
            );
        }
    }
    text
}

/// What no run exceeds, and by how much work that was proved.
fn bounds_json(program: &AcceptedProgram) -> Value {
    json!({
        "program": program.name,
        "helper_calls": program.worst_case_helper_calls,
        "map_updates": program.worst_case_map_updates,
        "unwound_instructions": program.unwound_instructions,
    })
}

fn trial_text(trial: &bpf_verifier::Trial) -> String {
    format!(
        "  trial: {} runs, {} instructions, {} of {} branch directions taken\n",
        trial.runs, trial.instructions, trial.branches_taken, trial.branches
    )
}

fn trial_json(trial: &bpf_verifier::Trial) -> Value {
    json!({
        "runs": trial.runs,
        "instructions": trial.instructions,
        "cut": trial.cut,
        "seed": trial.seed,
        "branches_taken": trial.branches_taken,
        "branches": trial.branches,
        "max_runs": trial.max_runs,
        "max_time_ms": trial.max_time_ms,
    })
}

/// Verifies in a child process.
///
/// # Errors
/// The object is malformed, or the child cannot be started.
pub(crate) fn prove(
    path: &Path,
    object: &[u8],
    options: &args::VerifyOptions,
) -> Result<Verdict, CliError> {
    let program = std::env::current_exe().map_err(|error| {
        CliError::new(codes::INTERNAL, &error).hint("The verifier runs itself.")
    })?;
    let worker = Worker {
        program,
        args: vec![args::WORKER.into()],
        limits: Limits {
            cpu: core::time::Duration::from_secs(options.time),
            wall: core::time::Duration::from_secs(options.time),
            memory: options.memory << 20,
        },
    };
    let keep = options.keep_counterexample.as_deref();
    let bpffilter = options.kind;
    let options = VerifyOptions {
        bpffilter,
        loops: match options.loops {
            args::Loops::Auto => LoopMethod::Auto,
            args::Loops::Plain => LoopMethod::Plain,
            args::Loops::Unwind => LoopMethod::Unwind,
        },
        engine: match options.engine {
            args::Engine::Auto => EngineChoice::Auto,
            args::Engine::Rust => EngineChoice::Rust,
            args::Engine::Cpp => EngineChoice::Cpp,
            args::Engine::Both => EngineChoice::Both,
        },
        trial_runs: options.trial_runs,
        trial_time: core::time::Duration::from_secs(options.trial_time),
        ..VerifyOptions::default()
    };
    let verdict = bpf_verifier::verify_object(object, &options, &worker)
        .map_err(|error| CliError::new(error.code(), &error).about(path))?;
    if let (Verdict::Undecided(undecided), Some(directory)) = (&verdict, keep) {
        counterexample::keep(directory, object, bpffilter, undecided)?;
    }
    Ok(verdict)
}

/// Says why there is no acceptance, and gives the exit code.
pub(crate) fn refuse(path: &Path, verdict: Verdict, output: &Output) -> Result<ExitCode, CliError> {
    match verdict {
        Verdict::Rejected(findings) => Ok(rejected(path, &findings, output)),
        Verdict::Undecided(undecided) => {
            show::finding::print(&undecided.findings, output);
            Err(undecided_error(&undecided).about(path))
        }
        _ => Err(CliError::message(codes::INTERNAL, "an accepted object is refused").about(path)),
    }
}

fn rejected(path: &Path, findings: &[Finding], output: &Output) -> ExitCode {
    show::finding::print(findings, output);
    output.result(
        || format!("{}: rejected\n", show::text::path(path)),
        || {
            let findings: Vec<Value> = findings.iter().map(show::finding::json).collect();
            json!({ "verdict": "rejected", "findings": findings })
        },
    );
    ExitCode::Rejected
}

fn undecided_error(undecided: &Undecided) -> CliError {
    let message = match &undecided.program {
        Some(program) => format!("undecided: program `{program}`: {}", undecided.reason),
        None => format!("undecided: {}", undecided.reason),
    };
    let mut error = CliError::message(undecided.code, show::text::visible(&message));
    if undecided.code == bpf_verifier::codes::TIMEOUT {
        error = error.hint("`--time SECONDS` gives it more time; what is not decided within a minute rarely is within ten.");
    }
    if undecided.code == bpf_verifier::codes::CRASHED {
        error = error.hint("`--memory MIB` gives it more memory.");
    }
    match &undecided.counterexample {
        Some(found) => error.hint(show::finding::runs(found)).hint(
            "`--keep-counterexample DIR` keeps what repeats it, ready to be reported; a trial draws a new seed each time.",
        ),
        None => error,
    }
}

/// What a reader must know before relying on an acceptance.
pub(crate) fn warn(facts: &ObjectFacts, output: &Output) {
    let missing = facts.sandbox.missing();
    if !missing.is_empty() {
        output.warning(
            &format!(
                "the verifying process was not confined by {}",
                missing.join(" and ")
            ),
            "This kernel does not offer it; verify on one that does, or in a container.",
        );
    }
}
