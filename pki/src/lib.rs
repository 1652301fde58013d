//! Keys, certificates and trust bundles for signers of eBPF programs.
//!
//! | to | use |
//! |---|---|
//! | start: root, CA, signing leaf, trust bundle | [`PkiDir::init`] |
//! | open a key with its chain | [`SigningIdentity::open`] |
//! | open a key alone | [`KeyRef::open`] |
//! | sign | [`sign_statement`], [`sign_trust_bundle`] |
//! | issue certificates | [`PkiDir::issue`], [`Authority`] |
//! | change the trust bundle | [`PkiDir::next_trust`], [`TrustDraft`] |
//! | rotate CAs and roots | [`PkiDir::rotate`] |
//!
//! Keys are on P-256. They live in files of mode 0600, encrypted or not, or in a variable of the
//! environment, and are wiped from memory when they are dropped; or they stay where they are, in a
//! token (feature `pkcs11`) or with a command that signs (`exec:`). Everything that is issued here is held against the profile of
//! `bpf-trust` before it is returned: `rcgen` writes what it is told.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod authority;
pub mod codes;
mod dir;
mod error;
mod identity;
mod keys;
mod pem;
mod request;
mod sign;

pub use authority::{Authority, LeafOptions, Revoked, Validity, request};
pub use dir::{
    Health, InitOptions, IssueOptions, Issued, Item, ItemKind, Passphrase, PkiDir, Publication,
    Renewal, Rotating, Rotation, Status, Step, StepState, TrustChange, TrustDraft, create_file,
    read_leaf,
};
pub use error::{KeyFault, PkiError};
pub use identity::SigningIdentity;
#[cfg(feature = "pkcs11")]
pub use keys::TokenSigner;
pub use keys::{
    AskPassphrase, ChainFile, CommandSigner, Key, KeyAccess, KeyFile, KeyRef, MAX_PASSPHRASE,
    SecretKey, Signer, passphrase_from, refuse_passphrase,
};
pub use pem::{chain as pem_chain, encode as pem_encode};
pub use request::{MAX_REQUEST_SIZE, Request, RequestError};
pub use sign::{sign_statement, sign_trust_bundle};
