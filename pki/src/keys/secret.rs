//! Secret keys in memory.

use core::fmt;

use bpf_trust::PublicKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::pkcs8::EncodePrivateKey;
use pkcs8::LineEnding;
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::{Signer, encrypted};
use crate::{KeyFault, Passphrase, PkiError};

/// A secret key in memory, wiped when it is dropped.
#[derive(Clone)]
pub struct SecretKey {
    signing: SigningKey,
    public: PublicKey,
}

impl SecretKey {
    /// A new key from the random numbers of the operating system.
    ///
    /// # Errors
    /// [`PkiError::Random`].
    pub fn generate() -> Result<Self, PkiError> {
        let mut bytes = Zeroizing::new([0; 32]);
        loop {
            getrandom::fill(bytes.as_mut_slice()).map_err(PkiError::Random)?;
            // Zero, or not below the order of the group: one in 2^32.
            if let Ok(signing) = SigningKey::from_slice(bytes.as_slice()) {
                return Ok(Self::new(signing));
            }
        }
    }

    /// A key from PKCS#8 in DER.
    pub(crate) fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyFault> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyFault::Encoding)?;
        let algorithm = info.algorithm.oid.to_string();
        let curve = info
            .algorithm
            .parameters_oid()
            .ok()
            .map(|oid| oid.to_string());
        if (algorithm.as_str(), curve.as_deref()) != (EC_PUBLIC_KEY, Some(P256)) {
            return Err(KeyFault::Algorithm(algorithm_name(&algorithm, curve)));
        }
        let secret = p256::SecretKey::try_from(info).map_err(|_| KeyFault::Encoding)?;
        Ok(Self::new(SigningKey::from(secret)))
    }

    /// PKCS#8 in PEM, encrypted if there is a passphrase.
    ///
    /// # Errors
    /// [`PkiError::Salt`].
    pub fn to_pem(&self, passphrase: Option<&Passphrase>) -> Result<Zeroizing<String>, PkiError> {
        const SHORT: &str = "a key on P-256 has an encoding of about 140 bytes";
        match passphrase {
            None => Ok(self.signing.to_pkcs8_pem(LineEnding::LF).expect(SHORT)),
            Some(Passphrase(passphrase)) => {
                let der = self.signing.to_pkcs8_der().expect(SHORT);
                encrypted::encrypt(der.as_bytes(), passphrase)
            }
        }
    }

    fn new(signing: SigningKey) -> Self {
        let point = signing.verifying_key().to_sec1_point(false);
        let public = PublicKey::from_sec1(point.as_bytes())
            .expect("the key of a secret scalar is a point on the curve");
        Self { signing, public }
    }
}

impl Signer for SecretKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], PkiError> {
        // RFC 6979: the nonce comes from key and message, so no random number can be a bad one.
        let signature: Signature = self.signing.sign(message);
        Ok(signature.normalize_s().to_bytes().into())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {:?})", self.public)
    }
}

/// `id-ecPublicKey` and `secp256r1` (RFC 5480).
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";

/// What people call an algorithm, or a curve where the algorithm has several.
fn algorithm_name(algorithm: &str, curve: Option<String>) -> String {
    let oid = match (algorithm, curve) {
        (EC_PUBLIC_KEY, Some(curve)) => curve,
        _ => algorithm.to_string(),
    };
    let name = match oid.as_str() {
        "1.2.840.10045.3.1.1" => "P-192",
        "1.3.132.0.33" => "P-224",
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.10" => "secp256k1",
        "1.2.840.113549.1.1.1" => "RSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.3.101.110" => "X25519",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        EC_PUBLIC_KEY => "a curve that is not named",
        _ => return oid,
    };
    name.to_string()
}
