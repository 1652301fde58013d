//! The Click router: its language, its elements, and packets on their way between them.
//!
//! A configuration is text. [`Config::parse`](language::Config::parse) turns it into elements and
//! connections with all names resolved, [`Graph`](graph::Graph) checks ports and who pushes or
//! pulls, and [`Router::new`] makes the elements, opens their files and installs their programs; then
//! [`Router::run`] moves packets. Files and clock belong to a [`Host`], programs come from a
//! [`ProgramSource`] that has them admitted by `bpf-loader`. Nothing here opens a file or prints.
//!
//! | module | subject |
//! |---|---|
//! | [`language`] | text, declarations, connections, arguments |
//! | [`error`] | everything that can be wrong with a configuration, with its place |
//! | [`graph`] | ports, push and pull |
//! | [`elements`] | the table of classes and their manual pages |
//! | [`handlers`] | reading from and writing to a running router |
//! | [`host`], [`program`] | what a process or machine provides: files and clock, admitted programs |
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::or_fun_call,
        reason = "a test fails by panicking"
    )
)]

extern crate alloc;

pub mod codes;
mod context;
mod element;
pub mod elements;
pub mod error;
mod executor;
pub mod graph;
pub mod handlers;
mod headers;
pub mod host;
mod in_place;
pub mod language;
pub mod limits;
mod names;
mod nearest;
mod packet;
pub mod program;
mod render;
mod router;
#[cfg(test)]
mod testing;
mod throttle;

pub use elements::{Finished, Ready, ReplaceError, Replaced, Replacement};
pub use error::{ConfigError, Problem};
pub use executor::Jit;
pub use handlers::HandlerError;
pub use host::{Host, HostError};
pub use language::{Config, Source};
pub use program::{ProgramError, ProgramRequest, ProgramSource};
pub use router::{Progress, Router, RunError};
