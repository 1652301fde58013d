//! The command line of `bpfclick`: Click's `click`, for this dataplane.

use core::sync::atomic::AtomicBool;
use core::time::Duration;
use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{CommandFactory as _, Parser, Subcommand};
use click_graph::elements::{self, ElementClass};
use click_graph::language::Reading;
use click_graph::limits::MAX_CONFIG_SIZE;
use click_graph::{Config, HostError, Source};
use platform_click::ExitCode;

use crate::cli_run::RunArguments;
#[cfg(feature = "observe")]
use crate::observe::MetricsArguments;
use crate::send::SendArguments;
#[cfg(feature = "observe")]
use crate::top::TopArguments;
use crate::vm::VmArguments;
use crate::{Console, Error, LibraryPath, Options, Privileges, device_variables, files, run};

/// Run a Click configuration, with signed eBPF programs in its elements.
///
/// Reads packets from capture files, leads them through the elements of the configuration, and
/// writes capture files. Programs run only when their objects are signed by whom `--trust` names.
#[derive(Debug, Parser)]
#[command(
    name = "bpfclick",
    version,
    disable_help_flag = true,
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true,
    after_help = AFTER_HELP
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// File with the configuration, `-` or nothing for standard input; and variables for it, which
    /// count more than what it defines
    #[arg(value_name = "CONFIG | NAME=VALUE")]
    positional: Vec<OsString>,

    /// File with the configuration
    #[arg(short, long, conflicts_with = "expression")]
    file: Option<PathBuf>,

    /// The configuration itself
    #[arg(short, long, value_name = "EXPR")]
    expression: Option<String>,

    /// Print a handler's value at the end; ELEMENT is a name, a class, or a pattern with `*` and `?`
    #[arg(short = 'h', long = "handler", value_name = "ELEMENT.HANDLER")]
    handlers: Vec<String>,

    /// Take the exit code from a handler's value at the end: a number, or true for 0 and false for 1
    #[arg(short = 'x', long, value_name = "ELEMENT.HANDLER")]
    exit_handler: Option<String>,

    /// Write the configuration to FILE, flattened; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Check the configuration, its inputs and its programs, and do not run; nothing is changed
    #[arg(short, long)]
    quit: bool,

    /// Listen for connections that use handlers, on this TCP port of the local host; `PORT+` takes a
    /// higher one if it has to
    #[arg(short, long, value_name = "PORT")]
    port: Vec<String>,

    /// Listen for connections that use handlers, on a socket of this name
    #[arg(short, long, value_name = "FILE")]
    unix_socket: Vec<String>,

    /// Simulate the clock: it begins at SECONDS since 1970 and jumps to whatever is waited for
    #[arg(
        long,
        alias = "simulation-time",
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1000000000",
        value_parser = seconds
    )]
    simtime: Option<u64>,

    /// Folders with libraries, separated by colons, instead of those in CLICKPATH
    #[arg(short = 'C', long, value_name = "PATH")]
    clickpath: Option<OsString>,

    /// Do not print warnings about the configuration
    #[arg(short = 'w', long)]
    no_warnings: bool,

    /// Warn about ports at the ends of chains, where Click and this program stop
    #[arg(long)]
    lenient: bool,

    /// Trust bundle: says who may sign programs
    #[arg(long, value_name = "FILE", requires = "state")]
    trust: Option<PathBuf>,

    /// State directory: remembers what ran, so that nothing older runs again
    #[arg(long, value_name = "DIR", requires = "trust")]
    state: Option<PathBuf>,

    /// Let a number, or another name, of FromDevice and ToDevice stand for DEVICE; the variable MAC and
    /// the number is its hardware address
    #[arg(short, long = "device", value_name = "N=DEVICE", value_parser = device)]
    devices: Vec<(String, String)>,

    /// User that the process belongs to once its devices and files are open
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// List the element classes
    #[arg(long)]
    list: bool,

    /// Print this help, or the manual page of an element class
    #[arg(long, value_name = "ELEMENT", num_args = 0..=1)]
    help: Option<Option<String>>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(RunArguments),
    Send(SendArguments),
    #[cfg(feature = "observe")]
    Metrics(MetricsArguments),
    #[cfg(feature = "observe")]
    Top(TopArguments),
    Vm(VmArguments),
}

const AFTER_HELP: &str = "\
Examples:
  bpfclick -e 'InfiniteSource(LIMIT 5) -> c :: Counter -> Discard' -h c.count
  bpfclick --trust pki/trust.bpftrust --state st filter.click
  bpfclick router.click MTU=1400 -q -o -
  bpfclick --help BPFFilter
  bpfclick run program.o --in packets.pcap --trace
  bpfclick top --trust pki/trust.bpftrust --state st filter.click

Handlers go to standard output, everything else to standard error.
Exit codes: 0 done, 2 configuration, 3 input malformed, 20 to 28 program refused, 31 output failed.";

/// Runs the command line `arguments`, the program's name included. Results go to `out`; messages
/// and errors to `err`. The run ends early when `interrupted` becomes true.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
    interrupted: Arc<AtomicBool>,
) -> Exit {
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.execute(out, err, interrupted),
        Err(usage) => {
            let to_out = !usage.use_stderr();
            let code = if to_out {
                ExitCode::Accepted
            } else {
                ExitCode::Usage
            };
            let text = usage.render().to_string();
            Exit::Code(print(if to_out { out } else { err }, &text, code))
        }
    }
}

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As it says itself.
    Code(ExitCode),
    /// As a handler of the configuration says.
    Handler(u8),
}

impl Exit {
    /// The exit code of the process.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Code(code) => code.number(),
            Self::Handler(number) => number,
        }
    }

    /// What happened; a handler has no say in that.
    #[must_use]
    pub const fn code(self) -> ExitCode {
        match self {
            Self::Code(code) => code,
            Self::Handler(_) => ExitCode::Accepted,
        }
    }
}

/// A time in seconds, in nanoseconds.
fn seconds(text: &str) -> Result<u64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    u64::try_from(time.as_nanos()).map_err(|error| error.to_string())
}

/// Both outputs of the program.
struct Terminal<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

/// Where nothing can be written, there is nobody to tell.
impl Console for Terminal<'_> {
    fn message(&mut self, line: &str) {
        let _ = writeln!(self.err, "{line}");
    }

    fn output(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

impl Arguments {
    fn execute(
        self,
        out: &mut dyn Write,
        err: &mut dyn Write,
        interrupted: Arc<AtomicBool>,
    ) -> Exit {
        match self.command {
            Some(Command::Run(arguments)) => return Exit::Code(arguments.execute(out, err)),
            Some(Command::Send(arguments)) => return Exit::Code(arguments.execute(out, err)),
            #[cfg(feature = "observe")]
            Some(Command::Metrics(arguments)) => {
                return Exit::Code(arguments.execute(err, &interrupted));
            }
            #[cfg(feature = "observe")]
            Some(Command::Top(arguments)) => {
                return Exit::Code(arguments.execute(out, err, &interrupted));
            }
            Some(Command::Vm(arguments)) => {
                return Exit::Code(arguments.execute(out, err, &interrupted));
            }
            None => {}
        }
        if let Some(class) = &self.help {
            return Exit::Code(help(class.as_deref(), out, err));
        }
        if self.list {
            return Exit::Code(print(out, &list(), ExitCode::Accepted));
        }
        let mut source = Source::new("config", "");
        match self.run(&mut source, out, err, interrupted) {
            Ok(exit) => exit,
            Err(error) => {
                let code = error.code().exit;
                Exit::Code(print(err, &format!("{}\n", error.render(&source)), code))
            }
        }
    }

    fn run(
        self,
        source: &mut Source,
        out: &mut dyn Write,
        err: &mut dyn Write,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Exit, Error> {
        let (path, mut variables) = self.positional()?;
        variables.splice(..0, device_variables(&self.devices));
        *source = self.source(path)?;
        let mut libraries = match &self.clickpath {
            Some(path) => LibraryPath::new(path),
            None => LibraryPath::from_environment(),
        };
        let mut reading = Reading {
            variables,
            lenient: self.lenient,
            libraries: &mut libraries,
        };
        let mut config = Config::read(source, &mut reading)?;
        add_sockets(&mut config, &self.port, &self.unix_socket)?;
        let mut terminal = Terminal { out, err };
        if !self.no_warnings {
            for warning in config.warnings() {
                terminal.message(&warning.render_warning(source));
            }
        }
        if let Some(output) = &self.output {
            write_flattened(output, &config.to_string(), terminal.out)?;
        }
        let options = Options {
            trust: self.trust,
            state: self.state,
            handlers: self.handlers,
            exit_handler: self.exit_handler,
            simulated_ns: self.simtime,
            devices: self.devices,
            privileges: Privileges::Drop { user: self.user },
            check_only: self.quit,
            interrupted,
        };
        let report = run(config, &options, &mut terminal)?;
        let code = print(terminal.out, &report.text(), ExitCode::Accepted);
        match (report.failure, report.exit) {
            (Some(failure), _) => Err(failure.into()),
            (None, Some(value)) => exit_status(&value).map(Exit::Handler),
            (None, None) => Ok(Exit::Code(code)),
        }
    }

    /// The configuration's file and the variables.
    #[expect(
        clippy::type_complexity,
        reason = "a pair of what the caller takes apart"
    )]
    fn positional(&self) -> Result<(Option<&Path>, Vec<(String, String)>), Error> {
        let mut path = self.file.as_deref();
        let mut variables = Vec::new();
        for argument in &self.positional {
            if let Some(variable) = variable(argument) {
                variables.push(variable);
            } else if path.is_some() || self.expression.is_some() {
                return Err(Error::SecondConfig(argument.display().to_string()));
            } else {
                path = Some(Path::new(argument));
            }
        }
        Ok((path, variables))
    }

    /// Reads the text of the configuration.
    fn source(&self, path: Option<&Path>) -> Result<Source, HostError> {
        if let Some(expression) = &self.expression {
            return Ok(Source::new("config", expression.as_str()));
        }
        let path = path.filter(|path| path.as_os_str() != "-");
        let (name, bytes) = match path {
            Some(path) => {
                let name = path.display().to_string();
                let bytes = files::read(&name, MAX_CONFIG_SIZE)?;
                (name, bytes)
            }
            None => ("<stdin>".into(), files::read_stdin(MAX_CONFIG_SIZE)?),
        };
        let text = files::utf8(&name, bytes)?;
        Ok(Source::new(name, text))
    }
}

/// Adds the elements that listen, under the names that they have in Click.
fn add_sockets(config: &mut Config, ports: &[String], names: &[String]) -> Result<(), Error> {
    let tcp = ports.iter().map(|port| format!("TCP, {port}"));
    let unix = names.iter().map(|name| format!("UNIX, \"{name}\""));
    for (number, arguments) in tcp.chain(unix).enumerate() {
        let name = match number {
            0 => "click_driver@@ControlSocket".to_owned(),
            number => format!("click_driver@@ControlSocket@{number}"),
        };
        config.add(&name, "ControlSocket", &arguments)?;
    }
    Ok(())
}

/// The exit code that a handler's value means.
fn exit_status(value: &str) -> Result<u8, Error> {
    match value.trim() {
        "true" => Ok(0),
        "false" => Ok(1),
        number => {
            let status = number.parse::<i64>().map(|number| number.to_le_bytes()[0]);
            status.map_err(|_| Error::ExitHandler(value.into()))
        }
    }
}

/// `NAME=VALUE`: letters, digits and `_` before the sign.
fn variable(argument: &OsStr) -> Option<(String, String)> {
    let (name, value) = argument.to_str()?.split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let legal = !name.is_empty() && name.chars().all(is_name);
    legal.then(|| (name.into(), value.into()))
}

fn write_flattened(path: &Path, text: &str, out: &mut dyn Write) -> Result<(), Error> {
    let written = if path.as_os_str() == "-" {
        out.write_all(text.as_bytes())
    } else {
        std::fs::write(path, text)
    };
    written.map_err(|error| {
        Error::File(HostError::Unwritable {
            name: path.display().to_string(),
            reason: error.to_string(),
        })
    })
}

/// The help of the command, or the manual page of a class.
fn help(class: Option<&str>, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let Some(name) = class else {
        let help = Arguments::command().render_long_help().to_string();
        return print(out, &help, ExitCode::Accepted);
    };
    match elements::class(name) {
        Some(class) => print(out, &manual(class), ExitCode::Accepted),
        None => {
            let text = format!("error: no element class `{name}`; `bpfclick --list` lists them\n");
            print(err, &text, ExitCode::Usage)
        }
    }
}

/// Every class and its summary.
fn list() -> String {
    let widest = elements::ALL.iter().map(|class| class.name.len()).max();
    let width = widest.unwrap_or(0);
    let line = |class: &ElementClass| format!("{:width$}  {}\n", class.name, class.summary());
    elements::ALL.iter().map(line).collect()
}

/// A manual page: its text, and the port counts in Click's notation.
fn manual(class: &ElementClass) -> String {
    let text = class.manual.lines().map(|line| {
        let line = line.strip_prefix(' ').unwrap_or(line);
        format!("{line}\n")
    });
    let ports = format!("{}/{}", class.inputs, class.outputs);
    format!("{} ({ports})\n\n{}", class.name, text.collect::<String>())
}

/// `N=DEVICE`.
fn device(text: &str) -> Result<(String, String), String> {
    let (name, device) = text
        .split_once('=')
        .ok_or("it is not of the form N=DEVICE")?;
    Ok((name.into(), device.into()))
}

/// Writes a text and gives `code`. Whoever closes a pipe has seen enough.
pub(crate) fn print(to: &mut dyn Write, text: &str, code: ExitCode) -> ExitCode {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Ok(()) => code,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => code,
        Err(_) => ExitCode::Io,
    }
}
