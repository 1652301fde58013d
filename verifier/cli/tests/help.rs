//! What `--help` says, for every command.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

fn help(command: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_bpfsign"))
        .args(command)
        .arg("--help")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}");
    assert!(output.stderr.is_empty(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_of_every_command() {
    let commands: &[&[&str]] = &[
        &[],
        &["verify"],
        &["verify-and-sign"],
        &["check"],
        &["gate"],
        &["stats"],
        &["completions"],
        &["man"],
        &["inspect"],
        &["disasm"],
        &["state"],
        &["state", "init"],
        &["state", "update"],
        &["state", "show"],
        &["pki"],
        &["pki", "init"],
        &["pki", "issue"],
        &["pki", "csr"],
        &["pki", "sign-csr"],
        &["pki", "renew"],
        &["pki", "needs-renewal"],
        &["pki", "revoke"],
        &["pki", "rotate"],
        &["pki", "rotate", "intermediate"],
        &["pki", "rotate", "root"],
        &["pki", "trust"],
        &["pki", "trust", "show"],
        &["pki", "trust", "build"],
        &["pki", "trust", "sign"],
        &["pki", "trust", "merge"],
        &["pki", "trust", "publish"],
        &["pki", "crl"],
        &["pki", "status"],
        &["pki", "rehearse"],
        &["platform"],
        &["explain"],
        &["demo"],
    ];
    for command in commands {
        let name = format!("bpfsign {}", command.join(" "));
        insta::assert_snapshot!(name.trim().replace(' ', "-"), help(command));
    }
}
