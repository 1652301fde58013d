//! Keys that are encrypted under a passphrase: PKCS#8 with PBES2 (RFC 8018, 6.2).

use pkcs8::pkcs5::{EncryptionScheme, pbes2};
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use crate::{KeyFault, PkiError};

/// The label of such a key in PEM (RFC 7468, 11).
pub(crate) const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// Iterations of PBKDF2 at most: about ten seconds. OWASP recommended 600,000 in 2023, OpenSSL's
/// default is 2,048.
const MAX_ITERATIONS: u32 = 10_000_000;

/// Memory for scrypt at most, in bytes: 128 times cost times block size (RFC 7914, 2). OpenSSL's
/// default takes 16 MiB, RFC 7914 recommends no more than that for interactive use.
const MAX_SCRYPT_MEMORY: u64 = 256 << 20;

/// How often scrypt goes through its memory at most.
const MAX_SCRYPT_PASSES: u16 = 16;

/// Decrypts a key in DER.
///
/// # Errors
/// [`KeyFault::Encoding`], [`KeyFault::Encryption`] for what is not supported or would take too long,
/// [`KeyFault::Passphrase`].
pub(crate) fn decrypt(der: &[u8], passphrase: &str) -> Result<SecretDocument, KeyFault> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| KeyFault::Encoding)?;
    check(&info.encryption_algorithm)?;
    // A wrong passphrase gives wrong padding, or now and then right padding around what is no key.
    info.decrypt(passphrase).map_err(|_| KeyFault::Passphrase)
}

/// Whether deriving the key takes a bearable time: the numbers are read from the file.
fn check(scheme: &EncryptionScheme) -> Result<(), KeyFault> {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return Err(KeyFault::Encryption("PBES1, which is broken"));
    };
    match &parameters.kdf {
        pbes2::Kdf::Pbkdf2(pbkdf2) if pbkdf2.iteration_count > MAX_ITERATIONS => Err(
            KeyFault::Encryption("PBKDF2 with more than 10,000,000 iterations"),
        ),
        pbes2::Kdf::Scrypt(scrypt) => {
            let memory = u64::from(scrypt.block_size)
                .checked_mul(scrypt.cost_parameter)
                .and_then(|blocks| blocks.checked_mul(128));
            let is_large = memory.is_none_or(|memory| memory > MAX_SCRYPT_MEMORY);
            if is_large || scrypt.parallelization > MAX_SCRYPT_PASSES {
                return Err(KeyFault::Encryption(
                    "scrypt with more than 256 MiB or 16 passes",
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Encrypts a key in DER with what the crate recommends: scrypt and AES-256 in CBC mode, which OpenSSL
/// reads.
pub(crate) fn encrypt(der: &[u8], passphrase: &str) -> Result<Zeroizing<String>, PkiError> {
    let info = PrivateKeyInfoRef::try_from(der).expect("it was encoded a moment ago");
    // Of what it does, only asking for salt and initial vector can fail.
    let document = info.encrypt(passphrase).map_err(|_| PkiError::Salt)?;
    Ok(document
        .to_pem(LABEL, LineEnding::LF)
        .expect("some hundred bytes can be encoded"))
}
