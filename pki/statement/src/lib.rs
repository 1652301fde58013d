//! What is signed: statements about verified eBPF objects and the bundles that carry them, control
//! messages, evidence.
//!
//! | type | is |
//! |---|---|
//! | [`Statement`] | [`Claims`] that keep every rule of `docs/formats.md`; the payload of a bundle |
//! | [`Bundle`] | the file `prog.o.bpfsig`, of the right form; its signature is not verified yet |
//! | [`Request`], [`Reply`] | what an operator asks of an instance, and what that answers |
//! | [`Evidence`] | what an instance says about itself |
//! | [`MapContents`] | the entries of a map |
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
mod control;
mod evidence;
mod map_contents;
mod message;
mod sign1;
mod statement;
mod text;
mod time;
mod version;

pub use bundle::{Bundle, BundleBuilder};
pub use control::{
    MAX_EXCHANGED_MAPS, MAX_HANDLERS, MAX_LOWEST_COUNTERS, MAX_NONCE, MAX_REASON, MAX_TRUST_FILES,
    MIN_NONCE, Operation, Outcome, Reply, Request, SignedObject,
};
pub use evidence::{
    EVIDENCE_PROFILE, Evidence, KeyClass, MAX_RUNNING, RunState, Running, StoreClass, TimeClass,
};
pub use map_contents::{Entry, Keys, MapContents, Texts};
pub use message::{Attachment, InstanceId, MAX_ATTACHMENT, MessageError, SessionId};
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
