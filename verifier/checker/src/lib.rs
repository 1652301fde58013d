//! The independent checker: proves that an [`Image`] is safe on the Click platform.
//!
//! A signature rests on two proofs of different design. PREVAIL solves for invariants of loops by
//! widening; this checker follows every path forward, one state for each instruction, joins where
//! paths meet, and walks through loops iteration by iteration. It is written from RFC 9669 and the
//! platform table alone. `docs/checker.md` explains it.
//!
//! ```
//! use bpf_checker::{Options, Verdict, check};
//! # use bpf_object::{Function, Image, ImageParts, LineTable, RawInsn};
//! # use platform_click::ProgramKind;
//! # let mov = RawInsn { opcode: 0xb7, imm: 2, ..RawInsn::default() };
//! # let exit = RawInsn { opcode: 0x95, ..RawInsn::default() };
//! # let image = Image::new(ImageParts {
//! #     kind: ProgramKind::Filter,
//! #     code: vec![mov, exit],
//! #     functions: vec![Function { name: "pass".into(), start: 0 }],
//! #     maps: vec![],
//! #     data: vec![],
//! #     lines: LineTable::default(),
//! # }).unwrap();
//! match check(&image, &Options::default()) {
//!     Verdict::Accepted(facts) => assert_eq!(facts.returns, 2..=2),
//!     Verdict::Rejected(findings) => panic!("{}", findings[0].cause),
//!     Verdict::Undecided(why) => panic!("{why}"),
//! }
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod alu;
mod branch;
mod call;
pub mod codes;
mod compare;
mod contradiction;
mod execute;
mod facts;
mod finding;
mod frame;
mod graph;
mod join;
mod limits;
mod machine;
mod memory;
mod mistake;
mod number;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod oracle;
mod place;
mod platform;
mod pointer;
mod range;
mod recorder;
mod state;
mod sum;
mod tnum;
mod value;
mod walk;
mod word;

use alloc::boxed::Box;
use alloc::vec::Vec;

use bpf_object::Image;

pub use contradiction::{Contradiction, Step};
pub use facts::{Facts, Known, LoopFact, Region, Registers, SlotSet, Watch};
pub use finding::{Cause, Finding, Undecided};
pub use graph::{Graph, Loop};
pub use limits::Limits;
pub use number::Number;
pub use platform::{Argument, Click, Platform, Prototype, Returned};
pub use value::Unset;

use machine::Machine;
use recorder::Recorder;
use state::State;
use value::Ids;
use walk::{Stop, Walk};

/// Name and version of the checker, as statements record them.
pub const ENGINE: (&str, &str) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// What to tell besides the verdict, and within which limits.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// The limits.
    pub limits: Limits,
    /// Which slots the facts say register contents of.
    pub watch: Watch,
}

/// The answer about a program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one verdict for each analysis"
)]
pub enum Verdict {
    /// Every run is safe and ends, and these facts hold for it.
    Accepted(Facts),
    /// Runs that are not safe, or not shown to be; at least one finding, in the order in which they
    /// were found.
    Rejected(Vec<Finding>),
    /// No answer within the limits.
    Undecided(Undecided),
}

/// Analyses a program. Takes time and memory within the limits, whatever the program is.
#[must_use]
pub fn check(image: &Image, options: &Options) -> Verdict {
    check_on(&Click, image, options)
}

/// [`check`] on another platform than the one that programs are signed for: for comparing the checker
/// with the verifiers of other platforms, on their programs.
#[must_use]
pub fn check_on(platform: &dyn Platform, image: &Image, options: &Options) -> Verdict {
    let machine = Machine {
        image,
        platform,
        ids: Ids::default(),
        facts: Recorder::new(image, options.watch.clone()),
    };
    let mut walk = Walk::new(machine, options.limits);
    let stopped = walk
        .check_helpers()
        .and_then(|()| walk.function(0, Box::new(State::entry())))
        .err();
    if !walk.findings.is_empty() {
        return Verdict::Rejected(walk.findings);
    }
    if let Some(Stop::Undecided(why)) = stopped {
        return Verdict::Undecided(why);
    }
    match walk.machine.facts.finish(walk.work) {
        Some(facts) => Verdict::Accepted(facts),
        None => Verdict::Rejected(alloc::vec![Finding::new(0, Cause::NoExit)]),
    }
}
