//! Trust bundles: `trust show|build|sign|merge|publish` and `revoke`.

use std::path::Path;

use bpf_pki::{ChainFile, KeyAccess, KeyFile, Publication, Signer as _, TrustChange, TrustDraft};
use bpf_statement::{Text, Version};
use bpf_trust::limits::MAX_TRUST_BUNDLE_SIZE;
use bpf_trust::{
    Anchor, CounterReset, MinEngine, MinEpoch, PublicKey, Role, RootKeys, TrustBundle, TrustError,
    UnverifiedTrustBundle,
};
use platform_click::ExitCode;
use serde_json::json;

use super::{key_ref, open, pki_error, read};
use crate::args::{
    NextArgs, PkiRevoke, PkiTrust, TrustBuild, TrustMerge, TrustPublish, TrustShow, TrustSign,
};
use crate::error::{CliError, codes};
use crate::output::Output;
use crate::{claims, clock, files, passphrase, show};

pub(super) fn run(command: &PkiTrust, output: &Output) -> Result<ExitCode, CliError> {
    match command {
        PkiTrust::Show(args) => show_file(args, output),
        PkiTrust::Build(args) => build(args, output),
        PkiTrust::Sign(args) => sign(args, output),
        PkiTrust::Merge(args) => merge(args, output),
        PkiTrust::Publish(args) => publish(args, output),
    }
}

fn show_file(args: &TrustShow, output: &Output) -> Result<ExitCode, CliError> {
    let bundle = UnverifiedTrustBundle::parse(&read(&args.file, MAX_TRUST_BUNDLE_SIZE)?);
    let bundle = bundle.map_err(|error| trust_error(&error).about(&args.file))?;
    output.result(|| show::trust::text(&bundle), || show::trust::json(&bundle));
    Ok(ExitCode::Accepted)
}

pub(super) fn revoke(args: &PkiRevoke, output: &Output) -> Result<ExitCode, CliError> {
    let mut changes = Vec::new();
    for file in &args.files {
        changes.push(TrustChange::Revoke(public_key(file)?.digest()));
    }
    next(&args.next, &changes, output)
}

fn build(args: &TrustBuild, output: &Output) -> Result<ExitCode, CliError> {
    let mut changes = Vec::new();
    for file in &args.revoke {
        changes.push(TrustChange::Revoke(public_key(file)?.digest()));
    }
    for (role, epoch) in &args.min_epoch {
        changes.push(min_epoch(args, *role, *epoch)?);
    }
    for text in &args.min_engine {
        changes.push(min_engine(text)?);
    }
    for text in &args.reset_counter {
        changes.push(counter_reset(text)?);
    }
    for text in &args.add_platform {
        changes.push(TrustChange::AddPlatform(claims::text(text)?));
    }
    for text in &args.remove_platform {
        changes.push(TrustChange::RemovePlatform(claims::text(text)?));
    }
    for file in &args.add_root {
        changes.push(TrustChange::AddAnchor(Box::new(anchor(file)?)));
    }
    for file in &args.remove_root {
        changes.push(TrustChange::RemoveAnchor(anchor(file)?.key().digest()));
    }
    if let Some(threshold) = args.threshold {
        let keys: Result<_, CliError> = args.root_key.iter().map(|file| public_key(file)).collect();
        let keys = RootKeys::new(threshold, keys?).map_err(TrustError::BundleContent);
        let keys = keys.map_err(|error| trust_error(&error))?;
        changes.push(TrustChange::RootKeys(keys));
    }
    if let Some(accept) = args.accept_fuel {
        changes.push(TrustChange::AcceptFuel(accept));
    }
    if args.reset_time {
        changes.push(TrustChange::TimeFloor(clock::now()?));
    }
    next(&args.next, &changes, output)
}

fn min_epoch(args: &TrustBuild, role: Role, epoch: u64) -> Result<TrustChange, CliError> {
    let file = bpf_pki::PkiDir::ca_file(role);
    let ca = public_key(&args.next.place.dir.join(file))?.digest();
    Ok(TrustChange::MinEpoch(MinEpoch { ca, epoch }))
}

fn min_engine(text: &str) -> Result<TrustChange, CliError> {
    let usage = || {
        CliError::message(
            codes::VALUE,
            format!("`{text}` is not ENGINE=VERSION, as in prevail=0.2.6"),
        )
    };
    let (name, version) = text.split_once('=').ok_or_else(usage)?;
    let version: Version = version.parse().map_err(|_| usage())?;
    let name = claims::name(name)?;
    Ok(TrustChange::MinEngine(MinEngine { name, version }))
}

fn counter_reset(text: &str) -> Result<TrustChange, CliError> {
    let usage = || CliError::message(codes::VALUE, format!("`{text}` is not NAME=N:REASON"));
    let (name, rest) = text.split_once('=').ok_or_else(usage)?;
    let (to, reason) = rest.split_once(':').ok_or_else(usage)?;
    let reason: Text = claims::text(reason.trim())?;
    Ok(TrustChange::CounterReset(CounterReset {
        name: claims::name(name)?,
        to: to.parse().map_err(|_| usage())?,
        reason,
    }))
}

fn anchor(file: &Path) -> Result<Anchor, CliError> {
    let chain = ChainFile::load(file).map_err(|error| pki_error(&error))?;
    let der = chain.certificates().first().map_or(&[][..], Vec::as_slice);
    let anchor = Anchor::from_certificate(der, Role::ALL.to_vec());
    let anchor = anchor.map_err(TrustError::BundleContent);
    anchor.map_err(|error| trust_error(&error).about(file))
}

/// The key of a certificate, a public key or a key file.
fn public_key(file: &Path) -> Result<PublicKey, CliError> {
    if let Ok((leaf, _)) = bpf_pki::read_leaf(file) {
        return Ok(leaf.key().clone());
    }
    if let Ok(file) = KeyFile::load(file) {
        return Ok(file.key().public_key().clone());
    }
    let chain = ChainFile::load(file).map_err(|error| pki_error(&error))?;
    Ok(chain.key().clone())
}

/// Drafts the next trust bundle, and says what became of it.
fn next(args: &NextArgs, changes: &[TrustChange], output: &Output) -> Result<ExitCode, CliError> {
    let pki = open(&args.place)?;
    let mut passphrase = passphrase::source(&args.passphrase);
    let published = pki
        .next_trust(clock::now()?, args.valid, changes, &mut passphrase)
        .map_err(|error| pki_error(&error))?;
    report(&published, output);
    Ok(ExitCode::Accepted)
}

fn publish(args: &TrustPublish, output: &Output) -> Result<ExitCode, CliError> {
    let pki = open(&args.place)?;
    let published = pki
        .publish(&read(&args.file, MAX_TRUST_BUNDLE_SIZE)?)
        .map_err(|error| pki_error(&error))?;
    report(&published, output);
    Ok(ExitCode::Accepted)
}

fn sign(args: &TrustSign, output: &Output) -> Result<ExitCode, CliError> {
    let previous = args.previous.as_deref().map(previous).transpose()?;
    let mut draft = parse(&args.file, previous.as_ref())?;
    let mut passphrase = passphrase::source(&args.access.passphrase);
    let key = key_ref(&args.key).open(&mut KeyAccess {
        passphrase: &mut passphrase,
        chain: args.access.chain.as_deref(),
    });
    let key = key.map_err(|error| pki_error(&error))?;
    draft
        .sign(key.signer.as_ref())
        .map_err(|error| pki_error(&error))?;
    let path = args.output.as_ref().unwrap_or(&args.file);
    files::write(path, &draft.to_bytes())?;
    report_draft(&draft, path, output);
    Ok(ExitCode::Accepted)
}

fn merge(args: &TrustMerge, output: &Output) -> Result<ExitCode, CliError> {
    let previous = args.previous.as_deref().map(previous).transpose()?;
    let (first, others) = args
        .files
        .split_first()
        .ok_or_else(|| CliError::message(codes::VALUE, "there is nothing to merge"))?;
    let mut draft = parse(first, previous.as_ref())?;
    for other in others {
        let bytes = read(other, MAX_TRUST_BUNDLE_SIZE)?;
        draft
            .merge(&bytes, other)
            .map_err(|error| pki_error(&error))?;
    }
    files::write(&args.output, &draft.to_bytes())?;
    report_draft(&draft, &args.output, output);
    Ok(ExitCode::Accepted)
}

fn previous(file: &Path) -> Result<TrustBundle, CliError> {
    UnverifiedTrustBundle::parse(&read(file, MAX_TRUST_BUNDLE_SIZE)?)
        .and_then(UnverifiedTrustBundle::provision)
        .map_err(|error| trust_error(&error).about(file))
}

fn parse(file: &Path, previous: Option<&TrustBundle>) -> Result<TrustDraft, CliError> {
    let draft = TrustDraft::parse(&read(file, MAX_TRUST_BUNDLE_SIZE)?, previous);
    draft.map_err(|error| pki_error(&error).about(file))
}

fn trust_error(error: &TrustError) -> CliError {
    CliError::new(error.code(), error)
}

fn report(published: &Publication, output: &Output) {
    report_draft(&published.draft, &published.path, output);
}

fn report_draft(draft: &TrustDraft, path: &Path, output: &Output) {
    let version = draft.contents().version;
    let is_complete = draft.is_complete();
    output.result(
        || {
            let state = if is_complete {
                "signed by enough keys"
            } else {
                "a draft that more keys have to sign"
            };
            let mut text = format!("{}: version {version}, {state}\n", path.display());
            for (whose, signed, threshold) in draft.signatures() {
                text.push_str(&format!(
                    "  signatures   {signed} of the {threshold} needed, by root keys {whose}\n"
                ));
            }
            if !is_complete {
                text.push_str(&format!(
                    "  to do        bpfsign pki trust sign {0} --key KEY, where the other keys are;\n               then bpfsign pki trust publish {0}\n",
                    path.display()
                ));
            }
            text
        },
        || {
            json!({
                "file": path.display().to_string(),
                "version": version,
                "complete": is_complete,
                "signatures": draft.signatures().iter().map(|(whose, signed, threshold)| json!({
                    "keys": whose,
                    "signed": signed,
                    "threshold": threshold,
                })).collect::<Vec<_>>(),
            })
        },
    );
}
