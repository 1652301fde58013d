//! What can be wrong with a configuration, and where.

use alloc::string::String;
use core::error::Error;
use core::fmt;

use platform_click::Code;

use crate::codes;
use crate::graph::{Direction, Processing};
use crate::host::HostError;
use crate::language::Span;
use crate::limits;
use crate::program::ProgramError;

/// An error in a configuration, with its place.
#[derive(Debug)]
pub struct ConfigError {
    /// What is wrong.
    pub problem: Problem,
    /// Where.
    pub span: Span,
}

/// What can be wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is not of the language.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What may stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// A quotation, comment or list has a beginning only.
    #[error("{what} is not closed")]
    Unterminated {
        /// What begins here.
        what: &'static str,
    },
    /// A construct of Click that this implementation refuses.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The text is too long.
    #[error("a configuration of {0} bytes is longer than {max}", max = limits::MAX_CONFIG_SIZE)]
    TooLong(usize),
    /// There are too many elements.
    #[error("more than {max} elements", max = limits::MAX_ELEMENTS)]
    TooManyElements,
    /// The text between brackets is not a port.
    #[error("`{0}` is not a port number from 0 to {max}", max = limits::MAX_PORTS.saturating_sub(1))]
    PortNumber(String),
    /// There is no such class.
    #[error("unknown element class `{name}`")]
    UnknownClass {
        /// The name.
        name: String,
        /// The class whose name is nearest.
        nearest: Option<&'static str>,
    },
    /// There is no such element.
    #[error("`{name}` is neither a declared element nor an element class")]
    Undeclared {
        /// The name.
        name: String,
        /// The element or class whose name is nearest.
        nearest: Option<String>,
    },
    /// The element was declared before.
    #[error("`{name}` is declared a second time, first in line {line}")]
    Redeclared {
        /// The name.
        name: String,
        /// The line of the first declaration.
        line: usize,
    },
    /// An element is to have the name of a class.
    #[error("`{0}` is an element class and cannot name an element")]
    ClassAsName(String),
    /// Arguments behind the name of an element that was declared before.
    #[error("`{0}` is declared already, its arguments stand there")]
    ArgumentsOnReference(String),
    /// An input port where no connection comes from, or an output port that none leaves.
    #[error("{0} port at the {end} of a chain", end = if *.0 == Direction::Input { "start" } else { "end" })]
    StrayPort(Direction),
    /// Several elements on both sides of one arrow.
    #[error("several elements on both sides of `->`")]
    ManyToMany,
    /// A mandatory argument is not there.
    #[error("`{class}` needs the argument {keyword}")]
    Missing {
        /// The class.
        class: &'static str,
        /// The argument.
        keyword: &'static str,
    },
    /// The class has no such argument.
    #[error("`{class}` has no argument {keyword}")]
    UnknownArgument {
        /// The class.
        class: &'static str,
        /// What looks like a keyword.
        keyword: String,
        /// The keyword whose name is nearest.
        nearest: Option<&'static str>,
    },
    /// More arguments without a keyword than the class takes.
    #[error("`{class}` has too many arguments")]
    TooManyArguments {
        /// The class.
        class: &'static str,
    },
    /// An argument is there twice.
    #[error("the argument {0} is given twice")]
    Repeated(&'static str),
    /// An argument has a value that does not fit.
    #[error("{keyword} must be {expected}, not `{found}`")]
    Value {
        /// The argument.
        keyword: &'static str,
        /// What its values are.
        expected: &'static str,
        /// The value given.
        found: String,
    },
    /// An argument that would let the configuration decide what is trusted.
    #[error("{0} is not for the configuration to decide")]
    Reserved(String),
    /// A connection leads to or from a port that the element does not have.
    #[error("`{element}` has no {direction} {port}")]
    NoSuchPort {
        /// Name and class.
        element: String,
        /// The side.
        direction: Direction,
        /// The port.
        port: usize,
    },
    /// A port without a connection.
    #[error("{direction} {port} of `{element}` is not connected")]
    Unconnected {
        /// Name and class.
        element: String,
        /// The side.
        direction: Direction,
        /// The port.
        port: usize,
    },
    /// A push output or pull input with more than one connection.
    #[error("{processing} {direction} {port} of `{element}` is connected twice")]
    Reused {
        /// Name and class.
        element: String,
        /// What kind of port.
        processing: Processing,
        /// The side.
        direction: Direction,
        /// The port.
        port: usize,
    },
    /// A push port meets a pull port.
    #[error(
        "{from_processing} output {from_port} of `{from}` is connected to {to_processing} input {to_port} of `{to}`"
    )]
    Processing {
        /// Name and class of the upstream element.
        from: String,
        /// Its output.
        from_port: usize,
        /// What the output is.
        from_processing: Processing,
        /// Name and class of the downstream element.
        to: String,
        /// Its input.
        to_port: usize,
        /// What the input is.
        to_processing: Processing,
    },
    /// An agnostic element between push and pull.
    #[error(
        "`{element}` is agnostic, but its input {input} is {input_processing} and its output {output} is {output_processing}"
    )]
    Mixed {
        /// Name and class.
        element: String,
        /// The input.
        input: usize,
        /// What it is.
        input_processing: Processing,
        /// The output.
        output: usize,
        /// What it is.
        output_processing: Processing,
    },
    /// A file of an element.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The program of an element.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

impl Problem {
    /// This problem, at a place.
    pub(crate) const fn at(self, span: Span) -> ConfigError {
        ConfigError {
            problem: self,
            span,
        }
    }

    /// The diagnostic.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Syntax { .. } | Self::Unterminated { .. } | Self::StrayPort(_) => codes::SYNTAX,
            Self::Unsupported(_) | Self::ManyToMany => codes::UNSUPPORTED,
            Self::TooLong(_) | Self::TooManyElements => codes::LIMIT,
            Self::PortNumber(_)
            | Self::NoSuchPort { .. }
            | Self::Unconnected { .. }
            | Self::Reused { .. } => codes::PORT,
            Self::UnknownClass { .. } => codes::CLASS,
            Self::Undeclared { .. } | Self::Redeclared { .. } | Self::ClassAsName(_) => codes::NAME,
            Self::ArgumentsOnReference(_)
            | Self::Missing { .. }
            | Self::UnknownArgument { .. }
            | Self::TooManyArguments { .. }
            | Self::Repeated(_)
            | Self::Value { .. } => codes::ARGUMENT,
            Self::Reserved(_) => codes::RESERVED,
            Self::Processing { .. } | Self::Mixed { .. } => codes::PROCESSING,
            Self::Host(error) => error.code(),
            Self::Program(error) => error.code(),
        }
    }
}

impl ConfigError {
    /// The diagnostic.
    #[must_use]
    pub fn code(&self) -> Code {
        self.problem.code()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}
