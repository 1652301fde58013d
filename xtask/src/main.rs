//! `cargo xtask`: the tasks of the workspace. `cargo xtask test` is what CI runs.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "a task reports to the person who started it"
)]

mod cargo_test;
mod example;
mod fuzz;
mod report;
mod rust_samples;
mod stamps;
mod test;
mod tools;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use cargo_metadata::MetadataCommand;
use xshell::Shell;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

Commands:
  test         Install or name missing tools, then check format, lints and documentation, build the
               no_std crates without std, and run every test in release mode
  test --full  The same with property tests 64 times as long; what has passed for a commit is not
               repeated when the command is started again
  hunt         Hunt for programs that an engine accepts and that are not safe; goes on where the last
               hunt of the same seed ended. [--time SECONDS | --programs N] [--seed S] [--runs N]
  fuzz         Look for bytes that an oracle of tests/oracles/ does not bear, for a minute with each
               target. [--time SECONDS | --hours HOURS] [TARGET ...]
  samples      Compile ebpf-samples/ and tests/loops/ again and renew the table of the samples
  samples --rust
               Compile ebpf-samples/rust/ again; needs a nightly toolchain with rust-src, and bpf-linker
  loops        Ask every verifier about tests/loops/, Linux' too when root, and renew the table in
               docs/verifier.md
  example NAME Set a configuration of examples/ up, run it, and take everything away again.
               [--device N=DEVICE ...]
  help         Print this

`cargo xtask ci` is another name of `cargo xtask test`.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["hunt", options @ ..] = arguments.as_slice() {
        return hunt(options).unwrap_or_else(|error| {
            println!("error: {error:#}");
            ExitCode::FAILURE
        });
    }
    let done = match arguments.as_slice() {
        ["test" | "ci"] => shell().and_then(|sh| test::run(&sh, test::Extent::Commit)),
        ["test" | "ci", "--full"] => shell().and_then(|sh| test::run(&sh, test::Extent::Full)),
        ["samples"] => shell().and_then(|sh| samples(&sh)),
        ["samples", "--rust"] => shell().and_then(|sh| rust_samples::run(&sh)),
        ["example", name, options @ ..] => shell().and_then(|sh| {
            let devices = options.iter().filter(|option| **option != "--device");
            let devices: Vec<&str> = devices.copied().collect();
            example::run(&sh, name, &devices)
        }),
        ["fuzz", options @ ..] => shell().and_then(|sh| fuzz::run(&sh, options)),
        ["loops"] => shell().and_then(|sh| loops(&sh)),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A shell in the root of the repository.
fn shell() -> Result<Shell> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("this package has no folder above it")?;
    let sh = Shell::new()?;
    sh.change_dir(root);
    Ok(sh)
}

/// Runs the hunt, which goes on where the last one ended; gives its exit code.
fn hunt(options: &[&str]) -> Result<ExitCode> {
    let sh = shell()?;
    let metadata = MetadataCommand::new()
        .manifest_path(sh.current_dir().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()?;
    let state = metadata.target_directory.join("hunt.json");
    let run = "run --locked --release --quiet --package bpf-hunt -- --state";
    let status = Command::new("cargo")
        .args(run.split(' '))
        .arg(state)
        .args(options)
        .current_dir(sh.current_dir())
        .status()
        .context("cargo cannot be started")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Compiles the samples and the corpus of loops, and renews the index of the samples.
fn samples(sh: &Shell) -> Result<bool> {
    tools::require(sh, &[tools::MAKE, tools::CLANG])?;
    xshell::cmd!(sh, "make --directory ebpf-samples").run()?;
    xshell::cmd!(sh, "make --directory tests/loops").run()?;
    xshell::cmd!(
        sh,
        "cargo test --locked --release --package e2e --test samples"
    )
    .env("RENEW", "1")
    .run()?;
    Ok(true)
}

/// Measures what verifiers say of the corpus of loops.
fn loops(sh: &Shell) -> Result<bool> {
    tools::require(sh, &[tools::MAKE, tools::CLANG, tools::BPFTOOL])?;
    xshell::cmd!(
        sh,
        "cargo test --locked --release --package e2e --test loops -- --exact the_table_is_fresh"
    )
    .env("RENEW", "1")
    .run()?;
    Ok(true)
}
