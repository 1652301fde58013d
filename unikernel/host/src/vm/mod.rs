//! Machines: the dataplane as a bootable image, started with QEMU.

mod error;
mod module;
mod qemu;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{BufRead as _, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use clap::{Args, Subcommand};
use click_graph::Source;
use platform_click::ExitCode;

use crate::Error;
use crate::cli::print;

pub use error::VmError;
pub use qemu::{Accelerator, MachineType, guest_exit};

/// Run the dataplane as a virtual machine of its own
#[derive(Debug, Args)]
pub(crate) struct VmArguments {
    #[command(subcommand)]
    command: VmCommand,
}

#[derive(Debug, Subcommand)]
enum VmCommand {
    Run(Box<VmOptions>),
}

/// Start the image with a configuration and its programs, and show what it has to say
///
/// The configuration's objects and their bundles are read here and handed to the machine, which admits
/// them itself. FromDevice(0) and ToDevice(0) are the first `--net`, and so on. The exit code is that of
/// the machine.
#[derive(Clone, Debug, Args)]
pub struct VmOptions {
    /// File with the configuration
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,

    /// Trust bundle: says who may sign programs. Its root keys become a part of the image
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,

    /// The image; without it that of `BPFCLICK_IMAGE`, or `unikernel` beside this program
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// Network device: an existing TAP interface, or whatever QEMU's `-netdev` takes, without `id`
    #[arg(long = "net", value_name = "TAP | NETDEV")]
    pub nets: Vec<String>,

    /// Another file for the machine, under this name
    #[arg(long = "add", value_name = "NAME=FILE", value_parser = name_and_file)]
    pub files: Vec<(String, PathBuf)>,

    /// Kind of machine
    #[arg(long, value_enum, default_value_t = MachineType::Microvm)]
    pub machine: MachineType,

    /// Who plays the processor; `auto` takes KVM if the image runs there within two seconds
    #[arg(long, value_enum, default_value_t = Accelerator::Auto)]
    pub accel: Accelerator,

    /// Memory, with the unit that QEMU wants
    #[arg(short, long, value_name = "SIZE", default_value = "32M")]
    pub memory: String,

    /// Show a handler's value every second; may be given several times
    #[arg(short = 'h', long = "handler", value_name = "ELEMENT.HANDLER")]
    pub handlers: Vec<String>,

    /// More for the kernel's command line
    #[arg(long, value_name = "WORDS", default_value = "")]
    pub append: String,

    /// The emulator
    #[arg(long, value_name = "PROGRAM", default_value = "qemu-system-x86_64")]
    pub qemu: PathBuf,

    /// Folder in which the image and its module are left; a temporary one without
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Print QEMU's command line, and do not start it
    #[arg(long, requires = "dir")]
    pub print_command: bool,
}

fn name_and_file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text
        .split_once('=')
        .ok_or("it is not of the form NAME=FILE")?;
    Ok((name.into(), file.into()))
}

impl VmArguments {
    pub(crate) fn execute(
        self,
        out: &mut dyn Write,
        err: &mut dyn Write,
        interrupted: &AtomicBool,
    ) -> ExitCode {
        let VmCommand::Run(options) = self.command;
        let mut source = Source::new("config", "");
        match run(&options, &mut source, out, err, interrupted) {
            Ok(code) => code,
            Err(error) => {
                let text = format!("{}\n", error.render(&source));
                print(err, &text, error.code().exit)
            }
        }
    }
}

/// Prepares a machine and runs it to its end.
fn run(
    options: &VmOptions,
    source: &mut Source,
    out: &mut dyn Write,
    err: &mut dyn Write,
    interrupted: &AtomicBool,
) -> Result<ExitCode, Error> {
    let temporary = tempfile::tempdir().map_err(VmError::Folder)?;
    let folder = options.dir.as_deref();
    let folder = folder.unwrap_or_else(|| temporary.path());
    let files = module::prepare(options, folder, source)?;
    let accelerated = match options.accel {
        Accelerator::Auto => qemu::kvm_works(options, &files)?,
        Accelerator::Kvm => true,
        Accelerator::Tcg => false,
    };
    let command = qemu::command(options, &files, accelerated);
    if options.print_command {
        return Ok(print(out, &qemu::shown(&command), ExitCode::Accepted));
    }
    let started = Instant::now();
    let child = qemu::start(command)?;
    watch(child, started, out, err, interrupted)
}

/// How often is looked whether the machine is to end.
const LOOK: Duration = Duration::from_millis(50);

/// Shows what a machine says until it ends, or is to.
fn watch(
    mut child: Child,
    started: Instant,
    out: &mut dyn Write,
    err: &mut dyn Write,
    interrupted: &AtomicBool,
) -> Result<ExitCode, Error> {
    let (sender, lines) = mpsc::channel();
    if let Some(serial) = child.stdout.take() {
        thread::spawn(move || {
            let mut serial = BufReader::new(serial);
            let mut line = Vec::new();
            // What ends this is that QEMU ends, or that nobody listens any more.
            while matches!(serial.read_until(b'\n', &mut line), Ok(1..)) {
                if sender.send(core::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
    }
    let mut stopped = false;
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                let text = String::from_utf8_lossy(&line);
                let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
                if text.starts_with("ready:") {
                    let took = started.elapsed().as_millis();
                    let _ = writeln!(err, "note: the machine is ready {took} ms after its start");
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if interrupted.load(Ordering::Relaxed) && !stopped {
            stopped = true;
            let _ = child.kill();
        }
    }
    let status = child.wait().map_err(VmError::Wait)?;
    if stopped {
        return Ok(ExitCode::Accepted);
    }
    Ok(guest_exit(status).ok_or(VmError::Ended(status))?)
}

/// The pipe that the serial line of a machine goes to.
fn serial() -> Stdio {
    Stdio::piped()
}
