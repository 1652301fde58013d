//! Why an authentic control message is refused before it gets to the instance.

use bpf_statement::UnixTime;
use bpf_trust::TrustError;
use platform_click::Code;

use crate::{codes, limits};

/// Why a message of an operator is refused. That he is one is certain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// It has expired.
    #[error("it is {now} or later here, and the message expired at {expires}")]
    Expired {
        /// How late it is.
        now: UnixTime,
        /// When it expired.
        expires: UnixTime,
    },
    /// It was signed when the signer's certificates were not valid.
    #[error(transparent)]
    Signed(TrustError),
    /// The certificate does not cover the operation.
    #[error("`{operation}` concerns the whole instance, and the certificate's scope has prefixes")]
    WholeInstance {
        /// What was asked.
        operation: &'static str,
    },
    /// The certificate does not cover the program.
    #[error(transparent)]
    Scope(TrustError),
    /// It brings too much.
    #[error("{0} bytes are attached, more than the {max} that there is room for", max = limits::MAX_ATTACHED)]
    TooMuch(u64),
}

impl ControlError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Expired { .. } | Self::Signed(_) => codes::EXPIRED,
            Self::WholeInstance { .. } | Self::Scope(_) => codes::SCOPE,
            Self::TooMuch(_) => codes::TOO_MUCH,
        }
    }
}
