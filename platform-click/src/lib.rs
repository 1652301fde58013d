//! The Click platform for eBPF programs, defined once.
//!
//! A verifier proves a program safe *for a platform*: these helpers, this context, these kinds of
//! map, these return values. A runtime executes it on a platform. When the two hold different
//! definitions, a proof means nothing. (The system that this project re-creates had its map kinds
//! shifted by one between verifier and runtime, and its context written three times.) So there is
//! one table, here, and everything else is derived from it:
//!
//! | derived | where |
//! |---|---|
//! | verifier prototypes, context descriptor and options | `bpf-verifier` |
//! | runtime dispatch; a helper without an implementation does not compile | `bpf-runtime` |
//! | the C header `ebpf-samples/include/click_bpf.h` | [`header`] |
//! | the digest that statements carry and loaders compare | [`Platform`], [`PlatformSlice`] |
//!
//! The crate also holds what every other part must agree on: [`ExitCode`], diagnostic [`Code`]s
//! and the [`Digest`] type.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod canonical;
mod context;
mod diagnostic;
mod digest;
mod exit;
pub mod header;
mod helper;
mod kind;
pub mod limits;
mod map;
pub mod print;
mod profile;

pub use canonical::{Platform, PlatformSlice};
pub use context::{Access, CONTEXT, CONTEXT_SIZE, ContextField, PacketContext};
pub use diagnostic::Code;
pub use digest::{Digest, ParseDigestError};
pub use exit::ExitCode;
pub use helper::{Arg, ArgKind, HelperId, HelperSpec, ReturnKind};
pub use kind::{KindSet, ProgramKind, filter, rewriter};
pub use map::{MapKind, MapShapeError, MapUse};
pub use profile::{PROFILE, VerifierProfile};
