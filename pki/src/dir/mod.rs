//! A directory with the keys, certificates and trust bundles of one organisation.

mod files;
mod init;
mod issue;
mod rotate;
mod status;
mod trust;

use std::fs;
use std::path::{Path, PathBuf};

use bpf_trust::{Certificate, CertificateKind, Role, TrustBundle};

use crate::{AskPassphrase, Authority, Key, KeyAccess, KeyFault, KeyRef, PkiError, SecretKey, pem};

pub use files::create_file;
pub use init::{InitOptions, Passphrase};
pub use issue::{IssueOptions, Issued, Renewal, read_leaf};
pub use rotate::{Rotating, Rotation, Step, StepState};
pub use status::{Health, Item, ItemKind, Status};
pub use trust::{Publication, TrustChange, TrustDraft};

/// A directory made by [`PkiDir::init`].
///
/// | file | holds |
/// |---|---|
/// | `root.pem`, `root.key` | the root, which issues CAs |
/// | `ROLE-ca.pem`, `ROLE-ca.key` | a CA for each role, which issues leaves |
/// | `signer.pem` | key, leaf and CA: what `--key` takes |
/// | `bundle-root-N.key` | keys that sign trust bundles |
/// | `trust.bpftrust`, `trust/` | the newest trust bundle; all of them, and drafts |
/// | `issued/` | every certificate, by serial number |
/// | `retired/` | CAs and roots that were replaced |
///
/// `root.key` and `bundle-root-N.key` are only needed to issue CAs and to change the trust bundle.
/// They may lie in a directory of their own, which is kept offline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PkiDir {
    path: PathBuf,
    offline: Option<PathBuf>,
}

impl PkiDir {
    /// The root's certificate.
    pub const ROOT: &str = "root.pem";
    /// The root's key.
    pub const ROOT_KEY: &str = "root.key";
    /// The key that signs programs, with its leaf certificate and the CA's.
    pub const SIGNER: &str = "signer.pem";
    /// The newest trust bundle.
    pub const TRUST: &str = "trust.bpftrust";
    /// All trust bundles.
    pub(crate) const TRUST_DIR: &str = "trust";
    /// Every certificate.
    pub(crate) const ISSUED_DIR: &str = "issued";
    /// What was replaced.
    pub(crate) const RETIRED_DIR: &str = "retired";

    /// The certificate of the CA for a role.
    #[must_use]
    pub fn ca_file(role: Role) -> String {
        format!("{role}-ca.pem")
    }

    /// The key of the CA for a role.
    #[must_use]
    pub fn ca_key_file(role: Role) -> String {
        format!("{role}-ca.key")
    }

    /// A key that signs trust bundles, from 1.
    #[must_use]
    pub fn bundle_root_key_file(number: usize) -> String {
        format!("bundle-root-{number}.key")
    }

    /// Opens a directory, and that with the keys that are kept offline, if it is at hand.
    ///
    /// # Errors
    /// [`PkiError::NotAPki`].
    pub fn open(path: &Path, offline: Option<&Path>) -> Result<Self, PkiError> {
        for file in [Self::ROOT, Self::TRUST] {
            if !path.join(file).is_file() {
                return Err(PkiError::NotAPki(path.to_owned()));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            offline: offline.map(Path::to_owned),
        })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file with the key that signs and its chain.
    #[must_use]
    pub fn signer(&self) -> PathBuf {
        self.path.join(Self::SIGNER)
    }

    /// The newest trust bundle.
    #[must_use]
    pub fn trust(&self) -> PathBuf {
        self.path.join(Self::TRUST)
    }

    /// The root, with its key from the directory or from where `key` says.
    ///
    /// # Errors
    /// [`PkiError::Key`] or [`PkiError::KeyKind`].
    pub fn root(
        &self,
        key: Option<&KeyRef>,
        passphrase: &mut AskPassphrase<'_>,
    ) -> Result<Authority, PkiError> {
        let (key, key_ref) = self.authority_key(Self::ROOT, Self::ROOT_KEY, key, passphrase)?;
        let der = self.certificate(Self::ROOT)?;
        Authority::from_root(der, key.signer).map_err(|fault| fault.of(&key_ref))
    }

    /// The CA for a role, with its key from the directory or from where `key` says.
    ///
    /// # Errors
    /// [`PkiError::Key`] or [`PkiError::KeyKind`].
    pub fn ca(
        &self,
        role: Role,
        key: Option<&KeyRef>,
        passphrase: &mut AskPassphrase<'_>,
    ) -> Result<Authority, PkiError> {
        let (file, key_file) = (Self::ca_file(role), Self::ca_key_file(role));
        let (key, key_ref) = self.authority_key(&file, &key_file, key, passphrase)?;
        let der = self.certificate(&file)?;
        Authority::from_ca(der, key.signer, role).map_err(|fault| fault.of(&key_ref))
    }

    fn authority_key(
        &self,
        certificate: &str,
        file: &str,
        key: Option<&KeyRef>,
        passphrase: &mut AskPassphrase<'_>,
    ) -> Result<(Key, KeyRef), PkiError> {
        let key_ref = match key {
            Some(key) => key.clone(),
            None => KeyRef::File(self.find(file)),
        };
        let certificate = self.path.join(certificate);
        let key = key_ref.open(&mut KeyAccess {
            passphrase,
            chain: Some(&certificate),
        })?;
        Ok((key, key_ref))
    }

    /// Where a file is: in the directory, else in the one that is kept offline.
    fn find(&self, name: &str) -> PathBuf {
        let here = self.path.join(name);
        match &self.offline {
            Some(offline) if !here.exists() => offline.join(name),
            _ => here,
        }
    }

    /// Where the keys of roots are written: away from the others where there is such a place.
    fn vault(&self) -> &Path {
        self.offline.as_deref().unwrap_or(&self.path)
    }

    /// The certificate in a file of the directory, in DER.
    fn certificate(&self, name: &str) -> Result<Vec<u8>, PkiError> {
        files::read_certificate(&self.path.join(name))
    }

    /// The certificate of the CA for a role, against the profile.
    fn ca_certificate(&self, role: Role) -> Result<Certificate, PkiError> {
        let file = Self::ca_file(role);
        let der = self.certificate(&file)?;
        Certificate::parse(&der, CertificateKind::Ca, role).map_err(|departure| {
            let number = 1;
            KeyFault::Certificate { number, departure }.of(&file)
        })
    }

    /// The newest trust bundle, held against its own root keys.
    ///
    /// # Errors
    /// [`PkiError::Read`] or [`PkiError::Trust`].
    pub fn trust_bundle(&self) -> Result<TrustBundle, PkiError> {
        files::read_trust(&self.trust())
    }

    /// Keeps a certificate that was issued.
    fn record(&self, certificate: &Certificate, der: &[u8]) -> Result<(), PkiError> {
        let name = format!("{}.pem", hex(certificate.serial()));
        let directory = self.path.join(Self::ISSUED_DIR);
        files::make_dir(&directory)?;
        let text = pem::certificate(der);
        files::replace(&directory.join(name), 0o644, text.as_bytes())
    }

    /// Every certificate that was issued, by serial number. Files that are none are passed over.
    fn issued(&self) -> Result<Vec<Issued>, PkiError> {
        let directory = self.path.join(Self::ISSUED_DIR);
        let mut paths = files::list(&directory)?;
        paths.sort();
        let read = |path: &PathBuf| files::read_certificate(path).ok().and_then(Issued::parse);
        Ok(paths.iter().filter_map(read).collect())
    }

    /// A new key in a file of its own, encrypted if a passphrase is given.
    fn new_key(&self, path: &Path, passphrase: Option<&Passphrase>) -> Result<SecretKey, PkiError> {
        let key = SecretKey::generate()?;
        create_file(path, 0o600, key.to_pem(passphrase)?.as_bytes())?;
        Ok(key)
    }

    /// Moves a file of the directory, or of the one kept offline, out of the way.
    fn retire(&self, name: &str, suffix: &str) -> Result<(), PkiError> {
        let from = self.find(name);
        if !from.exists() {
            return Ok(());
        }
        let directory = from.parent().unwrap_or(&self.path).join(Self::RETIRED_DIR);
        files::make_dir(&directory)?;
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "pem"));
        let to = directory.join(format!("{stem}-{suffix}.{extension}"));
        fs::rename(&from, &to).map_err(|error| PkiError::Write { path: to, error })
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
