//! The Click language: from text to elements and connections.
//!
//! What click(5) describes is read as Click reads it, with two differences: `require(package …)`
//! is refused, because there are none, and an argument that is given twice is refused instead of
//! the last one winning.
//!
//! The text is cut into tokens, these into statements (`syntax`); `declare` finds what each name
//! stands for, one pair of braces at a time; `expand` puts the elements of compound elements in
//! their place, with variables replaced; `tunnel` leads connections through what has gone.

mod arguments;
mod compound;
mod config;
mod connect;
mod declare;
mod expand;
mod lexer;
mod library;
mod parser;
mod source;
mod syntax;
mod tunnel;
mod unparse;
mod value;
mod variables;

pub use arguments::Argument;
pub(crate) use arguments::{Arguments, split_arguments};
pub use config::{Config, Connection, Declaration, Endpoint, Reading};
pub use library::{Libraries, Library, NoLibraries};
pub use source::{Place, Source, Span};
pub(crate) use value::{
    Value, parse_boolean, parse_interval_ns, parse_limit, parse_unsigned, quote, shift_word,
    unquote,
};
pub(crate) use variables::{Form, Quote, expand};
