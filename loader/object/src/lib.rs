//! eBPF objects: strict instructions, ELF, BTF, and linking to a canonical [`Image`].
//!
//! This is the only code of the project that reads ELF. The verifier is fed the [`Image`] made
//! here, and the loader makes it again, with this crate, and compares digests: what was proved is
//! what runs.
//!
//! The crate decides with types: [`Insn`] is an instruction whose every field is legal, [`Image`] a
//! program whose every jump, call and reference has a target. Neither can be made otherwise.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

extern crate alloc;

mod btf;
pub mod codes;
mod elf;
mod error;
mod image;
mod insn;
mod lines;
mod listing;
mod object;

pub use error::{
    BtfProblem, CodeProblem, HeaderProblem, MapProblem, ObjectError, RelocationProblem,
    SectionProblem, SymbolProblem,
};
pub use image::{DataSection, Function, Image, ImageError, ImageParts, MapDef};
pub use insn::{
    AluOp, AtomicOp, Cond, DecodeError, Insn, Operand, RawInsn, Reg, Size, SwapKind, SwapWidth,
    Wide, Width,
};
pub use lines::{Line, LineTable};
pub use listing::Listing;
pub use object::{LEGACY_SECTION, Object, ParseOptions, Program};
