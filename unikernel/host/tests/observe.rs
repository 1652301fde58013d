//! `bpfclick top` and `bpfclick metrics`, on a real router and in a real terminal.
#![cfg(feature = "observe")]
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
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
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

fn bpfclick(site: &Site, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bpfclick"));
    let folder = site.folder.path(".");
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

fn top(site: &Site, arguments: &[&str]) -> Output {
    let all = [&["top"], arguments].concat();
    bpfclick(site, &all).output().unwrap()
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

/// A process that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(socket: &Path) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: local\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A scraper finds the router's counters, in a process of their own, and what it does not find is said.
#[test]
fn counters_are_served_for_prometheus() {
    let site = watched();
    let router = [&ROUTER[..], &["--unix-socket", "router.sock"]].concat();
    let _router = Server(
        bpfclick(&site, &router)
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    wait_for_file(&site.folder.path("router.sock"));
    let metrics = [
        "metrics",
        "--listen",
        "unix:m.sock",
        "--socket",
        "router.sock",
    ];
    let _server = Server(bpfclick(&site, &metrics).spawn().unwrap());
    wait_for_file(&site.folder.path("m.sock"));
    let answer = get(&site.folder.path("m.sock")).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let value = |start: &str| {
        let line = text.lines().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("no {start} in\n{text}"));
        line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()
    };
    assert!(value("click_element_packets_total{element=\"passed\",class=\"Counter\"}") > 0);
    assert_eq!(
        value("click_program_counter{element=\"guard\",class=\"BPFFilter\"}"),
        2
    );
    assert_eq!(value("click_program_quarantined{element=\"guard\","), 0);
    let info = "click_program_info{element=\"guard\",class=\"BPFFilter\",statement=\"guard\",";
    assert_eq!(value(info), 1);
    // Every family is announced before its samples.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split('{').next().unwrap();
        assert!(text.contains(&format!("# TYPE {name} ")), "{line}");
    }
    // Once more, to standard output; and nobody listens twice at one place.
    let once = ["metrics", "--once", "--socket", "router.sock"];
    let output = bpfclick(&site, &once).output().unwrap();
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("click_element_packets_total")
    );
    assert_eq!(bpfclick(&site, &metrics).status().unwrap().code(), Some(31));
}

fn wait_for_file(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "no {}",
            path.display()
        );
        thread::sleep(Duration::from_millis(20));
    }
    // It listens a moment after it is there.
    thread::sleep(Duration::from_millis(100));
}

/// The dashboard asks for metrics that there are.
#[test]
fn the_dashboard_shows_metrics_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dashboard = fs::read_to_string(root.join("contrib/grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let asked: BTreeSet<String> = targets
        .flat_map(|target| {
            let text = target["expr"].as_str().unwrap().to_owned();
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let names = words.filter(|word| word.starts_with("click_"));
            names.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert!(asked.len() > 5, "{asked:?}");
    let metrics = fs::read_to_string(root.join("unikernel/host/src/observe/metrics.rs")).unwrap();
    for name in asked {
        assert!(metrics.contains(&format!("\"{name}\"")), "no metric {name}");
    }
}
