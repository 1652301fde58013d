//! The pages that list diagnostics and exit codes are what the tables in the code say.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use core::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use platform_click::ExitCode;
use serde_json::Value;

const HEAD: &str = "\
# Diagnostics

Every diagnostic of `bpfsign` and `bpfclick`, as `bpfsign explain` prints them. Codes are stable: none
is ever used for something else. The letter tells the part: O object, V verifier, K checker, R runtime,
J machine code, S statement, T trust, L loader, C Click, U machine that starts, P keys and command line.
";

/// The page, made from the tool's own table.
fn page() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_bpfsign"))
        .args(["explain", "--json"])
        .output()
        .unwrap();
    let codes: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut page = HEAD.to_owned();
    for code in codes {
        let text = |field: &str| code[field].as_str().unwrap().to_owned();
        let exit = code["exit"].as_u64().unwrap();
        writeln!(
            page,
            "\n## {}: {}\n\nExit code {exit}. {}",
            text("code"),
            text("title"),
            text("help")
        )
        .unwrap();
    }
    page
}

#[test]
fn the_page_of_diagnostics_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let page = page();
    // The same switch as for snapshots, so that one command renews everything.
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        page,
        "{}",
        path.display()
    );
}

#[test]
fn the_readme_lists_every_exit_code() {
    let readme = include_str!("../../../README.md");
    let listed: Vec<&str> = readme
        .lines()
        .skip_while(|line| *line != "| code | meaning |")
        .skip(2)
        .collect();
    let ranks: Vec<String> = ExitCode::BY_RANK
        .iter()
        .rev()
        .filter(|exit| **exit != ExitCode::Accepted)
        .map(|exit| exit.number().to_string())
        .collect();
    let ranks = format!("from high to low: {}.", ranks.join(", "));
    let words: Vec<&str> = readme.split_whitespace().collect();
    assert!(words.join(" ").contains(&ranks), "{ranks}");
    for (exit, line) in ExitCode::ALL.iter().zip(listed) {
        assert_eq!(line, format!("| {} | {} |", exit.number(), exit.meaning()));
    }
}
