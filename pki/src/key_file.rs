//! Files with a key, and possibly the chain that belongs to it.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

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
    /// Reads a file that only its owner may access: one PKCS#8 key in PEM, and any number of
    /// certificates.
    ///
    /// # Errors
    /// [`PkiError::Key`].
    pub fn load(path: &Path) -> Result<Self, PkiError> {
        let read = || Self::parse(&read_secret(path)?);
        read().map_err(|fault| fault.of(&path.display()))
    }

    /// Reads the same from text, which is from elsewhere than a file.
    pub(crate) fn parse(text: &str) -> Result<Self, KeyFault> {
        let (mut key, mut certificates) = (None, Vec::new());
        for part in pem::parts(text)? {
            match part.label {
                "CERTIFICATE" => certificates.push(part.decode()?.to_vec()),
                "PRIVATE KEY" if key.is_some() => return Err(KeyFault::SecondKey),
                "PRIVATE KEY" => key = Some(SecretKey::from_pkcs8_der(&part.decode()?)?),
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

fn other_part(part: Part<'_>) -> KeyFault {
    if part.is_encrypted() {
        KeyFault::Encrypted
    } else {
        KeyFault::Label(pem::printable(part.label))
    }
}

/// Reads a file after the checks on it. Those that matter concern the file that was opened, not the
/// path: what the path leads to may change in between.
fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyFault> {
    // To open a pipe without a writer would wait for one.
    if !fs::metadata(path).map_err(KeyFault::Unreadable)?.is_file() {
        return Err(KeyFault::NotAFile);
    }
    let file = File::open(path).map_err(KeyFault::Unreadable)?;
    let metadata = file.metadata().map_err(KeyFault::Unreadable)?;
    if !metadata.is_file() {
        return Err(KeyFault::NotAFile);
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFault::Permissions(mode));
    }
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
