//! Who signs: a key with the chain that makes its signatures count.

use bpf_trust::{Certificate, CertificateKind, Role};

use crate::{Key, KeyAccess, KeyFault, KeyRef, PkiError, Signer, refuse_passphrase};

/// A key, its leaf certificate and the CA that issued it. The certificates follow the profile for the
/// role, and belong to the key and to each other; whether the CA is trusted is the loader's to say.
pub struct SigningIdentity {
    signer: Box<dyn Signer>,
    leaf: Certificate,
    leaf_der: Vec<u8>,
    ca_der: Vec<u8>,
}

impl SigningIdentity {
    /// Reads a key without a passphrase and its chain, which stand together: key, leaf, CA.
    ///
    /// # Errors
    /// [`PkiError::Key`] or [`PkiError::KeyKind`].
    pub fn load(key: &KeyRef, role: Role) -> Result<Self, PkiError> {
        let access = &mut KeyAccess {
            passphrase: &mut refuse_passphrase,
            chain: None,
        };
        Self::open(key, access, role)
    }

    /// Opens a key wherever it is kept; its chain is beside it or in a file of its own: leaf, CA.
    ///
    /// # Errors
    /// [`PkiError::Key`] or [`PkiError::KeyKind`].
    pub fn open(key: &KeyRef, access: &mut KeyAccess<'_>, role: Role) -> Result<Self, PkiError> {
        let Key {
            signer,
            certificates,
        } = key.open(access)?;
        let [leaf, ca]: [Vec<u8>; 2] = certificates
            .try_into()
            .map_err(|all: Vec<_>| KeyFault::ChainLength(all.len()).of(key))?;
        Self::new(signer, leaf, ca, role).map_err(|fault| fault.of(key))
    }

    /// A key, wherever it is kept, with its leaf certificate and the CA, both in DER.
    ///
    /// # Errors
    /// When a certificate departs from the profile or belongs to another key or CA.
    pub fn new(
        signer: Box<dyn Signer>,
        leaf_der: Vec<u8>,
        ca_der: Vec<u8>,
        role: Role,
    ) -> Result<Self, KeyFault> {
        let leaf = parse(1, &leaf_der, CertificateKind::Leaf, role)?;
        let ca = parse(2, &ca_der, CertificateKind::Ca, role)?;
        if leaf.key() != signer.public_key() {
            return Err(KeyFault::OtherKey {
                subject: leaf.subject().to_owned(),
            });
        }
        if !leaf.is_issued_by(&ca) {
            return Err(KeyFault::OtherCa {
                ca: ca.subject().to_owned(),
            });
        }
        Ok(Self {
            signer,
            leaf,
            leaf_der,
            ca_der,
        })
    }

    /// The key.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }

    /// The leaf certificate.
    #[must_use]
    pub const fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The certificates in DER: leaf and CA.
    #[must_use]
    pub fn chain(&self) -> (&[u8], &[u8]) {
        (&self.leaf_der, &self.ca_der)
    }
}

impl core::fmt::Debug for SigningIdentity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SigningIdentity(of {})", self.leaf.subject())
    }
}

fn parse(
    number: u8,
    der: &[u8],
    kind: CertificateKind,
    role: Role,
) -> Result<Certificate, KeyFault> {
    Certificate::parse(der, kind, role)
        .map_err(|departure| KeyFault::Certificate { number, departure })
}
