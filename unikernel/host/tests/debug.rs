//! `bpfclick run`: one program over a capture.
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

use std::path::Path;
use std::process::{Command, Stdio};

use common::{Folder, packets, pcap};

fn sample(name: &str) -> String {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ebpf-samples");
    samples.join(name).to_str().unwrap().into()
}

/// Exit code, output and messages; paths are left out.
fn transcript(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bpfclick"));
    command.env("COLUMNS", "100").stdin(Stdio::null());
    let output = command.arg("run").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let shown = format!(
        "$ bpfclick run {}\n[{}]\n{}---\n{}",
        arguments.join(" "),
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr)
    );
    let samples = sample("");
    shown
        .replace(folder.path("").to_str().unwrap(), "DIR/")
        .replace(&samples, "SAMPLES/")
}

/// A UDP packet in Ethernet from this last byte of 10.0.0.x to a port.
fn udp(from: u8, port: u16) -> Vec<u8> {
    let mut packet = vec![0; 60];
    packet[12..14].copy_from_slice(&[0x08, 0x00]);
    packet[14] = 0x45;
    packet[22] = 64;
    packet[23] = 17;
    packet[26..30].copy_from_slice(&[10, 0, 0, from]);
    packet[36..38].copy_from_slice(&port.to_be_bytes());
    packet
}

fn folder(packets: &[Vec<u8>]) -> Folder {
    let folder = Folder::new();
    let packets: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    folder.write("in.pcap", &pcap(&packets));
    folder
}

fn input(folder: &Folder) -> String {
    folder.path("in.pcap").to_str().unwrap().into()
}

#[test]
fn verdicts_and_maps_are_shown() {
    let folder = folder(&[udp(1, 53), udp(2, 12345), udp(1, 53), vec![0; 10]]);
    let input = input(&folder);
    for (name, object) in [
        ("filter", "accept/target-port.o"),
        ("hash", "accept/rate-limiter.o"),
        ("classifier", "accept/round-robin.o"),
        ("lru_and_ring", "accept/new-sources.o"),
        ("queue", "accept/reorder.o"),
        ("printing", "accept/print.o"),
    ] {
        let object = sample(object);
        insta::assert_snapshot!(name, transcript(&folder, &[&object, "--in", &input]));
    }
    let object = sample("accept/rate-limiter.o");
    let arguments = [object.as_str(), "--in", &input, "--json"];
    insta::assert_snapshot!("json", transcript(&folder, &arguments));
}

/// A program that no verifier accepts runs as well, and does no harm.
#[test]
fn a_fault_is_found_where_it_is() {
    let folder = folder(&[udp(1, 53), vec![0; 20]]);
    let object = sample("corpus/03_missing_bounds.o");
    let input = input(&folder);
    insta::assert_snapshot!(transcript(&folder, &[&object, "--in", &input]));
    let arguments = [object.as_str(), "--in", &input, "--trace", "--packet", "2"];
    insta::assert_snapshot!("fault_trace", transcript(&folder, &arguments));
    // An endless loop ends with its fuel.
    let object = sample("reject/endless-loop.o");
    let arguments = [object.as_str(), "--in", &input, "--fuel", "100"];
    insta::assert_snapshot!("fuel", transcript(&folder, &arguments));
}

#[test]
fn a_trace_shows_what_every_instruction_does() {
    let folder = folder(&[udp(1, 53), udp(1, 53)]);
    let input = input(&folder);
    for (name, object, packet) in [
        ("trace_new_entry", "accept/rate-limiter.o", "1"),
        ("trace_known_entry", "accept/rate-limiter.o", "2"),
        (
            "trace_packet_moved",
            "accept/strip-ether-vlan-header.o",
            "1",
        ),
        ("trace_printing", "accept/print.o", "1"),
    ] {
        let object = sample(object);
        let arguments = [
            object.as_str(),
            "--in",
            &input,
            "--trace",
            "--packet",
            packet,
        ];
        insta::assert_snapshot!(name, transcript(&folder, &arguments));
    }
}

#[test]
fn packets_that_pass_are_written() {
    let folder = folder(&[udp(1, 53), udp(1, 12345), udp(2, 80)]);
    let output = folder.path("out.pcap");
    let object = sample("accept/target-port.o");
    let input = input(&folder);
    transcript(
        &folder,
        &[&object, "--in", &input, "--out", output.to_str().unwrap()],
    );
    let written: Vec<_> = packets(&output)
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    assert_eq!(written, [udp(1, 53), udp(2, 80)]);
    // A rewriter changes them.
    let object = sample("accept/strip-ether-vlan-header.o");
    transcript(
        &folder,
        &[&object, "--in", &input, "--out", output.to_str().unwrap()],
    );
    assert_eq!(packets(&output)[0].1, udp(1, 53)[14..]);
}

/// The same run gives the same output, whenever and wherever it is done.
#[test]
fn a_run_can_be_repeated() {
    let folder = folder(&[udp(1, 53), udp(2, 53)]);
    let object = sample("accept/rate-limiter.o");
    let input = input(&folder);
    let arguments = [object.as_str(), "--in", &input, "--trace", "--seed", "7"];
    assert_eq!(
        transcript(&folder, &arguments),
        transcript(&folder, &arguments)
    );
}

#[test]
fn what_is_wrong_is_said() {
    let folder = folder(&[udp(1, 53)]);
    folder.write("text.o", b"text");
    let (input, pass) = (input(&folder), sample("accept/pass.o"));
    let text = folder.path("text.o");
    let nothing = folder.path("nothing.pcap");
    let shown: Vec<String> = [
        &[pass.as_str()][..],
        &[&pass, "--in", nothing.to_str().unwrap()],
        &[&pass, "--in", text.to_str().unwrap()],
        &[&pass, "--in", &input, "--program", "other"],
        &[&pass, "--in", &input, "--packet", "2"],
        &[&pass, "--in", &input, "--trace", "--packet", "2"],
        &[&pass, "--in", &input, "--kind", "router"],
        &[&pass, "--in", &input, "--out", &input],
        &[text.to_str().unwrap(), "--in", &input],
        &[nothing.to_str().unwrap(), "--in", &input],
    ]
    .iter()
    .map(|arguments| transcript(&folder, arguments))
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
}
