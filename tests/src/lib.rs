//! What tests across crates share: the samples, the corpus of loops, and what is expected of them.
#![forbid(unsafe_code)]
#![expect(
    clippy::panic,
    reason = "this crate is for tests, which fail by panicking"
)]

mod comment;
mod image;
mod loops;
mod make;
mod samples;

pub use image::image;
pub use loops::{LoopProgram, Truth, Violation, loop_programs};
pub use make::{clang_version, make};
pub use samples::{Expected, Sample, samples};

use std::path::Path;

/// The root of the repository.
///
/// # Panics
/// When this package does not lie in a folder of it.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or_else(|| panic!("this package has no folder above it"))
}
