//! Files for other programs: as far as they can be tested without those.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it leaves out"
)]

use std::fs;
use std::process::Command;

use regex::Regex;
use serde_json::Value;

fn read(name: &str) -> String {
    fs::read_to_string(e2e::root().join("contrib").join(name)).unwrap()
}

/// The patterns of a grammar, each with the name of what it matches, if it has one.
fn patterns(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| patterns(value, found)),
        Value::Object(object) => {
            for key in ["match", "begin", "end"] {
                if let Some(pattern) = object.get(key).and_then(Value::as_str) {
                    let name = object.get("name").and_then(Value::as_str);
                    found.push((name.unwrap_or_default().into(), pattern.into()));
                }
            }
            object.values().for_each(|value| patterns(value, found));
        }
        _ => {}
    }
}

#[test]
fn the_editor_grammar_knows_the_language() {
    let grammar: Value = serde_json::from_str(&read("click.tmLanguage.json")).unwrap();
    let mut found = Vec::new();
    patterns(&grammar, &mut found);
    let matches = |scope: &str, text: &str| {
        let mut of_scope = found.iter().filter(|(name, _)| name == scope);
        of_scope.any(|(_, pattern)| Regex::new(pattern).unwrap().is_match(text))
    };
    for (_, pattern) in &found {
        Regex::new(pattern).unwrap_or_else(|error| panic!("{error}"));
    }
    for (scope, text) in [
        (
            "keyword.control.click",
            "elementclass X { $a | input -> output }",
        ),
        ("keyword.operator.connection.click", "a -> b"),
        ("keyword.operator.connection.click", "x => y"),
        ("entity.name.type.click", "BPFFilter(ID 1)"),
        ("entity.name.type.click", "IPFilter"),
        ("variable.parameter.click", "Queue($CAPACITY)"),
        ("variable.other.constant.click", "RATE 1000"),
        ("constant.numeric.click", "10.0.0.0/8"),
        ("constant.numeric.port.click", "[1] sink"),
        ("constant.other.hexadecimal.click", "\\<00 11>"),
        ("comment.line.double-slash.click", "a; // b"),
    ] {
        assert!(matches(scope, text), "{scope}: {text}");
    }
    // Every class of ours is recognised as one.
    for class in click_host_classes() {
        assert!(matches("entity.name.type.click", &class), "{class}");
    }
}

fn click_host_classes() -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_bpfclick-e2e"))
        .arg("--list")
        .output();
    let list = String::from_utf8(output.unwrap().stdout).unwrap();
    let names = list.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn the_service_is_what_systemd_understands() {
    let dir = tempfile::tempdir().unwrap();
    let unit = dir.path().join("bpfclick@test.service");
    // What is not installed here would be complained about.
    fs::write(
        &unit,
        read("bpfclick@.service").replace("/usr/bin/bpfclick", "/bin/true"),
    )
    .unwrap();
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .arg("--man=no")
        .arg(&unit)
        .output();
    let Ok(verified) = verified else {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    let about_us: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("bpfclick"))
        .collect();
    assert!(about_us.is_empty(), "{said}");
}
