//! Everything under `tests/findings/` is asked about and run again, `docs/engines.md` says what comes
//! out, and a short hunt finds nothing that is not known. The test program runs itself again as the
//! confined child that is asked.
//!
//! `INSTA_UPDATE=always` renews what is expected, and the table in `docs/engines.md`.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bpf_hunt::{Asker, Budget, Finding, Hunt, Source, Tally, findings, folder, serve};
use libtest_mimic::{Arguments, Trial};

const WORKER: &str = "__worker";

/// Runs of each program.
const RUNS: u64 = 100;

/// Programs of the short hunt.
const PROGRAMS: u64 = 400;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        return serve();
    }
    if renews() {
        findings(&folder()).unwrap().into_iter().for_each(renew);
    }
    let mut trials: Vec<Trial> = findings(&folder())
        .unwrap()
        .into_iter()
        .map(|finding| {
            let name = format!("finding::{}", finding.id);
            Trial::test(name, move || {
                is_as_expected(&finding);
                Ok(())
            })
        })
        .collect();
    let test = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    trials.push(test("every_finding_says_what_it_is", descriptions));
    trials.push(test("the_table_of_engines_is_true", table_of_engines));
    trials.push(test(
        "the_trial_finds_by_itself_what_runs_show",
        trial_alone,
    ));
    trials.push(test("a_short_hunt_finds_nothing_new", short_hunt));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn asker() -> Asker {
    Asker::new(std::env::current_exe().unwrap(), WORKER, RUNS)
}

fn renews() -> bool {
    std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always")
}

/// What everyone says, and how the runs end, is what `program.asm` states. An engine that does better
/// than it did fails here, too: then the finding is one no more, and its text has to say so.
fn is_as_expected(finding: &Finding) {
    let shown = Finding::shown(&asker().about(&finding.case()));
    assert_eq!(shown, finding.expected, "{}", finding.title);
}

fn renew(finding: Finding) {
    let expected = Finding::shown(&asker().about(&finding.case()));
    let renewed = Finding {
        expected,
        ..finding
    };
    renewed.store_program(&folder()).unwrap();
}

fn descriptions() {
    for finding in findings(&folder()).unwrap() {
        let readme = fs::read_to_string(folder().join(&finding.id).join("README.md"));
        let readme = readme.unwrap_or_else(|error| panic!("{}: {error}", finding.id));
        assert!(
            readme.starts_with(&format!("# {}\n", finding.id)),
            "{}",
            finding.id
        );
    }
}

/// Programs that PREVAIL accepts and that a trial does not hold against it.
const NOT_FOUND: [(&str, &str); 9] = [
    (
        "context-wide-store",
        "each run has its own copy of the context",
    ),
    ("deleted-value", "it is safe"),
    ("division-overflow", "it is safe"),
    (
        "frame-read",
        "frames lie side by side, and a frame may access its callers'",
    ),
    (
        "frame-write",
        "frames lie side by side, and a frame may access its callers'",
    ),
    ("jump-chain", "it is safe"),
    ("large-packet", "there is no such packet"),
    ("misaligned-reload", "it is safe"),
    (
        "read-only-data",
        "each instance has its own copy of data, which may be written",
    ),
];

/// With own checks and checker left out, the trial contradicts PREVAIL on everything that it wrongly
/// accepts and that a run can show.
fn trial_alone() {
    for finding in findings(&folder()).unwrap() {
        if finding.expected["prevail"] != "accepts" {
            continue;
        }
        let image = finding.image().unwrap();
        let found = bpf_verifier::engines::contradiction_of_prevail(&image, 1, 3_000);
        let excepted = NOT_FOUND.iter().any(|(id, _)| *id == finding.id);
        assert_eq!(found.is_none(), excepted, "{}: {found:?}", finding.id);
    }
}

const START: &str = "<!-- what the engines say -->\n";
const END: &str = "<!-- end -->\n";

fn engines_page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/engines.md")
}

/// The table in `docs/engines.md` is made of what is expected of the findings.
fn table_of_engines() {
    let page = fs::read_to_string(engines_page()).unwrap();
    let (before, rest) = page.split_once(START).expect("a start");
    let (table, after) = rest.split_once(END).expect("an end");
    let wanted = table_of(&findings(&folder()).unwrap());
    if renews() {
        let renewed = format!("{before}{START}{wanted}{END}{after}");
        fs::write(engines_page(), renewed).unwrap();
    } else {
        assert_eq!(table, wanted);
    }
}

fn table_of(findings: &[Finding]) -> String {
    let mut table = "\n| finding | PREVAIL 0.2.6 | own checks | checker | verdict | runs |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for finding in findings {
        let said: BTreeMap<&str, &str> = finding
            .expected
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let cells = ["prevail", "own checks", "checker", "verdict", "run"].map(|key| said[key]);
        let id = &finding.id;
        table += &format!(
            "| [{id}](../tests/findings/{id}/README.md): {} | {} |\n",
            finding.title,
            cells.join(" | ")
        );
    }
    table + "\n"
}

/// Some hundred programs of a fixed seed.
fn short_hunt() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ebpf-samples");
    let source = Source::new(1, &samples).unwrap();
    let known = findings(&folder()).unwrap();
    let mut hunt = Hunt::new(asker(), source, 0, Tally::default(), &known);
    let mut found = Vec::new();
    hunt.run(
        Budget::Programs(PROGRAMS),
        |finding, what| found.push(format!("{}: {what}\n{}", finding.id, finding.text)),
        |_| {},
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(hunt.tally.programs > PROGRAMS / 2, "{}", hunt.tally);
    assert_eq!(hunt.tally.charged("checker-unsound"), 0, "{}", hunt.tally);
    assert_eq!(hunt.tally.charged("checker-wrong-fact"), 0);
}
