//! `bpfsign check`: exactly what the loader says; nothing is changed.

use bpf_loader::{Admission, AdmitRequest, Expectation, ProgramExpectation, StateDir, admit};
use bpf_statement::Bundle;
use platform_click::{ExitCode, limits};
use serde_json::json;

use super::state::state_error;
use crate::args::Check;
use crate::error::CliError;
use crate::output::Output;
use crate::{claims, clock, files, show};

pub(crate) fn run(args: &Check, output: &Output) -> Result<ExitCode, CliError> {
    let path = &args.object;
    let state = StateDir::open(&args.state).map_err(|error| state_error(&error))?;
    let trust = files::read(&args.trust, bpf_trust::limits::MAX_TRUST_BUNDLE_SIZE)?;
    let trust = state
        .read_trust(&trust)
        .map_err(|error| CliError::new(error.code(), &error).about(&args.trust))?;
    let object = files::read(path, limits::MAX_OBJECT_SIZE)?;
    let bundle_path = args
        .bundle
        .clone()
        .unwrap_or_else(|| files::default_bundle(path));
    let bundle = if args.bundle.is_none() && !bundle_path.exists() {
        None
    } else {
        Some(files::read(&bundle_path, Bundle::MAX_SIZE)?)
    };
    let request = AdmitRequest {
        object: &object,
        bundle: bundle.as_deref(),
        expectation: &expectation(args)?,
        trust: &trust,
        state: state.snapshot(),
        clock: clock::read(),
    };
    let admission =
        admit(&request).map_err(|refusal| CliError::new(refusal.code(), &refusal).about(path))?;
    for warning in admission.warnings() {
        output.warning(&warning.to_string(), "The loader admits it all the same.");
    }
    report(args, &admission, output);
    Ok(ExitCode::Accepted)
}

fn expectation(args: &Check) -> Result<Expectation, CliError> {
    let name = args
        .name
        .clone()
        .unwrap_or_else(|| files::stem(&args.object));
    let names = vec![claims::name(&name)?];
    let Some(kind) = args.kind else {
        return Ok(Expectation::object(names));
    };
    let name = args.program.as_deref().map(claims::symbol).transpose()?;
    Ok(Expectation::program(
        names,
        ProgramExpectation {
            kind,
            name,
            outputs: None,
            max_instructions: args.max_insns,
        },
    ))
}

fn report(args: &Check, admission: &Admission, output: &Output) {
    let statement = admission.statement();
    let signer = admission.signer();
    output.result(
        || {
            let mut text = format!("{}: admitted\n", args.object.display());
            text.push_str(&show::statement::text(statement));
            text.push_str(&format!("  signer       {}\n", signer.subject()));
            text.push_str(&format!("  trust        version {}\n", admission.trust().version));
            text
        },
        || {
            json!({
                "verdict": "admitted",
                "statement": show::statement::json(statement),
                "signer": signer.subject(),
                "trust_version": admission.trust().version,
                "time": admission.now().to_string(),
                "warnings": admission.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        },
    );
}
