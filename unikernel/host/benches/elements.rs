//! What elements take per packet, beside Click's and beside programs:
//! `PEER_CLICK=…/userlevel/click cargo bench -p click-host --bench elements`.
//!
//! Everything runs several times in turn, and the median of each is shown, in CPU time: of the thread
//! that moves packets here, of the whole process in Click, less that of a run with one packet.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark reports to the person who started it, and fails by panicking"
)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/signing.rs"]
mod signing;

use std::process::{Command, Stdio};

use click_graph::Config;
use click_host::Dataplane;
use rustix::time::{ClockId, clock_gettime};
use signing::Site;

/// Packets of a run.
const PACKETS: u64 = 1_000_000;

/// Runs of each contender, in turn.
const ROUNDS: usize = 7;

/// A UDP packet of 64 bytes to port 1234, with its Ethernet header.
const FRAME: &str = "\\<00 00 c0 ae 67 ef  00 00 00 00 00 00  08 00
    45 00 00 32  00 00 00 00  40 11 77 b9  01 00 00 01  02 00 00 02
    13 69 04 d2  00 1e 0d 7c  55 44 50 20 70 61 63 6b 65 74 21 0a 00 00 00 00 00 00 00 00 00 00>";

fn main() {
    against_click();
    against_programs();
}

fn against_click() {
    let rules = |count: usize| {
        let rules: Vec<String> = (0..count)
            .map(|rule| format!("deny udp dst port {}", 2000 + rule))
            .collect();
        format!(
            "Strip(14) -> CheckIPHeader -> IPFilter({}, allow all)",
            rules.join(", ")
        )
    };
    let configs = [
        ("Discard", String::new(), 32),
        ("Discard, one packet at a time", String::new(), 1),
        ("Strip", "Strip(14)".into(), 32),
        ("10 Null", ["Null"; 10].join(" -> "), 32),
        (
            "10 Null, one packet at a time",
            ["Null"; 10].join(" -> "),
            1,
        ),
        (
            "RoundRobinSwitch",
            "r :: RoundRobinSwitch; r [1] -> Discard; r".into(),
            32,
        ),
        ("Queue, Unqueue(32)", "Queue -> Unqueue(32)".into(), 32),
        (
            "Classifier",
            "c :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -); c [0] -> Discard;
             c [1] -> Discard; c [3] -> Discard; c [2]"
                .into(),
            32,
        ),
        (
            "Strip, CheckIPHeader",
            "Strip(14) -> CheckIPHeader".into(),
            32,
        ),
        ("EtherMirror", "EtherMirror".into(), 32),
        ("Counter", "Counter".into(), 32),
        ("AverageCounter", "AverageCounter".into(), 32),
        (
            "UDPIPEncap, EtherEncap",
            "UDPIPEncap(1.0.0.1, 1, 2.0.0.2, 2) -> EtherEncap(0x0800, 1:1:1:1:1:1, 2:2:2:2:2:2)"
                .into(),
            32,
        ),
        (
            "Strip, CheckIPHeader, IPRewriter",
            "Strip(14) -> CheckIPHeader -> r :: IPRewriter(pattern 9.9.9.9 1024-65535 - - 0 0)"
                .into(),
            32,
        ),
        ("Tee", "t :: Tee; t [1] -> Discard; t [0]".into(), 32),
        ("IPFilter, the last of 10 rules", rules(10), 32),
        ("IPFilter, the last of 100 rules", rules(100), 32),
        ("IPFilter, the last of 1000 rules", rules(1000), 32),
    ];
    let peer = std::env::var("PEER_CLICK").ok();
    println!("| elements between InfiniteSource and Discard | ns per packet | Click | ratio |");
    println!("|---|---|---|---|");
    let site = Site::new();
    for (name, elements, burst) in configs {
        if !wanted(name) {
            continue;
        }
        let text = |count: u64| {
            let options = format!("LIMIT {count}, BURST {burst}, STOP true, TIMESTAMP false");
            chain(
                &format!("InfiniteSource(DATA {FRAME}, {options})"),
                &elements,
            )
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(run(&site, &text(PACKETS)));
            if let Some(click) = &peer {
                let once = run_click(click, &text(1));
                let all = run_click(click, &text(PACKETS));
                theirs.push(all.saturating_sub(once) as f64 / PACKETS as f64);
            }
        }
        let ours = median(ours);
        match theirs.is_empty() {
            true => println!("| {name} | {ours:.1} | | |"),
            false => {
                let theirs = median(theirs);
                println!(
                    "| {name} | {ours:.1} | {theirs:.1} | {:.2} |",
                    ours / theirs
                );
            }
        }
    }
}

/// A source, elements, and Discard. What declares elements is in front of the last semicolon.
fn chain(source: &str, elements: &str) -> String {
    let (declared, ways) = elements.rsplit_once(';').unwrap_or(("", elements));
    let arrow = if ways.is_empty() { "" } else { "->" };
    format!("{declared}; {source} -> {ways} {arrow} Discard")
}

fn against_programs() {
    let site = Site::new();
    for sample in ["target-port", "round-robin", "strip-ether-vlan-header"] {
        site.sign_sample(sample);
    }
    let filter = "IPFilter(deny tcp && dst port 12345, deny udp && dst port 12345, allow all)";
    let port = "BPFFilter(FILE DIR/target-port.o, JIT)";
    let strip = "BPFRewriter(FILE DIR/strip-ether-vlan-header.o, JIT)";
    println!();
    println!("| job | native (ns) | program, JIT (ns) | ratio | program, interpreted (ns) |");
    println!("|---|---|---|---|---|");
    for length in [1, 10] {
        let row = |element: &str| vec![element; length].join(" -> ");
        // A native filter needs to be told where the IP header is, once.
        let (native, program) = (format!("MarkIPHeader(14) -> {}", row(filter)), row(port));
        compare(
            &site,
            &format!("filter by port, {length} in a row"),
            FRAME,
            &native,
            &program,
        );
        let (native, program) = (row("StripEtherVLANHeader"), row(strip));
        let frame = nested(length);
        compare(
            &site,
            &format!("strip headers, {length} in a row"),
            &frame,
            &native,
            &program,
        );
    }
    let switch = |element: &str| format!("c :: {element}; c [1] -> Discard; c [0]");
    let program = "BPFClassifier(FILE DIR/round-robin.o, JIT)";
    compare(
        &site,
        "round robin over 2 outputs",
        FRAME,
        &switch("RoundRobinSwitch"),
        &switch(program),
    );
    let switches = |element: &str| {
        let switches: String = (0..10)
            .map(|n| format!("c{n} :: {element}; c{n} [1] -> Discard; "))
            .collect();
        let ways: Vec<String> = (0..10).map(|n| format!("c{n}")).collect();
        format!("{switches} {}", ways.join(" -> "))
    };
    compare(
        &site,
        "round robin, chain of 10",
        FRAME,
        &switches("RoundRobinSwitch"),
        &switches(program),
    );
}

/// A frame in as many tagged Ethernet headers as a chain strips.
fn nested(count: usize) -> String {
    let header = "00 00 c0 ae 67 ef 00 00 00 00 00 00 81 00 00 05 08 00 ";
    format!("\\<{} 45 00 00 00>", header.repeat(count))
}

fn compare(site: &Site, name: &str, frame: &str, native: &str, program: &str) {
    if !wanted(name) {
        return;
    }
    let options = format!("LIMIT {PACKETS}, BURST 32, STOP true, TIMESTAMP false");
    let text = |elements: &str| {
        chain(
            &format!("InfiniteSource(DATA {frame}, {options})"),
            elements,
        )
    };
    let interpreted = program.replace("JIT", "JIT false");
    let compiled = program.replace("JIT", "JIT true");
    let texts = [text(""), text(native), text(&compiled), text(&interpreted)];
    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        for (times, text) in times.iter_mut().zip(&texts) {
            times.push(run(site, text));
        }
    }
    let [bare, native, compiled, interpreted] = times.map(median);
    let [native, compiled, interpreted] = [native, compiled, interpreted].map(|time| time - bare);
    println!(
        "| {name} | {native:.1} | {compiled:.1} | {:.2} | {interpreted:.1} |",
        compiled / native
    );
}

/// Whether the name of a row contains what the command line asks for, if it asks for anything.
fn wanted(name: &str) -> bool {
    let mut filters = std::env::args()
        .skip(1)
        .filter(|filter| !filter.starts_with("--"));
    filters.all(|filter| name.contains(&filter))
}

/// Runs a configuration here, and gives the time for each packet.
fn run(site: &Site, text: &str) -> f64 {
    let config =
        Config::parse(&site.folder.source(text)).unwrap_or_else(|e| panic!("{e:?}: {text}"));
    let mut console = |_: &str| {};
    let mut dataplane = Dataplane::start(config, &site.options(&[]), &mut console).unwrap();
    let before = cpu_ns();
    dataplane.run(|| false).unwrap();
    (cpu_ns() - before) as f64 / PACKETS as f64
}

/// Runs a configuration in Click, and gives the time that its process took.
fn run_click(click: &str, text: &str) -> u64 {
    let before = children_ns();
    let status = Command::new(click)
        .args(["-e", text])
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{text}");
    children_ns() - before
}

/// CPU time of this thread.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

/// CPU time of processes that have ended.
fn children_ns() -> u64 {
    let used =
        nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN).unwrap();
    let micros = |time: nix::sys::time::TimeVal| {
        u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap()
    };
    1000 * (micros(used.user_time()) + micros(used.system_time()))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
