//! `bpfsign gate`, completions and man pages.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
pub(crate) struct Gate {
    /// Objects, and folders in which every `.o` for eBPF is judged.
    #[arg(value_name = "PATH", required_unless_present_any = ["print_default", "print_schema"])]
    pub(crate) paths: Vec<PathBuf>,
    /// Print a policy file with everything that can be in it, and its defaults.
    #[arg(long, conflicts_with = "paths")]
    pub(crate) print_default: bool,
    /// Print the JSON Schema of what `--format json` prints.
    #[arg(long, conflicts_with_all = ["paths", "print_default"])]
    pub(crate) print_schema: bool,
    /// Also write a report, whatever is printed: `sarif=FILE`, `junit=FILE`, `json=FILE`.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_report)]
    pub(crate) report: Vec<(ReportFormat, PathBuf)>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Seconds that a proof may take, before the policy's.
    #[arg(long, value_name = "SECONDS", help_heading = "Verification", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) time: Option<u64>,
    /// Memory in MiB that a proof may take, before the policy's.
    #[arg(long, value_name = "MIB", help_heading = "Verification", value_parser = clap::value_parser!(u64).range(64..=65536))]
    pub(crate) memory: Option<u64>,
    /// Objects that are judged at a time [default: as many as there are processors].
    #[arg(long, value_name = "N", help_heading = "Verification", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
}

/// Where the policy is, and what comes before it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyArgs {
    /// The policy [default: the nearest bpfsign.toml in the folder of PATH or above].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Ask for what is safe, and nothing else.
    #[arg(long, conflicts_with = "config")]
    pub(crate) no_config: bool,
    /// Do not look at signatures, whatever the policy says.
    #[arg(long, conflicts_with = "require_signed")]
    pub(crate) verify_only: bool,
    /// Each object needs a bundle that the loader would admit, whatever the policy says.
    #[arg(long)]
    pub(crate) require_signed: bool,
}

/// A report in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    Json,
    Sarif,
    Junit,
}

fn parse_report(text: &str) -> Result<(ReportFormat, PathBuf), String> {
    let explain = || "FORMAT=FILE, where FORMAT is json, sarif or junit".to_owned();
    let (format, file) = text.split_once('=').ok_or_else(explain)?;
    let format = match format {
        "json" => ReportFormat::Json,
        "sarif" => ReportFormat::Sarif,
        "junit" => ReportFormat::Junit,
        _ => return Err(explain()),
    };
    if file.is_empty() {
        return Err(explain());
    }
    Ok((format, file.into()))
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Objects, and folders in which every `.o` for eBPF counts.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// What `bpfsign stats --json` printed before: print what changed, and fail with 28 if a figure grew.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// By how many percent a figure may grow.
    #[arg(
        long,
        value_name = "PERCENT",
        default_value_t = 0,
        requires = "baseline"
    )]
    pub(crate) max_increase: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each command into this folder, which must exist.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}
