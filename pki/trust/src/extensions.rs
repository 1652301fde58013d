//! The extensions of a certificate against the profile: exactly these, each as it says.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, SubjectKeyIdentifier,
};

use crate::certificate::canonical;
use crate::limits::MAX_KEY_ID_SIZE;
use crate::{CertificateKind, ProfileError, Role, Scope, oid};

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

    pub(crate) const fn is_critical(self) -> bool {
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

/// Extensions of which each is known, belongs there, is there once and has the right criticality.
pub(crate) struct Extensions<'a>(&'a [Extension]);

impl<'a> Extensions<'a> {
    pub(crate) fn check(all: &'a [Extension], kind: CertificateKind) -> Result<Self, ProfileError> {
        for (index, extension) in all.iter().enumerate() {
            let before = all.get(..index).unwrap_or_default();
            if before
                .iter()
                .any(|other| other.extn_id == extension.extn_id)
            {
                return Err(ProfileError::Duplicate(extension_name(extension.extn_id)));
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

    pub(crate) fn check_key_usage(&self, kind: CertificateKind) -> Result<(), ProfileError> {
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

    pub(crate) fn check_extended_key_usage(&self, role: Role) -> Result<(), ProfileError> {
        let value: ExtendedKeyUsage = self.value(ExtensionKind::ExtendedKeyUsage)?;
        if value.0 == [*role.extended_key_usage()] {
            return Ok(());
        }
        Err(ProfileError::ExtendedKeyUsage {
            role,
            present: value.0.iter().map(ToString::to_string).collect(),
        })
    }

    pub(crate) fn subject_key_id(&self) -> Result<Vec<u8>, ProfileError> {
        let kind = ExtensionKind::SubjectKeyIdentifier;
        let value: SubjectKeyIdentifier = self.value(kind)?;
        key_id(value.0.as_bytes(), kind)
    }

    pub(crate) fn authority_key_id(&self) -> Result<Vec<u8>, ProfileError> {
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

    pub(crate) fn scope(&self, kind: CertificateKind) -> Result<Option<Scope>, ProfileError> {
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

fn extension_name(oid: ObjectIdentifier) -> String {
    known(oid).map_or_else(|| oid.to_string(), |kind| kind.to_string())
}
