//! The attacks that the loader and the signer were designed against, each mounted against the real
//! commands and a state directory on disk. Numbers are those of the list that `SECURITY.md` sums up.
//!
//! Every test asserts the diagnostic, the exit code, that no file has changed, and that what was
//! admitted before is still what the state records.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

#[path = "../lab/mod.rs"]
mod lab;

#[path = "../lab/installation.rs"]
mod installation;

#[path = "../../../pki/trust/tests/common/mod.rs"]
mod pki;

#[allow(
    unused_macros,
    dead_code,
    reason = "the tests of `bpf-object` use the rest"
)]
#[path = "../../../loader/object/tests/object/patch.rs"]
mod patch;

mod certificates;
mod claims;
mod messages;
mod objects;
mod replay;
mod signer;
