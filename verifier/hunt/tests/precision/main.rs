//! How much of what PREVAIL accepts the checker accepts: the public collection of Linux programs
//! `vbpf/ebpf-samples`, of which `EBPF_SAMPLES` names a checkout. Without it there is nothing to do.
//!
//! PREVAIL reads and judges each program on its own Linux platform. What it read becomes an image, and
//! the checker judges that with the tables of the same platform (`linux.rs`). The test program runs
//! itself again for each program, confined and limited, as the verifier does.
//!
//! `EBPF_SAMPLES_SIZE` is the size in bytes up to which objects are looked at; 100,000 otherwise.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking, and says what it measured"
)]

mod linux;

use core::time::Duration;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bpf_verifier::{Limits, Worker, worker};
use libtest_mimic::{Arguments, Trial};
use serde::{Deserialize, Serialize};

const WORKER: &str = "__worker";

/// Time for one program.
const LIMIT: Duration = Duration::from_secs(30);

/// What the issue of precision is about: of the programs without loops that PREVAIL accepts, the
/// checker accepts so many of a hundred at least.
const AT_LEAST: u64 = 80;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        std::panic::set_hook(Box::new(|_| {}));
        return worker::serve(linux::answer);
    }
    let samples = std::env::var_os("EBPF_SAMPLES").map(PathBuf::from);
    let test = Trial::test("the_checker_accepts_most_of_what_prevail_accepts", || {
        if let Some(samples) = std::env::var_os("EBPF_SAMPLES") {
            compare(Path::new(&samples));
        }
        Ok(())
    });
    let test = test.with_ignored_flag(samples.is_none());
    libtest_mimic::run(&Arguments::from_args(), vec![test]).exit_code()
}

/// The number of programs in an object, and what is found out about one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    programs: usize,
    judged: Option<Judged>,
}

/// What is found out about one program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Judged {
    name: String,
    slots: usize,
    /// Whether a jump leads back.
    has_loop: bool,
    prevail_accepts: bool,
    /// Nothing when it accepts.
    checker: Option<String>,
}

fn compare(samples: &Path) {
    let limit = std::env::var("EBPF_SAMPLES_SIZE");
    let limit: u64 = limit.map_or(100_000, |limit| limit.parse().expect("a number"));
    let worker = Worker {
        program: std::env::current_exe().unwrap(),
        args: vec![WORKER.into()],
        limits: Limits {
            cpu: LIMIT,
            wall: LIMIT * 5,
            ..Limits::DEFAULT
        },
    };
    let mut judged = Vec::new();
    let (mut objects, mut given_up) = (0, 0);
    for path in objects_under(samples) {
        if fs::metadata(&path).unwrap().len() > limit {
            continue;
        }
        objects += 1;
        let shown = path.strip_prefix(samples).unwrap().display().to_string();
        let object = fs::read(&path).unwrap();
        let mut programs = 1;
        let mut index = 0_u32;
        while (index as usize) < programs {
            let head = [shown.as_bytes(), &[0], &index.to_le_bytes()].concat();
            match worker.call(&[head.as_slice(), &object].concat()) {
                Ok(reply) => {
                    let answer: Answer = serde_json::from_slice(&reply.payload).unwrap();
                    programs = answer.programs;
                    judged.extend(answer.judged);
                }
                Err(error) => {
                    given_up += 1;
                    println!("{shown} {index}: {error}");
                }
            }
            index += 1;
        }
    }
    println!("{objects} objects, {given_up} programs given up");
    report(&judged);
}

fn report(judged: &[Judged]) {
    let accepted: Vec<&Judged> = judged.iter().filter(|one| one.prevail_accepts).collect();
    let mut lowest = 100;
    for (what, has_loop) in [("without", false), ("with", true)] {
        let these: Vec<_> = accepted
            .iter()
            .filter(|one| one.has_loop == has_loop)
            .collect();
        let both = these.iter().filter(|one| one.checker.is_none()).count();
        println!(
            "{what} loops: PREVAIL accepts {}, the checker {both} of them",
            these.len()
        );
        if !has_loop && !these.is_empty() {
            lowest = both as u64 * 100 / these.len() as u64;
        }
        let mut reasons: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
        for one in these {
            if let Some(reason) = &one.checker {
                let (kind, _) = reason.split_once(": ").unwrap_or((reason, ""));
                let count = reasons.entry(kind).or_insert((0, &one.name));
                count.0 += 1;
                println!("    {}: {reason}", one.name);
            }
        }
        for (reason, (count, example)) in reasons {
            println!("{count:6} {reason} ({example})");
        }
    }
    let only_checker = judged
        .iter()
        .filter(|one| !one.prevail_accepts && one.checker.is_none());
    println!("only the checker accepts {}", only_checker.count());
    assert!(lowest >= AT_LEAST, "{lowest} of a hundred");
}

fn objects_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(objects_under(&path));
        } else if path.extension().is_some_and(|extension| extension == "o") {
            found.push(path);
        }
    }
    found.sort();
    found
}
