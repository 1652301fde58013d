//! Signed programs in elements: what they do to packets, and what is refused.
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
#[path = "common/signing.rs"]
mod signing;

use std::fs;

use bpf_statement::{SlotRange, Unreached, Way};
use click_host::Options;
use common::{packets, pcap};
use signing::{Site, object, sample};

/// An Ethernet frame with IPv4 and a UDP port.
fn udp(port: u16) -> Vec<u8> {
    let mut frame = vec![0; 14 + 20 + 8];
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    frame[14] = 0x45;
    frame[14 + 9] = 17;
    frame[14 + 20 + 2..14 + 20 + 4].copy_from_slice(&port.to_be_bytes());
    frame
}

fn readings(site: &Site, text: &str, handlers: &[&str]) -> Vec<String> {
    let report = site.folder.run_with(text, &site.options(handlers));
    let report = report.unwrap_or_else(|error| panic!("{error}: {error:?}"));
    assert!(report.failure.is_none(), "{:?}", report.failure);
    report
        .readings
        .into_iter()
        .map(|reading| reading.value)
        .collect()
}

const FILTER: &str = "FromDump(DIR/in.pcap, STOP true)
    -> f :: BPFFilter(ID 1, FILE DIR/target-port.o, SIGNATURE DIR/target-port.o.bpfsig)
    -> ToDump(DIR/out.pcap)";

/// A site with the sample `target-port` and a capture of three packets, one of which it drops.
fn filtering() -> Site {
    let site = Site::new();
    site.sign_sample("target-port");
    site.folder
        .write("in.pcap", &pcap(&[&udp(53), &udp(12345), &udp(12346)]));
    site
}

#[test]
fn a_signed_filter_filters() {
    let site = filtering();
    let handlers = [
        "count",
        "filtered",
        "faults",
        "kind",
        "program",
        "statement",
        "counter",
    ];
    let handlers = handlers.map(|handler| format!("f.{handler}"));
    let values = readings(&site, FILTER, &handlers.each_ref().map(String::as_str));
    assert_eq!(
        values,
        ["3", "1", "0", "filter", "target_port", "target-port", "1"]
    );
    let out = packets(&site.folder.path("out.pcap"));
    let bytes: Vec<Vec<u8>> = out.into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(bytes, [udp(53), udp(12346)]);
}

/// Slots 2 and 5 of the sample: a load that every packet meets, and the jump that one too short to be
/// a frame takes. Were the proofs wrong that say that no packet does, the program would be stopped there
/// and meet no packet again.
#[test]
fn what_the_statement_says_is_not_reached_stops_the_program() {
    let slots = Unreached {
        slots: vec![SlotRange { first: 2, count: 1 }],
        ways: vec![],
    };
    let way = Way {
        slot: 5,
        taken: true,
    };
    let ways = Unreached {
        slots: vec![],
        ways: vec![way],
    };
    for (unreached, filtered, place) in [(slots, "3", "slot 2"), (ways, "2", "slot 5")] {
        let site = filtering();
        site.folder
            .write("in.pcap", &pcap(&[&udp(53), b"short", &udp(53)]));
        site.sign_with("target-port", &sample("target-port"), "target-port", |c| {
            c.programs[0].unreached = unreached;
        });
        let handlers = ["filtered", "contradicted", "quarantined", "last_fault"];
        let handlers = handlers.map(|handler| format!("f.{handler}"));
        let found = readings(&site, FILTER, &handlers.each_ref().map(String::as_str));
        // The interpreter checks what it does, and needs no such list.
        if cfg!(target_arch = "x86_64") {
            let fault = format!("{place}: this was proved to be never reached");
            assert_eq!(found, [filtered, "1", "true", &fault]);
        }
    }
}

#[test]
fn a_program_may_run_again_and_a_newer_one_may_replace_it_but_not_the_reverse() {
    let site = filtering();
    for _ in 0..2 {
        assert_eq!(readings(&site, FILTER, &["f.counter"]), ["1"]);
    }
    let old = fs::read(site.folder.path("target-port.o.bpfsig")).unwrap();
    site.sign("target-port", &sample("target-port"), "target-port", 2);
    assert_eq!(readings(&site, FILTER, &["f.counter"]), ["2"]);
    site.folder.write("target-port.o.bpfsig", &old);
    refused(&site, FILTER, 27, "BPF-L");
}

#[test]
fn a_classifier_deals_packets_out() {
    let site = Site::new();
    site.sign_sample("round-robin");
    site.folder
        .write("in.pcap", &pcap(&[b"a", b"b", b"c", b"d", b"e"]));
    let text = "FromDump(DIR/in.pcap, STOP true) -> c :: BPFClassifier(FILE DIR/round-robin.o);
        c [0] -> even :: Counter -> Discard; c [1] -> odd :: Counter -> Discard";
    let values = readings(&site, text, &["even.count", "odd.count", "c.filtered"]);
    assert_eq!(values, ["3", "2", "0"]);
}

#[test]
fn a_rewriter_strips_headers() {
    let site = Site::new();
    site.sign_sample("strip-ether-vlan-header");
    let mut tagged = vec![0; 12];
    tagged.extend([0x81, 0x00, 0x00, 0x05, 0x08, 0x00]);
    tagged.extend(b"tagged");
    site.folder
        .write("in.pcap", &pcap(&[&udp(53), &tagged, b"short"]));
    let text = "FromDump(DIR/in.pcap, STOP true)
        -> r :: BPFRewriter(FILE DIR/strip-ether-vlan-header.o)
        -> ToDump(DIR/out.pcap, ENCAP IP)";
    assert_eq!(
        readings(&site, text, &["r.filtered", "r.aborted"]),
        ["1", "1"]
    );
    let out = packets(&site.folder.path("out.pcap"));
    assert_eq!(out[0].1, udp(53)[14..]);
    assert_eq!(out[1].1, b"tagged");
}

#[test]
fn elements_have_maps_of_their_own() {
    let site = Site::new();
    site.sign_sample("round-robin");
    site.folder
        .write("in.pcap", &pcap(&[b"a", b"b", b"c", b"d"]));
    let text = "a, b :: BPFClassifier(FILE DIR/round-robin.o); t :: Counter -> Discard;
        FromDump(DIR/in.pcap, STOP true) -> a -> b -> t;
        a [1] -> Discard; b [1] -> Discard;";
    assert_eq!(readings(&site, text, &["b.count", "t.count"]), ["2", "1"]);
}

#[test]
fn names_and_programs_are_chosen_by_the_configuration() {
    let site = Site::new();
    let two = object("loader/object/tests/fixtures/two_programs.o");
    site.sign("two", &two, "edge.fw", 1);
    site.folder.write("in.pcap", &pcap(&[b"abc"]));
    let text = |arguments: &str| {
        format!("FromDump(DIR/in.pcap) -> f :: BPFFilter(FILE DIR/two.o{arguments}) -> Discard")
    };
    let handlers = ["f.program", "f.statement"];
    let chosen = text(", NAME core.fw edge.fw, PROGRAM count");
    assert_eq!(readings(&site, &chosen, &handlers), ["count", "edge.fw"]);
    // Another name, none of several programs, a program of another kind, one that is not there.
    for arguments in [
        "",
        ", NAME edge.fw",
        ", NAME edge.fw, PROGRAM sort",
        ", NAME edge.fw, PROGRAM other",
    ] {
        refused(&site, &text(arguments), 28, "BPF-L");
    }
}

/// Expects that a configuration is refused with this exit code, and that nothing has changed.
fn refused(site: &Site, text: &str, exit: u8, id: &str) {
    refused_with(site, text, &site.options(&[]), exit, id);
}

fn refused_with(site: &Site, text: &str, options: &Options, exit: u8, id: &str) {
    let before = site.folder.snapshot();
    let error = site.folder.run_with(text, options).unwrap_err();
    let shown = error.render(&site.folder.source(text));
    assert_eq!(error.code().exit.number(), exit, "{shown}");
    assert!(error.code().id.starts_with(id), "{shown}");
    assert_eq!(site.folder.snapshot(), before, "{shown}");
}

#[test]
fn an_unsigned_object_is_refused() {
    let site = filtering();
    fs::remove_file(site.folder.path("target-port.o.bpfsig")).unwrap();
    refused(&site, FILTER, 20, "BPF-L");
}

#[test]
fn a_flipped_byte_is_refused_in_object_and_bundle() {
    for (file, exit) in [("target-port.o", 25), ("target-port.o.bpfsig", 21)] {
        let site = filtering();
        let mut bytes = fs::read(site.folder.path(file)).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        site.folder.write(file, &bytes);
        refused(&site, FILTER, exit, "BPF-");
    }
}

#[test]
fn another_signer_is_refused() {
    let site = filtering();
    let stranger = filtering();
    let bundle = fs::read(stranger.folder.path("target-port.o.bpfsig")).unwrap();
    site.folder.write("target-port.o.bpfsig", &bundle);
    refused(&site, FILTER, 22, "BPF-T");
}

#[test]
fn a_program_of_another_kind_is_refused() {
    let site = Site::new();
    site.sign_sample("round-robin");
    site.folder.write("in.pcap", &pcap(&[]));
    let text = "FromDump(DIR/in.pcap) -> BPFFilter(FILE DIR/round-robin.o) -> ToDump(DIR/out.pcap)";
    refused(&site, text, 28, "BPF-L");
}

#[test]
fn a_classifier_with_too_few_outputs_is_refused() {
    let site = Site::new();
    site.sign_sample("round-robin");
    site.folder.write("in.pcap", &pcap(&[]));
    let text =
        "FromDump(DIR/in.pcap) -> BPFClassifier(FILE DIR/round-robin.o) -> ToDump(DIR/out.pcap)";
    refused(&site, text, 28, "BPF-L");
}

#[test]
fn one_refused_program_keeps_the_others_from_being_committed() {
    let site = filtering();
    let both = "FromDump(DIR/in.pcap) -> BPFFilter(FILE DIR/target-port.o)
        -> BPFFilter(FILE DIR/missing.o) -> ToDump(DIR/out.pcap)";
    refused(&site, both, 3, "BPF-C012");
}

#[test]
fn a_process_without_trust_runs_no_program() {
    let site = filtering();
    refused_with(&site, FILTER, &Options::default(), 2, "BPF-C011");
}

#[test]
fn a_missing_or_damaged_state_is_refused_and_not_made_anew() {
    let site = filtering();
    let mut elsewhere = site.options(&[]);
    elsewhere.state = Some(site.folder.path("in.pcap/st"));
    refused_with(&site, FILTER, &elsewhere, 31, "BPF-L");
    let mut store = fs::read(site.folder.path("st/store")).unwrap();
    store.iter_mut().for_each(|byte| *byte ^= 1);
    site.folder.write("st/store", &store);
    refused(&site, FILTER, 31, "BPF-L");
}

#[test]
fn a_trust_bundle_of_another_root_is_refused() {
    let site = filtering();
    let stranger = Site::new();
    let mut options = site.options(&[]);
    options.trust = stranger.options(&[]).trust;
    refused_with(&site, FILTER, &options, 22, "BPF-T");
    options.trust = Some(site.folder.path("missing"));
    refused_with(&site, FILTER, &options, 3, "BPF-C012");
}

#[test]
fn a_huge_or_unreadable_object_is_refused() {
    let site = filtering();
    let huge = fs::File::create(site.folder.path("huge.o")).unwrap();
    huge.set_len(2 << 30).unwrap();
    fs::create_dir(site.folder.path("folder.o")).unwrap();
    for name in ["huge.o", "folder.o"] {
        let text = format!("FromDump(DIR/in.pcap) -> BPFFilter(FILE DIR/{name}) -> Discard");
        let error = site.folder.run_with(&text, &site.options(&[])).unwrap_err();
        assert_eq!(error.code().id, "BPF-C012");
    }
}

#[test]
fn a_check_admits_and_commits_nothing() {
    let site = filtering();
    let before = site.folder.snapshot();
    let options = Options {
        check_only: true,
        ..site.options(&["f.count"])
    };
    site.folder.run_with(FILTER, &options).unwrap();
    assert_eq!(site.folder.snapshot(), before);
    fs::remove_file(site.folder.path("target-port.o.bpfsig")).unwrap();
    refused_with(&site, FILTER, &options, 20, "BPF-L");
}

#[test]
fn machine_code_and_interpreter_let_the_same_packets_pass() {
    let site = filtering();
    let handlers = [
        "f.jit",
        "f.count",
        "f.filtered",
        "f.faults",
        "f.contradicted",
        "f.fuel_aborts",
    ];
    for (keywords, jit) in [
        ("ID 1", "true"),
        ("ID 1, JIT true", "true"),
        ("ID 1, JIT false", "false"),
        ("ID 1, JIT false, DUMP_JIT false", "false"),
    ] {
        let text = FILTER.replace("ID 1", keywords);
        let values = readings(&site, &text, &handlers);
        assert_eq!(values, [jit, "3", "1", "0", "0", "0"], "{keywords}");
        let out = packets(&site.folder.path("out.pcap"));
        let bytes: Vec<Vec<u8>> = out.into_iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(bytes, [udp(53), udp(12346)], "{keywords}");
    }
}

#[test]
fn machine_code_can_be_read() {
    let site = filtering();
    for (keyword, file) in [("DIR/code.txt", "code.txt"), ("true", "target-port.o.jit")] {
        let text = FILTER.replace("ID 1", &format!("DUMP_JIT {keyword}"));
        readings(&site, &text, &[]);
        let dump = fs::read_to_string(site.folder.path(file)).unwrap();
        assert!(dump.contains("target-port.c:"), "{dump}");
        assert!(dump.contains("\n0: "), "{dump}");
        assert!(dump.contains("ret"), "{dump}");
    }
}

#[test]
fn what_should_be_known_is_said() {
    let site = filtering();
    let mut lines = Vec::new();
    let listen = &mut |line: &str| lines.push(line.to_owned());
    let ran = site
        .folder
        .run_and_listen(FILTER, &site.options(&[]), listen);
    ran.unwrap();
    let all = lines.join("\n");
    assert!(all.contains("one engine alone vouched"), "{all}");
}

#[test]
fn a_refusal_shows_the_element_and_the_reason() {
    let site = filtering();
    fs::remove_file(site.folder.path("target-port.o.bpfsig")).unwrap();
    let shown = site.folder.error(FILTER, &site.options(&[]));
    insta::assert_snapshot!(shown);
}

/// Whoever opens a pipe to read waits until somebody writes.
#[test]
fn a_pipe_in_place_of_an_object_is_refused_at_once() {
    let site = filtering();
    let pipe = site.folder.path("target-port.o");
    fs::remove_file(&pipe).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let error = site
        .folder
        .run_with(FILTER, &site.options(&[]))
        .unwrap_err();
    let shown = error.render(&site.folder.source(FILTER));
    assert_eq!(error.code().exit.number(), 3, "{shown}");
    assert!(shown.contains("it is not a regular file"), "{shown}");
}
