//! A configuration from its text to its end.

use core::sync::atomic::{AtomicBool, Ordering};
use std::path::PathBuf;
use std::sync::Arc;

use click_graph::{Config, Router, RunError};

use crate::linux::Console;
use crate::{Dataplane, Error, Privileges};

/// How a configuration is to be run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The trust bundle, for elements that run programs.
    pub trust: Option<PathBuf>,
    /// The state directory, for elements that run programs.
    pub state: Option<PathBuf>,
    /// Handlers that are read at the end, as [`Router::expand_handlers`] understands them.
    pub handlers: Vec<String>,
    /// The handler whose value at the end is the exit code of the process.
    pub exit_handler: Option<String>,
    /// The time at which a clock begins that stands still while packets move, and jumps when elements
    /// wait; in nanoseconds since 1970. `None`: the system's clock.
    pub simulated_ns: Option<u64>,
    /// What numbers, or other names, of devices stand for.
    pub devices: Vec<(String, String)>,
    /// What becomes of privileges once everything is open.
    pub privileges: Privileges,
    /// Check everything that can be checked without a change to anything outside, and do not run.
    pub check_only: bool,
    /// Stops the run, soon after it has become true.
    pub interrupted: Arc<AtomicBool>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// The handlers that were asked for, in that order.
    pub readings: Vec<Reading>,
    /// Packets that were dropped because they went round in the configuration.
    pub looped: u64,
    /// What the exit handler said.
    pub exit: Option<String>,
    /// What ended the run, if that was an error. Packets before it were processed, and are in the
    /// files and in the readings.
    pub failure: Option<RunError>,
}

/// A handler and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// `element.handler`.
    pub handler: String,
    /// Its value.
    pub value: String,
}

impl Report {
    /// The readings as Click prints them: a value, or several, each behind its handler's name.
    #[must_use]
    pub fn text(&self) -> String {
        let line = |value: &str| match value {
            "" => String::new(),
            value => format!("{}\n", value.trim_end_matches('\n')),
        };
        match self.readings.as_slice() {
            [only] => line(&only.value),
            several => several
                .iter()
                .map(|Reading { handler, value }| format!("{handler}:\n{}\n", line(value)))
                .collect(),
        }
    }
}

/// Runs a configuration to its end, and hands what it has to say to `console`.
///
/// # Errors
/// The configuration is wrong, what it needs is missing or refused, or a handler does not exist;
/// nothing has run then. What goes wrong afterwards is in [`Report::failure`].
pub fn run(config: Config, options: &Options, console: &mut dyn Console) -> Result<Report, Error> {
    let mut dataplane = Dataplane::start(config, options, console)?;
    let ran = if options.check_only {
        Ok(())
    } else {
        dataplane.run(|| options.interrupted.load(Ordering::Relaxed))
    };
    dataplane.finish(ran)
}

/// The full names of the handlers asked for. A mistake in them should not show only after a long
/// run, so they are looked up in a router that has not started.
pub(crate) fn resolve(config: &Config, patterns: &[String]) -> Result<Vec<String>, Error> {
    if patterns.is_empty() {
        return Ok(Vec::new());
    }
    let router = Router::check(config.clone())?;
    let mut handlers = Vec::new();
    for pattern in patterns {
        handlers.extend(router.expand_handlers(pattern)?);
    }
    Ok(handlers)
}
