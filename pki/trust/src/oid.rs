//! Object identifiers of the certificate profile.
//!
//! Those of this project are under 1.3.6.1.4.1.32473, the arc reserved for documentation (RFC 5612),
//! until a number is registered; they exist here and nowhere else.

pub use x509_cert::der::oid::ObjectIdentifier;

/// Extended key usage of those who vouch for verified programs.
pub const EKU_VERIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");

/// Extended key usage of those who control instances.
pub const EKU_OPERATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.2");

/// Extended key usage of instances that sign evidence.
pub const EKU_DEVICE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.3");

/// Extended key usage of those who control instances whatever a control program says.
pub const EKU_BREAK_GLASS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.4");

/// The extension that limits a leaf ([`crate::Scope`]).
pub const SCOPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.2.1");

/// `ecdsa-with-SHA256` (RFC 5758, 3.2).
pub const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// `id-ce-basicConstraints` (RFC 5280, 4.2.1.9).
pub const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");

/// `id-ce-keyUsage` (RFC 5280, 4.2.1.3).
pub const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");

/// `id-ce-extKeyUsage` (RFC 5280, 4.2.1.12).
pub const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// `id-ce-subjectKeyIdentifier` (RFC 5280, 4.2.1.2).
pub const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");

/// `id-ce-authorityKeyIdentifier` (RFC 5280, 4.2.1.1).
pub const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");

/// The attribute `commonName` of names (RFC 4519, 2.3).
pub(crate) const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// The attribute `organizationName` of names (RFC 4519, 2.19).
pub(crate) const ORGANISATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
