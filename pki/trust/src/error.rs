//! Why something is not trusted.

use alloc::string::String;
use alloc::vec::Vec;

use bpf_statement::Version;
use bpf_statement::cbor::CborError;
use platform_click::{Code, Digest, ExitCode};

use crate::limits::MAX_TRUST_BUNDLE_SIZE;
use crate::{CertificateKind, ContentsError, ProfileError, Role, UnixTime, codes};

/// Why a chain, a signature or a trust bundle is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// A certificate departs from the profile.
    #[error("{certificate}: {departure}")]
    Profile {
        /// Which of the two.
        certificate: CertificateKind,
        /// How.
        departure: ProfileError,
    },
    /// The leaf was not issued by the CA beside it.
    #[error("the leaf is issued by `{issuer}`, the CA beside it is `{ca}`")]
    IssuerMismatch {
        /// Who issued the leaf.
        issuer: String,
        /// The subject of the CA.
        ca: String,
    },
    /// The key identifiers of leaf and CA are not the same.
    #[error("the leaf was issued by another key of `{ca}`")]
    KeyIdMismatch {
        /// The subject of the CA.
        ca: String,
    },
    /// No root of the trust bundle has the issuer's name.
    #[error("`{issuer}`, who issued the CA, is not a root of the trust bundle")]
    UnknownIssuer {
        /// Who issued the CA.
        issuer: String,
    },
    /// The root may not vouch for this role.
    #[error("the root `{root}` may not vouch for the role {role}")]
    RoleNotGranted {
        /// The root.
        root: String,
        /// The role asked for.
        role: Role,
    },
    /// The signature on a certificate is not that of its issuer.
    #[error("{certificate}: the signature is not that of `{issuer}`")]
    ChainSignature {
        /// Which of the two.
        certificate: CertificateKind,
        /// Who should have signed.
        issuer: String,
    },
    /// Path validation refused what the profile allows.
    #[error("path validation refuses the chain: {0:?}")]
    Path(webpki::Error),
    /// Profile and path validation read different values in a field.
    #[error("profile and path validation read different values in the field {0}")]
    GatesDisagree(&'static str),
    /// A key of the chain is revoked.
    #[error("{certificate}: the key {key:.16} is revoked")]
    Revoked {
        /// Which of the two.
        certificate: CertificateKind,
        /// The digest of the key.
        key: Digest,
    },
    /// The leaf is of an epoch that the trust bundle has ended.
    #[error(
        "the leaf is of epoch {epoch}, the trust bundle accepts {lowest} and later from `{ca}`"
    )]
    Epoch {
        /// The subject of the CA.
        ca: String,
        /// The epoch of the leaf.
        epoch: u64,
        /// The lowest epoch accepted.
        lowest: u64,
    },
    /// A certificate has expired.
    #[error("{certificate}: expired at {not_after}, it is {now}")]
    Expired {
        /// Which of the two.
        certificate: CertificateKind,
        /// The time of the check.
        now: UnixTime,
        /// The last second at which it was valid.
        not_after: UnixTime,
    },
    /// A certificate is not yet valid.
    #[error("{certificate}: not valid before {not_before}, it is {now}")]
    NotYetValid {
        /// Which of the two.
        certificate: CertificateKind,
        /// The time of the check.
        now: UnixTime,
        /// The first second at which it is valid.
        not_before: UnixTime,
    },
    /// r or s of a signature is zero or not below the order of the group.
    #[error("r or s of the signature is out of range")]
    SignatureRange,
    /// s of a signature is in the upper half.
    #[error("s of the signature is in the upper half")]
    SignatureHighS,
    /// The signature is not that of this key over these bytes.
    #[error("the signature does not belong to these bytes and this key")]
    SignatureMismatch,
    /// The scope of the leaf does not cover a name.
    #[error("the leaf may sign for {}, not for `{name}`", Prefixes(prefixes))]
    NameScope {
        /// The name.
        name: String,
        /// What names may start with.
        prefixes: Vec<String>,
    },
    /// A signed time at which the signer's certificates are not valid.
    #[error("signed at {time}, the signer is valid from {not_before} to {not_after}")]
    SignedTime {
        /// The signed time.
        time: UnixTime,
        /// The first second at which the whole chain is valid.
        not_before: UnixTime,
        /// The last second at which the whole chain is valid.
        not_after: UnixTime,
    },
    /// A file is longer than a trust bundle may be.
    #[error("{0} bytes are more than the {max} of a trust bundle", max = MAX_TRUST_BUNDLE_SIZE)]
    BundleSize(usize),
    /// A file, or its payload, is not the CBOR of a trust bundle.
    #[error("the trust bundle is malformed: {0}")]
    BundleCbor(CborError),
    /// The content of a trust bundle is refused.
    #[error("the trust bundle is refused: {0}")]
    BundleContent(ContentsError),
    /// Too few distinct root keys have signed a trust bundle.
    #[error(
        "{signed} of the {keys} {whose} root keys have signed the trust bundle, {threshold} must"
    )]
    BundleThreshold {
        /// Whose keys are counted: `pinned` or `its own`.
        whose: &'static str,
        /// How many keys there are.
        keys: usize,
        /// How many of them have a valid signature.
        signed: usize,
        /// How many must.
        threshold: u8,
    },
    /// A root key's signature on a trust bundle is not valid.
    #[error("the signature of root key {key:.16} on the trust bundle is not valid")]
    BundleSignature {
        /// The digest of the key.
        key: Digest,
    },
    /// A trust bundle is not the next after the present one.
    #[error("the trust bundle has version {found}, the next after {present} is due")]
    BundleVersion {
        /// The version of the present bundle.
        present: u64,
        /// The version offered.
        found: u64,
    },
    /// The trust bundle is not valid at this time.
    #[error("the trust bundle is valid from {issued} to {expires}, it is {now}")]
    BundleTime {
        /// The time of the check.
        now: UnixTime,
        /// When it was issued.
        issued: UnixTime,
        /// When it expires.
        expires: UnixTime,
    },
    /// The trust bundle does not list the platform.
    #[error("the platform `{0}` is not one that the trust bundle allows")]
    Platform(String),
    /// A verifier engine is older than the trust bundle demands.
    #[error("the verifier {engine} {version} is not {lowest} or later")]
    Engine {
        /// The engine.
        engine: String,
        /// Its version.
        version: Version,
        /// The lowest accepted.
        lowest: Version,
    },
}

struct Prefixes<'a>(&'a [String]);

impl core::fmt::Display for Prefixes<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (index, prefix) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}`{prefix}…`")?;
        }
        Ok(())
    }
}

impl TrustError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Profile { departure, .. } => departure.code(),
            Self::IssuerMismatch { .. } | Self::KeyIdMismatch { .. } | Self::Path(_) => {
                codes::CHAIN
            }
            Self::UnknownIssuer { .. } | Self::RoleNotGranted { .. } => codes::UNKNOWN_ISSUER,
            Self::ChainSignature { .. } => codes::CHAIN_SIGNATURE,
            Self::GatesDisagree(_) => codes::GATES_DISAGREE,
            Self::Revoked { .. } => codes::REVOKED,
            Self::Epoch { .. } => codes::EPOCH,
            Self::Expired { .. } => codes::EXPIRED,
            Self::NotYetValid { .. } => codes::NOT_YET_VALID,
            Self::SignatureRange | Self::SignatureHighS => codes::SIGNATURE_FORM,
            Self::SignatureMismatch => codes::SIGNATURE,
            Self::NameScope { .. } => codes::NAME_SCOPE,
            Self::SignedTime { .. } => codes::SIGNED_TIME,
            Self::BundleSize(_) | Self::BundleCbor(_) => codes::TRUST_BUNDLE_FORMAT,
            Self::BundleContent(_) => codes::TRUST_BUNDLE_CONTENT,
            Self::BundleThreshold { .. } | Self::BundleSignature { .. } => {
                codes::TRUST_BUNDLE_SIGNATURES
            }
            Self::BundleVersion { .. } => codes::TRUST_BUNDLE_VERSION,
            Self::BundleTime { .. } => codes::TRUST_BUNDLE_EXPIRED,
            Self::Platform(_) => codes::PLATFORM,
            Self::Engine { .. } => codes::ENGINE,
        }
    }

    /// The exit code of a command that ends with this.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        self.code().exit
    }

    /// How telling the error is when a chain has several; the highest is reported.
    ///
    /// That a key is revoked says more than where the chain leads: the list is ours, whoever made
    /// the chain. That the chain leads nowhere says more than epoch and time: those are only claims
    /// until the chain is known to be genuine.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Revoked { .. } => 4,
            Self::Epoch { .. } => 2,
            Self::Expired { .. } | Self::NotYetValid { .. } | Self::BundleTime { .. } => 1,
            _ => 3,
        }
    }
}
