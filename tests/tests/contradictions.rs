//! Reports of contradicted proofs in `tests/findings/`: each is complete, and repeating its runs ends as
//! it says.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::PathBuf;

use bpf_object::{Object, ParseOptions};
use bpf_runtime::{Annotations, Errno};
use bpf_verifier::{Clock, Draws, Entry, Refusal, Scenario, Step};
use platform_click::HelperId;
use serde_json::Value;

/// Instructions of one run.
const FUEL: u64 = 1_000_000;

/// Folders with a `counterexample.json`.
fn reports() -> Vec<PathBuf> {
    let entries = fs::read_dir(e2e::root().join("tests/findings")).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path());
    let reports: Vec<PathBuf> = folders
        .filter(|folder| folder.join("counterexample.json").exists())
        .collect();
    assert!(reports.len() >= 3);
    reports
}

#[test]
fn what_is_reported_can_be_repeated() {
    for folder in reports() {
        let text = fs::read_to_string(folder.join("counterexample.json")).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        let object = fs::read(folder.join("object.o")).unwrap();
        let object = Object::parse(&object, ParseOptions::default()).unwrap();
        let mut programs = object.programs().iter();
        let program = programs.find(|program| program.name() == report["program"]);
        let image = object.link(program.unwrap()).unwrap();
        let ends = match scenario(&report).replay(&image, FUEL).unwrap() {
            Ok(outcome) => format!("it returns {}", outcome.value),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(report["ends"], ends, "{}", folder.display());
    }
}

/// Each says what it is about, in a form that can be sent.
#[test]
fn reports_say_what_they_are_about() {
    for folder in reports() {
        let text = fs::read_to_string(folder.join("counterexample.json")).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(readme.starts_with(&format!("# {name}\n")), "{name}");
        for key in ["program", "reason", "ends"] {
            assert!(
                readme.contains(report[key].as_str().unwrap()),
                "{name}: {key}"
            );
        }
    }
}

fn scenario(report: &Value) -> Scenario {
    let steps = report["steps"].as_array().unwrap();
    Scenario {
        steps: steps.iter().map(step).collect(),
    }
}

fn step(step: &Value) -> Step {
    let items = |key: &str| step[key].as_array().unwrap().iter();
    Step {
        entries: items("entries")
            .map(|entry| Entry {
                map: small(&entry["map"]),
                key: bytes(&entry["key"]),
                value: bytes(&entry["value"]),
            })
            .collect(),
        packet: bytes(&step["packet"]),
        annotations: Annotations {
            port: small(&step["port"]),
            mark: small(&step["mark"]),
            rx_time_ns: step["rx_time_ns"].as_u64().unwrap(),
            delay_ns: step["delay_ns"].as_u64().unwrap(),
        },
        clock: Clock {
            start_ns: step["clock"]["start_ns"].as_u64().unwrap(),
            step_ns: step["clock"]["step_ns"].as_u64().unwrap(),
        },
        draws: match step["random"]["seed"].as_u64() {
            Some(seed) => Draws::Seed(seed),
            None => Draws::Constant(small(&step["random"]["constant"])),
        },
        refusals: items("refusals").map(refusal).collect(),
        addresses: step["addresses"].as_u64().unwrap(),
    }
}

fn refusal(refusal: &Value) -> Refusal {
    let helpers = HelperId::ALL.iter();
    let mut named = helpers.filter(|helper| refusal["helper"] == helper.spec().name);
    let errnos = [Errno::NoEntry, Errno::TooBig, Errno::Exists, Errno::Invalid];
    let mut numbered = errnos
        .into_iter()
        .filter(|errno| refusal["errno"] == errno.number());
    Refusal {
        helper: *named.next().unwrap(),
        first: small(&refusal["first"]),
        count: small(&refusal["count"]),
        errno: numbered.next().unwrap(),
    }
}

fn small(number: &Value) -> u32 {
    number.as_u64().unwrap().try_into().unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&hex[at..at.saturating_add(2)], 16).unwrap())
        .collect()
}
