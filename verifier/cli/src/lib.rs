//! The command line of `bpfsign`: verify, sign and inspect eBPF programs for Click.
#![forbid(unsafe_code)]

mod args;
mod claims;
mod clock;
mod commands;
mod counter;
mod counterexample;
mod error;
mod files;
mod gate;
mod output;
mod passphrase;
mod policy;
mod report;
mod show;

use std::ffi::OsString;
use std::process;

use clap::Parser as _;
use platform_click::ExitCode;

use crate::args::{Cli, Command, Format};
use crate::error::CliError;
use crate::output::Output;

/// What the program does: a command, or the work of the verifying child when it was started as one.
#[must_use]
pub fn main() -> process::ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == args::WORKER) {
        return bpf_verifier::worker_main();
    }
    run(args).number().into()
}

fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; everything else is a usage error.
            let exit = if error.use_stderr() {
                ExitCode::Usage
            } else {
                ExitCode::Accepted
            };
            let _ = error.print();
            return exit;
        }
    };
    let output = Output::new(&cli.global);
    dispatch(&cli, &output).unwrap_or_else(|error| output.error(&error))
}

fn dispatch(cli: &Cli, output: &Output) -> Result<ExitCode, CliError> {
    if !matches!(output.format(), Format::Text | Format::Json)
        && !matches!(cli.command, Command::Gate(_))
    {
        let message = "the command has no such output format";
        return Err(CliError::message(error::codes::FORMAT, message));
    }
    match &cli.command {
        Command::Gate(args) => gate::run(args, output),
        Command::Stats(args) => commands::stats::run(args, output),
        Command::Completions(args) => Ok(commands::pages::completions(args, output)),
        Command::Man(args) => commands::pages::man(args),
        Command::Verify(args) => commands::verify::run(args, output),
        Command::VerifyAndSign(args) => commands::sign::run(args, output),
        Command::Check(args) => commands::check::run(args, output),
        Command::Inspect(args) => commands::inspect::run(args, output),
        Command::Disasm(args) => commands::disasm::run(args, output),
        Command::State(command) => commands::state::run(command, output),
        Command::Pki(command) => commands::pki::run(command, output),
        Command::Platform(command) => Ok(commands::platform::run(command, output)),
        Command::Explain(args) => commands::explain::run(args, output),
        Command::Demo(args) => commands::demo::run(args, &cli.global),
    }
}
