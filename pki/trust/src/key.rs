//! P-256 keys, and the two rules for signatures made with them.

use alloc::vec::Vec;
use core::fmt;

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use platform_click::Digest;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::TrustError;

/// DER of a `SubjectPublicKeyInfo` for `id-ecPublicKey` with `secp256r1` (RFC 5480), up to the point.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, // SEQUENCE, SEQUENCE
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, // id-ecPublicKey
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, // secp256r1
    0x03, 0x42, 0x00, // BIT STRING of whole bytes
];

/// A public key: a point on P-256 that is not the point at infinity.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: [u8; Self::SEC1_SIZE],
    key: VerifyingKey,
}

impl PublicKey {
    /// Bytes of an uncompressed point (SEC 1, 2.3.3).
    pub const SEC1_SIZE: usize = 65;

    /// A key from an uncompressed point; `None` if it is not one.
    #[must_use]
    pub fn from_sec1(bytes: &[u8]) -> Option<Self> {
        let point: [u8; Self::SEC1_SIZE] = bytes.try_into().ok()?;
        // 0x04 marks the uncompressed form; the others decode too, but are another encoding.
        if point.first() != Some(&0x04) {
            return None;
        }
        let key = VerifyingKey::from_sec1_bytes(&point).ok()?;
        Some(Self { point, key })
    }

    /// A key from the DER of a `SubjectPublicKeyInfo`; `None` if it is not exactly one of a P-256
    /// key as an uncompressed point.
    #[must_use]
    pub fn from_spki_der(bytes: &[u8]) -> Option<Self> {
        Self::from_sec1(bytes.strip_prefix(&SPKI_PREFIX)?)
    }

    /// The key of a certificate in DER that nobody has looked into, if it is one on P-256.
    #[must_use]
    pub fn from_certificate(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let spki = certificate.tbs_certificate().subject_public_key_info();
        Self::from_spki_der(&spki.to_der().ok()?)
    }

    /// The uncompressed point.
    #[must_use]
    pub const fn as_sec1(&self) -> &[u8; Self::SEC1_SIZE] {
        &self.point
    }

    /// DER of the `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        [SPKI_PREFIX.as_slice(), &self.point].concat()
    }

    /// The `SubjectPublicKeyInfo` without tag and length, as `rustls-webpki` keeps keys of roots.
    pub(crate) fn to_spki_content(&self) -> Vec<u8> {
        let (_, prefix) = SPKI_PREFIX.split_at(2);
        [prefix, &self.point].concat()
    }

    /// SHA-256 of the DER of the `SubjectPublicKeyInfo`: how trust bundles name keys.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_spki_der())
    }

    /// Checks an ECDSA signature with SHA-256 over `message`, as `r || s`.
    ///
    /// For each signature (r, s) there is a second, (r, n − s), that anybody can compute; only that
    /// with the lower s counts, so that a signed file has one form.
    ///
    /// # Errors
    /// [`TrustError::SignatureRange`], [`TrustError::SignatureHighS`] or
    /// [`TrustError::SignatureMismatch`].
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), TrustError> {
        // Refuses r and s that are zero or not below the order n of the group.
        let signature = Signature::from_slice(signature).map_err(|_| TrustError::SignatureRange)?;
        if signature.normalize_s() != signature {
            return Err(TrustError::SignatureHighS);
        }
        self.key
            .verify(message, &signature)
            .map_err(|_| TrustError::SignatureMismatch)
    }

    /// Whether `signature` is a DER-encoded ECDSA signature with SHA-256 over `message`, high s
    /// allowed: the rule for certificates and requests.
    #[must_use]
    pub fn verifies_der(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature)
            .is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}

/// In the order of their encoded points.
impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.point.cmp(&other.point)
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.digest())
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::Signer;

    use super::*;

    /// n, the order of the group (SEC 2, 2.4.2).
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];

    fn pair() -> (SigningKey, PublicKey) {
        let signing = SigningKey::from_slice(&[7; 32]).unwrap();
        let point = signing.verifying_key().to_sec1_point(false);
        let public = PublicKey::from_sec1(point.as_bytes()).unwrap();
        (signing, public)
    }

    fn sign(key: &SigningKey, message: &[u8]) -> Signature {
        let signature: Signature = key.sign(message);
        signature.normalize_s()
    }

    fn bytes(r: &[u8], s: &[u8]) -> [u8; 64] {
        [r, s].concat().try_into().unwrap()
    }

    #[test]
    fn a_low_s_signature_is_accepted_and_its_high_s_twin_refused() {
        let (signing, public) = pair();
        let low = sign(&signing, b"message");
        assert_eq!(public.verify(b"message", &low.to_bytes().into()), Ok(()));

        let (r, s) = low.split_scalars();
        let high = Signature::from_scalars(*r, -*s).unwrap();
        // The twin is a valid signature for `p256`, so the refusal is ours.
        assert!(public.key.verify(b"message", &high).is_ok());
        assert_eq!(
            public.verify(b"message", &high.to_bytes().into()),
            Err(TrustError::SignatureHighS)
        );
        // Certificates of other issuers have them; there they count.
        assert!(public.verifies_der(b"message", high.to_der().as_bytes()));
    }

    #[test]
    fn r_and_s_out_of_range_are_refused() {
        let (signing, public) = pair();
        let (r, s) = sign(&signing, b"message").split_bytes();
        let (zero, ones) = ([0; 32], [0xff; 32]);
        for (r, s) in [
            (zero.as_slice(), s.as_slice()),
            (&r, &zero),
            (&zero, &zero),
            (&ORDER, &s),
            (&r, &ORDER),
            (&ones, &ones),
        ] {
            assert_eq!(
                public.verify(b"message", &bytes(r, s)),
                Err(TrustError::SignatureRange)
            );
        }
    }

    #[test]
    fn another_message_or_key_is_refused() {
        let (signing, public) = pair();
        let signature = sign(&signing, b"message").to_bytes().into();
        assert_eq!(
            public.verify(b"massage", &signature),
            Err(TrustError::SignatureMismatch)
        );
        let other = SigningKey::from_slice(&[8; 32]).unwrap();
        let other = sign(&other, b"message").to_bytes().into();
        assert_eq!(
            public.verify(b"message", &other),
            Err(TrustError::SignatureMismatch)
        );
    }

    #[test]
    fn only_uncompressed_points_on_the_curve_are_keys() {
        let (signing, public) = pair();
        assert_eq!(
            PublicKey::from_spki_der(&public.to_spki_der()),
            Some(public.clone())
        );
        let compressed = signing.verifying_key().to_sec1_point(true);
        assert_eq!(PublicKey::from_sec1(compressed.as_bytes()), None);
        let mut off_curve = *public.as_sec1();
        off_curve[64] ^= 1;
        assert_eq!(PublicKey::from_sec1(&off_curve), None);
        assert_eq!(PublicKey::from_sec1(&[0]), None, "the point at infinity");
        // The hybrid form of SEC 1 is the same point under another name.
        let mut hybrid = *public.as_sec1();
        hybrid[0] = 0x06 | (hybrid[64] & 1);
        assert_eq!(PublicKey::from_sec1(&hybrid), None);
    }
}
