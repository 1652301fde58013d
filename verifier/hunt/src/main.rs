//! `cargo xtask hunt`: hunts for programs that an engine accepts and that are not safe.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "a tool reports to the person who started it"
)]

use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use bpf_hunt::{Asker, Budget, Hunt, Source, Tally, findings, folder};
use clap::Parser;
use serde::{Deserialize, Serialize};

/// The argument of a child.
const WORKER: &str = "__worker";

/// Makes programs at random, asks every engine about each, and runs what an engine accepts.
///
/// Exits with 0 when nothing new was found, with 1 when something was or the hunt could not go on,
/// with 2 when the command line is wrong.
#[derive(Debug, Parser)]
#[command(name = "hunt", version)]
struct Arguments {
    /// Seconds to hunt.
    #[arg(long, default_value_t = 60, conflicts_with = "programs")]
    time: u64,
    /// Programs to make, instead of a time.
    #[arg(long)]
    programs: Option<u64>,
    /// What programs and inputs are made of.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs of each program that an engine accepts.
    #[arg(long, default_value_t = 100)]
    runs: u64,
    /// Where findings are kept.
    #[arg(long, default_value_os_t = folder())]
    findings: PathBuf,
    /// Where the hunt's place is kept, so that the next one goes on there.
    #[arg(long)]
    state: Option<PathBuf>,
}

/// Where a hunt is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Place {
    seed: u64,
    next: u64,
    tally: Tally,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        return bpf_hunt::serve();
    }
    match hunt(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Hunts; gives the number of new findings.
fn hunt(arguments: &Arguments) -> Result<u64> {
    let place = match &arguments.state {
        Some(path) if path.exists() => {
            let text = fs::read(path).with_context(|| path.display().to_string())?;
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?
        }
        _ => Place::default(),
    };
    let place = if place.seed == arguments.seed {
        println!("going on at program {}", place.next);
        place
    } else {
        Place::default()
    };
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ebpf-samples");
    let source = Source::new(arguments.seed, &samples)?;
    let asker = Asker::new(std::env::current_exe()?, WORKER, arguments.runs);
    fs::create_dir_all(&arguments.findings)?;
    let known = findings(&arguments.findings)?;
    let mut hunt = Hunt::new(asker, source, place.next, place.tally, &known);
    let budget = match arguments.programs {
        Some(programs) => Budget::Programs(programs),
        None => Budget::Time(Duration::from_secs(arguments.time)),
    };
    let mut new = 0;
    let mut failed = None;
    hunt.run(
        budget,
        |finding, what_happens| {
            new = u64::saturating_add(new, 1);
            println!("found {}", finding.id);
            let text = format!(
                "{what_happens}\nFound with seed {}; made smaller by leaving out instructions.",
                arguments.seed
            );
            if let Err(error) = finding.store(&arguments.findings, &text) {
                failed = Some(error);
            }
        },
        |hunt| {
            // Losing the place costs time, nothing else.
            let _ = keep(arguments, hunt);
        },
    );
    println!("{}\nnew findings: {new}", hunt.tally);
    match failed {
        Some(error) => Err(error),
        None => Ok(new),
    }
}

fn keep(arguments: &Arguments, hunt: &Hunt) -> Result<()> {
    let Some(path) = &arguments.state else {
        return Ok(());
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let place = Place {
        seed: arguments.seed,
        next: hunt.next,
        tally: hunt.tally.clone(),
    };
    fs::write(path, serde_json::to_vec(&place)?)?;
    Ok(())
}
