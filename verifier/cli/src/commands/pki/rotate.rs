//! `bpfsign pki rotate`.

use bpf_pki::{Rotating, Rotation, Step, StepState};
use platform_click::ExitCode;
use serde_json::json;

use super::{new_passphrase, open, pki_error};
use crate::args::{PkiRotate, RotateWhat};
use crate::error::CliError;
use crate::output::Output;
use crate::{clock, passphrase};

/// Days that a new root is valid, as `init` has it.
const ROOT_DAYS: u32 = 15 * 365;

/// Days that a renewed signer is valid, as `init` has it.
const LEAF_DAYS: u32 = 90;

pub(super) fn run(args: &PkiRotate, output: &Output) -> Result<ExitCode, CliError> {
    let (rotation, args) = match &args.what {
        RotateWhat::Intermediate { role, rotate } => (Rotation::Intermediate(*role), rotate),
        RotateWhat::Root { rotate } => (Rotation::Root, rotate),
    };
    let pki = open(&args.next.place)?;
    let new_passphrase = new_passphrase(args.encrypt, &args.next.passphrase)?;
    let mut passphrase = passphrase::source(&args.next.passphrase);
    let steps = pki.rotate(
        rotation,
        &mut Rotating {
            now: clock::now()?,
            root_days: ROOT_DAYS,
            ca_days: args.next.valid,
            leaf_days: LEAF_DAYS,
            finish: args.finish,
            new_passphrase,
            passphrase: &mut passphrase,
        },
    );
    let steps = steps.map_err(|error| pki_error(&error))?;
    output.result(
        || steps.iter().map(line).collect(),
        || json!({ "steps": steps.iter().map(value).collect::<Vec<_>>() }),
    );
    Ok(ExitCode::Accepted)
}

fn line(step: &Step) -> String {
    let what = &step.what;
    match &step.state {
        StepState::Done => format!("done     {what}\n"),
        StepState::WasDone => format!("before   {what}\n"),
        StepState::Todo(how) => format!("to do    {what}: {how}\n"),
    }
}

fn value(step: &Step) -> serde_json::Value {
    let (state, how) = match &step.state {
        StepState::Done => ("done", None),
        StepState::WasDone => ("done before", None),
        StepState::Todo(how) => ("to do", Some(how)),
    };
    json!({ "what": step.what, "state": state, "how": how })
}
