//! Proofs about eBPF objects: PREVAIL on the Click platform, own checks, trial, sandbox.
//!
//! ```text
//! object -> images -> worker: checks, engine -> facts -> worker: trial -> Verdict
//! ```
//!
//! [`verify_object`] links an object, has confined child processes examine and try it, and believes
//! their answers only as far as they can be checked: an answer must be about the same images,
//! well-formed, and from a child that ended well. The child is the caller's own program, which hands
//! over to [`worker_main`] when it is started with the arguments in [`Worker`].
//!
//! | module | does |
//! |---|---|
//! | `verify` | the parent: links, asks, concludes |
//! | `worker` | the child process: limits, sandbox, one request and one reply |
//! | `answer` | what the child does with a request |
//! | `climb`, `ladder` | how programs with loops are proved: the parent's side, the child's |
//! | `unwind` | a program without loops that does the same, and its validator |
//! | `checks`, `flow`, `stack` | own checks before the engine, on a dataflow analysis |
//! | `second` | what follows from both proofs |
//! | `first`, `cpp` | which PREVAIL gives the first proof; the C++ original, where it is built in |
//! | `prevail`, `platform`, `invariant` | the engine, fed with our images on our platform |
//! | `engines` | what each of them says by itself |
//! | `claims` | what each proof says of single instructions |
//! | `explain`, `finding`, `codes` | what is wrong, in the words of the person who wrote it |
//! | `trial`, `scenario` | execution of what was accepted, and what repeats it |
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod answer;
mod checks;
mod claims;
mod climb;
pub mod codes;
mod cpp;
pub mod engines;
mod explain;
mod finding;
mod first;
mod flow;
mod invariant;
mod ladder;
mod platform;
mod prevail;
mod scenario;
mod second;
mod stack;
#[cfg(test)]
mod testing;
mod trial;
mod unwind;
mod verdict;
mod verify;
mod wire;
pub mod worker;

use std::process::ExitCode;

pub use climb::LoopMethod;
pub use finding::{Finding, Listed, Related};
pub use first::EngineChoice;
pub use scenario::{Clock, Draws, Entry, Refusal, Scenario, Step};
pub use verdict::{
    AcceptedProgram, Counterexample, Engine, LoopBound, ObjectFacts, Trial, Undecided, Unreached,
    Verdict, VerifyError,
};
pub use verify::{VerifyOptions, verify_object};
pub use worker::{Limits, Sandbox, Worker, WorkerError, harden_parent};

/// What a program does when it is started as a worker: serves one request and returns the exit code
/// to end with. To be called first thing in `main`.
#[must_use]
pub fn worker_main() -> ExitCode {
    worker::serve(answer::answer)
}
