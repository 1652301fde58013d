//! The X.509 roots that a trust bundle names.

use alloc::vec::Vec;

use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::contents_error::{ContentsError, check_ascending, check_count};
use crate::name::DistinguishedName;
use crate::{PublicKey, Role};

/// An X.509 root: its name and its key, and what it may vouch for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    name: DistinguishedName,
    key: PublicKey,
    roles: Vec<Role>,
}

impl Anchor {
    /// The root of this name (DER of the distinguished name) and key, trusted for these roles.
    ///
    /// # Errors
    /// When the name is not canonical, or there is no role.
    pub fn new(name: &[u8], key: PublicKey, mut roles: Vec<Role>) -> Result<Self, ContentsError> {
        roles.sort_unstable();
        check_count("roles of an anchor", roles.len(), 1, Role::ALL.len())?;
        check_ascending("roles of an anchor", &roles)?;
        let name = DistinguishedName::from_der(name).ok_or(ContentsError::Anchor("name"))?;
        Ok(Self { name, key, roles })
    }

    /// The root of this certificate, in DER: its subject and its key, for these roles. The
    /// certificate has to be signed by that key; nothing else in it matters to loaders.
    ///
    /// # Errors
    /// When it is not a self-signed certificate of a P-256 key, or there is no role.
    pub fn from_certificate(der: &[u8], roles: Vec<Role>) -> Result<Self, ContentsError> {
        let (name, key) = self_signed(der).ok_or(ContentsError::Anchor("certificate"))?;
        Self::new(&name, key, roles)
    }

    /// The name as RFC 4514 writes it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The name in DER.
    #[must_use]
    pub fn name_der(&self) -> &[u8] {
        self.name.as_der()
    }

    pub(crate) const fn distinguished_name(&self) -> &DistinguishedName {
        &self.name
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What the root may vouch for, in ascending order.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }
}

/// Subject and key of a certificate that is signed by that key.
fn self_signed(der: &[u8]) -> Option<(Vec<u8>, PublicKey)> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    let key = PublicKey::from_spki_der(&tbs.subject_public_key_info().to_der().ok()?)?;
    let signature = certificate.signature().as_bytes()?;
    let is_self_signed =
        tbs.issuer() == tbs.subject() && key.verifies_der(&tbs.to_der().ok()?, signature);
    is_self_signed.then_some((tbs.subject().to_der().ok()?, key))
}
