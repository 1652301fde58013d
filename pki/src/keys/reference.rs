//! Where a key is: the argument of `--key`.

use core::convert::Infallible;
use core::fmt;
use core::str::FromStr;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{AskPassphrase, ChainFile, CommandSigner, KeyFile, Signer};
use crate::{KeyFault, PkiError};

/// Where a key is. Every text is a reference: what has no known prefix is a path. (A file whose name
/// starts with a prefix is written `./env:x`.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRef {
    /// A file in PEM.
    File(PathBuf),
    /// `env:NAME`: a variable of the environment that holds the text of such a file.
    Env(String),
    /// `pkcs11:…` (RFC 7512): a key in a token. Only in builds with the feature `pkcs11`.
    Pkcs11(String),
    /// `exec:…`: a command that signs what it reads; see [`CommandSigner`].
    Exec(String),
}

impl FromStr for KeyRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once(':') {
            Some(("env", name)) => Self::Env(name.to_owned()),
            Some(("pkcs11", rest)) => Self::Pkcs11(rest.to_owned()),
            Some(("exec", command)) => Self::Exec(command.to_owned()),
            _ => Self::File(PathBuf::from(text)),
        })
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => fmt::Display::fmt(&path.display(), f),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Pkcs11(rest) => write!(f, "pkcs11:{rest}"),
            Self::Exec(command) => write!(f, "exec:{command}"),
        }
    }
}

/// What it takes to open a key, beside the reference.
pub struct KeyAccess<'a> {
    /// Asks for passphrases and PINs.
    pub passphrase: &'a mut AskPassphrase<'a>,
    /// The certificates of a key that does not stand beside them, or its public key.
    pub chain: Option<&'a Path>,
}

impl fmt::Debug for KeyAccess<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyAccess({:?})", self.chain)
    }
}

/// A key that can be used, and the certificates that belong to it by its owner's word.
pub struct Key {
    /// What signs.
    pub signer: Box<dyn Signer>,
    /// Certificates in DER; nobody has looked into them.
    pub certificates: Vec<Vec<u8>>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.signer.public_key())
    }
}

impl KeyRef {
    /// Opens the key. Certificates of `access.chain` take the place of those beside the key.
    ///
    /// # Errors
    /// [`PkiError::Key`], or [`PkiError::KeyKind`] for kinds that are not available.
    pub fn open(&self, access: &mut KeyAccess<'_>) -> Result<Key, PkiError> {
        let chain = access.chain.map(ChainFile::load).transpose()?;
        match self {
            Self::File(path) => {
                let file = KeyFile::load_with(path, access.passphrase)?;
                self.with_chain(file, chain)
            }
            Self::Env(name) => {
                let file = load_variable(name, access.passphrase);
                self.with_chain(file.map_err(|fault| fault.of(self))?, chain)
            }
            Self::Exec(command) => {
                let chain = chain.ok_or_else(|| KeyFault::ChainFile.of(self))?;
                let (key, certificates) = chain.into_parts();
                let signer = Box::new(CommandSigner::new(command.clone(), key));
                Ok(Key {
                    signer,
                    certificates,
                })
            }
            Self::Pkcs11(uri) => self.open_token(uri, chain, access.passphrase),
        }
    }

    fn with_chain(&self, file: KeyFile, chain: Option<ChainFile>) -> Result<Key, PkiError> {
        let (key, beside) = file.into_parts();
        let certificates = match chain.map(ChainFile::into_parts) {
            None => beside,
            Some((public, certificates)) if public == *key.public_key() => certificates,
            Some(_) => return Err(KeyFault::ChainOfOther.of(self)),
        };
        Ok(Key {
            signer: Box::new(key),
            certificates,
        })
    }

    #[cfg(feature = "pkcs11")]
    fn open_token(
        &self,
        uri: &str,
        chain: Option<ChainFile>,
        pin: &mut AskPassphrase<'_>,
    ) -> Result<Key, PkiError> {
        let signer = super::TokenSigner::open(uri, pin).map_err(|fault| fault.of(self))?;
        let certificates = match chain.map(ChainFile::into_parts) {
            None => Vec::new(),
            Some((public, certificates)) if public == *signer.public_key() => certificates,
            Some(_) => return Err(KeyFault::ChainOfOther.of(self)),
        };
        Ok(Key {
            signer: Box::new(signer),
            certificates,
        })
    }

    #[cfg(not(feature = "pkcs11"))]
    fn open_token(
        &self,
        _: &str,
        _: Option<ChainFile>,
        _: &mut AskPassphrase<'_>,
    ) -> Result<Key, PkiError> {
        Err(PkiError::KeyKind {
            reference: self.to_string(),
            kind: "pkcs11",
        })
    }
}

fn load_variable(name: &str, passphrase: &mut AskPassphrase<'_>) -> Result<KeyFile, KeyFault> {
    // `var` panics on names that no variable can have.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(KeyFault::Variable);
    }
    let text = std::env::var(name).map_err(|_| KeyFault::Variable)?;
    KeyFile::parse(&format!("env:{name}"), &Zeroizing::new(text), passphrase)
}
