//! `bpfsign pki`.

use std::path::PathBuf;

use bpf_trust::Role;
use clap::{Args, Subcommand};

use super::parse_duration;

#[derive(Debug, Subcommand)]
pub(crate) enum Pki {
    /// Make a root, a CA for each role, a signing key with its chain, and a trust bundle.
    Init(PkiInit),
    /// Make a key with its certificate: a signer, an operator, a device or a break-glass operator.
    Issue(PkiIssue),
    /// Make a request for a certificate, for a CA that is kept elsewhere.
    Csr(PkiCsr),
    /// Issue the certificate that a request asks for.
    SignCsr(PkiSignCsr),
    /// Replace the certificate in a file by one that lasts longer.
    Renew(PkiRenew),
    /// Say by the exit code whether a certificate should be renewed: 40 yes, 0 no.
    NeedsRenewal(PkiNeedsRenewal),
    /// Have loaders refuse a key from the next trust bundle on.
    Revoke(PkiRevoke),
    /// Replace a CA or the root, step by step; run it again to go on.
    Rotate(PkiRotate),
    /// Make, sign and publish trust bundles.
    #[command(subcommand)]
    Trust(PkiTrust),
    /// Write the certificates that do not count any more as a list for other tools (X.509 CRL).
    Crl(PkiCrl),
    /// Show what there is, and what ends when.
    Status(PkiStatus),
    /// Play every change of keys on a copy, and show what loaders would admit.
    Rehearse(PkiRehearse),
}

/// Where a PKI is.
#[derive(Debug, Args)]
pub(crate) struct PkiPlace {
    /// The directory that `pki init` made.
    #[arg(long, value_name = "DIR", default_value = "pki")]
    pub(crate) dir: PathBuf,
    /// The directory with the keys that are kept offline, while it is at hand.
    #[arg(long, value_name = "DIR")]
    pub(crate) offline_root: Option<PathBuf>,
}

/// Where passphrases come from, other than the terminal.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArgs {
    /// Read the passphrase of keys from the first line of this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Read it from this descriptor.
    #[arg(long, value_name = "N", conflicts_with = "passphrase_file")]
    pub(crate) passphrase_fd: Option<u32>,
}

/// What it takes to open a key.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The certificates of the key, leaf and CA, if they do not stand beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) chain: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PkiInit {
    /// The directory to make; must not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// A second directory, for the keys of the roots, to be kept offline; must not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) offline_root: Option<PathBuf>,
    /// The organisation in the certificates' names.
    #[arg(long, value_name = "NAME", default_value = "bpfsign")]
    pub(crate) organisation: String,
    /// A prefix of the names that the signer may sign for; may be repeated [default: any name].
    #[arg(long, value_name = "PREFIX")]
    pub(crate) name_prefix: Vec<String>,
    /// Keys that sign trust bundles.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) bundle_keys: u8,
    /// How many of them must sign.
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) threshold: u8,
    /// Encrypt the keys under a passphrase.
    #[arg(long)]
    pub(crate) encrypt: bool,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

/// What a leaf is issued for.
#[derive(Debug, Args)]
pub(crate) struct LeafArgs {
    /// The name in the certificate [default: the role].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// How long it is valid, in days: `90d`.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = parse_days)]
    pub(crate) valid: u32,
    /// Its epoch [default: the lowest that the trust bundle accepts].
    #[arg(long, value_name = "N")]
    pub(crate) epoch: Option<u64>,
    /// A prefix of the names that it may sign for; may be repeated [default: any name].
    #[arg(long, value_name = "PREFIX")]
    pub(crate) name_prefix: Vec<String>,
}

/// The CA that issues.
#[derive(Debug, Args)]
pub(crate) struct CaArgs {
    #[command(flatten)]
    pub(crate) place: PkiPlace,
    /// The key of the CA, if it is not in the directory: a file, `exec:…`, `pkcs11:…`.
    #[arg(long, value_name = "KEY")]
    pub(crate) ca_key: Option<String>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PkiIssue {
    /// What it is for: verifier, operator, device or break-glass.
    #[arg(value_parser = parse_role)]
    pub(crate) role: Role,
    /// Where key and chain go; must not exist.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) leaf: LeafArgs,
    /// Encrypt the key under a passphrase.
    #[arg(long)]
    pub(crate) encrypt: bool,
    #[command(flatten)]
    pub(crate) ca: CaArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PkiCsr {
    /// The key; a file that does not exist is made, with a new key.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    /// The public key, if the key is kept elsewhere and does not say.
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Option<PathBuf>,
    /// The name that is asked for.
    #[arg(long)]
    pub(crate) name: String,
    /// The organisation that is asked for.
    #[arg(long, value_name = "NAME", default_value = "bpfsign")]
    pub(crate) organisation: String,
    /// Where the request goes.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PkiSignCsr {
    /// The request.
    #[arg(value_name = "REQUEST.csr")]
    pub(crate) request: PathBuf,
    /// What the certificate is for: verifier, operator, device or break-glass.
    #[arg(long = "for", value_name = "ROLE", value_parser = parse_role)]
    pub(crate) role: Role,
    /// Where the chain goes.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) leaf: LeafArgs,
    #[command(flatten)]
    pub(crate) ca: CaArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PkiRenew {
    /// The file with the chain, and possibly its key.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// How long the new certificate is valid.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = parse_days)]
    pub(crate) valid: u32,
    #[command(flatten)]
    pub(crate) ca: CaArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PkiNeedsRenewal {
    /// The file with the chain, and possibly its key.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// It is due this long before it ends [default: a third of its validity].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) expires_in: Option<u64>,
}

/// What it takes to make the next trust bundle.
#[derive(Debug, Args)]
pub(crate) struct NextArgs {
    #[command(flatten)]
    pub(crate) place: PkiPlace,
    /// How long the trust bundle is valid.
    #[arg(long, value_name = "DURATION", default_value = "1095d", value_parser = parse_days)]
    pub(crate) valid: u32,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PkiRevoke {
    /// Files with a certificate for the key, possibly beside it.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) next: NextArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PkiRotate {
    #[command(subcommand)]
    pub(crate) what: RotateWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RotateWhat {
    /// The CA for one role.
    Intermediate {
        /// Whose: verifier, operator, device or break-glass.
        #[arg(value_parser = parse_role, default_value = "verifier")]
        role: Role,
        #[command(flatten)]
        rotate: RotateArgs,
    },
    /// The root, and the CAs below it.
    Root {
        #[command(flatten)]
        rotate: RotateArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// Take the last step: loaders refuse what was issued before.
    #[arg(long)]
    pub(crate) finish: bool,
    /// Encrypt new keys under a passphrase.
    #[arg(long)]
    pub(crate) encrypt: bool,
    #[command(flatten)]
    pub(crate) next: NextArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PkiTrust {
    /// Show what a trust bundle or a draft says.
    Show(TrustShow),
    /// Draft the next trust bundle; it is published if enough keys are at hand.
    Build(TrustBuild),
    /// Sign a draft, on whatever machine a key is.
    Sign(TrustSign),
    /// Join the signatures of several copies of a draft.
    Merge(TrustMerge),
    /// Publish a draft that enough keys have signed.
    Publish(TrustPublish),
}

#[derive(Debug, Args)]
pub(crate) struct TrustShow {
    /// The trust bundle or draft.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct TrustBuild {
    /// Refuse the key of this certificate; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) revoke: Vec<PathBuf>,
    /// Accept leaves of the CA for a role from this epoch on.
    #[arg(long, value_name = "ROLE=N", value_parser = parse_epoch)]
    pub(crate) min_epoch: Vec<(Role, u64)>,
    /// Accept an engine from this version on.
    #[arg(long, value_name = "ENGINE=VERSION")]
    pub(crate) min_engine: Vec<String>,
    /// Set the counter of a name anew: a number, and why.
    #[arg(long, value_name = "NAME=N:REASON")]
    pub(crate) reset_counter: Vec<String>,
    /// Allow a platform.
    #[arg(long, value_name = "NAME/N")]
    pub(crate) add_platform: Vec<String>,
    /// Allow a platform no more.
    #[arg(long, value_name = "NAME/N")]
    pub(crate) remove_platform: Vec<String>,
    /// Trust another root, for every role.
    #[arg(long, value_name = "FILE")]
    pub(crate) add_root: Vec<PathBuf>,
    /// Trust a root no more.
    #[arg(long, value_name = "FILE")]
    pub(crate) remove_root: Vec<PathBuf>,
    /// Have these public keys, or those of these key files, sign trust bundles from now on.
    #[arg(long, value_name = "FILE", requires = "threshold")]
    pub(crate) root_key: Vec<PathBuf>,
    /// How many of them must.
    #[arg(long, value_name = "K", requires = "root_key")]
    pub(crate) threshold: Option<u8>,
    /// Whether programs are accepted whose end is enforced by fuel and not proved.
    #[arg(long, value_name = "BOOL")]
    pub(crate) accept_fuel: Option<bool>,
    /// Set the time floor of loaders to now, after it was driven too far ahead.
    #[arg(long)]
    pub(crate) reset_time: bool,
    #[command(flatten)]
    pub(crate) next: NextArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TrustSign {
    /// The draft.
    pub(crate) file: PathBuf,
    /// The key.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    /// The trust bundle before, if the key is one of its root keys and not of the draft's.
    #[arg(long, value_name = "FILE")]
    pub(crate) previous: Option<PathBuf>,
    /// Where the signed draft goes [default: it takes the place of the draft].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: KeyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TrustMerge {
    /// Copies of the draft.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The trust bundle before, if its root keys are others.
    #[arg(long, value_name = "FILE")]
    pub(crate) previous: Option<PathBuf>,
    /// Where the joined draft goes.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct TrustPublish {
    /// The draft.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: PkiPlace,
}

#[derive(Debug, Args)]
pub(crate) struct PkiCrl {
    /// The CA whose certificates are listed: verifier, operator, device or break-glass.
    #[arg(value_parser = parse_role, default_value = "verifier")]
    pub(crate) role: Role,
    /// Where the list goes, in PEM.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// How long it is valid.
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parse_days)]
    pub(crate) valid: u32,
    #[command(flatten)]
    pub(crate) ca: CaArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PkiStatus {
    #[command(flatten)]
    pub(crate) place: PkiPlace,
}

#[derive(Debug, Args)]
pub(crate) struct PkiRehearse {
    #[command(flatten)]
    pub(crate) place: PkiPlace,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

fn parse_role(text: &str) -> Result<Role, String> {
    let mut roles = Role::ALL.iter().copied();
    roles
        .find(|role| role.to_string() == text)
        .ok_or_else(|| "the roles are verifier, operator, device and break-glass".to_owned())
}

fn parse_epoch(text: &str) -> Result<(Role, u64), String> {
    let (role, epoch) = text.split_once('=').ok_or("ROLE=N, as in verifier=3")?;
    let epoch = epoch.parse().map_err(|_| "the epoch is a number")?;
    Ok((parse_role(role)?, epoch))
}

/// Whole days of a duration.
fn parse_days(text: &str) -> Result<u32, String> {
    let seconds = parse_duration(text)?;
    let days = seconds.checked_div(86_400).filter(|days| *days > 0);
    days.and_then(|days| u32::try_from(days).ok())
        .ok_or_else(|| "certificates are valid for whole days: 1d or more".to_owned())
}
