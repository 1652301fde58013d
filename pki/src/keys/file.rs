//! Files with a key, and possibly the chain that belongs to it; files with a chain alone.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bpf_trust::PublicKey;
use zeroize::Zeroizing;

use super::{AskPassphrase, encrypted, refuse_passphrase};
use crate::pem::{self, Part};
use crate::{KeyFault, PkiError, SecretKey};

/// Bytes of a key file: a key and two certificates of the largest size have below 7 KiB in PEM, with
/// the text that other tools write beside them a few more.
pub(crate) const MAX_SIZE: usize = 64 << 10;

/// One more, to notice that there is one more.
const CAPACITY: usize = MAX_SIZE + 1;

/// A key and the certificates that stood beside it.
#[derive(Debug)]
pub struct KeyFile {
    key: SecretKey,
    certificates: Vec<Vec<u8>>,
}

impl KeyFile {
    /// Reads a file that only its owner may access: one PKCS#8 key in PEM that is not encrypted, and
    /// any number of certificates.
    ///
    /// # Errors
    /// [`PkiError::Key`].
    pub fn load(path: &Path) -> Result<Self, PkiError> {
        Self::load_with(path, &mut refuse_passphrase)
    }

    /// As [`load`](Self::load), and the key may be encrypted.
    ///
    /// # Errors
    /// [`PkiError::Key`].
    pub fn load_with(path: &Path, passphrase: &mut AskPassphrase<'_>) -> Result<Self, PkiError> {
        let name = path.display().to_string();
        let text = read_secret(path).map_err(|fault| fault.of(&name))?;
        Self::parse(&name, &text, passphrase).map_err(|fault| fault.of(&name))
    }

    /// Reads the same from text, which is from elsewhere than a file.
    pub(crate) fn parse(
        name: &str,
        text: &str,
        passphrase: &mut AskPassphrase<'_>,
    ) -> Result<Self, KeyFault> {
        let (mut key, mut certificates) = (None, Vec::new());
        for part in pem::parts(text)? {
            match part.label {
                "CERTIFICATE" => certificates.push(part.decode()?.to_vec()),
                "PRIVATE KEY" | encrypted::LABEL if key.is_some() => {
                    return Err(KeyFault::SecondKey);
                }
                "PRIVATE KEY" => key = Some(SecretKey::from_pkcs8_der(&part.decode()?)?),
                encrypted::LABEL => {
                    let passphrase = passphrase(name).map_err(KeyFault::NoPassphrase)?;
                    let der = encrypted::decrypt(&part.decode()?, &passphrase)?;
                    key = Some(SecretKey::from_pkcs8_der(der.as_bytes())?);
                }
                _ => return Err(other_part(part)),
            }
        }
        let key = key.ok_or(KeyFault::NoKey)?;
        Ok(Self { key, certificates })
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &SecretKey {
        &self.key
    }

    /// The certificates in DER, in the order of the file; nobody has looked into them.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    pub(crate) fn into_parts(self) -> (SecretKey, Vec<Vec<u8>>) {
        (self.key, self.certificates)
    }
}

/// What stands beside a key that is kept elsewhere: its certificates, or only the public key.
#[derive(Debug)]
pub struct ChainFile {
    certificates: Vec<Vec<u8>>,
    key: PublicKey,
}

impl ChainFile {
    /// Reads certificates in PEM, of which the first is for the key, or a public key.
    ///
    /// # Errors
    /// [`PkiError::Key`].
    pub fn load(path: &Path) -> Result<Self, PkiError> {
        let read = || Self::parse(&read_text(&open(path)?)?);
        read().map_err(|fault| fault.of(&path.display()))
    }

    fn parse(text: &str) -> Result<Self, KeyFault> {
        let (mut key, mut certificates) = (None, Vec::new());
        for part in pem::parts(text)? {
            match part.label {
                "CERTIFICATE" => certificates.push(part.decode()?.to_vec()),
                "PUBLIC KEY" if key.is_some() => return Err(KeyFault::SecondKey),
                "PUBLIC KEY" => {
                    let found = PublicKey::from_spki_der(&part.decode()?);
                    key = Some(found.ok_or(KeyFault::PublicKey)?);
                }
                _ => return Err(KeyFault::Label(pem::printable(part.label))),
            }
        }
        let of_first = certificates
            .first()
            .map(|der| PublicKey::from_certificate(der));
        let key = match (key, of_first) {
            (Some(key), None) => key,
            (None, Some(of_first)) => of_first.ok_or(KeyFault::PublicKey)?,
            (Some(key), Some(of_first)) if of_first.as_ref() == Some(&key) => key,
            (Some(_), Some(_)) => return Err(KeyFault::SecondKey),
            (None, None) => return Err(KeyFault::NoChain),
        };
        Ok(Self { certificates, key })
    }

    /// The public key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The certificates in DER, in the order of the file.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    pub(crate) fn into_parts(self) -> (PublicKey, Vec<Vec<u8>>) {
        (self.key, self.certificates)
    }
}

fn other_part(part: Part<'_>) -> KeyFault {
    if part.is_encrypted() {
        KeyFault::Encryption("the older form of OpenSSL")
    } else {
        KeyFault::Label(pem::printable(part.label))
    }
}

/// Reads a file after the checks on it. Those that matter concern the file that was opened, not the
/// path: what the path leads to may change in between.
fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyFault> {
    let file = open(path)?;
    let mode = file.metadata().map_err(KeyFault::Unreadable)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFault::Permissions(mode));
    }
    read_text(&file)
}

fn open(path: &Path) -> Result<File, KeyFault> {
    // To open a pipe without a writer would wait for one.
    if !fs::metadata(path).map_err(KeyFault::Unreadable)?.is_file() {
        return Err(KeyFault::NotAFile);
    }
    let file = File::open(path).map_err(KeyFault::Unreadable)?;
    if !file.metadata().map_err(KeyFault::Unreadable)?.is_file() {
        return Err(KeyFault::NotAFile);
    }
    Ok(file)
}

fn read_text(file: &File) -> Result<Zeroizing<String>, KeyFault> {
    // Allocated at once, so that no part of the key stays behind in a buffer that was outgrown. The
    // length in the metadata is not relied on: a file may grow while it is read.
    let mut bytes = Zeroizing::new(Vec::with_capacity(CAPACITY));
    file.take(u64::try_from(CAPACITY).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)
        .map_err(KeyFault::Unreadable)?;
    if bytes.len() > MAX_SIZE {
        return Err(KeyFault::TooLong);
    }
    let text = str::from_utf8(&bytes).map_err(|_| KeyFault::NoKey)?;
    Ok(Zeroizing::new(text.to_owned()))
}
