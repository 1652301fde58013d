//! The command line of `bpfclick run`.

use core::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use click_graph::Source;
use platform_click::{ExitCode, ProgramKind};

use crate::cli::print;
use crate::{DebugOptions, debug};

/// Run one program over a capture, without a configuration
///
/// A debugger, not the dataplane: the program is neither verified nor need it be signed. The reference
/// interpreter runs it and checks every access. The clock is that of the capture, random numbers
/// follow from the seed. Prints what the program returned how often, and its maps at the end.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Object file with the program
    object: PathBuf,

    /// Capture file (pcap) whose packets the program gets
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,

    /// Write the packets that the program does not drop to FILE
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Program of the object; needed when there are several
    #[arg(long, value_name = "NAME")]
    program: Option<String>,

    /// Kind of the programs in a section of the old name `bpffilter`
    #[arg(long, default_value = "filter", value_parser = parse_kind)]
    kind: ProgramKind,

    /// Show every instruction for one packet: source line, registers, memory, helpers, maps
    #[arg(long)]
    trace: bool,

    /// Number of the packet to trace, from 1
    #[arg(long, value_name = "N", default_value_t = 1, requires = "trace")]
    packet: u64,

    /// Instructions that the program may execute for one packet
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    fuel: u64,

    /// What random numbers, hashes and addresses follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Print the report as JSON; a trace goes to standard error then
    #[arg(long)]
    json: bool,
}

fn parse_kind(text: &str) -> Result<ProgramKind, String> {
    ProgramKind::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = ProgramKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("the kinds are {}", names.join(", "))
    })
}

impl RunArguments {
    pub(crate) fn execute(self, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
        let options = DebugOptions {
            object: self.object,
            program: self.program,
            bpffilter: self.kind,
            input: self.input,
            output: self.out,
            traced_packet: self.trace.then_some(self.packet),
            fuel: self.fuel,
            seed: self.seed,
        };
        let _ = writeln!(err, "{UNVERIFIED}");
        // Trace and messages may both go to standard error. Where they cannot be written, there is
        // nobody to tell.
        let errors = RefCell::new(err);
        let talk = &mut |line: &str| drop(writeln!(errors.borrow_mut(), "{line}"));
        let result = if self.json {
            let trace = &mut |line: &str| drop(writeln!(errors.borrow_mut(), "{line}"));
            debug(&options, trace, talk)
        } else {
            let trace = &mut |line: &str| drop(writeln!(out, "{line}"));
            debug(&options, trace, talk)
        };
        let report = match result {
            Ok(report) => report,
            Err(error) => {
                let text = format!("{}\n", error.render(&Source::new("run", "")));
                return print(errors.into_inner(), &text, error.code().exit);
            }
        };
        if let Some(missing) = options
            .traced_packet
            .filter(|n| *n > report.packets || *n == 0)
        {
            let last = report.packets;
            let text = format!("note: there is no packet {missing}; the capture has {last}\n");
            print(errors.into_inner(), &text, ExitCode::Accepted);
        }
        let text = match self.json {
            true => format!("{:#}\n", report.to_json()),
            false => report.to_string(),
        };
        print(out, &text, ExitCode::Accepted)
    }
}

/// What `run` says before anything else.
const UNVERIFIED: &str = "note: the program is neither verified nor checked for a signature here: \
this is a debugger, not the dataplane";
