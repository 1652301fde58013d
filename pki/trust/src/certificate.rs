//! The first gate: one certificate against the profile of `docs/formats.md`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use bpf_statement::MAX_CERTIFICATE_SIZE;
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::{TbsCertificate, Version};

use crate::extensions::Extensions;
use crate::limits::MAX_SERIAL_SIZE;
use crate::name::DistinguishedName;
use crate::{ProfileError, PublicKey, Role, Scope, UnixTime, oid};

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

    /// The subject's common name, if it has one.
    #[must_use]
    pub fn common_name(&self) -> Option<String> {
        self.subject.attribute(oid::COMMON_NAME)
    }

    /// The subject's organisation, if it has one.
    #[must_use]
    pub fn organisation(&self) -> Option<String> {
        self.subject.attribute(oid::ORGANISATION)
    }

    /// Whether `ca` issued it: names and key identifiers match, and the signature is that of its
    /// key. Whether `ca` itself is to be trusted takes [`verify_chain`](crate::verify_chain).
    #[must_use]
    pub fn is_issued_by(&self, ca: &Self) -> bool {
        self.issuer == ca.subject
            && self.authority_key_id == ca.subject_key_id
            && ca.key.verifies_der(&self.tbs, &self.signature)
    }

    /// Whether the signature is that of this key. (For the key of a root, which is known without a
    /// certificate of the profile.)
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies_der(&self.tbs, &self.signature)
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

/// Decodes `bytes` and refuses every encoding but that which the value has when it is written.
pub(crate) fn canonical<T: for<'a> Decode<'a> + Encode>(bytes: &[u8]) -> Option<T> {
    let value = T::from_der(bytes).ok()?;
    (value.to_der().ok()?.as_slice() == bytes).then_some(value)
}
