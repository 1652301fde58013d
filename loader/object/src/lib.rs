//! eBPF objects: strict instructions, ELF, BTF, and linking to a canonical [`Image`].
//!
//! This is the only code of the project that reads ELF. The verifier is fed the [`Image`] made
//! here, and the loader makes it again, with this crate, and compares digests: what was proved is
//! what runs.
//!
//! ```
//! use bpf_object::{Object, ObjectError, ParseOptions};
//!
//! # let file = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v4.o"));
//! let object = Object::parse(file, ParseOptions::default())?;
//! for program in object.programs() {
//!     let image = object.link(program)?;
//!     println!("{} ({}): {}", program.name(), program.kind(), image.digest());
//!     println!("{}", image.listing());
//! }
//! # Ok::<(), ObjectError>(())
//! ```
//!
//! # What an object may contain
//!
//! | part | rule |
//! |---|---|
//! | file | ELF64, little-endian, machine BPF, relocatable; nothing overlaps, no two sections or global symbols have one name |
//! | programs | global functions in sections named after a [program kind](platform_click::ProgramKind), `filter` or `filter/name`; in `bpffilter` for old objects |
//! | functions | in the section of their caller or in `.text`; called directly, never by address |
//! | maps | `.maps` with BTF (`clang -g`), or `maps` with definitions of five or seven numbers |
//! | data | `.rodata`, `.data`, `.bss`, each also with a suffix (`.rodata.str1.1`); without addresses in it |
//! | relocations in code | `R_BPF_64_64` on wide loads, `R_BPF_64_32` on calls; target is symbol plus addend |
//! | lines | `.BTF.ext`, optional |
//!
//! Everything else (debugging information, `license` and the like) is not read. What cannot be
//! understood in exactly one way is an [`ObjectError`] that names the place.
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
