//! The first gate: one certificate against the profile of `docs/formats.md`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use bpf_statement::MAX_CERTIFICATE_SIZE;
use platform_click::Code;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, SubjectKeyIdentifier,
};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::{TbsCertificate, Version};

use crate::limits::{MAX_KEY_ID_SIZE, MAX_SERIAL_SIZE};
use crate::name::DistinguishedName;
use crate::{PublicKey, Role, Scope, UnixTime, codes, oid};

/// The two certificates that a chain carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateKind {
    /// Issued by the root, issues leaves.
    Ca,
    /// Its key signs statements, control messages or evidence.
    Leaf,
}

impl fmt::Display for CertificateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ca => "CA certificate",
            Self::Leaf => "leaf certificate",
        })
    }
}

/// The extensions that the profile knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExtensionKind {
    /// RFC 5280, 4.2.1.9.
    BasicConstraints,
    /// RFC 5280, 4.2.1.3.
    KeyUsage,
    /// RFC 5280, 4.2.1.12.
    ExtendedKeyUsage,
    /// RFC 5280, 4.2.1.2.
    SubjectKeyIdentifier,
    /// RFC 5280, 4.2.1.1.
    AuthorityKeyIdentifier,
    /// This project's, [`Scope`].
    Scope,
}

impl ExtensionKind {
    const ALL: [Self; 6] = [
        Self::BasicConstraints,
        Self::KeyUsage,
        Self::ExtendedKeyUsage,
        Self::SubjectKeyIdentifier,
        Self::AuthorityKeyIdentifier,
        Self::Scope,
    ];

    const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::BasicConstraints => oid::BASIC_CONSTRAINTS,
            Self::KeyUsage => oid::KEY_USAGE,
            Self::ExtendedKeyUsage => oid::EXTENDED_KEY_USAGE,
            Self::SubjectKeyIdentifier => oid::SUBJECT_KEY_IDENTIFIER,
            Self::AuthorityKeyIdentifier => oid::AUTHORITY_KEY_IDENTIFIER,
            Self::Scope => oid::SCOPE,
        }
    }

    const fn is_critical(self) -> bool {
        matches!(self, Self::BasicConstraints | Self::KeyUsage)
    }

    fn belongs_to(self, kind: CertificateKind) -> bool {
        self != Self::Scope || kind == CertificateKind::Leaf
    }
}

impl fmt::Display for ExtensionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BasicConstraints => "basic constraints",
            Self::KeyUsage => "key usage",
            Self::ExtendedKeyUsage => "extended key usage",
            Self::SubjectKeyIdentifier => "subject key identifier",
            Self::AuthorityKeyIdentifier => "authority key identifier",
            Self::Scope => "scope",
        })
    }
}

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

/// A certificate that follows the profile for its kind and role. Nothing is said about who issued
/// it: that takes [`verify_chain`](crate::verify_chain).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub(crate) subject: DistinguishedName,
    pub(crate) issuer: DistinguishedName,
    /// Content bytes of the INTEGER.
    serial: Vec<u8>,
    key: PublicKey,
    not_before: UnixTime,
    not_after: UnixTime,
    pub(crate) subject_key_id: Vec<u8>,
    pub(crate) authority_key_id: Vec<u8>,
    /// What only one of the two kinds has.
    scope: Option<Scope>,
    pub(crate) tbs: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Certificate {
    /// Reads a certificate in DER and holds it against the profile.
    ///
    /// # Errors
    /// The first departure from the profile.
    pub fn parse(der: &[u8], kind: CertificateKind, role: Role) -> Result<Self, ProfileError> {
        if der.len() > MAX_CERTIFICATE_SIZE {
            return Err(ProfileError::Size(der.len()));
        }
        let certificate: x509_cert::Certificate = canonical(der).ok_or(ProfileError::Encoding)?;
        let tbs = certificate.tbs_certificate();
        if tbs.version() != Version::V3 {
            return Err(ProfileError::Version);
        }
        check_algorithm(tbs.signature())?;
        check_algorithm(certificate.signature_algorithm())?;
        if tbs.issuer_unique_id().is_some() || tbs.subject_unique_id().is_some() {
            return Err(ProfileError::UniqueId);
        }
        let issuer = DistinguishedName::new(tbs.issuer()).ok_or(ProfileError::Name)?;
        let subject = DistinguishedName::new(tbs.subject()).ok_or(ProfileError::Name)?;
        if issuer == subject {
            return Err(ProfileError::SelfIssued(subject.as_str().to_string()));
        }
        let (not_before, not_after) = validity(tbs)?;
        let extensions = Extensions::check(tbs.extensions().map_or(&[], |all| all), kind)?;
        extensions.check_key_usage(kind)?;
        extensions.check_extended_key_usage(role)?;
        let signature = certificate.signature().as_bytes();
        Ok(Self {
            serial: serial(tbs)?,
            key: public_key(tbs)?,
            subject_key_id: extensions.subject_key_id()?,
            authority_key_id: extensions.authority_key_id()?,
            scope: extensions.scope(kind)?,
            tbs: tbs.to_der().map_err(|_| ProfileError::Encoding)?,
            signature: signature.ok_or(ProfileError::Encoding)?.to_vec(),
            subject,
            issuer,
            not_before,
            not_after,
        })
    }

    /// The subject as RFC 4514 writes names.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.subject.as_str()
    }

    /// Whether `ca` issued it: names and key identifiers match, and the signature is that of its
    /// key. Whether `ca` itself is to be trusted takes [`verify_chain`](crate::verify_chain).
    #[must_use]
    pub fn is_issued_by(&self, ca: &Self) -> bool {
        self.issuer == ca.subject
            && self.authority_key_id == ca.subject_key_id
            && ca.key.verifies_der(&self.tbs, &self.signature)
    }

    /// The issuer as RFC 4514 writes names.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// The subject in DER.
    #[must_use]
    pub fn subject_der(&self) -> &[u8] {
        self.subject.as_der()
    }

    /// The issuer in DER.
    #[must_use]
    pub fn issuer_der(&self) -> &[u8] {
        self.issuer.as_der()
    }

    /// The serial number, big-endian, as the content bytes of its DER INTEGER.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The first second at which it is valid.
    #[must_use]
    pub const fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// The last second at which it is valid.
    #[must_use]
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// The scope; leaves have one, CAs none.
    #[must_use]
    pub const fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }
}

/// Decodes `bytes` and refuses every encoding but that which the value has when it is written.
fn canonical<T: for<'a> Decode<'a> + Encode>(bytes: &[u8]) -> Option<T> {
    let value = T::from_der(bytes).ok()?;
    (value.to_der().ok()?.as_slice() == bytes).then_some(value)
}

fn check_algorithm(algorithm: &AlgorithmIdentifierOwned) -> Result<(), ProfileError> {
    // The whole identifier: the parameters are absent (RFC 5758, 3.2), not NULL.
    if algorithm.oid == oid::ECDSA_WITH_SHA256 && algorithm.parameters.is_none() {
        Ok(())
    } else {
        Err(ProfileError::Algorithm(algorithm.oid.to_string()))
    }
}

fn serial(tbs: &TbsCertificate) -> Result<Vec<u8>, ProfileError> {
    let der = tbs.serial_number().to_der();
    // Tag and length have a byte each, since more than 127 bytes do not decode.
    let content = der.as_deref().ok().and_then(|der| der.get(2..));
    match content {
        Some([first, ..]) if *first >= 0x80 => Err(ProfileError::Serial),
        Some([] | [0]) | None => Err(ProfileError::Serial),
        Some(content) if content.len() > MAX_SERIAL_SIZE => Err(ProfileError::Serial),
        Some(content) => Ok(content.to_vec()),
    }
}

fn public_key(tbs: &TbsCertificate) -> Result<PublicKey, ProfileError> {
    let info = tbs.subject_public_key_info();
    info.to_der()
        .ok()
        .and_then(|der| PublicKey::from_spki_der(&der))
        .ok_or_else(|| ProfileError::Key(info.algorithm.oid.to_string()))
}

fn validity(tbs: &TbsCertificate) -> Result<(UnixTime, UnixTime), ProfileError> {
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    let not_before = UnixTime::from_secs(seconds(tbs.validity().not_before));
    let not_after = UnixTime::from_secs(seconds(tbs.validity().not_after));
    if not_before > not_after {
        return Err(ProfileError::Validity {
            not_before,
            not_after,
        });
    }
    Ok((not_before, not_after))
}

/// Extensions of which each is known, belongs there, is there once and has the right criticality.
struct Extensions<'a>(&'a [Extension]);

impl<'a> Extensions<'a> {
    fn check(all: &'a [Extension], kind: CertificateKind) -> Result<Self, ProfileError> {
        for (index, extension) in all.iter().enumerate() {
            let before = all.get(..index).unwrap_or_default();
            if before
                .iter()
                .any(|other| other.extn_id == extension.extn_id)
            {
                return Err(ProfileError::Duplicate(name(extension.extn_id)));
            }
        }
        let extensions = Self(all);
        // First, since a certificate of the wrong kind departs in other points as a consequence.
        extensions.check_basic_constraints(kind)?;
        for extension in all {
            match known(extension.extn_id).filter(|known| known.belongs_to(kind)) {
                None => {
                    return Err(ProfileError::Unknown {
                        oid: extension.extn_id.to_string(),
                        critical: extension.critical,
                    });
                }
                Some(known) if known.is_critical() != extension.critical => {
                    return Err(ProfileError::Criticality { kind: known });
                }
                Some(_) => {}
            }
        }
        Ok(extensions)
    }

    /// The value of an extension, decoded.
    fn value<T>(&self, kind: ExtensionKind) -> Result<T, ProfileError>
    where
        T: for<'b> Decode<'b> + Encode,
    {
        canonical(self.bytes(kind)?).ok_or(ProfileError::Value(kind))
    }

    /// The value of an extension, in DER.
    fn bytes(&self, kind: ExtensionKind) -> Result<&'a [u8], ProfileError> {
        self.0
            .iter()
            .find(|extension| extension.extn_id == kind.oid())
            .map(|extension| extension.extn_value.as_bytes())
            .ok_or(ProfileError::Missing(kind))
    }

    fn check_basic_constraints(&self, kind: CertificateKind) -> Result<(), ProfileError> {
        let value: BasicConstraints = self.value(ExtensionKind::BasicConstraints)?;
        match (kind, value.ca, value.path_len_constraint) {
            (CertificateKind::Leaf, true, _) => Err(ProfileError::CaAsLeaf),
            (CertificateKind::Ca, false, _) => Err(ProfileError::LeafAsCa),
            (CertificateKind::Leaf, false, None) | (CertificateKind::Ca, true, Some(0)) => Ok(()),
            (CertificateKind::Leaf, false, Some(_)) => {
                Err(ProfileError::Value(ExtensionKind::BasicConstraints))
            }
            (CertificateKind::Ca, true, length) => Err(ProfileError::PathLength(length)),
        }
    }

    fn check_key_usage(&self, kind: CertificateKind) -> Result<(), ProfileError> {
        // BIT STRING in DER: bits are numbered from the most significant, trailing zero bits are
        // cut (X.690, 11.2.2). digitalSignature is bit 0, keyCertSign 5, cRLSign 6.
        const DIGITAL_SIGNATURE: &[u8] = &[0x03, 0x02, 0x07, 0b1000_0000];
        const CERT_SIGN: &[u8] = &[0x03, 0x02, 0x02, 0b0000_0100];
        const CERT_AND_CRL_SIGN: &[u8] = &[0x03, 0x02, 0x01, 0b0000_0110];
        let value = self.bytes(ExtensionKind::KeyUsage)?;
        let allowed: &[&[u8]] = match kind {
            CertificateKind::Leaf => &[DIGITAL_SIGNATURE],
            CertificateKind::Ca => &[CERT_SIGN, CERT_AND_CRL_SIGN],
        };
        if allowed.contains(&value) {
            Ok(())
        } else {
            Err(ProfileError::KeyUsage(kind))
        }
    }

    fn check_extended_key_usage(&self, role: Role) -> Result<(), ProfileError> {
        let value: ExtendedKeyUsage = self.value(ExtensionKind::ExtendedKeyUsage)?;
        if value.0 == [*role.extended_key_usage()] {
            return Ok(());
        }
        Err(ProfileError::ExtendedKeyUsage {
            role,
            present: value.0.iter().map(ToString::to_string).collect(),
        })
    }

    fn subject_key_id(&self) -> Result<Vec<u8>, ProfileError> {
        let kind = ExtensionKind::SubjectKeyIdentifier;
        let value: SubjectKeyIdentifier = self.value(kind)?;
        key_id(value.0.as_bytes(), kind)
    }

    fn authority_key_id(&self) -> Result<Vec<u8>, ProfileError> {
        let kind = ExtensionKind::AuthorityKeyIdentifier;
        match self.value(kind)? {
            AuthorityKeyIdentifier {
                key_identifier: Some(id),
                authority_cert_issuer: None,
                authority_cert_serial_number: None,
            } => key_id(id.as_bytes(), kind),
            _ => Err(ProfileError::Value(kind)),
        }
    }

    fn scope(&self, kind: CertificateKind) -> Result<Option<Scope>, ProfileError> {
        match kind {
            CertificateKind::Leaf => self.value(ExtensionKind::Scope).map(Some),
            CertificateKind::Ca => Ok(None),
        }
    }
}

fn key_id(bytes: &[u8], kind: ExtensionKind) -> Result<Vec<u8>, ProfileError> {
    if (1..=MAX_KEY_ID_SIZE).contains(&bytes.len()) {
        Ok(bytes.to_vec())
    } else {
        Err(ProfileError::Value(kind))
    }
}

fn known(oid: ObjectIdentifier) -> Option<ExtensionKind> {
    ExtensionKind::ALL
        .into_iter()
        .find(|kind| kind.oid() == oid)
}

fn name(oid: ObjectIdentifier) -> String {
    known(oid).map_or_else(|| oid.to_string(), |kind| kind.to_string())
}
