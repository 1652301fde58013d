//! Whom a loader trusts: certificate profile, chain validation, trust bundles.
//!
//! | question | answered by |
//! |---|---|
//! | Who may vouch for programs, and from when on no longer? | [`TrustBundle`] |
//! | Does this chain of certificates lead to one of them? | [`verify_chain`] |
//! | Did that signer sign these bytes? | [`VerifiedSigner::verify`] |
//!
//! Types hold what was established: a [`TrustBundle`] was signed by enough root keys (what was only
//! read is an [`UnverifiedTrustBundle`]), a [`VerifiedSigner`] has a valid chain. Neither has
//! another constructor.
//!
//! A chain passes two gates of different origin. The first, [`Certificate::parse`], is the profile
//! of `docs/formats.md` over `x509-cert`: byte-strict, the exact set of extensions, key usages, path
//! length. The second is path validation by `rustls-webpki` with P-256 from `p256`. Both must
//! accept, and must have read the same fields.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

extern crate alloc;

mod anchor;
mod bundle;
mod cache;
mod certificate;
mod chain;
mod codec;
pub mod codes;
mod contents;
mod contents_error;
mod error;
mod extensions;
mod file;
mod key;
pub mod limits;
mod name;
pub mod oid;
mod path;
mod profile_error;
mod role;
mod root_keys;
mod scope;

pub use anchor::Anchor;
pub use bpf_statement::{UnixTime, Version};
pub use bundle::{TrustBundle, UnsignedTrustBundle, UnverifiedTrustBundle};
pub use cache::ChainCache;
pub use certificate::{Certificate, CertificateKind};
pub use chain::{VerifiedSigner, verify_chain};
pub use contents::{CounterReset, MinEngine, MinEpoch, TrustContents};
pub use contents_error::ContentsError;
pub use error::TrustError;
pub use extensions::ExtensionKind;
pub use key::PublicKey;
pub use profile_error::ProfileError;
pub use role::Role;
pub use root_keys::RootKeys;
pub use scope::{Scope, ScopeError};
