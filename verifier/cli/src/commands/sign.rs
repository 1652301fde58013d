//! `bpfsign verify-and-sign`: prove, and sign what was proved.

use std::path::Path;

use bpf_pki::{KeyAccess, KeyRef, PkiError, SigningIdentity};
use bpf_statement::{Claims, Statement, Termination, UnixTime};
use bpf_trust::Role;
use bpf_verifier::{ObjectFacts, Verdict};
use platform_click::{ExitCode, PROFILE, Platform, limits};
use serde_json::json;

use super::verify;
use crate::args::{SignOptions, VerifyAndSign};
use crate::error::{CliError, codes};
use crate::output::Output;
use crate::{claims, clock, counter, files, passphrase, show};

pub(crate) fn run(args: &VerifyAndSign, output: &Output) -> Result<ExitCode, CliError> {
    let path = &args.verify.object;
    let name = args.sign.name.clone().unwrap_or_else(|| files::stem(path));
    let name = claims::name(&name)?;
    let object = files::read(path, limits::MAX_OBJECT_SIZE)?;
    // The children that look at hostile bytes are gone before a key is in memory.
    let facts = match verify::prove(path, &object, &args.verify.options)? {
        Verdict::Accepted(facts) => facts,
        refused => return verify::refuse(path, refused, output),
    };
    harden()?;
    let identity = load_identity(&args.sign)?;
    let bundle_path = args
        .sign
        .output
        .clone()
        .unwrap_or_else(|| files::default_bundle(path));
    let counter = counter::next(
        args.sign.counter,
        &bundle_path,
        &name,
        facts.object,
        &identity,
    )?;
    let now = clock::now()?;
    let expires_at = expiry(args.sign.expires, now, &identity, output);
    let statement = statement(&facts, name, counter, now, expires_at)?;
    let bundle =
        bpf_pki::sign_statement(&statement, &identity).map_err(|error| pki_error(&error))?;
    expect_unchanged(path, &object)?;
    files::write(&bundle_path, &bundle)?;
    verify::warn(&facts, output);
    report(&bundle_path, &statement, &identity, output);
    Ok(ExitCode::Accepted)
}

/// Keys are read next: nobody with the same user id may look into this process for them.
fn harden() -> Result<(), CliError> {
    bpf_verifier::harden_parent().map_err(|error| CliError::new(codes::INTERNAL, &error))
}

fn load_identity(args: &SignOptions) -> Result<SigningIdentity, CliError> {
    let mut passphrase = passphrase::source(&args.access.passphrase);
    let access = &mut KeyAccess {
        passphrase: &mut passphrase,
        chain: args.access.chain.as_deref(),
    };
    SigningIdentity::open(&key_ref(&args.key), access, Role::Verifier)
        .map_err(|error| pki_error(&error))
}

/// Where a key is. Every text says so somehow.
pub(super) fn key_ref(text: &str) -> KeyRef {
    text.parse().unwrap_or_else(|never| match never {})
}

pub(super) fn pki_error(error: &PkiError) -> CliError {
    CliError::new(error.code(), error)
}

/// A statement that outlives the certificate is of no use after it; the default ends with it.
fn expiry(
    lifetime: Option<u64>,
    now: UnixTime,
    identity: &SigningIdentity,
    output: &Output,
) -> UnixTime {
    let not_after = identity.leaf().not_after();
    let Some(lifetime) = lifetime else {
        return not_after;
    };
    let expires_at = now.saturating_add(lifetime);
    if expires_at > not_after {
        output.note(&format!(
            "note: the certificate expires before the statement, at {not_after}"
        ));
    }
    expires_at
}

pub(super) fn statement(
    facts: &ObjectFacts,
    name: bpf_statement::Name,
    counter: u64,
    issued_at: UnixTime,
    expires_at: UnixTime,
) -> Result<Statement, CliError> {
    let claims = Claims {
        name,
        counter,
        object: facts.object,
        platform: claims::text(Platform::NAME)?,
        slice: claims::slice(facts).digest(),
        profile: PROFILE,
        engines: claims::engines(facts)?,
        sandbox: claims::sandbox(facts.sandbox),
        termination: Termination::Proved,
        trial: claims::trial(facts)?,
        programs: claims::programs(facts)?,
        issued_at,
        expires_at,
        tool: claims::text(concat!("bpfsign ", env!("CARGO_PKG_VERSION")))?,
        source_commit: claims::text("")?,
        compiler: claims::text("")?,
        sbom: None,
    };
    Statement::new(claims).map_err(|error| CliError::new(error.code(), &error))
}

/// What was verified is in memory and is what is signed. A file that has changed meanwhile would be
/// left beside a bundle that is not its own.
fn expect_unchanged(path: &Path, verified: &[u8]) -> Result<(), CliError> {
    if files::read(path, limits::MAX_OBJECT_SIZE).is_ok_and(|now| now == verified) {
        return Ok(());
    }
    Err(CliError::message(codes::CHANGED, "it is not what was verified any more").about(path))
}

fn report(path: &Path, statement: &Statement, identity: &SigningIdentity, output: &Output) {
    let signer = identity.leaf().subject();
    output.result(
        || {
            let statement = show::statement::text(statement);
            format!(
                "{}: signed\n{statement}  signer       {signer}\n",
                path.display()
            )
        },
        || {
            json!({
                "verdict": "accepted",
                "bundle": path.display().to_string(),
                "statement": show::statement::json(statement),
                "signer": signer,
            })
        },
    );
}
