//! A router with the process around it, for whoever wants to do something between its rounds.

use click_graph::{
    Config, HandlerError, Host as _, Progress, Ready, ReplaceError, Replaced, Replacement, Router,
    RunError,
};

use crate::linux::{Console, LinuxHost};
use crate::programs::{Programs, Trust};
use crate::run::{Options, Reading, Report, resolve};
use crate::{Error, Privileges, privileges};

/// A configuration that runs, or is about to.
pub struct Dataplane<'a> {
    router: Router,
    host: LinuxHost<'a>,
    handlers: Vec<String>,
    exit_handler: Option<String>,
    programs: Programs,
    check_only: bool,
}

/// Prepares programs for a [`Dataplane`], in whatever thread it is used.
#[derive(Clone, Debug)]
pub struct Preparer(Programs);

impl Preparer {
    /// Admits, compiles and commits a program.
    ///
    /// # Errors
    /// As [`Replacement::prepare`].
    pub fn prepare(&mut self, replacement: Replacement) -> Result<Ready, ReplaceError> {
        replacement.prepare(&mut self.0)
    }
}

impl<'a> Dataplane<'a> {
    /// Starts a configuration, up to where packets move; with [`Options::check_only`], up to where
    /// anything outside would change. What it has to say goes to `console`.
    ///
    /// # Errors
    /// The configuration is wrong, what it needs is missing or refused, or a handler does not exist.
    pub fn start(
        config: Config,
        options: &Options,
        console: &'a mut dyn Console,
    ) -> Result<Self, Error> {
        let handlers = resolve(&config, &options.handlers)?;
        resolve(&config, options.exit_handler.as_slice())?;
        let trust = match (&options.trust, &options.state) {
            (Some(trust), Some(state)) => Some(Trust::open(trust, state)?),
            _ => None,
        };
        let mut programs = Programs::new(trust)?;
        let mut host = LinuxHost::new(console, options.simulated_ns)?;
        for (number, device) in &options.devices {
            host.name_device(number.clone(), device.clone());
        }
        let router = if options.check_only {
            Router::rehearse(config, &mut host, &mut programs)?
        } else {
            Router::new(config, &mut host, &mut programs)?
        };
        if let Privileges::Drop { user } = &options.privileges
            && (user.is_some() || host.has_devices())
        {
            privileges::give_up(user.as_deref()).map_err(Error::Privileges)?;
        }
        // Whether a program has a map is known only now.
        for handler in &handlers {
            router.expand_handlers(handler)?;
        }
        host.set_programs(programs.clone());
        Ok(Self {
            router,
            host,
            handlers,
            exit_handler: options.exit_handler.clone(),
            programs,
            check_only: options.check_only,
        })
    }

    /// Gives every element a turn.
    ///
    /// # Errors
    /// A device failed; the router has stopped.
    pub fn round(&mut self) -> Result<Progress, RunError> {
        self.router.round(&mut self.host)
    }

    /// Runs until there is nothing to do, something asks to stop, or `interrupted` says so.
    ///
    /// # Errors
    /// A device failed; the router has stopped.
    pub fn run(&mut self, interrupted: impl FnMut() -> bool) -> Result<(), RunError> {
        self.router.run(&mut self.host, interrupted)
    }

    /// Reads a handler, as [`Router::call_read`] does.
    ///
    /// # Errors
    /// As there.
    pub fn read(&mut self, call: &str) -> Result<String, HandlerError> {
        self.router.call_read(&mut self.host, call)
    }

    /// Writes to a handler, as [`Router::call_write`] does.
    ///
    /// # Errors
    /// As there.
    pub fn write(&mut self, call: &str) -> Result<(), HandlerError> {
        self.router.call_write(&mut self.host, call)
    }

    /// What an element is to run when these arguments are written to it.
    ///
    /// # Errors
    /// As [`Router::plan_replacement`].
    pub fn plan(&self, element: &str, arguments: &str) -> Result<Replacement, ReplaceError> {
        self.router.plan_replacement(element, arguments)
    }

    /// Prepares programs while the router runs.
    #[must_use]
    pub fn preparer(&self) -> Preparer {
        Preparer(self.programs.clone())
    }

    /// Puts a prepared program into its element. What packets wait for is this call; dropping what it
    /// returns is not.
    ///
    /// # Errors
    /// As [`Router::swap`].
    pub fn swap(&mut self, ready: Ready) -> Result<Replaced, ReplaceError> {
        self.router.swap(ready)
    }

    /// Completes what is written, and reads the handlers that were asked for. `ran` is what came of
    /// the run.
    ///
    /// # Errors
    /// A handler cannot be read any more.
    pub fn finish(mut self, ran: Result<(), RunError>) -> Result<Report, Error> {
        let finished = match self.check_only {
            true => Ok(()),
            false => self.router.finish(),
        };
        let looped = self.router.looped();
        if looped > 0 {
            self.host.message(&format!(
                "note: {looped} packets in all went round and were dropped"
            ));
        }
        let mut readings = Vec::with_capacity(self.handlers.len());
        for handler in core::mem::take(&mut self.handlers) {
            let value = self.read(&handler)?;
            readings.push(Reading { handler, value });
        }
        let exit = self.exit_handler.take();
        let exit = exit.map(|handler| self.read(&handler)).transpose()?;
        Ok(Report {
            readings,
            exit,
            looped,
            failure: ran.and(finished).err(),
        })
    }
}

impl core::fmt::Debug for Dataplane<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Dataplane").field(&self.router).finish()
    }
}
