//! The bootable image under QEMU, started by `bpfclick vm run`.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it cannot do"
)]

mod elf;
#[path = "../lab/mod.rs"]
mod lab;
mod machine;
mod packets;
mod refusals;
mod traps;
