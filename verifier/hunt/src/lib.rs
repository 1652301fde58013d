//! The hunt: programs are made at random, every engine is asked about each, and what an engine
//! accepts is run. A run that faults, or that contradicts what the engine claims, is a finding: it is
//! made as small as possible and kept under `tests/findings/`.
//!
//! | module | does |
//! |---|---|
//! | `source` | makes programs: random ones, corners of the instruction set, mutated samples |
//! | `question`, `worker` | asks the engines in a confined child process, and runs what they accept |
//! | `judge` | decides what is a finding |
//! | `reduce` | makes programs smaller |
//! | `finding` | the folder `tests/findings/` |
//! | `hunt`, `tally` | the hunt, and its tables |
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![expect(
    clippy::arithmetic_side_effects,
    reason = "it counts, and is a tool for developers"
)]

mod finding;
mod hunt;
mod judge;
mod question;
mod reduce;
mod source;
mod tally;
mod worker;

pub use finding::{Finding, class_of, findings, folder};
pub use hunt::{Budget, Hunt};
pub use judge::{Charge, Offence, charges};
pub use question::{Answer, Asker, Case, Engine, Ran, Request, Saying};
pub use source::Source;
pub use tally::Tally;
pub use worker::serve;
