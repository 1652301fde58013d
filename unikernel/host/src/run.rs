//! A configuration from its text to its end.

use core::sync::atomic::{AtomicBool, Ordering};
use std::path::PathBuf;
use std::sync::Arc;

use click_graph::{Config, Host as _, Router, RunError};

use crate::Error;
use crate::linux::{Console, LinuxHost};
use crate::programs::{Programs, Trust};

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
    let handlers = resolve(&config, &options.handlers)?;
    resolve(&config, options.exit_handler.as_slice())?;
    let trust = match (&options.trust, &options.state) {
        (Some(trust), Some(state)) => Some(Trust::open(trust, state)?),
        _ => None,
    };
    let mut programs = Programs::new(trust)?;
    let mut host = LinuxHost::new(console, options.simulated_ns)?;
    let started = if options.check_only {
        Router::rehearse(config, &mut host, &mut programs)
    } else {
        Router::new(config, &mut host, &mut programs)
    };
    let mut router = started?;
    for warning in programs.warnings {
        host.message(&warning);
    }
    let failure = if options.check_only {
        None
    } else {
        let interrupted = || options.interrupted.load(Ordering::Relaxed);
        let ran = router.run(&mut host, interrupted);
        let finished = router.finish();
        ran.and(finished).err()
    };
    let looped = router.looped();
    if looped > 0 {
        host.message(&format!(
            "note: {looped} packets in all went round and were dropped"
        ));
    }
    let mut read = |handler: String| {
        let value = router.call_read(&mut host, &handler)?;
        Ok(Reading { handler, value })
    };
    let readings = handlers.into_iter().map(&mut read);
    let readings = readings.collect::<Result<_, Error>>()?;
    let exit = options.exit_handler.clone().map(read).transpose()?;
    Ok(Report {
        readings,
        exit: exit.map(|reading| reading.value),
        looped,
        failure,
    })
}

/// The full names of the handlers asked for. A mistake in them should not show only after a long
/// run, so they are looked up in a router that has not started.
fn resolve(config: &Config, patterns: &[String]) -> Result<Vec<String>, Error> {
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
