//! Objects from the file to the image: good ones, and one that is wrong for each rule.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

#[macro_use]
mod patch;

mod btf;
mod disassembly;
mod elf;
mod image;
mod instructions;
mod lines;
mod link;
mod maps;
mod relocations;
mod robustness;
mod symbols;
