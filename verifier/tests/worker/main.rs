//! The worker from both sides: what a child can do, and what a parent makes of children that
//! misbehave. The test program runs itself again as the child, with the name of a role.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod confinement;
mod misbehaviour;
mod objects;
mod roles;

use core::time::Duration;
use std::process::ExitCode;

use bpf_verifier::{Limits, Worker};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if let Some(role) = std::env::args().nth(1)
        && let Some(role) = role.strip_prefix("role:")
    {
        return roles::play(role);
    }
    let tests = [confinement::TESTS, misbehaviour::TESTS, objects::TESTS].concat();
    let trials = tests.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// A worker that plays `role`, within limits that let a failing test end soon.
fn worker(role: &str) -> Worker {
    Worker {
        program: std::env::current_exe().unwrap(),
        args: vec![format!("role:{role}").into()],
        limits: Limits {
            wall: Duration::from_secs(20),
            ..Limits::DEFAULT
        },
    }
}

/// What a confined child that plays `role` answers.
fn ask(role: &str, request: &[u8]) -> String {
    let reply = worker(role).call(request).unwrap();
    String::from_utf8(reply.payload).unwrap()
}
