//! Why a state directory is not usable.

use std::boxed::Box;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use bpf_trust::TrustError;
use platform_click::{Code, ExitCode};

use crate::{Refusal, StoreError, codes};

/// Why a state directory cannot be made, read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// There is no state.
    #[error("there is no state in {}", .0.display())]
    Absent(PathBuf),
    /// There is one already, or a part of one.
    #[error("there is a state in {} already", .0.display())]
    Exists(PathBuf),
    /// A file of the state is not as it was left.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        damage: Damage,
    },
    /// The trust bundle to be pinned does not count.
    #[error(transparent)]
    Trust(TrustError),
    /// A trust bundle is not what the state expects.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The operating system refuses.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// How a file of the state is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It is not there.
    #[error("it is missing")]
    Missing,
    /// It is too long.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is another state than the one that was opened, or an older one.
    #[error("it was exchanged since it was opened")]
    Exchanged,
    /// What was written is not what is read.
    #[error("what was written to it is not what it holds")]
    NotWritten,
    /// The pinned trust bundle.
    #[error(transparent)]
    Trust(TrustError),
    /// The root keys of the trust bundle are not the pinned ones.
    #[error("its root keys are not those that the state was provisioned with")]
    NotPinned,
    /// A line of the audit log does not follow from those before.
    #[error("line {0} does not follow from those before")]
    AuditLine(u64),
    /// The audit log ends before, or elsewhere than, the state says.
    #[error("it does not end where the state says")]
    AuditEnd,
}

impl StateError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Absent(_) => codes::STATE_ABSENT,
            Self::Exists(_) => codes::STATE_EXISTS,
            Self::Damaged { .. } => codes::STATE_DAMAGED,
            Self::Trust(error) => error.code(),
            Self::Refused(refusal) => refusal.code(),
            Self::Io { .. } => codes::STATE_IO,
        }
    }

    /// How a command that ends with this error exits.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        self.code().exit
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == ErrorKind::NotFound)
    }
}
