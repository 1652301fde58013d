//! Why a machine does not run.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use bpf_trust::TrustError;
use platform_click::Code;

use crate::codes;

/// Why a machine does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VmError {
    /// No image is where images are looked for.
    #[error("there is no image")]
    NoImage,
    /// A file is not the image.
    #[error("`{}` is not the image: it has no place for root keys", .0.display())]
    NotTheImage(PathBuf),
    /// The trust bundle is not signed by its own root keys.
    #[error("`{}` does not count", file.display())]
    Trust {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        error: TrustError,
    },
    /// A file cannot be handed over.
    #[error("the machine cannot be given a file of the name `{0}`")]
    Name(String),
    /// There is no folder for the image and its module.
    #[error("image and module cannot be written")]
    Folder(#[source] io::Error),
    /// QEMU cannot be started.
    #[error("`{program}` cannot be started")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// QEMU is lost.
    #[error("QEMU cannot be waited for")]
    Wait(#[source] io::Error),
    /// QEMU did not end as the image ends it.
    #[error("QEMU ended with {0}, which is not the image's doing")]
    Ended(ExitStatus),
}

impl VmError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NoImage | Self::NotTheImage(_) => codes::IMAGE,
            Self::Trust { error, .. } => error.code(),
            Self::Name(_) => codes::VM_FILE,
            Self::Folder(_) | Self::Start { .. } | Self::Wait(_) | Self::Ended(_) => codes::QEMU,
        }
    }
}
