//! The Click dataplane as a Linux process.
//!
//! [`run`] takes a [`Config`](click_graph::Config) and gives a [`Report`]; the program `bpfclick` is a command line
//! around it ([`cli`]). Both print nothing by themselves: what elements say on the way goes to a
//! [`Console`] of the caller's.
//!
//! ```
//! use click_graph::{Config, Source};
//! use click_host::{Options, run};
//!
//! let source = Source::new("config", "InfiniteSource(LIMIT 5, STOP true) -> c :: Counter -> Discard");
//! let config = Config::parse(&source)?;
//! let options = Options {
//!     handlers: vec!["c.count".into()],
//!     ..Options::default()
//! };
//! let report = run(config, &options, &mut |_: &str| {})?;
//! assert_eq!(report.text(), "5\n");
//! # Ok::<(), click_host::Error>(())
//! ```
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod background;
pub mod cli;
mod cli_run;
pub mod codes;
mod dataplane;
mod debug;
mod devices;
mod disassembly;
mod dump;
mod error;
mod files;
mod libraries;
mod linux;
#[cfg(feature = "observe")]
mod observe;
mod privileges;
mod programs;
mod random;
mod run;
mod send;
mod sockets;
#[cfg(feature = "observe")]
mod top;
pub mod vm;

pub use dataplane::{Dataplane, Preparer};
pub use debug::{DebugOptions, DebugReport, Faults, MapContents, debug};
pub use devices::device_variables;
pub use error::Error;
pub use libraries::LibraryPath;
pub use linux::Console;
pub use privileges::Privileges;
pub use run::{Options, Reading, Report, run};
