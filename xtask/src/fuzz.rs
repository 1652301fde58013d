//! `cargo xtask fuzz`: looks for bytes of which an oracle of `tests/oracles` says no.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::tools;

/// What each target may take for one input, beyond what anything real takes: seconds, and MiB.
const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=2048"];

/// How long each target runs without `--time` and `--hours`, in seconds.
const SECONDS: u64 = 60;

/// Runs every target, or those that are named, for so long each; whether nothing was found.
///
/// Options: `--time SECONDS` or `--hours HOURS`, for each target.
pub(crate) fn run(sh: &Shell, options: &[&str]) -> Result<bool> {
    let (seconds, named) = match options {
        ["--time", seconds, named @ ..] => (seconds.parse()?, named),
        ["--hours", hours, named @ ..] => {
            let hours: u64 = hours.parse()?;
            (hours.saturating_mul(3600), named)
        }
        named => (SECONDS, named),
    };
    if !tools::is_installed("cargo-fuzz") {
        cmd!(sh, "cargo install --locked cargo-fuzz").run()?;
    }
    // Signed anew each time, with keys that nobody has; the corpus keeps what it learnt.
    seeds(sh)?;
    cmd!(sh, "cargo fuzz build --sanitizer none").run()?;
    let all = targets(sh)?;
    if let Some(unknown) = named
        .iter()
        .find(|name| !all.iter().any(|all| all == *name))
    {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    let mut clean = true;
    for target in all {
        if named.is_empty() || named.contains(&target.as_str()) {
            clean &= fuzz(sh, &target, seconds)?;
        }
    }
    Ok(clean)
}

fn targets(sh: &Shell) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for file in sh.read_dir("fuzz/targets")? {
        let name = file.file_stem().context("a file has a name")?;
        targets.push(name.to_string_lossy().into_owned());
    }
    Ok(targets)
}

/// Signs a sample and makes a state, and writes the corpus to start from.
fn seeds(sh: &Shell) -> Result<()> {
    let folder = sh.current_dir().join("fuzz/target/signed");
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    let bpfsign = "run --locked --release --quiet --package bpfsign --bin bpfsign --";
    let sample = folder.join("pass.o");
    sh.copy_file("ebpf-samples/accept/pass.o", &sample)?;
    let at = |file: &str| folder.join(file).display().to_string();
    let commands: [&[&str]; 3] = [
        &["pki", "init", "--dir", &at("pki")],
        &[
            "verify-and-sign",
            &at("pass.o"),
            "--key",
            &at("pki/signer.pem"),
        ],
        &[
            "state",
            "init",
            "--state",
            &at("state"),
            "--trust",
            &at("pki/trust.bpftrust"),
        ],
    ];
    for command in commands {
        let bpfsign = bpfsign.split(' ');
        cmd!(sh, "cargo {bpfsign...} {command...}")
            .quiet()
            .ignore_stdout()
            .run()?;
    }
    let run = "run --locked --release --quiet --package bpf-oracles --example seeds --";
    let run = run.split(' ');
    let corpus = sh.current_dir().join("fuzz/corpus");
    cmd!(sh, "cargo {run...} {folder} {corpus}").run()?;
    Ok(())
}

/// Runs one target; whether it found nothing. What it found is in `fuzz/artifacts/TARGET/`.
fn fuzz(sh: &Shell, target: &str, seconds: u64) -> Result<bool> {
    let root = sh.current_dir();
    let artifacts = root.join("fuzz/artifacts").join(target);
    sh.create_dir(&artifacts)?;
    let program = format!("fuzz/target/x86_64-unknown-linux-gnu/release/{target}");
    let start = Instant::now();
    let output = Command::new(root.join(program))
        .args(LIMITS)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg("-print_final_stats=1")
        .arg(root.join("fuzz/corpus").join(target))
        .current_dir(&root)
        .output()
        .with_context(|| format!("{target} cannot be started"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let number = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("?", str::trim).to_owned()
    };
    let runs = number("stat::number_of_executed_units:");
    let time = start.elapsed().as_secs();
    println!("{target}: {runs} inputs in {time} s");
    if output.status.success() {
        return Ok(true);
    }
    println!("{}", last_lines(&told));
    println!("{target}: kept in {}", artifacts.display());
    Ok(false)
}

/// The end of what a fuzzer wrote, with the input that it stopped at.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(40);
    lines.get(start..).unwrap_or_default().join("\n")
}
