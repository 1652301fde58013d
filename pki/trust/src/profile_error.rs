//! How a certificate departs from the profile.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bpf_statement::MAX_CERTIFICATE_SIZE;
use platform_click::Code;

use crate::limits::MAX_SERIAL_SIZE;
use crate::{CertificateKind, ExtensionKind, Role, UnixTime, codes};

/// How a certificate departs from the profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// More bytes than a certificate may have.
    #[error("{0} bytes are more than the {max} of a certificate", max = MAX_CERTIFICATE_SIZE)]
    Size(usize),
    /// Not a certificate, or not in the one encoding that DER gives it.
    #[error("the encoding is not that of a certificate in DER")]
    Encoding,
    /// The version is not v3.
    #[error("the version is not v3")]
    Version,
    /// The serial number is not positive, or too long.
    #[error("the serial number is not a positive number of at most {max} bytes", max = MAX_SERIAL_SIZE)]
    Serial,
    /// A signature algorithm, inside or outside, is not ECDSA with SHA-256.
    #[error("the signature algorithm {0} is not ecdsa-with-SHA256 without parameters")]
    Algorithm(String),
    /// The key is not a P-256 key as an uncompressed point.
    #[error("the key of algorithm {0} is not an uncompressed P-256 point")]
    Key(String),
    /// Issuer or subject is empty or no plain text.
    #[error("issuer and subject are not both text without control characters")]
    Name,
    /// Issuer and subject are the same.
    #[error("the certificate of `{0}` is issued by itself")]
    SelfIssued(String),
    /// Unique identifiers of X.509 version 2 are present.
    #[error("there are unique identifiers")]
    UniqueId,
    /// The validity ends before it starts.
    #[error("the validity ends at {not_after}, before it starts at {not_before}")]
    Validity {
        /// The first second.
        not_before: UnixTime,
        /// The last second.
        not_after: UnixTime,
    },
    /// A CA where a leaf belongs.
    #[error("it is a CA")]
    CaAsLeaf,
    /// A leaf where a CA belongs.
    #[error("it is not a CA")]
    LeafAsCa,
    /// A CA without path length, or with one that is not 0.
    #[error("the path length is {}, not 0", Optional(.0))]
    PathLength(Option<u8>),
    /// An extension is not there.
    #[error("the extension {0} is missing")]
    Missing(ExtensionKind),
    /// An extension is there twice.
    #[error("the extension {0} is there twice")]
    Duplicate(String),
    /// An extension that the profile does not have.
    #[error("the {}extension {oid} does not belong there", critical_word(*critical))]
    Unknown {
        /// Its identifier.
        oid: String,
        /// Whether it is marked critical.
        critical: bool,
    },
    /// An extension is marked critical and must not be, or the reverse.
    #[error("the extension {kind} is {}critical", if kind.is_critical() { "not " } else { "" })]
    Criticality {
        /// Which.
        kind: ExtensionKind,
    },
    /// The value of an extension is not what the profile says, or not DER.
    #[error("the value of the extension {0} is not valid")]
    Value(ExtensionKind),
    /// The key usage is not exactly that of the profile.
    #[error("the key usage is not {}", key_usage_name(*.0))]
    KeyUsage(CertificateKind),
    /// The extended key usage is not exactly that of the role.
    #[error(
        "the extended key usage is {}, not that of the role {role}",
        List(present)
    )]
    ExtendedKeyUsage {
        /// What it should be for.
        role: Role,
        /// The identifiers found.
        present: Vec<String>,
    },
}

impl ProfileError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Size(_) | Self::Encoding => codes::CERTIFICATE_ENCODING,
            Self::Algorithm(_) | Self::Key(_) => codes::CERTIFICATE_ALGORITHM,
            Self::Version
            | Self::Serial
            | Self::Name
            | Self::SelfIssued(_)
            | Self::UniqueId
            | Self::Validity { .. } => codes::CERTIFICATE_FIELD,
            Self::CaAsLeaf => codes::CA_AS_LEAF,
            Self::LeafAsCa => codes::LEAF_AS_CA,
            Self::PathLength(_) => codes::PATH_LENGTH,
            Self::KeyUsage(_) | Self::Missing(ExtensionKind::KeyUsage) => codes::KEY_USAGE,
            Self::ExtendedKeyUsage { .. } | Self::Missing(ExtensionKind::ExtendedKeyUsage) => {
                codes::EXTENDED_KEY_USAGE
            }
            Self::Missing(_)
            | Self::Duplicate(_)
            | Self::Unknown { .. }
            | Self::Criticality { .. }
            | Self::Value(_) => codes::CERTIFICATE_EXTENSIONS,
        }
    }
}

struct Optional<'a>(&'a Option<u8>);

impl fmt::Display for Optional<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => fmt::Display::fmt(value, f),
            None => f.write_str("unlimited"),
        }
    }
}

struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("empty");
        }
        f.write_str(&self.0.join(", "))
    }
}

const fn critical_word(critical: bool) -> &'static str {
    if critical { "critical " } else { "" }
}

const fn key_usage_name(kind: CertificateKind) -> &'static str {
    match kind {
        CertificateKind::Ca => "keyCertSign, with or without cRLSign",
        CertificateKind::Leaf => "digitalSignature alone",
    }
}
