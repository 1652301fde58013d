//! `bpfsign gate` and its reports.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn sample(name: &str) -> PathBuf {
    e2e::root().join("ebpf-samples").join(name)
}

fn gate(args: &[&OsStr]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bpfsign"))
        .arg("gate")
        .args(args)
        .output()
        .unwrap()
}

fn run(args: &[&str]) -> (i32, String, String) {
    let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
    let output = gate(&args);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A folder with a program that is safe and one that is not, and this policy.
fn project(policy: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(
        sample("accept/rate-limiter.o"),
        folder.path().join("good.o"),
    )
    .unwrap();
    fs::write(folder.path().join("bpfsign.toml"), policy).unwrap();
    folder
}

fn add_bad(folder: &TempDir) {
    let from = sample("reject/null-dereference.o");
    fs::copy(from, folder.path().join("bad.o")).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_is_safe_passes_and_what_is_not_fails() {
    let folder = project("");
    let (exit, out, err) = run(&[text(folder.path())]);
    assert_eq!(exit, 0, "{out}{err}");
    assert!(
        out.ends_with("passed: 1 objects, 1 accepted programs\n"),
        "{out}"
    );
    add_bad(&folder);
    let (exit, out, err) = run(&[text(folder.path())]);
    assert_eq!(exit, 10, "{out}{err}");
    assert!(err.contains("error[BPF-V002]"), "{err}");
    assert!(err.contains("r0: map value"), "{err}");
}

#[test]
fn a_gate_without_programs_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (exit, _, err) = run(&[text(folder.path())]);
    assert_eq!(exit, 3);
    assert!(err.contains("BPF-P927"), "{err}");
    assert_eq!(run(&[]).0, 2);
}

#[test]
fn each_rule_of_the_policy_is_kept() {
    for (policy, code, exit) in [
        ("[bounds]\ninstructions = 1", "BPF-P922", 28),
        ("[bounds]\nslots = 1", "BPF-P922", 28),
        ("[bounds]\nhelper-calls = 0", "BPF-P922", 28),
        ("[bounds]\nmap-updates = 0", "BPF-P922", 28),
        ("[bounds]\nstack = 0", "BPF-P922", 28),
        ("[allow]\nhelpers = []", "BPF-P923", 28),
        ("[allow]\nkinds = [\"rewriter\"]", "BPF-P924", 28),
        ("[allow]\nmap-kinds = [\"array\"]", "BPF-P925", 28),
        ("[maps]\ncount = 0", "BPF-P925", 28),
        ("[maps]\nbytes = 8", "BPF-P925", 28),
        ("[maps]\nentries = 1", "BPF-P925", 28),
        ("[signature]\nrequired = true", "BPF-P928", 2),
    ] {
        let folder = project(policy);
        let (found, _, err) = run(&[text(folder.path())]);
        assert_eq!(found, exit, "{policy}: {err}");
        assert!(err.contains(code), "{policy}: {err}");
        // Without the policy it passes.
        assert_eq!(run(&[text(folder.path()), "--no-config"]).0, 0);
    }
    let zeros = "0".repeat(64);
    let folder = project(&format!("[platform]\ndigests = [\"{zeros}\"]"));
    assert_eq!(run(&[text(folder.path())]).0, 26);
}

/// The program that is not safe outweighs the rule that the other one breaks.
#[test]
fn of_several_problems_the_highest_rank_decides() {
    let folder = project("[bounds]\ninstructions = 1");
    fs::write(folder.path().join("broken.o"), b"no object").unwrap();
    assert_eq!(run(&[text(folder.path())]).0, 28);
    add_bad(&folder);
    assert_eq!(run(&[text(folder.path())]).0, 10);
}

#[test]
fn mistakes_in_a_policy_are_shown_at_their_place() {
    for (policy, place) in [
        ("[bounds]\nlop = 3\n", "bpfsign.toml:2:1"),
        ("[allow]\nhelpers = [\"bpf_nope\"]\n", "bpfsign.toml:2:11"),
        ("version = 2\n", "bpfsign.toml:1:11"),
        ("[verify]\ntime = 0\n", "bpfsign.toml:2:8"),
        ("[bounds\n", "bpfsign.toml:1:8"),
        (
            "[[waiver]]\npath = \"a.o\"\ncode = \"BPF-V002\"\nreason = \"x\"\nexpires = 2030-01-01\n",
            "bpfsign.toml:3:8",
        ),
        (
            "[[waiver]]\npath = \"a.o\"\ncode = \"BPF-P922\"\nreason = \" \"\nexpires = 2030-01-01\n",
            "bpfsign.toml:4:10",
        ),
        (
            "[signature]\ncounters-since = \"--output=x\"\n",
            "bpfsign.toml:2:18",
        ),
    ] {
        let folder = project(policy);
        let (exit, _, err) = run(&[text(folder.path())]);
        assert_eq!(exit, 2, "{policy}: {err}");
        assert!(err.contains(place) && err.contains("^"), "{policy}: {err}");
    }
}

#[test]
fn exceptions_count_until_their_day() {
    let policy = |path: &str, day: &str| {
        format!(
            "[bounds]\ninstructions = 1\n[[waiver]]\npath = \"{path}\"\ncode = \"BPF-P922\"\n\
             reason = \"for now\"\nexpires = {day}\n"
        )
    };
    for (path, day, exit) in [
        ("good.o", "9999-12-31", 0),
        (".", "9999-12-31", 0),
        ("other.o", "9999-12-31", 28),
        ("good.o", "2020-01-01", 28),
    ] {
        let folder = project(&policy(path, day));
        let (found, _, err) = run(&[text(folder.path())]);
        assert_eq!(found, exit, "{path} {day}: {err}");
        assert_eq!(err.contains("BPF-P930"), day.starts_with("2020"), "{err}");
    }
}

/// A folder that is judged brings no policy of its own.
#[test]
fn policies_are_found_from_outside() {
    let folder = project("[bounds]\ninstructions = 1");
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::rename(folder.path().join("good.o"), inner.join("good.o")).unwrap();
    fs::write(inner.join("bpfsign.toml"), "").unwrap();
    assert_eq!(run(&[text(folder.path())]).0, 28);
    let (exit, _, err) = run(&[text(folder.path()), text(&inner)]);
    assert_eq!(exit, 2);
    assert!(err.contains("BPF-P921"), "{err}");
}

#[test]
fn links_that_lead_round_end_and_files_count_once() {
    let folder = project("");
    symlink(folder.path(), folder.path().join("again")).unwrap();
    symlink(folder.path().join("good.o"), folder.path().join("same.o")).unwrap();
    symlink("nowhere", folder.path().join("dangling")).unwrap();
    fs::copy(
        std::env::current_exe().unwrap(),
        folder.path().join("host.o"),
    )
    .unwrap();
    let (exit, out, err) = run(&[text(folder.path())]);
    assert_eq!(exit, 0, "{out}{err}");
    assert!(out.contains("passed: 1 objects"), "{out}");
    assert!(
        out.contains("1 objects for other machines passed over"),
        "{out}"
    );
}

/// Whatever a file is called, nothing but text comes out.
#[test]
fn names_are_shown_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"a\x1b[31m\n::error::b\xff.o");
    let path = folder.path().join(name);
    fs::write(&path, b"no object").unwrap();
    for format in ["text", "json", "sarif", "junit", "github"] {
        let output = gate(&[OsStr::new("--format"), OsStr::new(format), path.as_os_str()]);
        assert_eq!(output.status.code(), Some(3));
        let all = [output.stdout, output.stderr].concat();
        let all = String::from_utf8(all).unwrap();
        assert!(!all.contains('\x1b'), "{format}: {all:?}");
        assert!(!all.contains("\n::error::b"), "{format}: {all:?}");
        if format != "sarif" {
            assert!(all.contains("xff.o"), "{format}: {all:?}");
        }
    }
}

fn schema_path() -> PathBuf {
    e2e::root().join("docs/schemas/gate-report-1.json")
}

#[test]
fn the_schema_is_fresh_and_reports_are_of_it() {
    let (_, schema, _) = run(&["--print-schema"]);
    // The same switch as for snapshots, so that one command renews everything.
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        fs::write(schema_path(), &schema).unwrap();
    }
    assert_eq!(
        fs::read_to_string(schema_path()).unwrap_or_default(),
        schema
    );
    let folder = project("[bounds]\ninstructions = 1");
    add_bad(&folder);
    let (exit, out, _) = run(&[text(folder.path()), "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(report["exit"], exit);
    assert_eq!(report["version"], 1);
    let broken = serde_json::json!({ "version": "one" });
    assert!(!validator.is_valid(&broken));
}

/// The schema of SARIF is the one that `serde-sarif` carries in its source.
fn sarif_schema() -> Value {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(e2e::root().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()
        .unwrap();
    let package = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "serde-sarif")
        .unwrap();
    let path = package
        .manifest_path
        .parent()
        .unwrap()
        .join("src/schema.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    // One of its patterns has a bracket too many, and is no pattern.
    for definition in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][definition]["properties"]["language"];
        assert!(
            language
                .as_object_mut()
                .unwrap()
                .remove("pattern")
                .is_some()
        );
    }
    schema
}

#[test]
fn sarif_is_of_its_schema_and_leads_through_the_source() {
    let folder = project(
        "[bounds]\ninstructions = 1\n[[waiver]]\npath = \"good.o\"\ncode = \"BPF-P922\"\n\
         reason = \"for now\"\nexpires = 9999-12-31\n",
    );
    add_bad(&folder);
    let file = folder.path().join("out.sarif");
    let report = format!("sarif={}", file.display());
    let (exit, _, _) = run(&[text(folder.path()), "--report", &report]);
    assert_eq!(exit, 10);
    let log: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&sarif_schema()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&log)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    // An implementation by others reads it.
    let read: serde_sarif::sarif::Sarif = serde_json::from_value(log.clone()).unwrap();
    assert_eq!(read.runs.len(), 1);
    let run = &log["runs"][0];
    assert_eq!(run["invocations"][0]["exitCode"], 10);
    let results = run["results"].as_array().unwrap();
    let result = |id: &str| {
        results
            .iter()
            .find(|result| result["ruleId"] == id)
            .unwrap()
    };
    assert!(
        result("BPF-P922")["suppressions"][0]["justification"]
            .as_str()
            .unwrap()
            .contains("for now")
    );
    let null = result("BPF-V002");
    let region = &null["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 24);
    let steps = &null["codeFlows"][0]["threadFlows"][0]["locations"];
    assert_eq!(steps.as_array().unwrap().len(), 2);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(
        rules
            .iter()
            .all(|rule| !rule["help"]["text"].as_str().unwrap().is_empty())
    );
}

#[test]
fn junit_and_github_tell_every_failure() {
    let folder = project("");
    add_bad(&folder);
    let (_, xml, _) = run(&[text(folder.path()), "--format", "junit"]);
    let mut reader = quick_xml::Reader::from_str(&xml);
    let mut failures = 0;
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(tag) if tag.name().as_ref() == "failure" => {
                failures += 1
            }
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(failures, 1, "{xml}");
    let (_, lines, _) = run(&[text(folder.path()), "--format", "github"]);
    assert_eq!(
        lines,
        "::error file=ebpf-samples/reject/null-dereference.c,line=24,col=9,\
         title=BPF-V002%3A a map value is used that may be null::this reads 8 bytes at r0, which may \
         be null%0AA lookup returns null when the key is absent, for arrays too. Test the pointer \
         before the first access.\n"
    );
}

#[test]
fn other_commands_have_two_formats() {
    let output = Command::new(env!("CARGO_BIN_EXE_bpfsign"))
        .args(["explain", "--format", "sarif"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn figures_that_grow_are_told() {
    let folder = project("");
    let stats = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_bpfsign"))
            .arg("stats")
            .arg(folder.path())
            .args(args)
            .output()
            .unwrap()
    };
    let first = stats(&["--json"]);
    assert!(first.status.success());
    let mut baseline: Value = serde_json::from_slice(&first.stdout).unwrap();
    let file = folder.path().join("baseline.json");
    fs::write(&file, &first.stdout).unwrap();
    assert!(stats(&["--baseline", text(&file)]).status.success());
    let figures = baseline["figures"].as_object_mut().unwrap();
    let program = figures.values_mut().next().unwrap();
    let slots = program["instruction_slots"].as_u64().unwrap();
    program["instruction_slots"] = (slots - 1).into();
    fs::write(&file, baseline.to_string()).unwrap();
    let worse = stats(&["--baseline", text(&file)]);
    assert_eq!(worse.status.code(), Some(28));
    assert!(
        stats(&["--baseline", text(&file), "--max-increase", "50"])
            .status
            .success()
    );
    fs::write(&file, "{").unwrap();
    assert_eq!(stats(&["--baseline", text(&file)]).status.code(), Some(2));
}

#[test]
fn completions_and_man_pages_know_every_command() {
    let tool = env!("CARGO_BIN_EXE_bpfsign");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Command::new(tool)
            .args(["completions", shell])
            .output()
            .unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        for command in ["gate", "verify-and-sign", "completions", "stats"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(tool)
        .arg("man")
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(status.success());
    for page in ["bpfsign.1", "bpfsign-gate.1", "bpfsign-pki-trust-show.1"] {
        let text = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".TH"), "{page}");
    }
}
