//! Capture files: every format that is read, and every way in which one can be damaged.
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

use core::time::Duration;
use std::fs;

use click_host::Options;
use common::{Folder, capture, packets, pcap, value};
use pcap_file::{Endianness, TsResolution};
use proptest::prelude::*;

const COPY: &str = "FromDump(DIR/in.pcap, STOP true) -> c :: Counter -> ToDump(DIR/out.pcap)";

fn counting() -> Options {
    Options {
        handlers: vec!["c.count".into()],
        ..Options::default()
    }
}

#[test]
fn both_byte_orders_and_resolutions_are_read() {
    for endianness in [Endianness::Big, Endianness::Little] {
        for resolution in [TsResolution::MicroSecond, TsResolution::NanoSecond] {
            let folder = Folder::new();
            let bytes = capture(&[b"one", b"", b"three"], endianness, resolution);
            folder.write("in.pcap", &bytes);
            let report = folder.run_with(COPY, &counting()).unwrap();
            assert!(report.failure.is_none());
            assert_eq!(value(&report), "3");
            let at = |second| Duration::new(second, 5_000);
            assert_eq!(
                packets(&folder.path("out.pcap")),
                [
                    (at(1), b"one".to_vec()),
                    (at(2), Vec::new()),
                    (at(3), b"three".to_vec()),
                ]
            );
        }
    }
}

#[test]
fn a_copy_of_a_copy_is_the_same() {
    let folder = Folder::new();
    folder.write("in.pcap", &pcap(&[b"one", b"two"]));
    folder.run(COPY).unwrap();
    let first = fs::read(folder.path("out.pcap")).unwrap();
    folder.write("in.pcap", &first);
    folder.run(COPY).unwrap();
    assert_eq!(fs::read(folder.path("out.pcap")).unwrap(), first);
}

#[test]
fn a_file_cut_within_a_record_changes_nothing() {
    let whole = pcap(&[b"one", b"three"]);
    let ends = [24, 24 + 16 + 3, whole.len()];
    for cut in 0..=whole.len() {
        let folder = Folder::new();
        folder.write("in.pcap", &whole[..cut]);
        let result = folder.run_with(COPY, &counting());
        if let Some(complete) = ends.iter().position(|end| *end == cut) {
            assert_eq!(value(&result.unwrap()), complete.to_string(), "{cut}");
            assert_eq!(packets(&folder.path("out.pcap")).len(), complete);
            continue;
        }
        let code = result.unwrap_err().code();
        assert_eq!((code.id, code.exit.number()), ("BPF-C013", 3), "{cut}");
        assert!(!folder.path("out.pcap").exists(), "{cut}");
    }
}

#[test]
fn what_is_no_capture_is_refused_by_name() {
    let folder = Folder::new();
    fs::create_dir(folder.path("folder")).unwrap();
    let good = pcap(&[b"one"]);
    let mut version = good.clone();
    version[4] = 3;
    let mut long = good.clone();
    long[24 + 8..24 + 12].copy_from_slice(&300_000_u32.to_le_bytes());
    let mut fraction = good.clone();
    fraction[24 + 4..24 + 8].copy_from_slice(&1_000_000_u32.to_le_bytes());
    for (name, bytes) in [
        ("empty", &[][..]),
        ("short", &good[..10]),
        ("text", b"this is no capture at all, is it?"),
        (
            "ng",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\0\0\0\0\0\0\0\0",
        ),
        ("version", &version),
        ("long", &long),
        ("fraction", &fraction),
        ("cut", &good[..good.len() - 1]),
    ] {
        folder.write(name, bytes);
    }
    let errors: Vec<String> = [
        "missing", "folder", "empty", "short", "text", "ng", "version", "long", "fraction", "cut",
    ]
    .iter()
    .map(|name| {
        let text = format!("FromDump(DIR/{name}) -> Discard");
        folder.error(&text, &Options::default())
    })
    .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn packets_cut_when_captured_are_read() {
    let folder = Folder::new();
    let mut bytes = pcap(&[b"one"]);
    // What `tcpdump -s` writes: more on the wire than in the file, and than the snap length.
    bytes[16..20].copy_from_slice(&3_u32.to_le_bytes());
    bytes[24 + 12..24 + 16].copy_from_slice(&1500_u32.to_le_bytes());
    folder.write("in.pcap", &bytes);
    assert_eq!(value(&folder.run_with(COPY, &counting()).unwrap()), "1");
}

#[test]
fn a_file_is_not_read_and_written_at_once() {
    let folder = Folder::new();
    let bytes = pcap(&[b"one"]);
    folder.write("in.pcap", &bytes);
    std::os::unix::fs::symlink(folder.path("in.pcap"), folder.path("link.pcap")).unwrap();
    for text in [
        "FromDump(DIR/in.pcap) -> ToDump(DIR/in.pcap)",
        "FromDump(DIR/in.pcap) -> ToDump(DIR/link.pcap)",
    ] {
        let error = folder.error(text, &Options::default());
        assert!(
            error.contains("BPF-C014") && error.contains("another element"),
            "{error}"
        );
        assert_eq!(fs::read(folder.path("in.pcap")).unwrap(), bytes);
    }
    let twice = "FromDump(DIR/in.pcap) -> ToDump(DIR/o) -> ToDump(DIR/o)";
    assert!(
        folder
            .error(twice, &Options::default())
            .contains("BPF-C014")
    );
}

#[test]
fn an_output_that_cannot_be_written_stops_the_run() {
    let folder = Folder::new();
    folder.write("in.pcap", &pcap(&[b"one"]));
    folder.write("file", b"");
    let through_file = "FromDump(DIR/in.pcap) -> ToDump(DIR/file/out.pcap)";
    let error = folder.run(through_file).unwrap_err();
    assert_eq!(error.code().exit.number(), 31);
    let full = "FromDump(DIR/in.pcap) -> ToDump(/dev/full)";
    let report = folder.run(full).unwrap();
    assert_eq!(report.failure.unwrap().code().exit.number(), 31);
}

#[test]
fn the_link_type_is_told_to_other_programs() {
    let folder = Folder::new();
    folder.write("in.pcap", &pcap(&[b"one"]));
    let text = "FromDump(DIR/in.pcap) -> ToDump(DIR/out.pcap, ENCAP IP);";
    folder.run(text).unwrap();
    let options = Options {
        handlers: vec!["FromDump.encap".into()],
        ..Options::default()
    };
    for (file, encapsulation) in [("in.pcap", "ETHER"), ("out.pcap", "IP")] {
        let text = format!("FromDump(DIR/{file}) -> Discard");
        assert_eq!(
            value(&folder.run_with(&text, &options).unwrap()),
            encapsulation
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the bytes: an error, or packets that lie in the file.
    #[test]
    fn no_capture_does_harm(
        head in proptest::sample::select(vec![0_usize, 4, 24]),
        tail in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let folder = Folder::new();
        let mut bytes = pcap(&[])[..head].to_vec();
        bytes.extend(&tail);
        folder.write("in.pcap", &bytes);
        if let Ok(report) = folder.run_with(COPY, &counting()) {
            let count: usize = value(&report).parse().unwrap();
            prop_assert!(count * 16 <= tail.len());
        }
    }
}
