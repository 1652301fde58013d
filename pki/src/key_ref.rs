//! Where a key is: the argument of `--key`.

use core::convert::Infallible;
use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::{KeyFault, KeyFile, PkiError};

/// Where a key is. Every text is a reference: what has no known prefix is a path. (A file whose name
/// starts with a prefix is written `./env:x`.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRef {
    /// A file in PEM.
    File(PathBuf),
    /// `env:NAME`: a variable of the environment that holds the text of such a file.
    Env(String),
    /// `pkcs11:…` (RFC 7512): a key in a token. Not available in this build.
    Pkcs11(String),
    /// `exec:…`: a command that signs. Not available in this build.
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

impl KeyRef {
    /// Reads the key and the certificates beside it.
    ///
    /// # Errors
    /// [`PkiError::Key`], or [`PkiError::KeyKind`] for kinds that are not available.
    pub fn load(&self) -> Result<KeyFile, PkiError> {
        let kind = match self {
            Self::File(path) => return KeyFile::load(path),
            Self::Env(name) => return load_variable(name).map_err(|fault| fault.of(self)),
            Self::Pkcs11(_) => "pkcs11",
            Self::Exec(_) => "exec",
        };
        Err(PkiError::KeyKind {
            reference: self.to_string(),
            kind,
        })
    }
}

fn load_variable(name: &str) -> Result<KeyFile, KeyFault> {
    // `var` panics on names that no variable can have.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(KeyFault::Variable);
    }
    let text = std::env::var(name).map_err(|_| KeyFault::Variable)?;
    KeyFile::parse(&Zeroizing::new(text))
}
