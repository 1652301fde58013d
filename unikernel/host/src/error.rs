//! Why a configuration does not run, or stopped running.

use core::error::Error as _;

use bpf_loader::StateError;
use bpf_object::ObjectError;
use bpf_trust::TrustError;
use click_graph::{ConfigError, HandlerError, HostError, RunError, Source};
use platform_click::Code;

use crate::codes;
use crate::vm::VmError;

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
    /// The value of the exit handler is no exit code.
    #[error("`{0}` is neither a number nor true or false, as the exit handler's value has to be")]
    ExitHandler(String),
    /// The object of a program that is to be debugged is not usable.
    #[error("`{name}` is no object for this platform")]
    Object {
        /// The file.
        name: String,
        /// Why.
        #[source]
        error: Box<ObjectError>,
    },
    /// It is not clear which program is meant.
    #[error("{}", which_program(name, wanted.as_deref(), there_are))]
    Program {
        /// The object's file.
        name: String,
        /// The program that was asked for.
        wanted: Option<String>,
        /// The programs of the object.
        there_are: Vec<String>,
    },
    /// The program cannot be made ready to run.
    #[error("`{name}` cannot run: {reason}")]
    Load {
        /// The object's file.
        name: String,
        /// Why.
        reason: String,
    },
    /// The process cannot give up what it started with.
    #[error("privileges cannot be given up")]
    Privileges(#[source] std::io::Error),
    /// A test packet cannot be sent.
    #[error("cannot send to {to}")]
    Send {
        /// The address.
        to: String,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// A machine does not run.
    #[error(transparent)]
    Vm(#[from] VmError),
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
            Self::SecondConfig(_) | Self::ExitHandler(_) => codes::COMMAND_LINE,
            Self::Object { error, .. } => error.code(),
            Self::Program { .. } => codes::PROGRAM,
            Self::Load { .. } => codes::LOAD,
            Self::Privileges(_) => codes::PRIVILEGES,
            Self::Send { .. } => codes::SEND,
            Self::Vm(error) => error.code(),
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

fn which_program(name: &str, wanted: Option<&str>, there_are: &[String]) -> String {
    let programs = there_are.join(", ");
    match wanted {
        Some(wanted) => format!("`{name}` has no program `{wanted}`; it has: {programs}"),
        None => format!("`{name}` has several programs: {programs}"),
    }
}
