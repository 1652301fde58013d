//! The Click language: from text to elements and connections.
//!
//! What click(5) describes is read as Click reads it, except: compound elements, element groups,
//! `=>`, port lists, variables (`define`, `$name`), `require`, `provide` and preprocessor lines are
//! refused by name, and an argument that is given twice is refused instead of the last one winning.

mod arguments;
mod config;
mod lexer;
mod parser;
mod resolve;
mod source;
mod unparse;
mod value;

pub use arguments::Argument;
pub(crate) use arguments::Arguments;
pub use config::{Config, Connection, Declaration, Endpoint};
pub use source::{Position, Source, Span};
pub(crate) use value::{Value, parse_boolean, parse_limit, parse_unsigned};
