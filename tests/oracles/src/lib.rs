//! What must be true of any bytes whatever. `fuzz/` looks for bytes of which it is not; what it found
//! lies in `tests/findings/` and is asked about again by this crate's tests, without a fuzzer.
//!
//! Each oracle takes the bytes and panics when something is wrong. That it takes them without an answer
//! within the limits of a fuzzer (time, memory) is wrong, too.
#![deny(unsafe_code)]
#![deny(missing_docs)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "an oracle says no by panicking"
)]

mod click;
mod elf;
mod instructions;
#[expect(unsafe_code, reason = "running machine code; each block has its proof")]
mod machine_code;
mod programs;
mod signed;
mod store;
mod x509;

pub use click::click_config;
pub use elf::{btf, btf_of, object};
pub use instructions::isa;
pub use machine_code::jit_diff;
pub use programs::verify_then_run;
pub use signed::{bundle, statement, trust_bundle};
pub use store::store;
pub use x509::x509_profile;

/// An oracle: it panics when what it is asked about is wrong for these bytes.
pub type Oracle = fn(&[u8]);

/// All oracles, by the names of the fuzzing targets.
pub const TARGETS: &[(&str, Oracle)] = &[
    ("object", object),
    ("btf", btf),
    ("isa", isa),
    ("statement", statement),
    ("bundle", bundle),
    ("trust_bundle", trust_bundle),
    ("x509_profile", x509_profile),
    ("store", store),
    ("click_config", click_config),
    ("verify_then_run", verify_then_run),
    ("jit_diff", jit_diff),
];
