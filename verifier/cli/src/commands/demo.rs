//! `bpfsign demo`: the whole path once, with the commands that a user would type.
//!
//! Each step runs the real command and shows what it prints. A step that ends in another way than
//! it should ends the demo with an internal error: the demo is a test, too.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use platform_click::ExitCode;
use tempfile::TempDir;

use crate::args::{Color, Demo, Global};
use crate::error::{CliError, codes};

/// Files that the demo works on.
const FILES: &[(&str, &[u8])] = &[
    (
        "target-port.o",
        include_bytes!("../../../../ebpf-samples/accept/target-port.o"),
    ),
    (
        "rate-limiter.o",
        include_bytes!("../../../../ebpf-samples/accept/rate-limiter.o"),
    ),
    (
        "missing-bounds-check.o",
        include_bytes!("../../../../ebpf-samples/reject/missing-bounds-check.o"),
    ),
    ("in.pcap", include_bytes!("../../demo/traffic.pcap")),
    ("filter.click", include_bytes!("../../demo/filter.click")),
];

/// A command and how it has to end.
struct Step {
    say: &'static str,
    command: &'static str,
    exit: ExitCode,
}

const fn step(say: &'static str, command: &'static str, exit: ExitCode) -> Step {
    Step { say, command, exit }
}

const RUN: &str = "bpfclick --trust pki/trust.bpftrust --state st filter.click \
                   -h in.count -h port.filtered -h rate.filtered -h out.count";
const CHECK: &str = "bpfsign check target-port.o --trust pki/trust.bpftrust --state st";

/// The path of a program that deserves trust, and of one that does not.
const PROVE_AND_RUN: &[Step] = &[
    step(
        "Make keys, certificates and a trust bundle.",
        "bpfsign pki init --dir pki",
        ExitCode::Accepted,
    ),
    step(
        "Prove a packet filter safe, and sign what was proved.",
        "bpfsign verify-and-sign target-port.o --key pki/signer.pem",
        ExitCode::Accepted,
    ),
    step(
        "The same for a rate limiter, with a hash map.",
        "bpfsign verify-and-sign rate-limiter.o --key pki/signer.pem --quiet",
        ExitCode::Accepted,
    ),
    step(
        "A program that may read behind the packet is not signed.",
        "bpfsign verify-and-sign missing-bounds-check.o --key pki/signer.pem",
        ExitCode::Rejected,
    ),
    step(
        "Provision a loader: pin the root keys of the trust bundle.",
        "bpfsign state init --state st --trust pki/trust.bpftrust",
        ExitCode::Accepted,
    ),
    step(
        "Filter a capture with both programs.",
        RUN,
        ExitCode::Accepted,
    ),
];

const SIGN_NEXT: &[Step] = &[
    step(
        "Sign the next version, and let the loader run it once.",
        "bpfsign verify-and-sign target-port.o --key pki/signer.pem --counter 2 --quiet",
        ExitCode::Accepted,
    ),
    step("", RUN, ExitCode::Accepted),
];

const REPLAY: Step = step(
    "Attack: replay the bundle of the first version.",
    CHECK,
    ExitCode::Rollback,
);

const FLIP: Step = step(
    "Attack: flip one bit of the object after it was signed.",
    CHECK,
    ExitCode::Mismatch,
);

const FOREIGN: &[Step] = &[
    step(
        "Attack: sign with keys of one's own making.",
        "bpfsign pki init --dir mallory --quiet",
        ExitCode::Accepted,
    ),
    step(
        "",
        "bpfsign verify-and-sign target-port.o --key mallory/signer.pem --counter 3 --quiet",
        ExitCode::Accepted,
    ),
    step("", CHECK, ExitCode::Untrusted),
];

pub(crate) fn run(args: &Demo, global: &Global) -> Result<ExitCode, CliError> {
    let place = Place::make(args.keep.as_deref())?;
    let stage = Stage { global };
    stage.play(PROVE_AND_RUN)?;

    let (object, bundle) = ("target-port.o", "target-port.o.bpfsig");
    let first = read(bundle)?;
    stage.play(SIGN_NEXT)?;
    let second = read(bundle)?;

    write(bundle, &first)?;
    stage.play(&[REPLAY])?;
    write(bundle, &second)?;

    let intact = read(object)?;
    let mut flipped = intact.clone();
    if let Some(byte) = flipped.get_mut(100) {
        *byte ^= 1;
    }
    write(object, &flipped)?;
    stage.play(&[FLIP])?;
    write(object, &intact)?;

    stage.play(FOREIGN)?;
    stage.close(&place);
    Ok(ExitCode::Accepted)
}

/// The directory that the demo works in; the process stays in it.
struct Place {
    path: PathBuf,
    /// Removes the directory when the demo ends.
    temporary: Option<TempDir>,
    /// Where the process was before.
    before: PathBuf,
}

impl Place {
    fn make(keep: Option<&Path>) -> Result<Self, CliError> {
        let unwritable = |error: std::io::Error| CliError::new(codes::UNWRITABLE, &error);
        let before = std::env::current_dir().map_err(unwritable)?;
        let (path, temporary) = match keep {
            Some(path) => {
                fs::create_dir(path).map_err(|error| unwritable(error).about(path))?;
                (path.to_owned(), None)
            }
            None => {
                let temporary = TempDir::with_prefix("bpfsign-demo-").map_err(unwritable)?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        for (name, bytes) in FILES {
            fs::write(path.join(name), bytes).map_err(unwritable)?;
        }
        std::env::set_current_dir(&path).map_err(unwritable)?;
        Ok(Self {
            path,
            temporary,
            before,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A directory that a process is in cannot be removed everywhere.
        let _ = std::env::set_current_dir(&self.before);
    }
}

/// Plays steps and prints what they print.
struct Stage<'a> {
    global: &'a Global,
}

impl Stage<'_> {
    fn play(&self, steps: &[Step]) -> Result<(), CliError> {
        steps.iter().try_for_each(|step| self.play_one(step))
    }

    fn play_one(&self, step: &Step) -> Result<(), CliError> {
        let bold = Style::new().bold();
        let blue = AnsiColor::Blue.on_default();
        if !step.say.is_empty() {
            anstream::eprintln!("\n{bold}{}{bold:#}", step.say);
        }
        anstream::eprintln!("{blue}$ {}{blue:#}", step.command);
        let exit = self.execute(step.command);
        anstream::eprintln!("{blue}# exit {}: {}{blue:#}", exit.number(), exit.meaning());
        if exit == step.exit {
            return Ok(());
        }
        let message = format!(
            "`{}` ended with {}, not with {}",
            step.command,
            exit.number(),
            step.exit.number()
        );
        Err(CliError::message(codes::INTERNAL, message))
    }

    /// Runs a command in this process, as its own program would.
    fn execute(&self, command: &str) -> ExitCode {
        let mut words: Vec<OsString> = command.split_whitespace().map(OsString::from).collect();
        if command.starts_with("bpfclick ") {
            let interrupted = Arc::default();
            return click_host::cli::main(
                words,
                &mut anstream::stdout(),
                &mut anstream::stderr(),
                interrupted,
            )
            .code();
        }
        let color = match self.global.color {
            Color::Auto => "--color=auto",
            Color::Always => "--color=always",
            Color::Never => "--color=never",
        };
        words.push(color.into());
        crate::run(words)
    }

    fn close(&self, place: &Place) {
        let kept = match place.temporary {
            Some(_) => "The files are removed; --keep DIR keeps them.".to_owned(),
            None => format!("The files are in {}.", place.path.display()),
        };
        anstream::eprintln!("\nEvery step ended as it should. {kept}");
    }
}

fn read(name: &str) -> Result<Vec<u8>, CliError> {
    fs::read(name).map_err(|error| CliError::new(codes::UNREADABLE, &error).about(name.as_ref()))
}

fn write(name: &str, bytes: &[u8]) -> Result<(), CliError> {
    fs::write(name, bytes)
        .map_err(|error| CliError::new(codes::UNWRITABLE, &error).about(name.as_ref()))
}
