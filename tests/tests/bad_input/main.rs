//! Bad input, through the real commands: the exit code, the diagnostic, its text, and that nothing
//! on disk has changed.
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

mod bundles;
mod certificates;
mod configurations;
mod keys;
mod objects;
mod states;
