//! What a signer says about a verified eBPF object, and the COSE bundle that carries it.
//!
//! | type | is |
//! |---|---|
//! | [`Statement`] | [`Claims`] that keep every rule of `docs/formats.md`; the payload of a bundle |
//! | [`Bundle`] | the file `prog.o.bpfsig`, of the right form; its signature is not verified yet |
//! | [`Sign1`], [`Unsigned`] | the form that all signed messages share, by [`Purpose`] |
//! | [`cbor`] | strict CBOR, for whoever defines another message |
//!
//! Nothing here holds a key: `bpf-trust` verifies, `bpf-pki` signs.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

extern crate alloc;

mod bundle;
pub mod cbor;
pub mod codes;
mod sign1;
mod statement;
mod text;
mod time;
mod version;

pub use bundle::{Bundle, BundleBuilder};
pub use sign1::{
    CHAIN_LENGTH, Chain, MAX_CERTIFICATE_SIZE, Purpose, SIGNATURE_SIZE, Sign1, Sign1Error, Unsigned,
};
pub use statement::{
    Claims, Engine, ExitRange, Loop, LoopMethod, MAX_COUNTER, MAX_ENGINES, MAX_LOOPS,
    MAX_UNREACHED, Map, MapSync, Program, SandboxClass, SlotRange, Statement, StatementError,
    Termination, Trial, Unreached, Way,
};
pub use text::{Name, Symbol, Text, TextError};
pub use time::UnixTime;
pub use version::{ParseVersionError, Version};
