//! The table in `docs/verifier.md`: what each verifier says of each program.
//!
//! With RENEW=1 (`cargo xtask loops`) it is measured and written. Otherwise the test compares what
//! needs no measurement: the programs, what is true of them, and what we say of them.

use core::fmt::Write as _;
use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bpf_checker::{Options, Verdict};
use e2e::{LoopProgram, Truth, loop_programs};

use crate::verify::{self, Opinion};
use crate::{kernel, ledger};

/// The lines around the table.
const BEGIN: &str = "<!-- loops: renewed by `cargo xtask loops` -->\n";
const END: &str = "<!-- end of loops -->\n";

/// What the verifiers say of one program.
struct Row {
    program: LoopProgram,
    plain: Said,
    kernel: Option<Said>,
    checker: Said,
    ours: Said,
    /// Where ours accepts: iterations of each loop, and instructions.
    bounds: String,
}

/// An opinion, and how long it took.
type Said = (Opinion, Duration);

/// A column of the table.
type Column = fn(&Row) -> Option<Said>;

pub(crate) fn fresh() {
    let path = e2e::root().join("docs/verifier.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    if std::env::var_os("RENEW").is_some() {
        let table = measure();
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        compare(table);
    }
}

/// Compares names, truth and our verdict with the corpus and the ledger.
fn compare(table: &str) {
    let rows = table.lines().filter(|line| line.starts_with("| ["));
    let rows: Vec<Vec<&str>> = rows.map(|line| line.split(" | ").collect()).collect();
    let programs = loop_programs();
    let renew = "renew the table by `cargo xtask loops`";
    assert_eq!(rows.len(), programs.len(), "{renew}");
    for (row, program) in rows.iter().zip(&programs) {
        let accepted = program.truth == Truth::Safe && ledger::reason(&program.name).is_none();
        assert_eq!(row[0].trim_start_matches("| "), link(program), "{renew}");
        assert_eq!(row[1], truth(program), "{renew}");
        assert_eq!(
            row[5].starts_with(word(Opinion::Accepts)),
            accepted,
            "{}: {renew}",
            program.name
        );
    }
}

/// Asks every verifier about every program.
fn measure() -> String {
    let folder = tempfile::tempdir().unwrap();
    let version = kernel::version();
    if version.is_ok() {
        e2e::make("tests/loops", folder.path(), &["XDP=1"]);
    }
    let rows: Vec<Row> = loop_programs()
        .into_iter()
        .map(|program| row(program, version.is_ok().then(|| folder.path())))
        .collect();
    let mut text = String::new();
    writeln!(text, "{}", summary(&rows, &version)).unwrap();
    writeln!(
        text,
        "| program | truth | PREVAIL alone | Linux | checker alone | `bpfsign verify` | iterations of the loops; instructions |\n|---|---|---|---|---|---|---|"
    )
    .unwrap();
    for row in &rows {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            link(&row.program),
            truth(&row.program),
            cell(Some(row.plain)),
            cell(row.kernel),
            cell(Some(row.checker)),
            cell(Some(row.ours)),
            row.bounds,
        )
        .unwrap();
    }
    text
}

fn row(program: LoopProgram, xdp: Option<&Path>) -> Row {
    let bytes = program.bytes();
    let image = verify::image(&bytes);
    let start = Instant::now();
    let checker = bpf_checker::check(&image, &Options::default());
    let time = start.elapsed();
    let ours = verify::ours(&bytes);
    let bounds = match (&ours.bounds, &checker) {
        (Some(bounds), Verdict::Accepted(facts)) => {
            let loops = facts.loops.iter().map(|fact| fact.iterations.to_string());
            let loops: Vec<String> = loops.collect();
            format!("{}; {}", loops.join(", "), bounds.instructions)
        }
        _ => "-".to_owned(),
    };
    let checker = match checker {
        Verdict::Accepted(_) => Opinion::Accepts,
        Verdict::Rejected(_) => Opinion::Refuses,
        Verdict::Undecided(_) => Opinion::NoAnswer,
    };
    let object = |folder: &Path| -> PathBuf { folder.join(format!("{}.o", program.name)) };
    Row {
        plain: verify::plain(&bytes),
        kernel: xdp.map(|folder| kernel::load(&object(folder))),
        checker: (checker, time),
        ours: (ours.opinion, ours.time),
        bounds,
        program,
    }
}

/// How many each verifier accepts, and how long it takes.
fn summary(rows: &[Row], version: &Result<String, String>) -> String {
    let count = |truth: fn(&Row) -> bool| rows.iter().filter(|row| truth(row)).count();
    let is_safe = |row: &Row| row.program.truth == Truth::Safe;
    let mut text = format!(
        "{} programs are safe, {} are not, compiled for `-mcpu=v3` with `-O2`.",
        count(is_safe),
        count(|row| row.program.truth != Truth::Safe),
    );
    match version {
        Ok(version) => writeln!(text, " Linux is {version}, for the same sources as XDP.\n"),
        Err(reason) => writeln!(text, " Linux was not asked: {reason}.\n"),
    }
    .unwrap();
    writeln!(
        text,
        "| | safe and accepted | unsafe and accepted | median time | 90 % below | longest |\n|---|---|---|---|---|---|"
    )
    .unwrap();
    let columns: [(&str, Column); 4] = [
        ("PREVAIL alone", |row| Some(row.plain)),
        ("Linux", |row| row.kernel),
        ("checker alone", |row| Some(row.checker)),
        ("`bpfsign verify`", |row| Some(row.ours)),
    ];
    for (name, column) in columns {
        let accepted = |safe: bool| {
            let rows = rows.iter().filter(|row| is_safe(row) == safe);
            rows.filter(|row| column(row).is_some_and(|(opinion, _)| opinion == Opinion::Accepts))
                .count()
        };
        let mut times: Vec<Duration> = rows.iter().filter_map(|row| Some(column(row)?.1)).collect();
        times.sort();
        let at = |percent: usize| {
            let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times
                .get(place)
                .map_or_else(|| "-".to_owned(), |time| show(*time))
        };
        writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} |",
            accepted(true),
            accepted(false),
            at(50),
            at(90),
            at(100)
        )
        .unwrap();
    }
    let others: [(&str, Column); 2] = [
        ("PREVAIL alone", |row| Some(row.plain)),
        ("Linux", |row| row.kernel),
    ];
    for (name, column) in others {
        let more: Vec<&str> = rows
            .iter()
            .filter(|row| is_safe(row) && row.ours.0 != Opinion::Accepts)
            .filter(|row| column(row).is_some_and(|(opinion, _)| opinion == Opinion::Accepts))
            .map(|row| row.program.name.as_str())
            .collect();
        let more = match more.as_slice() {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        writeln!(
            text,
            "\nSafe programs that {name} accepts and `bpfsign verify` does not: {more}."
        )
        .unwrap();
    }
    text
}

fn link(program: &LoopProgram) -> String {
    format!("[{0}](../tests/loops/{0}.c)", program.name)
}

fn truth(program: &LoopProgram) -> &'static str {
    match program.truth {
        Truth::Safe => "safe",
        Truth::Unsafe(_) => "unsafe",
    }
}

const fn word(opinion: Opinion) -> &'static str {
    match opinion {
        Opinion::Accepts => "accepted",
        Opinion::Refuses => "refused",
        Opinion::NoAnswer => "no answer",
    }
}

fn cell(said: Option<Said>) -> String {
    said.map_or_else(
        || "-".to_owned(),
        |(opinion, time)| format!("{}, {}", word(opinion), show(time)),
    )
}

/// Two digits are enough to compare.
fn show(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        ..0.001 => format!("{:.2} ms", seconds * 1e3),
        ..1.0 => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{seconds:.1} s"),
    }
}
