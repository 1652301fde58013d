//! The configurations in `examples/`: each one with packets, and what comes out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/signing.rs"]
mod signing;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use click_graph::language::Reading;
use click_graph::{Config, Source};
use click_host::{Dataplane, LibraryPath, Options, device_variables};
use common::{packets, pcap};
use frames::{Frame, arp_reply, arp_request, icmp_echo, tcp, udp, vlan};
use signing::{Site, sample};

/// Rounds after which an example that never ends is looked at.
const ROUNDS: u32 = 3000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// An example, ready to get packets.
struct Example {
    text: String,
    site: Site,
    /// Frames for each device that the example names.
    devices: BTreeMap<String, Vec<Frame>>,
}

/// What an example has done.
struct Done {
    site: Site,
    readings: Vec<String>,
    said: Vec<String>,
}

impl Example {
    fn new(name: &str) -> Self {
        let path = folder().join(format!("{name}.click"));
        let text = fs::read_to_string(&path).unwrap();
        let words = |key: &str| -> Vec<String> {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(&format!(" * {key}: ")));
            let line = line.unwrap_or_else(|| panic!("{name} does not say its {key}"));
            line.split_whitespace()
                .filter(|word| *word != "-")
                .map(Into::into)
                .collect()
        };
        let site = Site::new();
        for program in words("programs") {
            let (file, signed) = program.split_once('=').unwrap_or((&program, ""));
            let (name, counter) = signed.split_once(':').unwrap_or((file, "1"));
            site.sign(file, &sample(file), name, counter.parse().unwrap());
        }
        let devices = words("devices")
            .into_iter()
            .map(|device| (device, Vec::new()));
        Self {
            devices: devices.collect(),
            text,
            site,
        }
    }

    /// Gives a device frames.
    fn on(mut self, device: &str, frames: &[Frame]) -> Self {
        self.devices
            .get_mut(device)
            .unwrap()
            .extend_from_slice(frames);
        self
    }

    /// Runs it, and reads handlers at the end.
    fn run(self, handlers: &[&str]) -> Done {
        let Self {
            text,
            site,
            devices,
        } = self;
        let mut options = Options {
            simulated_ns: Some(1_000_000_000),
            ..site.options(handlers)
        };
        for (device, frames) in &devices {
            let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
            let input = site.folder.write(&format!("in{device}"), &pcap(&frames));
            let output = site.folder.path(&format!("out{device}"));
            let name = format!("pcap:{}:{}", input.display(), output.display());
            options.devices.push((device.clone(), name));
        }
        let mut variables = device_variables(&options.devices);
        variables.push(("P".into(), site.folder.path(".").display().to_string()));
        let mut source = Source::new("example", text);
        let mut reading = Reading {
            variables,
            lenient: false,
            libraries: &mut LibraryPath::from_environment(),
        };
        let config = Config::read(&mut source, &mut reading);
        let config = config.unwrap_or_else(|error| panic!("{}", error.render(&source)));
        let mut said = Vec::new();
        let mut console = |line: &str| said.push(line.to_owned());
        let started = Dataplane::start(config, &options, &mut console);
        let mut dataplane = started.unwrap_or_else(|error| panic!("{}", error.render(&source)));
        let mut rounds = 0;
        let ran = dataplane.run(|| {
            rounds += 1;
            rounds > ROUNDS
        });
        let report = dataplane.finish(ran).unwrap();
        assert!(report.failure.is_none(), "{:?}", report.failure);
        let readings = report.readings.into_iter().map(|reading| reading.value);
        Done {
            site,
            readings: readings.collect(),
            said,
        }
    }
}

impl Done {
    /// The frames that were sent to a device.
    fn sent(&self, device: &str) -> Vec<Frame> {
        let all = packets(&self.site.folder.path(&format!("out{device}")));
        all.into_iter().map(|(_, bytes)| bytes).collect()
    }

    fn has_said(&self, part: &str) -> bool {
        self.said.iter().any(|line| line.contains(part))
    }
}

/// The frame with its two addresses in each other's place.
fn mirrored(frame: &[u8]) -> Frame {
    [&frame[6..12], &frame[..6], &frame[12..]].concat()
}

fn ours() -> [u8; 6] {
    [2, 0, 0, 0, 0, 0]
}

/// Runs an example that sends frames back: the answer to a question for its address comes first.
fn sent_back(name: &str, frames: &[Frame]) -> Vec<Frame> {
    let question = arp_request([172, 44, 0, 1], [172, 44, 0, 2]);
    let example = Example::new(name).on("0", &[question]).on("0", frames);
    let sent = example.run(&[]).sent("0");
    assert_eq!(
        sent[0],
        arp_reply([172, 44, 0, 2], ours(), [172, 44, 0, 1]),
        "{name}"
    );
    sent[1..].to_vec()
}

#[test]
fn pass() {
    let frames = [udp(53), tcp(80), icmp_echo()];
    let expected: Vec<Frame> = frames.iter().map(|frame| mirrored(frame)).collect();
    assert_eq!(sent_back("programs/pass", &frames), expected);
}

#[test]
fn drop() {
    assert!(sent_back("programs/drop", &[udp(53), tcp(80)]).is_empty());
}

#[test]
fn target_port() {
    let frames = [udp(12345), udp(12346), tcp(12345), icmp_echo()];
    let expected = [mirrored(&udp(12346)), mirrored(&icmp_echo())];
    assert_eq!(sent_back("programs/target-port", &frames), expected);
}

/// The clock stands still while they arrive.
#[test]
fn rate_limiter() {
    let frames = [udp(1), udp(2), udp(3), udp(4), udp(5)];
    let expected = [1, 2, 3].map(|port| mirrored(&udp(port)));
    assert_eq!(sent_back("programs/rate-limiter", &frames), expected);
}

#[test]
fn dns_filter() {
    let query = |name: &[u8]| {
        let mut question = vec![0; 12];
        question[5] = 1;
        question.extend(name);
        question.extend([0, 1, 0, 1]);
        frames::udp_with(53, &question)
    };
    let blocked = query(b"\x07blocked\x07example\0");
    let shouted = query(b"\x07BLOCKED\x07Example\0");
    let below = query(b"\x03www\x07blocked\x07example\0");
    let other = query(b"\x07allowed\x07example\0");
    let sent = sent_back(
        "programs/dns-filter",
        &[blocked, shouted, below.clone(), other.clone()],
    );
    assert_eq!(sent, [mirrored(&below), mirrored(&other)]);
}

#[test]
fn ether_mirror() {
    assert_eq!(
        sent_back("programs/ether-mirror", &[udp(53)]),
        [mirrored(&udp(53))]
    );
}

#[test]
fn strip_ether_vlan_header() {
    let sent = sent_back(
        "programs/strip-ether-vlan-header",
        &[udp(53), vlan(&udp(54))],
    );
    let back = |frame: Frame| [&[2, 0, 0, 0, 0, 1][..], &ours(), &frame[12..]].concat();
    assert_eq!(sent, [back(udp(53)), back(udp(54))]);
}

#[test]
fn udp_tcp_classifier() {
    let example = Example::new("programs/udp-tcp-classifier");
    let done = example
        .on("0", &[udp(1), tcp(2), icmp_echo(), udp(3)])
        .run(&["rest.count"]);
    assert_eq!(done.sent("1"), [udp(1), udp(3)]);
    assert_eq!(done.sent("2"), [tcp(2)]);
    assert_eq!(done.readings, ["1"]);
}

#[test]
fn showcase() {
    let frames = [udp(12345), udp(1), udp(2), udp(3), udp(4)];
    let done = Example::new("programs/showcase")
        .on("0", &frames)
        .run(&["limit.filtered"]);
    assert_eq!(done.readings, ["1"]);
    let aged = |port: u16| frames::aged(&udp(port));
    assert_eq!(done.sent("0"), [mirrored(&aged(1)), mirrored(&aged(3))]);
    assert_eq!(done.sent("1"), [aged(2)]);
}

#[test]
fn state_migration() {
    let done = Example::new("programs/state-migration").run(&["passed.count", "program.counter"]);
    assert_eq!(done.readings, ["10", "2"]);
    assert_eq!(done.sent("0").len(), 10);
    assert!(
        done.has_said("version 1 has passed 6 packets"),
        "{:?}",
        done.said
    );
}

/// The four machines of the chain, one after the other, each with what the one before has sent.
#[test]
fn chain() {
    let gateway = [172, 44, 0, 1];
    let (balancer, apps) = ([172, 44, 0, 3], [[172, 44, 0, 4], [172, 44, 0, 5]]);
    let frames = [udp(12345), udp(1), udp(2), udp(3), udp(4)];
    let question = arp_request(gateway, [172, 44, 0, 2]);
    let answer = arp_reply(balancer, [2, 0, 0, 0, 0, 9], [172, 44, 0, 2]);
    let firewall = Example::new("programs/chain-firewall").on("0", &[question]);
    let firewall = firewall
        .on("0", &frames)
        .on("0", &[answer])
        .run(&["ports.filtered", "limit.filtered"]);
    assert_eq!(firewall.readings, ["1", "1"]);
    let sent = firewall.sent("0");
    assert_eq!(sent[0], arp_reply([172, 44, 0, 2], ours(), gateway));
    let to_balancer = frames::ip_only(&sent);
    assert_eq!(to_balancer.len(), 3);
    assert!(
        to_balancer
            .iter()
            .all(|frame| frame[..6] == [2, 0, 0, 0, 0, 9])
    );

    let answers = apps.map(|app| arp_reply(app, [2, 0, 0, 0, 1, app[3]], balancer));
    let machine = Example::new("programs/chain-load-balancer").on("0", &to_balancer);
    let sent = frames::ip_only(&machine.on("0", &answers).run(&[]).sent("0"));
    let to = |last: u8| -> Vec<Frame> {
        let is_for = |frame: &&Frame| frame[..6] == [2, 0, 0, 0, 1, last];
        sent.iter().filter(is_for).cloned().collect()
    };
    for (app, last, count) in [("1", 4, 2), ("2", 5, 1)] {
        let received = Example::new(&format!("programs/chain-app-{app}")).on("0", &to(last));
        assert_eq!(
            received.run(&["received.count"]).readings,
            [count.to_string()]
        );
    }
}

#[test]
fn firewalls() {
    let allowed = [tcp(22), udp(53), tcp(443), udp(443), icmp_echo()];
    let refused = [tcp(53), udp(22), tcp(12345), udp(12345)];
    for name in ["routers/firewall", "routers/firewall-bpf"] {
        let done = Example::new(name)
            .on("0", &refused)
            .on("0", &allowed)
            .run(&[]);
        assert_eq!(done.sent("1"), allowed, "{name}");
    }
}

#[test]
fn receiving_and_printing() {
    let frames = [udp(1), tcp(2), icmp_echo()];
    for (name, handler, count) in [
        ("routers/linux-rx", "received.count", "0"),
        ("routers/minimal", "received.count", "3"),
        ("routers/print-pings", "pings.count", "1"),
    ] {
        let done = Example::new(name).on("0", &frames).run(&[handler]);
        assert_eq!(done.readings, [count], "{name}");
    }
    let done = Example::new("routers/linux-rx").on("0", &frames).run(&[]);
    assert!(done.has_said("3 packets"), "{:?}", done.said);
    let done = Example::new("routers/print-pings")
        .on("0", &frames)
        .run(&[]);
    assert!(done.has_said("icmp echo"), "{:?}", done.said);
}

#[test]
fn sending() {
    let sent = Example::new("routers/linux-tx").run(&[]).sent("0");
    assert_eq!(sent.len(), 1000);
    assert!(sent.iter().all(|frame| frame.len() == 14 + 20 + 8 + 1432));
    assert_eq!(sent[0][12..14], [8, 0]);
}

#[test]
fn passing_on() {
    let frames = [udp(1), tcp(2), icmp_echo()];
    let done = Example::new("routers/pass").on("0", &frames).run(&[]);
    assert_eq!(done.sent("1"), frames);
}

#[test]
fn searching() {
    let with = |text: &[u8]| frames::udp_with(7, text);
    let plain = with(b"leet code");
    let frames = [with(b"leetcode"), with(b"lleetcode"), plain.clone()];
    let done = Example::new("routers/stringmatcher")
        .on("0", &frames)
        .run(&["passed.count"]);
    assert_eq!(done.sent("1"), [plain]);
    assert_eq!(done.readings, ["1"]);
}

#[test]
fn switching() {
    let question = arp_request([172, 44, 0, 1], [172, 44, 0, 2]);
    let answer = arp_reply([172, 44, 0, 2], [2, 0, 0, 0, 0, 7], [172, 44, 0, 1]);
    let example = Example::new("routers/switch-2ports");
    let done = example
        .on("0", core::slice::from_ref(&question))
        .on("1", core::slice::from_ref(&answer))
        .run(&[]);
    assert_eq!(done.sent("1"), [question]);
    assert_eq!(done.sent("0"), [answer]);
}

#[test]
fn routing() {
    let (near, far) = ([172, 44, 0, 1], [172, 44, 1, 9]);
    let frame = frames::between((near, 4000), (far, 53));
    let late = frames::with_ttl(&frame, 1);
    let answer = |owner: [u8; 4], last: u8, asker| arp_reply(owner, [2, 0, 0, 0, 9, last], asker);
    let done = Example::new("routers/router")
        .on(
            "0",
            &[
                frame.clone(),
                answer(near, 1, [172, 44, 0, 2]),
                late,
                icmp_echo(),
            ],
        )
        .on("1", &[answer(far, 2, [172, 44, 1, 2])])
        .run(&[]);
    let led_on = frames::ip_only(&done.sent("1"));
    let expected = frames::aged(&[&[2, 0, 0, 0, 9, 2, 2, 0, 0, 0, 0, 1], &frame[12..]].concat());
    assert_eq!(led_on, [expected]);
    // The time of one is up; the other is for the router itself.
    let back = frames::ip_only(&done.sent("0"));
    let kinds: Vec<u8> = back.iter().map(|frame| frame[34]).collect();
    assert_eq!(kinds, [11, 0], "{back:x?}");
    assert!(
        back.iter()
            .all(|frame| frames::is_sound(frame) && frame[30..34] == near)
    );
}

/// Out under the shared address, and back to who asked; what nobody asked for stays outside.
#[test]
fn address_translation() {
    let (near, far, shared) = ([172, 44, 0, 1], [10, 9, 9, 9], [10, 0, 0, 1]);
    for name in ["thomer-nat", "thomer-nat-og", "thomer-nat-ebpf"] {
        let frame = frames::between((near, 4000), (far, 53));
        let answer = frames::between((far, 53), (shared, 50000));
        let stranger = frames::between((far, 54), (shared, 50000));
        let at_home = arp_reply(near, [2, 0, 0, 0, 9, 1], [172, 44, 0, 2]);
        let gateway = arp_reply([10, 0, 0, 254], [2, 0, 0, 0, 9, 2], shared);
        let done = Example::new(&format!("routers/{name}"))
            .on("0", &[at_home, frame])
            .on("1", &[gateway, answer, stranger])
            .run(&[]);
        let out = frames::ip_only(&done.sent("1"));
        assert_eq!(out.len(), 1, "{name}");
        assert_eq!(
            frames::flow(&out[0]),
            ((shared, 50000), (far, 53)),
            "{name}"
        );
        let back = frames::ip_only(&done.sent("0"));
        assert_eq!(back.len(), 1, "{name}");
        assert_eq!(frames::flow(&back[0]), ((far, 53), (near, 4000)), "{name}");
        assert!(
            frames::is_sound(&out[0]) && frames::is_sound(&back[0]),
            "{name}"
        );
    }
}

/// What `cargo xtask example` sends: a packet of each kind that examples tell apart. `RENEW=1` writes it.
#[test]
fn the_traffic_of_the_command_is_fresh() {
    let question = arp_request([172, 44, 0, 1], [172, 44, 0, 2]);
    let text = frames::udp_with(7, b"leetcode");
    let frames = [
        question,
        udp(53),
        udp(12345),
        tcp(22),
        tcp(80),
        icmp_echo(),
        vlan(&udp(1)),
        text,
    ];
    let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let expected = pcap(&frames);
    let path = folder().join("traffic.pcap");
    if std::env::var_os("RENEW").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), expected);
}

/// Every example is in the table of the README, and the other way round.
#[test]
fn the_table_names_every_example() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    for folder_name in ["programs", "routers"] {
        for entry in fs::read_dir(folder().join(folder_name)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let link = format!("({folder_name}/{name})");
            assert!(readme.contains(&link), "{link}");
        }
    }
    let links = readme
        .split(".click)")
        .filter_map(|text| text.rsplit_once('('))
        .map(|(_, name)| name);
    for name in links.filter(|name| name.contains('/')) {
        assert!(folder().join(format!("{name}.click")).is_file(), "{name}");
    }
}
