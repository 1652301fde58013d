//! How long packets wait when a program is replaced: `cargo bench -p click-host --bench replace`.
//!
//! A generator runs, another thread prepares programs, and each swap is measured in CPU time of the
//! thread that moves packets, and in time on the clock. Preparation is measured, too: nobody waits for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark reports to the person who started it, and fails by panicking"
)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/signing.rs"]
mod signing;

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use click_graph::Config;
use click_host::Dataplane;
use rustix::time::{ClockId, clock_gettime};
use signing::Site;

const SWAPS: usize = 1000;

fn main() {
    let site = Site::new();
    site.sign_sample("round-robin");
    let text = "s :: InfiniteSource(LENGTH 60) -> c :: BPFClassifier(FILE DIR/round-robin.o);
        c [0] -> even :: Counter -> Discard; c [1] -> odd :: Counter -> Discard";
    let config = Config::parse(&site.folder.source(text)).unwrap();
    let mut console = |_: &str| {};
    let mut dataplane = Dataplane::start(config, &site.options(&[]), &mut console).unwrap();
    let (to_prepare, jobs) = mpsc::channel();
    let (done, ready) = mpsc::channel();
    let mut preparer = dataplane.preparer();
    let preparing = thread::spawn(move || {
        let mut times = Vec::new();
        for job in jobs {
            let before = cpu_ns();
            let prepared = preparer.prepare(job).unwrap();
            times.push(cpu_ns() - before);
            let _ = done.send(prepared);
        }
        times
    });
    let (mut pauses, mut waits, mut left) = (Vec::new(), Vec::new(), Vec::new());
    to_prepare.send(dataplane.plan("c", "").unwrap()).unwrap();
    while pauses.len() < SWAPS {
        dataplane.round().unwrap();
        let Ok(ready) = ready.try_recv() else {
            continue;
        };
        let (clock, cpu) = (Instant::now(), cpu_ns());
        left.push(dataplane.swap(ready).unwrap());
        pauses.push(cpu_ns() - cpu);
        waits.push(u64::try_from(clock.elapsed().as_nanos()).unwrap());
        to_prepare.send(dataplane.plan("c", "").unwrap()).unwrap();
    }
    drop(to_prepare);
    let mut number = |call: &str| dataplane.read(call).unwrap().parse::<u64>().unwrap();
    let made = number("s.count");
    assert_eq!(
        number("even.count") + number("odd.count"),
        made,
        "no packet is lost"
    );
    println!("{SWAPS} swaps while {made} packets were led on, none lost");
    report("pause, CPU time", pauses);
    report("pause, clock", waits);
    report("preparation, CPU time", preparing.join().unwrap());
}

/// CPU time of this thread.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

fn report(what: &str, mut times: Vec<u64>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    let shown =
        [at(50), at(99), times[times.len() - 1]].map(|ns| format!("{:.1}", ns as f64 / 1000.0));
    let [median, high, most] = shown;
    println!("{what}: median {median} us, p99 {high} us, most {most} us");
}
