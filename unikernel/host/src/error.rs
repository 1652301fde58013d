//! Why a configuration does not run, or stopped running.

use core::error::Error as _;

use bpf_loader::StateError;
use bpf_trust::TrustError;
use click_graph::{ConfigError, HandlerError, HostError, RunError, Source};
use platform_click::Code;

use crate::codes;

/// Why a configuration does not run, or stopped running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something in the configuration, or that it asks for.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A handler that is to be read or written.
    #[error(transparent)]
    Handler(#[from] HandlerError),
    /// A file that belongs to the process.
    #[error(transparent)]
    File(#[from] HostError),
    /// The trust bundle does not count.
    #[error("`{name}` is not to be trusted")]
    Trust {
        /// The file.
        name: String,
        /// Why.
        #[source]
        error: TrustError,
    },
    /// The state directory is not usable.
    #[error(transparent)]
    State(StateError),
    /// A device failed while the router ran.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Two configurations on one command line.
    #[error("`{0}` is a second configuration")]
    SecondConfig(String),
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
}

impl Error {
    /// The diagnostic.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Config(error) => error.code(),
            Self::Handler(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Trust { error, .. } => error.code(),
            Self::State(error) => error.code(),
            Self::Run(error) => error.code(),
            Self::SecondConfig(_) => codes::COMMAND_LINE,
            Self::Random(_) => codes::RANDOM,
        }
    }

    /// The error as several lines of plain text without a final newline: the place in `source`
    /// where there is one, the code, what is wrong and why, and what to do.
    #[must_use]
    pub fn render(&self, source: &Source) -> String {
        if let Self::Config(error) = self {
            return error.render(source);
        }
        let code = self.code();
        let mut text = format!("error[{code}]: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text.push_str(&format!("\n  = help: {}", code.help));
        text
    }
}
