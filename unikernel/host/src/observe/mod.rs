//! Running routers, seen from another process, through their ControlSocket only: what looks at a router
//! neither slows it down nor breaks it.

mod client;
mod metrics;
mod model;
mod router;
mod server;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use platform_click::ExitCode;

pub(crate) use client::{Client, ClientError};
pub(crate) use metrics::MetricsArguments;
pub(crate) use model::Model;
#[cfg(test)]
pub(crate) use model::{Counts, Element, Sample};
pub(crate) use router::Process;
use router::StartError;

use crate::cli::print;

/// Which router is observed.
#[derive(Debug, Args)]
pub(crate) struct Observed {
    /// The configuration and all options that `bpfclick` takes for it
    #[arg(
        value_name = "CONFIG | OPTION",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    router: Vec<OsString>,

    /// Observe the router that listens there
    #[arg(long, value_name = "FILE", conflicts_with = "router")]
    socket: Option<PathBuf>,
}

impl Observed {
    /// Connects to the router, which is started if it does not run.
    ///
    /// # Errors
    /// How the program ends, which has been said.
    pub(crate) fn connect(
        &self,
        err: &mut dyn Write,
    ) -> Result<(Option<Process>, Client), ExitCode> {
        let connected = match &self.socket {
            Some(socket) => Client::connect(socket)
                .map(|client| (None, client))
                .map_err(StartError::from),
            None if self.router.is_empty() => {
                let text = "error: a configuration, or `--socket FILE` of a router that runs\n";
                return Err(print(err, text, ExitCode::Usage));
            }
            None => Process::start(&self.router).map(|(process, client)| (Some(process), client)),
        };
        connected.map_err(|error| match error {
            // It has said why in its own words, and ends as it would without us.
            StartError::Ended { status, said } => {
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                let code = code.and_then(ExitCode::from_number);
                print(
                    err,
                    &format!("{said}\n"),
                    code.unwrap_or(ExitCode::Internal),
                )
            }
            error => print(err, &format!("error: {error}\n"), ExitCode::Io),
        })
    }

    /// The router in words.
    pub(crate) fn title(&self) -> String {
        let named = self.socket.as_ref();
        let named = named.map(|socket| socket.display().to_string());
        let words = self.router.iter().map(|word| word.to_string_lossy());
        named.unwrap_or_else(|| words.collect::<Vec<_>>().join(" "))
    }
}
