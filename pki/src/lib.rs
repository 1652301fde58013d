//! Keys, certificates and trust bundles for signers of eBPF programs.
//!
//! | to | use |
//! |---|---|
//! | start: root, CA, signing leaf, trust bundle | [`PkiDir::init`] |
//! | read a key with its chain | [`SigningIdentity::load`] |
//! | read a key alone | [`KeyFile::load`] |
//! | sign | [`sign_statement`], [`sign_trust_bundle`] |
//! | issue certificates | [`Authority`] |
//!
//! Keys are on P-256, live in files of mode 0600 (or in a variable of the environment) and are wiped
//! from memory when they are dropped. Everything that is issued here is held against the profile of
//! `bpf-trust` before it is returned: `rcgen` writes what it is told.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod authority;
pub mod codes;
mod dir;
mod error;
mod identity;
mod key;
mod key_file;
mod key_ref;
mod pem;
mod sign;

pub use authority::{Authority, LeafOptions, Validity};
pub use dir::{InitOptions, PkiDir};
pub use error::{KeyFault, PkiError};
pub use identity::SigningIdentity;
pub use key::{SecretKey, Signer};
pub use key_file::KeyFile;
pub use key_ref::KeyRef;
pub use sign::{sign_statement, sign_trust_bundle};
