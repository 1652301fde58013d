//! Keys: what signs, and where it may be kept.

mod command;
mod encrypted;
mod file;
mod passphrase;
mod reference;
mod secret;
#[cfg(feature = "pkcs11")]
mod token;

use bpf_trust::PublicKey;

pub use command::CommandSigner;
pub(crate) use file::MAX_SIZE;
pub use file::{ChainFile, KeyFile};
pub use passphrase::{AskPassphrase, MAX_PASSPHRASE, passphrase_from, refuse_passphrase};
pub use reference::{Key, KeyAccess, KeyRef};
pub use secret::SecretKey;
#[cfg(feature = "pkcs11")]
pub use token::TokenSigner;

use crate::{KeyFault, PkiError};

/// Signs with a key that is on P-256: one in memory, or one that a token or a service keeps.
pub trait Signer {
    /// The public key.
    fn public_key(&self) -> &PublicKey;

    /// The ECDSA signature with SHA-256 over `message` as r || s, with s in the lower half.
    ///
    /// # Errors
    /// When the holder of the key refuses or fails.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], PkiError>;
}

/// What somebody else has made, as the signature that is wanted: r || s with s in the lower half.
///
/// Tokens and services write r || s or DER, and half of theirs have a high s. Whatever it was, it has
/// to be a signature by the key that was named: a token may hold several, and a service may answer
/// for another.
fn foreign_signature(bytes: &[u8], key: &PublicKey, message: &[u8]) -> Result<[u8; 64], KeyFault> {
    use p256::ecdsa::Signature;

    let raw = Signature::from_slice(bytes).ok();
    let signature = raw.or_else(|| Signature::from_der(bytes).ok());
    let signature = signature.ok_or(KeyFault::SignatureForm(bytes.len()))?;
    let signature: [u8; 64] = signature.normalize_s().to_bytes().into();
    key.verify(message, &signature)
        .map_err(|_| KeyFault::SignatureOfOther)?;
    Ok(signature)
}
