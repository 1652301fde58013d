//! `bpfsign pki`: keys, certificates and trust bundles.

mod init;
mod leaf;
mod rehearse;
mod rotate;
mod status;
mod trust;

use std::fs;
use std::path::Path;

use bpf_pki::{Authority, Passphrase, PkiDir, PkiError};
use bpf_statement::UnixTime;
use bpf_trust::Role;
use platform_click::ExitCode;

use super::sign::{key_ref, pki_error};
use crate::args::{CaArgs, PassphraseArgs, Pki, PkiPlace};
use crate::error::{CliError, codes};
use crate::output::Output;
use crate::passphrase;

pub(crate) fn run(command: &Pki, output: &Output) -> Result<ExitCode, CliError> {
    match command {
        Pki::Init(args) => init::run(args, output),
        Pki::Issue(args) => leaf::issue(args, output),
        Pki::Csr(args) => leaf::request(args, output),
        Pki::SignCsr(args) => leaf::sign_request(args, output),
        Pki::Renew(args) => leaf::renew(args, output),
        Pki::NeedsRenewal(args) => leaf::needs_renewal(args, output),
        Pki::Revoke(args) => trust::revoke(args, output),
        Pki::Rotate(args) => rotate::run(args, output),
        Pki::Trust(command) => trust::run(command, output),
        Pki::Crl(args) => status::revocation_list(args, output),
        Pki::Status(args) => status::run(args, output),
        Pki::Rehearse(args) => rehearse::run(args, output),
    }
}

fn open(place: &PkiPlace) -> Result<PkiDir, CliError> {
    PkiDir::open(&place.dir, place.offline_root.as_deref()).map_err(|error| pki_error(&error))
}

/// The directory and the CA for a role.
fn open_ca(args: &CaArgs, role: Role) -> Result<(PkiDir, Authority), CliError> {
    let pki = open(&args.place)?;
    let key = args.ca_key.as_deref().map(key_ref);
    let mut passphrase = passphrase::source(&args.passphrase);
    let ca = pki.ca(role, key.as_ref(), &mut passphrase);
    Ok((pki, ca.map_err(|error| pki_error(&error))?))
}

/// The passphrase for new keys, if they are to have one.
fn new_passphrase(encrypt: bool, args: &PassphraseArgs) -> Result<Option<Passphrase>, CliError> {
    if !encrypt {
        return Ok(None);
    }
    let passphrase = passphrase::for_new_keys(args);
    let refused = |error: std::io::Error| CliError::message(codes::PASSPHRASE, error.to_string());
    passphrase.map(Some).map_err(refused)
}

/// Writes a file that does not exist yet.
fn create(path: &Path, mode: u32, content: &[u8]) -> Result<(), CliError> {
    bpf_pki::create_file(path, mode, content).map_err(|error| pki_error(&error))
}

/// A small file, as bytes.
fn read(path: &Path, limit: usize) -> Result<Vec<u8>, CliError> {
    crate::files::read(path, limit)
}

/// A time as a date: nobody plans renewals by the second.
fn date(time: UnixTime) -> String {
    let text = time.to_string();
    text.split('T').next().unwrap_or(&text).to_owned()
}

/// Whether a path leads to nothing yet.
fn is_free(path: &Path) -> Result<(), CliError> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(_) => Err(pki_error(&PkiError::Exists(path.to_owned()))),
    }
}
