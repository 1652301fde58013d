//! `bpfsign pki init`.

use std::path::Path;

use bpf_pki::{InitOptions, PkiDir};
use bpf_trust::Role;
use platform_click::ExitCode;
use serde_json::json;

use super::{new_passphrase, pki_error};
use crate::args::PkiInit;
use crate::clock;
use crate::error::CliError;
use crate::output::Output;

pub(super) fn run(args: &PkiInit, output: &Output) -> Result<ExitCode, CliError> {
    let mut options = InitOptions::new(clock::now()?);
    options.organisation.clone_from(&args.organisation);
    options.name_prefixes.clone_from(&args.name_prefix);
    options.bundle_root_keys = args.bundle_keys;
    options.bundle_threshold = args.threshold;
    options.offline.clone_from(&args.offline_root);
    options.passphrase = new_passphrase(args.encrypt, &args.passphrase)?;
    let pki = PkiDir::init(&args.dir, &options).map_err(|error| pki_error(&error))?;
    let here = files();
    let offline = offline_files(args);
    output.result(
        || {
            let mut text = String::new();
            let mut add = |directory: Option<&Path>, files: &[(String, &str)]| {
                if let Some(directory) = directory {
                    text.push_str(&format!("{}: made\n", directory.display()));
                }
                for (file, purpose) in files {
                    text.push_str(&format!("  {file:<24}{purpose}\n"));
                }
            };
            add(Some(pki.path()), &here);
            add(args.offline_root.as_deref(), &offline);
            text
        },
        || {
            let names = |files: &[(String, &str)]| -> Vec<String> {
                files.iter().map(|(file, _)| file.clone()).collect()
            };
            json!({
                "directory": pki.path().display().to_string(),
                "files": names(&here),
                "offline_directory": args.offline_root.as_ref().map(|path| path.display().to_string()),
                "offline_files": names(&offline),
            })
        },
    );
    Ok(ExitCode::Accepted)
}

/// The files that `init` makes, and what each is for.
fn files() -> Vec<(String, &'static str)> {
    let mut files = vec![
        (
            PkiDir::SIGNER.to_owned(),
            "key and chain that sign programs, for --key",
        ),
        (
            PkiDir::TRUST.to_owned(),
            "the trust bundle, for every loader",
        ),
        (PkiDir::ROOT.to_owned(), "the root certificate"),
    ];
    for role in Role::ALL {
        let purpose = match role {
            Role::Verifier => "the CA for signers of programs, and its key",
            Role::Operator => "the CA for operators, and its key",
            Role::Device => "the CA for devices, and its key",
            Role::BreakGlass => "the CA for operators in an emergency, and its key",
        };
        let names = format!("{}, .key", PkiDir::ca_file(*role));
        files.push((names, purpose));
    }
    files
}

/// Those among them that only change roots and trust bundles.
fn offline_files(args: &PkiInit) -> Vec<(String, &'static str)> {
    let last = usize::from(args.bundle_keys);
    let keys = match last {
        1 => PkiDir::bundle_root_key_file(1),
        _ => format!("bundle-root-1…{last}.key"),
    };
    vec![
        (
            PkiDir::ROOT_KEY.to_owned(),
            "the root's key, issues CAs: keep it offline",
        ),
        (
            keys,
            "sign trust bundles: keep them offline, in different places",
        ),
    ]
}
