//! Why a key cannot be used, or a certificate not be made.

use std::io;
use std::path::PathBuf;

use bpf_statement::Sign1Error;
use bpf_trust::{ProfileError, ScopeError, TrustError};
use platform_click::{Code, ExitCode};

use crate::codes;

/// Why something could not be read, made or signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PkiError {
    /// A key cannot be used.
    #[error("{origin}: {fault}")]
    Key {
        /// The file or variable.
        origin: String,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// A reference names a kind of key that is not available.
    #[error("`{reference}`: keys of the kind `{kind}:` are not available in this build")]
    KeyKind {
        /// The reference.
        reference: String,
        /// Its kind.
        kind: &'static str,
    },
    /// What is to be made exists.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// A file or directory cannot be made.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// An option cannot be used.
    #[error("{option}: {rule}")]
    Option {
        /// Which.
        option: &'static str,
        /// What it may be.
        rule: &'static str,
    },
    /// The scope of a leaf cannot be used.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The system gives no random numbers.
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
    /// The issuer of certificates failed.
    #[error("no certificate: {0}")]
    Issue(rcgen::Error),
    /// A certificate that was issued does not follow the profile.
    #[error("the certificate that was issued departs from the profile: {0}")]
    Profile(ProfileError),
    /// What was made or is to be signed would not be trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A message cannot be made of what is to be signed.
    #[error(transparent)]
    Message(#[from] Sign1Error),
}

/// What is wrong with a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// A variable is not set, or not text.
    #[error("the variable is not set to a text")]
    Variable,
    /// It is a directory, a device or the like.
    #[error("not a file")]
    NotAFile,
    /// It is longer than a key with its chain can be.
    #[error("longer than the {max} bytes of a key with its chain", max = crate::key_file::MAX_SIZE)]
    TooLong,
    /// Group or others may read, write or execute it.
    #[error("mode {0:04o} lets others at the key (chmod 600)")]
    Permissions(u32),
    /// There is no key in it.
    #[error("there is no key in it")]
    NoKey,
    /// There are two keys in it.
    #[error("there is more than one key in it")]
    SecondKey,
    /// The PEM around a part is damaged.
    #[error("the part `{0}` is not valid PEM")]
    Pem(String),
    /// A part of another kind.
    #[error("the part `{0}` is neither a PKCS#8 key nor a certificate")]
    Label(String),
    /// The key is encrypted.
    #[error("the key is encrypted, which is not supported in this version")]
    Encrypted,
    /// The key is not PKCS#8, or contradicts itself.
    #[error("the key is not valid PKCS#8")]
    Encoding,
    /// The key is for another algorithm or curve.
    #[error("the key is for {0}, not for P-256")]
    Algorithm(String),
    /// It does not come with exactly two certificates.
    #[error("{0} certificates come with the key, two are needed: leaf and CA")]
    ChainLength(usize),
    /// A certificate departs from the profile.
    #[error("certificate {number}: {departure}")]
    Certificate {
        /// The place in the file, from 1.
        number: u8,
        /// How it departs.
        departure: ProfileError,
    },
    /// The first certificate is for another key.
    #[error("the leaf certificate, of `{subject}`, is for another key")]
    OtherKey {
        /// The subject of the certificate.
        subject: String,
    },
    /// The second certificate did not issue the first.
    #[error("`{ca}` did not issue the leaf certificate")]
    OtherCa {
        /// The subject of the second certificate.
        ca: String,
    },
}

impl KeyFault {
    const fn code(&self) -> Code {
        match self {
            Self::Unreadable(_) | Self::Variable | Self::NotAFile => codes::KEY_UNREADABLE,
            Self::Permissions(_) => codes::KEY_PERMISSIONS,
            Self::TooLong
            | Self::NoKey
            | Self::SecondKey
            | Self::Pem(_)
            | Self::Label(_)
            | Self::Encoding => codes::KEY_FORMAT,
            Self::Encrypted => codes::KEY_ENCRYPTED,
            Self::Algorithm(_) => codes::KEY_ALGORITHM,
            Self::ChainLength(_)
            | Self::Certificate { .. }
            | Self::OtherKey { .. }
            | Self::OtherCa { .. } => codes::KEY_CHAIN,
        }
    }

    pub(crate) fn of(self, origin: &impl ToString) -> PkiError {
        PkiError::Key {
            origin: origin.to_string(),
            fault: self,
        }
    }
}

impl PkiError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Key { fault, .. } => fault.code(),
            Self::KeyKind { .. } => codes::KEY_KIND,
            Self::Exists(_) => codes::EXISTS,
            Self::Write { .. } => codes::WRITE,
            Self::Option { .. } | Self::Scope(_) => codes::OPTION,
            Self::Random(_) => codes::RANDOM,
            Self::Issue(_) | Self::Profile(_) => codes::ISSUE,
            Self::Trust(error) => error.code(),
            Self::Message(error) => error.code(),
        }
    }

    /// The exit code of a command that ends with this.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        self.code().exit
    }
}
