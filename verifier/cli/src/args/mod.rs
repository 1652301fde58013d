//! The command line: one definition, from which help, completions and the reference are made.

mod gate;
mod pki;

use std::path::PathBuf;

use bpf_statement::MAX_COUNTER;
use clap::{Args, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use platform_click::ProgramKind;

pub(crate) use gate::*;
pub(crate) use pki::*;

const EXAMPLES: &str = "\
Examples:
  bpfsign pki init --dir pki
  bpfsign verify-and-sign prog.o --key pki/signer.pem
  bpfsign state init --state st --trust pki/trust.bpftrust
  bpfsign check prog.o --trust pki/trust.bpftrust --state st
  bpfsign demo";

/// Verify, sign and inspect eBPF programs for the Click dataplane.
#[derive(Debug, Parser)]
#[command(name = "bpfsign", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Global {
    /// How results and errors are printed.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Short for `--format json`.
    #[arg(long, global = true, conflicts_with = "format")]
    pub(crate) json: bool,
    /// When to use colours; `auto` also obeys NO_COLOR.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Print warnings and errors only; the exit code tells the rest.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more about what is wrong: every finding instead of the first; twice, what is known there.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
}

/// How results and errors are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document on standard output, errors included.
    Json,
    /// SARIF 2.1.0, for code scanning; only `gate`.
    Sarif,
    /// JUnit's XML; only `gate`.
    Junit,
    /// Annotations of GitHub; only `gate`.
    Github,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prove an object safe; no key is involved.
    Verify(Verify),
    /// Prove an object safe and sign what was proved.
    VerifyAndSign(VerifyAndSign),
    /// Say exactly what the loader says about a signed object; changes nothing.
    Check(Check),
    /// Judge objects and folders by a policy; for CI.
    Gate(Gate),
    /// Print figures of programs, and what became worse.
    Stats(Stats),
    /// Show what a bundle, a trust bundle or an object says.
    Inspect(Inspect),
    /// Print the instructions of an object as they are verified and run.
    Disasm(Disasm),
    /// Manage the state directory of a loader.
    #[command(subcommand)]
    State(State),
    /// Keep keys, certificates and trust bundles, for years.
    #[command(subcommand)]
    Pki(Pki),
    /// Show the platform that programs are verified for.
    #[command(subcommand)]
    Platform(Platform),
    /// Explain a diagnostic code or list them all.
    Explain(Explain),
    /// Play the whole path once, in a temporary directory.
    Demo(Demo),
    /// Print completions for a shell.
    Completions(Completions),
    /// Write man pages.
    Man(Man),
}

/// The argument that a verifying process starts itself with; not a command for people.
pub(crate) const WORKER: &str = "__worker";

/// What is verified, and how long it may take.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The object, as compiled by clang for `-target bpf`.
    #[arg(value_name = "PROG.o")]
    pub(crate) object: PathBuf,
    #[command(flatten)]
    pub(crate) options: VerifyOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Verification")]
pub(crate) struct VerifyOptions {
    /// The kind of the programs in a section of the old name `bpffilter`.
    #[arg(long, value_name = "KIND", default_value = "filter", value_parser = parse_kind)]
    pub(crate) kind: ProgramKind,
    /// Seconds that a proof may take, of processor time and of the clock.
    #[arg(long, alias = "timeout", value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) time: u64,
    /// How programs with loops are proved.
    #[arg(long, value_enum, default_value_t = Loops::Auto)]
    pub(crate) loops: Loops,
    /// Which PREVAIL proves, beside the checker.
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    pub(crate) engine: Engine,
    /// Memory in MiB that a proof may take.
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(64..=65536))]
    pub(crate) memory: u64,
    /// Seconds that the trial may take, for all programs together; it ends before that when more
    /// runs find nothing new.
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) trial_time: u64,
    /// Runs of each program in the trial at most.
    #[arg(long, value_name = "RUNS", default_value_t = bpf_verifier::VerifyOptions::DEFAULT_TRIAL_RUNS, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) trial_runs: u32,
    /// Where to keep the object and the input when a run contradicts a proof: a directory, made if
    /// it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep_counterexample: Option<PathBuf>,
}

impl VerifyOptions {
    /// What the command line has where it says nothing.
    ///
    /// # Errors
    /// Never: a test parses them.
    pub(crate) fn usual() -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("verify"));
        Self::from_arg_matches(&command.try_get_matches_from(["verify"])?)
    }
}

/// Which PREVAIL proves. All that are asked have to agree with each other and with the checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// All that are built in.
    Auto,
    /// The crate `prevail`.
    Rust,
    /// The C++ original, where it is built in.
    Cpp,
    /// Both.
    Both,
}

/// How programs with loops are proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Loops {
    /// However one succeeds.
    Auto,
    /// As they are: PREVAIL looks for what holds in every iteration.
    Plain,
    /// With a copy of the instructions for each iteration.
    Unwind,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyAndSign {
    #[command(flatten)]
    pub(crate) verify: Verify,
    #[command(flatten)]
    pub(crate) sign: SignOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Signature")]
pub(crate) struct SignOptions {
    /// The signing key: a PEM file that holds the key and its certificates, `env:VARIABLE`,
    /// `exec:COMMAND` or `pkcs11:…`.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) access: KeyArgs,
    /// The name that elements ask for [default: the file's stem].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The rollback counter: a number, or `auto` for that of the bundle that is there, plus one if
    /// the object changed, else 1.
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = parse_counter)]
    pub(crate) counter: Counter,
    /// How long the statement is valid: `90d`, `12h` [default: as long as the certificate].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) expires: Option<u64>,
    /// Where the bundle goes [default: PROG.o.bpfsig].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// The rollback counter of a new statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Derived from the bundle that is there.
    Auto,
    /// Given.
    Value(u64),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The object.
    #[arg(value_name = "PROG.o")]
    pub(crate) object: PathBuf,
    /// The bundle [default: PROG.o.bpfsig].
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// The trust bundle.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: PathBuf,
    /// The loader's state directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// The name that the element asks for [default: the file's stem].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The kind that the element takes [default: ask about the object as a whole].
    #[arg(long, value_parser = parse_kind)]
    pub(crate) kind: Option<ProgramKind>,
    /// The program that the element picks, when the object has several.
    #[arg(long, requires = "kind")]
    pub(crate) program: Option<String>,
    /// Instructions that no run may exceed by what was proved, as the element's MAXINSNS.
    #[arg(long, value_name = "N", requires = "kind")]
    pub(crate) max_insns: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A bundle (`.bpfsig`), a trust bundle (`.bpftrust`) or an object (`.o`).
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Disasm {
    /// The object.
    #[arg(value_name = "PROG.o")]
    pub(crate) object: PathBuf,
    /// Only this program.
    #[arg(long)]
    pub(crate) program: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum State {
    /// Make the state directory and pin the root keys of a trust bundle; once for each loader.
    Init(StateInit),
    /// Take over newer trust bundles, one after the other.
    Update(StateUpdate),
    /// Show what a state directory holds.
    Show(StateShow),
}

#[derive(Debug, Args)]
pub(crate) struct StateInit {
    /// The state directory; must not hold a state yet.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// The trust bundle whose root keys are pinned.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct StateUpdate {
    /// The state directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// Trust bundles, in any order; those that are known are passed over. None of the versions since
    /// the one that is known may be missing.
    #[arg(value_name = "FILE.bpftrust", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct StateShow {
    /// The state directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Platform {
    /// Print the platform's canonical text.
    Show,
    /// Print the C header for programs.
    Header,
    /// Print the SHA-256 of the canonical text.
    Digest,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A code such as `BPF-O001`; without one, all are listed.
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Make the files in this directory, which must not exist, and keep them.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

fn parse_kind(text: &str) -> Result<ProgramKind, String> {
    ProgramKind::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = ProgramKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("the kinds are {}", names.join(", "))
    })
}

fn parse_counter(text: &str) -> Result<Counter, String> {
    if text == "auto" {
        return Ok(Counter::Auto);
    }
    text.parse()
        .ok()
        .filter(|counter| (1..=MAX_COUNTER).contains(counter))
        .map(Counter::Value)
        .ok_or_else(|| format!("a number from 1 to {MAX_COUNTER}, or `auto`"))
}

/// Seconds of `30d`, `12h`, `45m` or `90s`.
fn parse_duration(text: &str) -> Result<u64, String> {
    let explain = || "a number with a unit: 90s, 45m, 12h or 30d".to_owned();
    let split = text
        .len()
        .checked_sub(1)
        .filter(|at| text.is_char_boundary(*at))
        .ok_or_else(explain)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(explain()),
    };
    let number: u64 = number.parse().map_err(|_| explain())?;
    number
        .checked_mul(seconds)
        .filter(|seconds| *seconds > 0)
        .ok_or_else(explain)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_usual_options_are_those_of_the_command_line() {
        assert_eq!(VerifyOptions::usual().unwrap().time, 60);
    }

    #[test]
    fn counters() {
        assert_eq!(parse_counter("auto"), Ok(Counter::Auto));
        assert_eq!(parse_counter("1"), Ok(Counter::Value(1)));
        for text in ["0", "-1", "9007199254740992", "next"] {
            assert!(parse_counter(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("30d"), Ok(2_592_000));
        for text in ["", "d", "30", "-1d", "0s", "99999999999999999999d", "3é"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
