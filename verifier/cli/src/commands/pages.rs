//! `bpfsign completions` and `bpfsign man`: from the definition of the command line.

use clap::CommandFactory as _;
use platform_click::ExitCode;

use crate::args::{Cli, Completions, Man};
use crate::error::{CliError, codes};
use crate::files;
use crate::output::Output;

pub(crate) fn completions(args: &Completions, output: &Output) -> ExitCode {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bpfsign", &mut text);
    output.print(&String::from_utf8_lossy(&text));
    ExitCode::Accepted
}

pub(crate) fn man(args: &Man) -> Result<ExitCode, CliError> {
    let mut command = Cli::command();
    command.build();
    pages(&command, args)?;
    Ok(ExitCode::Accepted)
}

/// A page for a command and for each of its own.
fn pages(command: &clap::Command, args: &Man) -> Result<(), CliError> {
    let name = command.get_display_name().unwrap_or("bpfsign").to_owned();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| CliError::new(codes::INTERNAL, &error))?;
    files::write(&args.folder.join(format!("{name}.1")), &page)?;
    let mut shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    shown.try_for_each(|sub| pages(sub, args))
}
