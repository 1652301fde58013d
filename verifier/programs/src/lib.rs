//! Programs for tests: written ([`assemble`]), made at random ([`program`], [`corner`]), changed a
//! little ([`mutated`]), made smaller ([`without`]), kept as text ([`write`](fn@write), [`read`]), and run on inputs
//! made at random ([`Bench`]).
//!
//! Everything follows from a seed, so that a failure can be repeated. A mistake in a text is a panic:
//! texts are part of tests.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "this crate is for tests, which fail by panicking"
)]

mod asm;
mod bench;
mod corner;
mod generator;
mod mutation;
mod random;
mod reduce;
mod text;

pub use asm::{Assembled, assemble};
pub use bench::{Bench, FUEL, Step, Steps};
pub use corner::corner;
pub use generator::program;
pub use mutation::mutated;
pub use random::Random;
pub use reduce::{reductions, without};
pub use text::{default_data, default_maps, read, write};
