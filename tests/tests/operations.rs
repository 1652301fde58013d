//! `docs/operations.md` followed to the letter: every command, in its order.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::process::Command;

/// The blocks of commands of a page.
fn blocks(page: &str) -> Vec<&str> {
    let after = page.split("```sh\n").skip(1);
    after
        .map(|text| text.split("```").next().unwrap())
        .collect()
}

#[test]
fn every_command_of_the_page_does_what_it_says() {
    let page = fs::read_to_string(e2e::root().join("docs/operations.md")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let object = e2e::root().join("ebpf-samples/accept/target-port.o");
    fs::copy(object, dir.path().join("prog.o")).unwrap();
    let programs = tempfile::tempdir().unwrap();
    let bpfsign = programs.path().join("bpfsign");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_bpfsign-e2e"), bpfsign).unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", programs.path().display());
    let blocks = blocks(&page);
    assert!(blocks.len() > 15, "{} blocks", blocks.len());
    let has_openssl = Command::new("openssl").arg("version").output().is_ok();
    for block in blocks {
        if block.contains("openssl") && !has_openssl {
            continue;
        }
        let output = Command::new("/bin/sh")
            .args(["-e", "-c", block])
            .env("PATH", &path)
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{block}\n{}{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Every change of keys ends as it should, by the real loader.
#[test]
fn rehearsals_end_as_they_should() {
    let dir = tempfile::tempdir().unwrap();
    let bpfsign = |arguments: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_bpfsign-e2e"))
            .args(arguments.split(' '))
            .current_dir(dir.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments}: {text}");
        text
    };
    bpfsign("pki init --dir pki --offline-root vault");
    let text = bpfsign("pki rehearse --dir pki --offline-root vault");
    insta::assert_snapshot!("rehearsals", text);
    // They were played on a copy.
    let status = bpfsign("pki status --dir pki");
    assert!(status.contains("version 1"), "{status}");
}
