//! Leaves: `issue`, `csr`, `sign-csr`, `renew` and `needs-renewal`.

use std::path::Path;

use bpf_pki::{
    Authority, IssueOptions, KeyAccess, KeyRef, MAX_REQUEST_SIZE, PkiDir, PkiError, Renewal,
    Request, SecretKey, Signer,
};
use bpf_trust::{Certificate, CertificateKind, PublicKey, Role};
use platform_click::ExitCode;
use serde_json::json;
use zeroize::Zeroizing;

use super::{create, date, is_free, key_ref, new_passphrase, open_ca, pki_error, read};
use crate::args::{LeafArgs, PkiCsr, PkiIssue, PkiNeedsRenewal, PkiRenew, PkiSignCsr};
use crate::error::CliError;
use crate::output::Output;
use crate::{clock, passphrase};

pub(super) fn issue(args: &PkiIssue, output: &Output) -> Result<ExitCode, CliError> {
    is_free(&args.output)?;
    let passphrase = new_passphrase(args.encrypt, &args.ca.passphrase)?;
    let (pki, ca) = open_ca(&args.ca, args.role)?;
    let key = SecretKey::generate().map_err(|error| pki_error(&error))?;
    let pem = key
        .to_pem(passphrase.as_ref())
        .map_err(|error| pki_error(&error))?;
    let leaf = issue_for(&pki, &ca, args.role, &args.leaf, key.public_key())?;
    let chain = bpf_pki::pem_chain(&[&leaf, ca.der()]);
    let content = Zeroizing::new([pem.as_str(), &chain].concat());
    create(&args.output, 0o600, content.as_bytes())?;
    report("issued", &args.output, args.role, &leaf, output)
}

pub(super) fn request(args: &PkiCsr, output: &Output) -> Result<ExitCode, CliError> {
    is_free(&args.output)?;
    let key = key_ref(&args.key);
    if let KeyRef::File(path) = &key
        && !path.exists()
    {
        let new = SecretKey::generate().map_err(|error| pki_error(&error))?;
        let pem = new.to_pem(None).map_err(|error| pki_error(&error))?;
        create(path, 0o600, pem.as_bytes())?;
    }
    let mut passphrase = passphrase::source(&args.passphrase);
    let opened = key.open(&mut KeyAccess {
        passphrase: &mut passphrase,
        chain: args.public_key.as_deref(),
    });
    let opened = opened.map_err(|error| pki_error(&error))?;
    let der = bpf_pki::request(&args.organisation, &args.name, opened.signer.as_ref());
    let der = der.map_err(|error| pki_error(&error))?;
    let text = bpf_pki::pem_encode("CERTIFICATE REQUEST", &der);
    create(&args.output, 0o644, text.as_bytes())?;
    let digest = opened.signer.public_key().digest();
    output.result(
        || format!("{}: request for key sha256 {digest:.16}\n", args.output.display()),
        || json!({ "request": args.output.display().to_string(), "key_sha256": digest.to_string() }),
    );
    Ok(ExitCode::Accepted)
}

pub(super) fn sign_request(args: &PkiSignCsr, output: &Output) -> Result<ExitCode, CliError> {
    is_free(&args.output)?;
    let request = Request::parse(&read(&args.request, MAX_REQUEST_SIZE)?).map_err(|error| {
        pki_error(&PkiError::Request {
            path: args.request.clone(),
            error,
        })
    })?;
    let (pki, ca) = open_ca(&args.ca, args.role)?;
    let leaf = issue_for(&pki, &ca, args.role, &args.leaf, request.key())?;
    let chain = bpf_pki::pem_chain(&[&leaf, ca.der()]);
    create(&args.output, 0o644, chain.as_bytes())?;
    report("issued", &args.output, args.role, &leaf, output)
}

fn issue_for(
    pki: &PkiDir,
    ca: &Authority,
    role: Role,
    args: &LeafArgs,
    key: &PublicKey,
) -> Result<Vec<u8>, CliError> {
    let options = IssueOptions {
        now: clock::now()?,
        name: args.name.clone().unwrap_or_else(|| role.to_string()),
        days: args.valid,
        epoch: args.epoch,
        name_prefixes: args.name_prefix.clone(),
    };
    pki.issue(ca, role, &options, key)
        .map_err(|error| pki_error(&error))
}

pub(super) fn renew(args: &PkiRenew, output: &Output) -> Result<ExitCode, CliError> {
    let (_, role) = bpf_pki::read_leaf(&args.file).map_err(|error| pki_error(&error))?;
    let (pki, ca) = open_ca(&args.ca, role)?;
    let leaf = pki.renew(&ca, role, &args.file, clock::now()?, args.valid);
    let leaf = leaf.map_err(|error| pki_error(&error))?;
    show("renewed", &args.file, role, &leaf, output);
    Ok(ExitCode::Accepted)
}

pub(super) fn needs_renewal(args: &PkiNeedsRenewal, output: &Output) -> Result<ExitCode, CliError> {
    let (leaf, role) = bpf_pki::read_leaf(&args.file).map_err(|error| pki_error(&error))?;
    let now = clock::now()?;
    let renewal = Renewal::of(&leaf, now, args.expires_in);
    output.result(
        || {
            let what = match (renewal.is_due, now > renewal.not_after) {
                (_, true) => format!("expired {}", date(renewal.not_after)),
                (true, _) => format!("renew it, it ends {}", date(renewal.not_after)),
                (false, _) => format!(
                    "good until {}, due {}",
                    date(renewal.not_after),
                    date(renewal.due)
                ),
            };
            format!("{}: {what}\n", args.file.display())
        },
        || {
            json!({
                "file": args.file.display().to_string(),
                "role": role.to_string(),
                "not_after": renewal.not_after.to_string(),
                "due": renewal.due.to_string(),
                "needs_renewal": renewal.is_due,
            })
        },
    );
    Ok(if renewal.is_due {
        ExitCode::RenewalDue
    } else {
        ExitCode::Accepted
    })
}

fn report(
    what: &str,
    path: &Path,
    role: Role,
    der: &[u8],
    output: &Output,
) -> Result<ExitCode, CliError> {
    let leaf = Certificate::parse(der, CertificateKind::Leaf, role);
    let leaf = leaf.map_err(|departure| pki_error(&PkiError::Profile(departure)))?;
    show(what, path, role, &leaf, output);
    Ok(ExitCode::Accepted)
}

fn show(what: &str, path: &Path, role: Role, leaf: &Certificate, output: &Output) {
    let prefixes = leaf.scope().map(|scope| scope.name_prefixes().to_vec());
    let prefixes = prefixes.unwrap_or_default();
    let epoch = leaf.scope().map_or(0, bpf_trust::Scope::epoch);
    output.result(
        || {
            let names = if prefixes.is_empty() {
                "any name".to_owned()
            } else {
                format!("names that start with {}", prefixes.join(", "))
            };
            format!(
                "{}: {what} for {role}s\n  subject      {}\n  issuer       {}\n  valid        {} to {}\n  scope        epoch {epoch}, {names}\n  key          sha256 {}\n",
                path.display(),
                leaf.subject(),
                leaf.issuer(),
                leaf.not_before(),
                leaf.not_after(),
                leaf.key().digest(),
            )
        },
        || {
            json!({
                "file": path.display().to_string(),
                "role": role.to_string(),
                "subject": leaf.subject(),
                "issuer": leaf.issuer(),
                "not_before": leaf.not_before().to_string(),
                "not_after": leaf.not_after().to_string(),
                "epoch": epoch,
                "name_prefixes": prefixes,
                "key_sha256": leaf.key().digest().to_string(),
            })
        },
    );
}
