//! Admission of signed eBPF programs: every check between a file and a running program.
//!
//! [`admit`] decides, from bytes and nothing else, and changes nothing; [`Admission::commit`] stores
//! what later decisions depend on and gives the [`AdmittedObject`], whose programs may run. `bpfsign
//! check`, the hosted dataplane and the kernel image call the same two functions. There is no switch
//! that turns a check off.
//!
//! | type | is |
//! |---|---|
//! | [`AdmitRequest`], [`Expectation`] | what is asked |
//! | [`Refusal`] | why not, with the values |
//! | [`Snapshot`] | what was admitted before: counters, digests, trust bundle, time floor |
//! | [`RollbackStore`] | where snapshots are kept: [`MemoryStore`], with the feature `std` a `StateDir` |
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod admission;
mod admit;
pub mod audit;
pub mod codes;
mod record;
mod refusal;
mod relink;
mod request;
mod slots;
mod snapshot;
#[cfg(feature = "std")]
mod state_dir;
mod store;

pub use admission::{Admission, AdmittedObject, AdmittedProgram, Warning};
pub use admit::admit;
pub use bpf_statement::InstanceId;
use bpf_statement::UnixTime;
pub use record::{Admitted, MAX_COUNTER_JUMP, Record};
pub use refusal::Refusal;
pub use request::{AdmitRequest, Expectation, ProgramExpectation};
pub use slots::{SLOT_SIZE, STORE_SIZE, Slot, StoreError, encode_slot, new_store, read_store};
pub use snapshot::{MAX_RECORDS, Snapshot, TrustId};
#[cfg(feature = "std")]
pub use state_dir::{Damage, MAX_WALK, StateDir, StateError};
pub use store::{CommitError, MemoryStore, RollbackStore, Update};

/// It is later than this, whatever a clock shows: 2026-11-01T00:00:00Z, raised with each release.
pub const RELEASE_TIME: UnixTime = UnixTime::from_secs(1_793_491_200);
