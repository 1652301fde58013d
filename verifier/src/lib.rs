//! Proofs about eBPF objects: PREVAIL on the Click platform, own checks, sandbox.
//!
//! ```text
//! object bytes -> Image (here) -> worker: own checks, engine -> answer, checked -> Verdict
//! ```
//!
//! [`verify_object`] links an object, has a confined child process examine it, and believes the
//! child's answer only as far as it can be checked: it must be about the same images, well-formed,
//! and from a child that ended well. The child is the caller's own program, which hands over to
//! [`worker_main`] when it is started with the arguments in [`Worker`].
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod answer;
mod checks;
pub mod codes;
mod explain;
mod finding;
mod flow;
mod invariant;
mod platform;
mod prevail;
mod stack;
#[cfg(test)]
mod testing;
mod verdict;
mod verify;
mod wire;
pub mod worker;

use std::process::ExitCode;

pub use finding::{Finding, Related};
pub use verdict::{AcceptedProgram, Engine, ObjectFacts, Undecided, Verdict, VerifyError};
pub use verify::{VerifyOptions, verify_object};
pub use worker::{Limits, Sandbox, SandboxClass, Worker, WorkerError, harden_parent};

/// What a program does when it is started as a worker: serves one request and returns the exit code
/// to end with. To be called first thing in `main`.
#[must_use]
pub fn worker_main() -> ExitCode {
    worker::serve(answer::answer)
}
