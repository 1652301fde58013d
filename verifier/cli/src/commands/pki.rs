//! `bpfsign pki`: keys, certificates and trust bundles.

use bpf_pki::{InitOptions, PkiDir};
use platform_click::ExitCode;
use serde_json::json;

use super::sign::pki_error;
use crate::args::{Pki, PkiInit};
use crate::clock;
use crate::error::CliError;
use crate::output::Output;

pub(crate) fn run(command: &Pki, output: &Output) -> Result<ExitCode, CliError> {
    match command {
        Pki::Init(args) => init(args, output),
    }
}

/// The files that `init` makes, and what each is for.
const FILES: &[(&str, &str)] = &[
    (PkiDir::ROOT, "the root certificate"),
    (PkiDir::ROOT_KEY, "its key: issues CAs; keep it offline"),
    (PkiDir::CA, "the certificate of the verifier CA"),
    (PkiDir::CA_KEY, "its key: issues signers; keep it offline"),
    (
        PkiDir::SIGNER,
        "key and chain that sign programs, for --key",
    ),
    (
        PkiDir::BUNDLE_ROOT_KEY,
        "signs trust bundles; keep it offline",
    ),
    (PkiDir::TRUST, "the trust bundle, for every loader"),
];

fn init(args: &PkiInit, output: &Output) -> Result<ExitCode, CliError> {
    let mut options = InitOptions::new(clock::now()?);
    options.organisation.clone_from(&args.organisation);
    options.name_prefixes.clone_from(&args.name_prefix);
    let pki = PkiDir::init(&args.dir, &options).map_err(|error| pki_error(&error))?;
    output.result(
        || {
            let mut text = format!("{}: made\n", pki.path().display());
            for (file, purpose) in FILES {
                text.push_str(&format!("  {file:<18}{purpose}\n"));
            }
            text
        },
        || {
            json!({
                "directory": pki.path().display().to_string(),
                "files": FILES.iter().map(|(file, _)| file).collect::<Vec<_>>(),
            })
        },
    );
    Ok(ExitCode::Accepted)
}
