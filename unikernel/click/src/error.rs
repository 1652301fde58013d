//! What can be wrong with a configuration, and where.

use alloc::string::String;
use alloc::vec::Vec;
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
    /// A line begins with `#` and is none that a preprocessor leaves.
    #[error("a line that begins with `#` is not `# NUMBER \"FILE\"`")]
    Directive,
    /// A package, which would be code.
    #[error("there is no package `{0}`")]
    Package(String),
    /// A library that a compound element requires.
    #[error("a library is required within a compound element")]
    LibraryWithin,
    /// There are too many libraries.
    #[error("more than {max} libraries", max = limits::MAX_LIBRARIES)]
    TooManyLibraries,
    /// Compound elements lie in each other too often.
    #[error("compound elements lie in each other more than {max} times", max = limits::MAX_NESTING)]
    Nesting,
    /// Variables give too much text.
    #[error("variables stand for more than {max} bytes in all", max = limits::MAX_EXPANSION)]
    TooMuchExpansion,
    /// There are too many connections.
    #[error("more than {max} connections", max = limits::MAX_CONNECTIONS)]
    TooManyConnections,
    /// Brackets name too many ports.
    #[error("more than {max} ports", max = limits::MAX_PORTS)]
    TooManyPorts,
    /// `...` without a compound element before it.
    #[error("`...` extends a class with the variants before it, and there are none")]
    LoneDots,
    /// There is no class to extend.
    #[error("there is no element class `{0}` to extend")]
    NothingToExtend(String),
    /// A chain goes on behind an implied output.
    #[error("an element is missing in the middle of a chain")]
    ImpliedWithin,
    /// `input` at the end of a connection, or `output` at its start.
    #[error("`{0}` of a compound element is used from the wrong side")]
    WrongSide(Direction),
    /// The ports of a compound element have a gap.
    #[error("{side} {port} of the compound element is not used, and a higher one is")]
    PortGap {
        /// The side.
        side: Direction,
        /// The first port that is not used.
        port: usize,
    },
    /// No variant of a compound element fits.
    #[error("no variant of the element class takes {wanted}; there is {}", candidates.join(", "))]
    NoVariant {
        /// What is given.
        wanted: String,
        /// What the variants take.
        candidates: Vec<String>,
    },
    /// A variable is defined twice, or is a parameter too.
    #[error("the variable `${0}` is defined twice")]
    VariableTwice(String),
    /// Two parameters have one keyword.
    #[error("two parameters have the keyword {0}")]
    KeywordTwice(String),
    /// Parameters are in the wrong order.
    #[error("parameters without a keyword come first, one for the rest comes last")]
    ParameterOrder,
    /// `define` names something that is no variable.
    #[error("`{0}` is not a variable such as `$name`")]
    NotAVariable(String),
    /// An element's name has a part that is a number.
    #[error("`{0}` has a part that is a number only and cannot name an element")]
    NumberAsName(String),
    /// Two port lists that may go on, in one connection.
    #[error("both sides of a connection, or two elements of one, have an open port list")]
    TwoOpen,
    /// Different numbers of ports on both sides of an arrow.
    #[error("{outputs} outputs are connected to {inputs} inputs")]
    Mismatch {
        /// Outputs.
        outputs: usize,
        /// Inputs.
        inputs: usize,
    },
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
        nearest: Option<String>,
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
    /// Several ports on both sides of `->`.
    #[error("several ports on both sides of `->`; `=>` connects them one by one")]
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
    /// A keyword without a value.
    #[error("the argument {0} has no value")]
    NoValue(&'static str),
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
    /// An argument should name an element, and there is none of this name.
    #[error("{keyword} must name an element, and there is no `{name}`")]
    NoElement {
        /// The argument.
        keyword: &'static str,
        /// The name.
        name: String,
        /// The element whose name is nearest.
        nearest: Option<String>,
    },
    /// An argument should name an element of some classes, and names one of another class.
    #[error("{keyword} must name an element of the class {}, not `{element}`", wanted.join(" or "))]
    WrongElement {
        /// The argument.
        keyword: &'static str,
        /// The classes.
        wanted: &'static [&'static str],
        /// Name and class of the element.
        element: String,
    },
    /// An element does not begin its work.
    #[error("{0}")]
    Start(String),
    /// Two elements want to be asked before the router stops.
    #[error("a router has one driver script at most, and this is a second")]
    TwoManagers,
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
    /// Packets are pulled through too many elements.
    #[error("`{0}` pulls packets through more than {max} elements, or round in a circle", max = limits::MAX_PULL_DEPTH)]
    PullDepth(String),
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
            Self::Syntax { .. }
            | Self::Unterminated { .. }
            | Self::Directive
            | Self::StrayPort(_)
            | Self::ManyToMany
            | Self::ImpliedWithin
            | Self::NotAVariable(_) => codes::SYNTAX,
            Self::Package(_) => codes::UNSUPPORTED,
            Self::TooLong(_)
            | Self::TooManyElements
            | Self::TooManyLibraries
            | Self::Nesting
            | Self::TooMuchExpansion
            | Self::TooManyConnections
            | Self::TooManyPorts
            | Self::PullDepth(_) => codes::LIMIT,
            Self::LoneDots
            | Self::LibraryWithin
            | Self::NothingToExtend(_)
            | Self::WrongSide(_)
            | Self::PortGap { .. }
            | Self::NoVariant { .. }
            | Self::VariableTwice(_)
            | Self::KeywordTwice(_)
            | Self::ParameterOrder => codes::COMPOUND,
            Self::PortNumber(_)
            | Self::TwoOpen
            | Self::Mismatch { .. }
            | Self::NoSuchPort { .. }
            | Self::Unconnected { .. }
            | Self::Reused { .. } => codes::PORT,
            Self::UnknownClass { .. } => codes::CLASS,
            Self::Undeclared { .. }
            | Self::Redeclared { .. }
            | Self::ClassAsName(_)
            | Self::NumberAsName(_) => codes::NAME,
            Self::ArgumentsOnReference(_)
            | Self::Missing { .. }
            | Self::UnknownArgument { .. }
            | Self::TooManyArguments { .. }
            | Self::NoValue(_)
            | Self::Repeated(_)
            | Self::Value { .. }
            | Self::NoElement { .. }
            | Self::WrongElement { .. }
            | Self::Start(_)
            | Self::TwoManagers => codes::ARGUMENT,
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
