//! Why a key cannot be used, or a certificate not be made.

use std::io;
use std::path::PathBuf;

use bpf_statement::Sign1Error;
use bpf_trust::{ProfileError, ScopeError, TrustError, UnixTime};
use platform_click::{Code, Digest, ExitCode};

use crate::{RequestError, codes};

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
    /// A directory was not made by `pki init`.
    #[error("{} is no directory of `bpfsign pki init`", .0.display())]
    NotAPki(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A leaf would be valid for no time, or longer than the CA.
    #[error(
        "a certificate is valid for at least a day, and not longer than `{ca}`, which ends {not_after}"
    )]
    Days {
        /// The CA.
        ca: String,
        /// Its end.
        not_after: UnixTime,
    },
    /// A key does not sign trust bundles.
    #[error(
        "the key sha256:{0:.16} is none of the root keys of this trust bundle or of the one before"
    )]
    NotARootKey(Digest),
    /// Files that are to be merged are of different trust bundles.
    #[error("{} is another trust bundle than the first", .0.display())]
    OtherBundle(PathBuf),
    /// A request for a certificate counts for nothing.
    #[error("{}: {error}", path.display())]
    Request {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: RequestError,
    },
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
    /// The system gives no random numbers for the salt of an encrypted key.
    #[error("no random numbers to encrypt a key with")]
    Salt,
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
    #[error("longer than the {max} bytes of a key with its chain", max = crate::keys::MAX_SIZE)]
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
    /// The key is encrypted in a way that is not read.
    #[error("the key is encrypted with {0}, which is not read")]
    Encryption(&'static str),
    /// The key is encrypted, and its passphrase is not to be had.
    #[error("{0}")]
    NoPassphrase(io::Error),
    /// The passphrase is wrong.
    #[error("the passphrase does not decrypt the key")]
    Passphrase,
    /// A certificate or public key is not one of P-256.
    #[error("the first certificate or the public key is not one for P-256")]
    PublicKey,
    /// There is neither a certificate nor a public key in it.
    #[error("there is neither a certificate nor a public key in it")]
    NoChain,
    /// A key that is kept elsewhere comes without its certificates.
    #[error("what it signs for has to be said: name the file with its certificates")]
    ChainFile,
    /// The certificates that were named are for another key.
    #[error("the certificates that were named are for another key")]
    ChainOfOther,
    /// A command cannot be run.
    #[error("the command cannot be run: {0}")]
    Command(io::Error),
    /// A command failed.
    #[error("the command failed: {0}")]
    CommandFailed(std::process::ExitStatus),
    /// A command did not answer.
    #[error("the command did not answer within {0} seconds")]
    CommandTime(u64),
    /// What came back is not a signature.
    #[error("what came back, {0} bytes, is no signature: neither r || s in 64 bytes nor DER")]
    SignatureForm(usize),
    /// What came back is not a signature by the key.
    #[error("what came back is not a signature by the key that was named")]
    SignatureOfOther,
    /// A reference to a token is not understood.
    #[error("{0}")]
    Uri(&'static str),
    /// A token, or the library that leads to it, refuses or fails.
    #[error("the token: {0}")]
    Token(String),
    /// A token has not exactly one such key.
    #[error("{0} keys in the token are as described; it has to be one")]
    TokenKeys(usize),
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
            Self::Command(_)
            | Self::CommandFailed(_)
            | Self::CommandTime(_)
            | Self::SignatureForm(_)
            | Self::SignatureOfOther => codes::KEY_COMMAND,
            Self::Uri(_) | Self::Token(_) | Self::TokenKeys(_) => codes::KEY_TOKEN,
            Self::Permissions(_) => codes::KEY_PERMISSIONS,
            Self::TooLong
            | Self::NoKey
            | Self::SecondKey
            | Self::Pem(_)
            | Self::Label(_)
            | Self::Encoding => codes::KEY_FORMAT,
            Self::Encryption(_) | Self::NoPassphrase(_) | Self::Passphrase => codes::KEY_ENCRYPTED,
            Self::Algorithm(_) => codes::KEY_ALGORITHM,
            Self::ChainLength(_)
            | Self::PublicKey
            | Self::NoChain
            | Self::ChainFile
            | Self::ChainOfOther
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
            Self::NotAPki(_) | Self::Days { .. } | Self::OtherBundle(_) => codes::OPTION,
            Self::NotARootKey(_) => codes::NOT_A_ROOT_KEY,
            Self::Read { .. } => codes::READ,
            Self::Request { .. } => codes::REQUEST,
            Self::Write { .. } => codes::WRITE,
            Self::Option { .. } | Self::Scope(_) => codes::OPTION,
            Self::Random(_) | Self::Salt => codes::RANDOM,
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
