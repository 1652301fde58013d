//! The committed samples: what their sources say agrees with their objects and with the index.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use core::fmt::Write as _;
use std::fs;

use bpf_object::{Image, Object, ParseOptions};
use e2e::{Expected, Sample, samples};

/// The one program of a sample, linked.
fn image(sample: &Sample) -> Image {
    let object = Object::parse(&sample.bytes(), ParseOptions::default()).unwrap();
    let [program] = object.programs() else {
        panic!("{} has {} programs", sample.name, object.programs().len());
    };
    object.link(program).unwrap()
}

#[test]
fn sources_state_the_kind_of_their_objects() {
    for sample in samples() {
        assert_eq!(image(&sample).kind(), sample.kind, "{}", sample.name);
    }
}

#[test]
fn folders_hold_what_their_names_say() {
    for sample in samples() {
        let agrees = match sample.folder {
            "accept" | "rust" => sample.expected == Expected::Accept,
            "reject" => matches!(sample.expected, Expected::Reject(_)),
            _ => true,
        };
        assert!(agrees, "{}/{}", sample.folder, sample.name);
    }
}

/// The eight mistakes are eight different ones.
#[test]
fn every_rejected_sample_has_a_cause_of_its_own() {
    let mut causes: Vec<_> = samples()
        .into_iter()
        .filter(|sample| sample.folder == "reject")
        .map(|sample| match sample.expected {
            Expected::Reject(cause) => cause,
            other => panic!("{other:?}"),
        })
        .collect();
    let count = causes.len();
    causes.sort();
    causes.dedup();
    assert_eq!(causes.len(), count);
}

/// An object that names folders of the machine it was built on is another one on the next machine.
#[test]
fn objects_hold_no_paths_of_a_machine() {
    for sample in samples() {
        for text in sample.bytes().split(|byte| !(b' '..=b'~').contains(byte)) {
            let path = text.starts_with(b"/") && text.len() > 2;
            let home = text.windows(6).any(|part| part == b"/home/");
            assert!(
                !path && !home,
                "{}: {}",
                sample.name,
                String::from_utf8_lossy(text)
            );
        }
    }
}

/// The index is derived from sources and objects. With RENEW=1 (`cargo xtask samples`) the test
/// writes it instead.
#[test]
fn the_index_is_fresh() {
    let path = e2e::root().join("ebpf-samples/README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (introduction, _) = text.split_once("## accept/\n").unwrap();
    let fresh = format!("{introduction}{}", index());
    if std::env::var_os("RENEW").is_some() {
        fs::write(&path, fresh).unwrap();
    } else {
        assert_eq!(text, fresh, "renew it by `cargo xtask samples`");
    }
}

/// A table per folder.
fn index() -> String {
    let mut text = String::new();
    let mut folder = "";
    for sample in samples() {
        if sample.folder != folder {
            folder = sample.folder;
            let gap = if text.is_empty() { "" } else { "\n" };
            write!(text, "{gap}## {folder}/\n\n").unwrap();
            writeln!(
                text,
                "| program | kind | maps | helpers | what it does | verdict |"
            )
            .unwrap();
            writeln!(text, "|---|---|---|---|---|---|").unwrap();
        }
        writeln!(text, "{}", row(&sample)).unwrap();
    }
    text
}

fn row(sample: &Sample) -> String {
    let image = image(sample);
    let maps = image
        .maps()
        .iter()
        .map(|map| format!("{} ({})", map.name, map.kind));
    let helpers = image.helper_numbers().into_iter().map(|id| id.to_string());
    let verdict = match &sample.expected {
        Expected::Accept => "accepted".to_owned(),
        Expected::Reject(cause) => format!("rejected, {cause}"),
        Expected::Undecided(cause) => format!("undecided, {cause}"),
        other => panic!("{other:?}"),
    };
    format!(
        "| [{}]({}) | {} | {} | {} | {} | {verdict} |",
        sample.name,
        sample.source().display(),
        sample.kind,
        list(maps),
        list(helpers),
        sample.summary,
    )
}

/// The items with commas between them, a dash if there are none.
fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(", ")
    }
}
