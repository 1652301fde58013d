//! `bpfsign state`: what a loader remembers.

use bpf_loader::{Snapshot, StateDir, StateError};
use platform_click::ExitCode;
use serde_json::{Value, json};

use crate::args::{State, StateInit, StateShow, StateUpdate};
use crate::error::CliError;
use crate::output::Output;
use crate::{clock, files, show};

pub(crate) fn run(command: &State, output: &Output) -> Result<ExitCode, CliError> {
    match command {
        State::Init(args) => init(args, output),
        State::Update(args) => update(args, output),
        State::Show(args) => inspect(args, output),
    }
}

fn init(args: &StateInit, output: &Output) -> Result<ExitCode, CliError> {
    let trust = files::read(&args.trust, bpf_trust::limits::MAX_TRUST_BUNDLE_SIZE)?;
    let state = StateDir::init(&args.state, &trust).map_err(|error| match &error {
        StateError::Trust(_) => state_error(&error).about(&args.trust),
        _ => state_error(&error),
    })?;
    let pinned = state.pinned();
    output.result(
        || {
            format!(
                "{}: made\n  instance  {}\n  pinned    trust bundle {} (sha256 {:.16}), {} of {} root keys\n",
                args.state.display(),
                state.snapshot().instance,
                pinned.version(),
                pinned.digest(),
                pinned.root_keys().threshold(),
                pinned.root_keys().keys().len(),
            )
        },
        || json!({ "state": to_json(state.snapshot()) }),
    );
    Ok(ExitCode::Accepted)
}

fn update(args: &StateUpdate, output: &Output) -> Result<ExitCode, CliError> {
    let mut state = StateDir::open(&args.state).map_err(|error| state_error(&error))?;
    let read = |path| files::read(path, bpf_trust::limits::MAX_TRUST_BUNDLE_SIZE);
    let bundles = args.files.iter().map(|path| read(path));
    let bundles = bundles.collect::<Result<Vec<_>, _>>()?;
    let before = state.pinned().version();
    let after = state.update_trust(&bundles, clock::read());
    let after = after.map_err(|error| state_error(&error))?.version();
    output.result(
        || {
            let what = if before == after {
                format!("version {after} is the newest")
            } else {
                format!("from version {before} to {after}")
            };
            format!("{}: trust bundle {what}\n", args.state.display())
        },
        || json!({ "before": before, "after": after }),
    );
    Ok(ExitCode::Accepted)
}

fn inspect(args: &StateShow, output: &Output) -> Result<ExitCode, CliError> {
    let state = StateDir::open(&args.state).map_err(|error| state_error(&error))?;
    let state = state.snapshot();
    output.result(
        || format!("{}\n{}", args.state.display(), to_text(state)),
        || json!({ "state": to_json(state) }),
    );
    Ok(ExitCode::Accepted)
}

pub(super) fn state_error(error: &StateError) -> CliError {
    CliError::new(error.code(), error)
}

fn to_text(state: &Snapshot) -> String {
    let mut table = show::Table::new(&["name", "counter", "object"]);
    for record in &state.records {
        table.row([
            record.name.to_string(),
            record.counter.to_string(),
            object(record).map_or_else(|| "-".to_owned(), |digest| format!("{digest:.16}")),
        ]);
    }
    format!(
        "  instance    {}\n  generation  {}\n  trust       version {} (sha256 {:.16})\n  time floor  {}\n{}",
        state.instance,
        state.generation,
        state.trust.version,
        state.trust.digest,
        state.time_floor,
        table.render(2),
    )
}

fn object(record: &bpf_loader::Record) -> Option<platform_click::Digest> {
    record.admitted.as_ref().map(|admitted| admitted.object)
}

fn to_json(state: &Snapshot) -> Value {
    json!({
        "instance": state.instance.to_string(),
        "generation": state.generation,
        "trust_version": state.trust.version,
        "trust_sha256": state.trust.digest.to_string(),
        "time_floor": state.time_floor.to_string(),
        "records": state.records.iter().map(|record| json!({
            "name": record.name.as_str(),
            "counter": record.counter,
            "object_sha256": object(record).map(|digest| digest.to_string()),
        })).collect::<Vec<_>>(),
    })
}
