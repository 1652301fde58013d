//! Configurations and captures that do not run.

use crate::lab::{Lab, RUN, Transcript};

fn refused_config(lab: &Lab, seen: &mut Transcript, config: &str, code: &str, exit: i32) {
    lab.write("run.click", config.as_bytes());
    let ended = lab.refuses(RUN, code, exit);
    seen.add(config.trim_end(), &ended);
}

#[test]
fn configurations_with_mistakes() {
    let lab = Lab::new();
    let mut seen = Transcript::default();
    for (config, code) in [
        ("InfiniteSource(LIMIT 1) ->", "BPF-C001"),
        (
            "a :: Counter;\nInfiniteSource -> -> a -> Discard;",
            "BPF-C001",
        ),
        ("InfiniteSource(LIMIT 1 -> Discard;", "BPF-C001"),
        ("/* no end", "BPF-C001"),
        (
            "InfiniteSource(LIMIT 1) -> BPFFliter(FILE prog.o) -> Discard;",
            "BPF-C003",
        ),
        (
            "InfiniteSource(LIMIT 1) -> BPFFilter(FIEL prog.o) -> Discard;",
            "BPF-C005",
        ),
        (
            "InfiniteSource(LIMIT 1) -> BPFFilter(FILE) -> Discard;",
            "BPF-C005",
        ),
        (
            "InfiniteSource(LIMIT 1) -> BPFFilter(FILE prog.o, NAME A) -> Discard;",
            "BPF-C005",
        ),
        ("a -> Discard;", "BPF-C004"),
        (
            "InfiniteSource(LIMIT 1) -> Discard;\nCounter -> Discard;",
            "BPF-C007",
        ),
        ("elementclass X { output -> input }", "BPF-C020"),
        (
            "InfiniteSource(LIMIT 1) -> BPFFilter(FILE prog.o, TRUST mine.bpftrust) -> Discard;",
            "BPF-C006",
        ),
        (
            "InfiniteSource(LIMIT 1) -> BPFFilter(FILE prog.o, STATE mine) -> Discard;",
            "BPF-C006",
        ),
    ] {
        refused_config(&lab, &mut seen, config, code, 2);
    }
    let place = seen.text();
    assert!(
        place.contains("run.click:2:19: error[BPF-C001]: "),
        "{place}"
    );
    insta::assert_snapshot!("configurations_with_mistakes", place);
}

#[test]
fn commands_that_lack_something() {
    let lab = Lab::new();
    let mut seen = Transcript::default();
    for (command, code, exit) in [
        ("bpfclick run.click", "BPF-C011", 2),
        ("bpfclick absent.click", "BPF-C012", 3),
        ("bpfclick pki", "BPF-C012", 3),
        (
            "bpfclick --trust absent --state st run.click",
            "BPF-C012",
            3,
        ),
    ] {
        seen.add(command, &lab.refuses(command, code, exit));
    }
    let command = format!("{RUN} -h c.count");
    seen.add(&command, &lab.refuses(&command, "BPF-C010", 2));
    insta::assert_snapshot!("commands_that_lack_something", seen.text());
}

/// A capture that is wrong from its start: nothing runs, nothing is written, nothing is admitted.
#[test]
fn captures_that_are_none() {
    let lab = Lab::new();
    let mut seen = Transcript::default();
    let config = "FromDump(in.pcap, STOP true) -> BPFFilter(FILE prog.o) -> ToDump(out.pcap);";
    refused_config(&lab, &mut seen, config, "BPF-C012", 3);
    let good = traffic();
    for (what, bytes) in [
        ("empty", &b""[..]),
        ("cut off in its header", &good[..23]),
        ("text", b"this is no capture, it is text"),
    ] {
        lab.write("in.pcap", bytes);
        seen.add(what, &lab.refuses(RUN, "BPF-C013", 3));
    }
    insta::assert_snapshot!("captures_that_are_none", seen.text());
}

/// A capture that is damaged somewhere behind its start: all the same.
#[test]
fn capture_cut_off_within_a_packet() {
    let lab = Lab::running();
    let config = "FromDump(in.pcap, STOP true) -> c :: Counter -> ToDump(out.pcap);\n";
    lab.write("run.click", config.as_bytes());
    let good = traffic();
    lab.write("in.pcap", &good[..good.len() - 1]);
    let mut seen = Transcript::default();
    seen.add("cut off by a byte", &lab.refuses(RUN, "BPF-C013", 3));
    insta::assert_snapshot!("capture_cut_off_within_a_packet", seen.text());
}

fn traffic() -> Vec<u8> {
    std::fs::read(e2e::root().join("verifier/cli/demo/traffic.pcap")).unwrap()
}
