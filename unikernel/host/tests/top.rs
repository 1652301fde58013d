//! `bpfclick top`, on a real router and in a real terminal.
#![cfg(feature = "top")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    dead_code,
    reason = "a test fails by panicking, and says what it leaves out; other tests use the rest of what is shared"
)]

mod common;
#[path = "common/signing.rs"]
mod signing;

use core::time::Duration;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Instant;

use serde_json::Value;
use signing::{Site, sample};

/// A site with version 2 of a program in `guard.o`, and a configuration that runs it.
fn watched() -> Site {
    let site = Site::new();
    site.sign("guard", &sample("pass"), "guard", 2);
    site.sign("older", &sample("drop"), "guard", 1);
    site.sign("newer", &sample("drop"), "guard", 3);
    let config = "RatedSource(RATE 1000, STOP false)
        -> guard :: BPFFilter(NAME guard, FILE guard.o) -> passed :: Counter -> Discard;";
    site.folder.write("guard.click", config.as_bytes());
    site
}

const ROUTER: [&str; 5] = [
    "--trust",
    "pki/trust.bpftrust",
    "--state",
    "st",
    "guard.click",
];

fn top(site: &Site, arguments: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin!("bpfclick"))
        .arg("top")
        .args(arguments)
        .current_dir(site.folder.path("."))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn looks_as_lines_of_json() {
    let site = watched();
    let options = ["--json", "--looks", "3", "--interval", "100"];
    let output = top(&site, &[&options[..], &ROUTER].concat());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let looks: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(looks.len(), 3);
    let last = looks[2]["elements"].as_array().unwrap();
    let named = |name: &str| last.iter().find(|element| element["name"] == name).unwrap();
    let guard = named("guard");
    assert_eq!(guard["class"], "BPFFilter");
    assert_eq!(guard["to"], serde_json::json!(["passed"]));
    assert_eq!(guard["program"]["counter"], "2");
    assert!(
        guard["program"]["signer"]
            .as_str()
            .unwrap()
            .contains("CN=verifier")
    );
    assert!(named("passed")["packets"].as_u64().unwrap() > 0);
    assert!(named("passed")["packets_per_second"].as_u64().is_some());
}

/// What the router says before it ends is said, with its exit code.
#[test]
fn a_router_that_does_not_start() {
    let site = watched();
    site.folder
        .write("guard.click", b"RatedSource -> Countr -> Discard;");
    let output = top(&site, &[&["--json"][..], &ROUTER].concat());
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("Counter"), "{said}");
}

#[test]
fn what_cannot_be_watched() {
    let site = watched();
    // Nothing to watch; no terminal; nobody who listens.
    assert_eq!(top(&site, &[]).status.code(), Some(2));
    assert_eq!(top(&site, &ROUTER).status.code(), Some(2));
    assert_eq!(
        top(&site, &["--json", "--socket", "nowhere"]).status.code(),
        Some(31)
    );
}

/// A terminal of tmux', which ends with the test.
struct Terminal(String);

impl Terminal {
    fn start(site: &Site) -> Option<Self> {
        Command::new("tmux").arg("-V").output().ok()?;
        let socket = site.folder.path("tmux").display().to_string();
        let terminal = Self(socket);
        let program = assert_cmd::cargo::cargo_bin!("bpfclick");
        let command = format!(
            "{} top --interval 100 {}",
            program.display(),
            ROUTER.join(" ")
        );
        let folder = site.folder.path(".").display().to_string();
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "140",
            "-y",
            "40",
            "-c",
            &folder,
            &command,
        ]);
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        let output = command.arg("-S").arg(&self.0).args(arguments).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Waits until something is on the screen.
    fn wait_for(&self, text: &str) {
        let started = Instant::now();
        loop {
            let screen = self.tmux(&["capture-pane", "-p"]);
            if screen.contains(text) {
                return;
            }
            let waited = started.elapsed();
            assert!(waited < Duration::from_secs(30), "no `{text}` in\n{screen}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// Somebody looks, tries an older version, and puts the newer one in.
#[test]
fn a_program_is_replaced_at_the_terminal() {
    let site = watched();
    let Some(terminal) = Terminal::start(&site) else {
        assert!(std::env::var_os("CI").is_none(), "CI needs tmux");
        eprintln!("skipped: tmux is not installed");
        return;
    };
    terminal.wait_for("BPFFilter");
    terminal.keys(&["Down"]);
    terminal.wait_for("counter 2");
    terminal.keys(&["r", "older.o", "Enter"]);
    terminal.wait_for("has counter 1, 2 was admitted before");
    terminal.wait_for("counter 2");
    terminal.keys(&["r", "newer.o", "Enter"]);
    terminal.wait_for("guard: FILE newer.o");
    terminal.wait_for("counter 3");
    terminal.keys(&["q"]);
}
