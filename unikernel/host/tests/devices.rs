//! Devices: captures, wires, and, as root, interfaces in a network namespace of their own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says when it is skipped"
)]

mod common;

use core::time::Duration;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use click_host::Options;
use common::{Folder, packets, pcap, value};

fn devices(pairs: &[(&str, &str)], folder: &Folder, handlers: &[&str]) -> Options {
    let path = folder.path("");
    let device = |(name, device): &(&str, &str)| {
        let device = device.replace("DIR/", path.to_str().unwrap());
        ((*name).to_owned(), device)
    };
    Options {
        devices: pairs.iter().map(device).collect(),
        handlers: handlers.iter().map(|&handler| handler.into()).collect(),
        ..Options::default()
    }
}

fn bytes(folder: &Folder, name: &str) -> Vec<Vec<u8>> {
    let all = packets(&folder.path(name)).into_iter();
    all.map(|(_, bytes)| bytes).collect()
}

#[test]
fn numbers_stand_for_captures() {
    let folder = Folder::new();
    folder.write("in.pcap", &pcap(&[b"one", b"two"]));
    let options = devices(
        &[("0", "pcap:DIR/in.pcap:DIR/out.pcap")],
        &folder,
        &["f.count"],
    );
    let text = "f :: FromDevice(0) -> t :: Tee; t [0] -> ToDevice(0); t [1] -> ToDevice";
    let report = folder.run_with(text, &options).unwrap();
    assert_eq!(value(&report), "2");
    // Both elements send to one device.
    assert_eq!(bytes(&folder, "out.pcap"), [b"one", b"one", b"two", b"two"]);
}

#[test]
fn what_passes_can_be_traced_and_damaged() {
    let folder = Folder::new();
    let frames: Vec<Vec<u8>> = (0..200_u8).map(|number| vec![number; 20]).collect();
    let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    folder.write("in.pcap", &pcap(&frames));
    let device = "trace:DIR/t:fault:drop=0.5,seed=3:pcap:DIR/in.pcap:DIR/out.pcap";
    let options = devices(&[("0", device)], &folder, &["f.count"]);
    let report = folder
        .run_with("f :: FromDevice -> ToDevice", &options)
        .unwrap();
    let received: usize = value(&report).parse().unwrap();
    assert!((60..140).contains(&received), "{received}");
    assert_eq!(bytes(&folder, "t.in").len(), received);
    assert_eq!(bytes(&folder, "t.out").len(), received);
    let sent = bytes(&folder, "out.pcap").len();
    assert!((20..80).contains(&sent), "{sent}");
}

#[test]
fn devices_that_are_not_there() {
    let folder = Folder::new();
    let options = Options::default();
    for (device, error) in [
        (
            "0",
            "error[BPF-C018]: device `0`: nothing says what 0 stands for: `--device 0=DEVICE`",
        ),
        ("nobody0", "error[BPF-C018]: device `nobody0`: "),
        (
            "tap:a/b",
            "error[BPF-C018]: device `tap:a/b`: no interface can have this name",
        ),
        ("pcap:DIR/none", "error[BPF-C012]: cannot read `DIR/none`: "),
    ] {
        let text = format!("FromDevice({device}) -> Discard");
        let shown = folder.error(&text, &options);
        assert!(shown.contains(error), "{shown}");
    }
}

/// A network namespace, and what runs in it; both end with this value.
struct Namespace {
    name: String,
    running: Vec<Child>,
}

impl Namespace {
    /// `None`, with a notice, where there can be none.
    fn new(name: &str) -> Option<Self> {
        let name = format!("click-{name}-{}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).output();
        if !made.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: there are no network namespaces here, or no root");
            return None;
        }
        Some(Self {
            name,
            running: Vec::new(),
        })
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command.args(arguments);
        command
    }

    fn run(&self, line: &str) -> Output {
        let words: Vec<&str> = line.split(' ').collect();
        self.command(words[0], &words[1..]).output().unwrap()
    }

    fn must(&self, line: &str) {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {output:?}");
    }

    /// Runs a configuration in the background until the value is dropped.
    fn click(&mut self, text: &str) {
        let bpfclick = env!("CARGO_BIN_EXE_bpfclick");
        let mut command = self.command(bpfclick, &["-e", text]);
        self.running
            .push(command.stdout(Stdio::null()).spawn().unwrap());
    }

    /// Tries for some seconds until it comes true.
    fn wait_for(&self, line: &str) {
        for _ in 0..100 {
            if self.run(line).status.success() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("{line}: {:?}", self.run(line));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        for child in &mut self.running {
            drop(child.kill());
            drop(child.wait());
        }
        let _ = Command::new("ip")
            .args(["netns", "delete", &self.name])
            .output();
    }
}

#[test]
fn frames_of_a_tap_interface_arrive() {
    let Some(mut space) = Namespace::new("tap") else {
        return;
    };
    space.click("FromDevice(tap:t0) -> Discard");
    space.wait_for("ip link show t0");
    space.must("ip addr add 10.9.0.1/24 dev t0");
    space.must("ip link set t0 up");
    space.must("ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev t0");
    let bpfclick = env!("CARGO_BIN_EXE_bpfclick");
    space.must(&format!("{bpfclick} send udp 10.9.0.2:7 --count 3"));
    let sent = String::from_utf8(
        space
            .run("cat /sys/class/net/t0/statistics/tx_packets")
            .stdout,
    );
    assert!(sent.unwrap().trim().parse::<u64>().unwrap() >= 3);
}

/// Two interfaces are the ends of one cable; a router between two such cables leads frames on.
#[test]
fn frames_go_through_rings_of_interfaces() {
    let Some(space) = Namespace::new("ring") else {
        return;
    };
    for pair in ["a", "b"] {
        space.must(&format!("ip link add {pair}0 type veth peer name {pair}1"));
        for end in ["0", "1"] {
            space.must(&format!("ip link set {pair}{end} up"));
        }
    }
    let folder = Folder::new();
    let out = folder.path("out.pcap");
    let text = format!(
        "FromDevice(a1, PROMISC true) -> ToDevice(b0);
         FromDevice(b1, PROMISC true) -> c :: Classifier(12/88b5, -); c [1] -> Discard;
         c [0] -> ToDump({}) -> n :: Counter -> Discard;
         i :: InfiniteSource(DATA \\<ffffffffffff 020000000001 88b5 00010203>, LIMIT 100, ACTIVE false)
             -> Queue -> ToDevice(a0);
         s :: Script(wait 300ms, write i.active true, wait 1s, stop)",
        out.display()
    );
    let bpfclick = env!("CARGO_BIN_EXE_bpfclick");
    let ran = space
        .command(bpfclick, &["-e", &text, "-h", "n.count"])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(String::from_utf8(ran.stdout).unwrap().trim(), "100");
    let frames = bytes(&folder, "out.pcap");
    assert_eq!(frames.len(), 100);
    assert!(frames.iter().all(|frame| frame.ends_with(&[0, 1, 2, 3])));
}

#[test]
fn privileges_are_gone_once_devices_are_open() {
    let Some(mut space) = Namespace::new("caps") else {
        return;
    };
    space.click("FromDevice(tap:t0) -> Discard");
    space.wait_for("ip link show t0");
    thread::sleep(Duration::from_millis(300));
    // `ip netns exec` has become the program itself.
    let id = space.running[0].id();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(field("CapEff:"), "0".repeat(16), "{status}");
    assert_eq!(field("CapPrm:"), "0".repeat(16));
    assert_eq!(field("NoNewPrivs:"), "1");
}
