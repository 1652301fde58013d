//! The pages of the book, followed to the letter.
//!
//! A page runs in a folder of its own, in which `ebpf-samples` and `examples` are those of the
//! repository. Its blocks are taken in order:
//!
//! | block | is |
//! |---|---|
//! | `sh` | run, and has to succeed; `# exit N` at the end of its last line: has to end with that code |
//! | `text` right after it | what it printed, on both outputs; `…` stands for anything within a line, and alone for any lines |
//! | `c,file=NAME` and the like | the file NAME |
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it leaves out"
)]

mod block;
mod expected;
mod links;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use block::{Block, blocks};

/// Where the shell is after a block, for the next one.
const PLACE: &str = ".place";

/// Follows a page of `docs/`.
fn follow(page: &str) {
    let text = fs::read_to_string(e2e::root().join("docs").join(page)).unwrap();
    let blocks = blocks(&text);
    let commands = blocks
        .iter()
        .filter(|block| matches!(block, Block::Commands { .. }));
    assert!(commands.count() > 0, "{page} has no commands");
    if text.contains("clang-19") && e2e::clang_version().is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI needs clang-19");
        eprintln!("skipped: {page} needs clang-19");
        return;
    }
    let dir = folder();
    fs::write(dir.path().join(PLACE), dir.path().to_str().unwrap()).unwrap();
    let mut printed = String::new();
    for block in blocks {
        match block {
            Block::File { name, text } => {
                let place = fs::read_to_string(dir.path().join(PLACE)).unwrap();
                fs::write(Path::new(place.trim_end()).join(name), text).unwrap();
            }
            Block::Commands { text, exit } => printed = run(dir.path(), text, exit, page),
            Block::Printed { text } => {
                if let Err(difference) = expected::compare(text, &printed) {
                    panic!("{page}: {difference}\nprinted was:\n{printed}");
                }
            }
        }
    }
}

/// A folder that looks like a clone to somebody who follows a page.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ebpf-samples", "examples"] {
        symlink(e2e::root().join(name), dir.path().join(name)).unwrap();
    }
    let programs = dir.path().join(".programs");
    fs::create_dir(&programs).unwrap();
    symlink(env!("CARGO_BIN_EXE_bpfsign-e2e"), programs.join("bpfsign")).unwrap();
    symlink(
        env!("CARGO_BIN_EXE_bpfclick-e2e"),
        programs.join("bpfclick"),
    )
    .unwrap();
    dir
}

/// What the commands of a block print, in the order in which it appears.
fn run(dir: &Path, commands: &str, exit: i32, page: &str) -> String {
    let path = format!(
        "{}:{}",
        dir.join(".programs").display(),
        std::env::var("PATH").unwrap()
    );
    let place = dir.join(PLACE);
    let script = format!(
        "exec 2>&1; cd \"$(cat {place})\"; trap 'pwd > {place}' EXIT; set -e\n{commands}",
        place = place.display()
    );
    let output = Command::new("/bin/sh")
        .args(["-c", &script])
        .env("PATH", path)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(exit),
        "{page}:\n{commands}\n{printed}"
    );
    printed
}

#[test]
fn quickstart() {
    follow("quickstart.md");
}

#[test]
fn tutorial() {
    follow("tutorial.md");
}
