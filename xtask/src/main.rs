//! `cargo xtask`: the tasks of the workspace. `cargo xtask test` is what CI runs.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "a task reports to the person who started it"
)]

mod cargo_test;
mod report;
mod stamps;
mod test;
mod tools;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use xshell::Shell;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

Commands:
  test         Install or name missing tools, then check format, lints and documentation, build the
               no_std crates without std, and run every test in release mode
  test --full  The same with property tests 64 times as long; what has passed for a commit is not
               repeated when the command is started again
  samples      Compile ebpf-samples/ and tests/loops/ again and renew the table of the samples
  help         Print this

`cargo xtask ci` is another name of `cargo xtask test`.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["test" | "ci"] => shell().and_then(|sh| test::run(&sh, test::Extent::Commit)),
        ["test" | "ci", "--full"] => shell().and_then(|sh| test::run(&sh, test::Extent::Full)),
        ["samples"] => shell().and_then(|sh| samples(&sh)),
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
