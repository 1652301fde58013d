//! The main job, end to end: an object is verified, signed, admitted, and filters packets.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "lab/mod.rs"]
mod lab;

use core::time::Duration;
use std::fs;

use lab::{CHECK, Lab, RUN, SIGN, Transcript, sample};
use pcap_file::pcap::PcapReader;
use serde_json::Value;

/// Time and contents of the packets of a capture.
fn packets(capture: &[u8]) -> Vec<(Duration, Vec<u8>)> {
    let mut reader = PcapReader::new(capture).unwrap();
    let mut packets = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.unwrap();
        packets.push((packet.timestamp, packet.data.to_vec()));
    }
    packets
}

fn demo(name: &str) -> Vec<u8> {
    fs::read(e2e::root().join("verifier/cli/demo").join(name)).unwrap()
}

/// A directory with two objects, a capture and the configuration of the demo.
fn site() -> Lab {
    let lab = Lab::empty();
    for name in ["target-port", "rate-limiter"] {
        lab.write(&format!("{name}.o"), &sample(name));
    }
    lab.write("in.pcap", &demo("traffic.pcap"));
    lab.write("filter.click", &demo("filter.click"));
    lab
}

const FILTER: &str = "bpfclick --trust pki/trust.bpftrust --state st filter.click \
                      -h in.count -h port.filtered -h rate.filtered -h out.count";

#[test]
fn from_an_object_to_filtered_packets() {
    let lab = site();
    let mut seen = Transcript::default();
    for command in [
        "bpfsign pki init --dir pki",
        "bpfsign verify-and-sign target-port.o --key pki/signer.pem",
        "bpfsign verify-and-sign rate-limiter.o --key pki/signer.pem --quiet",
        "bpfsign state init --state st --trust pki/trust.bpftrust",
        "bpfsign check target-port.o --trust pki/trust.bpftrust --state st",
        FILTER,
    ] {
        let ended = lab.run(command);
        ended.ok();
        seen.add("", &ended);
    }

    // To port 12345 there are packets 2, 4 and 6. Of one source three packets pass at once: 1, 3
    // and 5; the ARP packet 0 has no source.
    let (arrived, left) = (
        packets(&lab.read("in.pcap")),
        packets(&lab.read("out.pcap")),
    );
    assert_eq!(arrived.len(), 10);
    let expected: Vec<_> = [0, 1, 3, 5]
        .map(|index: usize| arrived[index].clone())
        .into();
    assert_eq!(left, expected);
    insta::assert_snapshot!("from_an_object_to_filtered_packets", steady(&seen.text()));

    // Again: the state that the first run left admits the same programs.
    lab.run(FILTER).ok();
    assert_eq!(packets(&lab.read("out.pcap")), expected);
    let state = lab.run("bpfsign state show --state st --json").json();
    let records = state["state"]["records"].as_array().unwrap();
    let names: Vec<_> = records.iter().map(|record| &record["name"]).collect();
    assert_eq!(names, ["rate-limiter", "target-port"]);
    assert!(records.iter().all(|record| record["counter"] == 1));
}

/// Without what differs from run to run, or from machine to machine: the trial's counts.
fn steady(text: &str) -> String {
    let keep = |line: &str| !line.contains("trial") && !line.contains("sandbox");
    let lines = text.lines().filter(|line| keep(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn inspect_says_what_was_signed() {
    let lab = Lab::new();
    let value = lab.run("bpfsign inspect prog.o.bpfsig --json").json();
    let statement = &value["bundle"]["statement"];
    assert_eq!(statement["name"], "prog");
    assert_eq!(statement["counter"], 1);
    let digest = platform_click::Digest::of(&lab.read("prog.o")).to_string();
    assert_eq!(statement["object_sha256"], Value::String(digest));
    assert_eq!(value["checked"], false);
    assert_eq!(value["bundle"]["certificates"].as_array().unwrap().len(), 2);

    let value = lab.run("bpfsign inspect pki/trust.bpftrust --json").json();
    assert!(value.is_object());
    let value = lab.run("bpfsign inspect prog.o --json").json();
    assert_eq!(value["object"]["programs"].as_array().unwrap().len(), 1);
    let value = lab.run(&format!("{CHECK} --json")).json();
    assert_eq!(value["verdict"], "admitted");
}

#[test]
fn check_changes_nothing() {
    let lab = Lab::new();
    let before = lab.files();
    lab.run(CHECK).ok();
    lab.run(&format!("{RUN} --quit")).ok();
    assert_eq!(lab.files(), before);
}

/// The same object keeps its counter, a changed one gets the next.
#[test]
fn counters_rise_with_the_object() {
    let mut lab = Lab::running();
    let sign = |lab: &Lab| {
        let value = lab.run(&format!("{SIGN} --json")).json();
        value["statement"]["counter"].as_u64().unwrap()
    };
    assert_eq!(sign(&lab), 1);
    lab.admit();
    lab.write("prog.o", &sample("pass"));
    assert_eq!(sign(&lab), 2);
    assert_eq!(sign(&lab), 2);
    lab.admit();
    assert_eq!(lab.record().unwrap().counter, 2);
    lab.write("prog.o", &sample("drop"));
    let printed = lab.run(SIGN);
    let line = printed
        .ok()
        .out
        .lines()
        .find(|line| line.contains("counter"));
    assert_eq!(line.unwrap().split_whitespace().last(), Some("3"));
    lab.admit();
    // What ran before does not run again, not even signed anew with its old number.
    lab.write("prog.o", &sample("pass"));
    lab.run(&format!("{SIGN} --counter 2")).ok();
    lab.loader_refuses("BPF-L012", 27);
}

/// A state decides whom it trusts once: the trust bundle of another installation does not fit it.
#[test]
fn a_state_stays_with_its_root_keys() {
    let (lab, other) = (Lab::running(), site());
    other.run("bpfsign pki init --dir pki").ok();
    lab.write("pki/trust.bpftrust", &other.read("pki/trust.bpftrust"));
    lab.loader_refuses("BPF-T023", 22);
}

#[test]
fn demo_ends_as_it_should() {
    let lab = Lab::empty();
    let ended = lab.run("bpfsign demo --keep demo");
    ended.ok();
    assert!(lab.path("demo/out.pcap").exists());
    let refusals = ["BPF-V001", "BPF-L012", "BPF-L003", "BPF-T012"];
    for code in refusals {
        assert!(ended.err.contains(code), "{code}: {ended}");
    }
    lab.refuses("bpfsign demo --keep demo", "BPF-P903", 31);
}
