//! The second gate: path validation by `rustls-webpki`.

use core::time::Duration;

use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
    TrustAnchor, alg_id,
};
use webpki::{EndEntityCert, KeyUsage};

use crate::{Anchor, Certificate, CertificateKind, PublicKey, Role, TrustError, UnixTime};

/// ECDSA on P-256 with SHA-256 for `rustls-webpki`, by `p256`.
#[derive(Debug)]
struct EcdsaP256Sha256;

impl SignatureVerificationAlgorithm for EcdsaP256Sha256 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        match PublicKey::from_sec1(public_key) {
            Some(key) if key.verifies_der(message, signature) => Ok(()),
            _ => Err(InvalidSignature),
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

/// A certificate as it was read, beside its bytes.
pub(crate) struct Parsed<'a> {
    pub(crate) der: &'a [u8],
    pub(crate) fields: &'a Certificate,
}

/// Validates root, CA and leaf at `now` for `role`, and compares what was read with the profile's
/// reading. `anchors` have the name of the CA's issuer.
pub(crate) fn validate(
    anchors: &[&Anchor],
    ca: &Parsed<'_>,
    leaf: &Parsed<'_>,
    now: UnixTime,
    role: Role,
) -> Result<(), TrustError> {
    let roots: alloc::vec::Vec<_> = anchors.iter().map(|anchor| trust_anchor(anchor)).collect();
    let leaf_der = CertificateDer::from(leaf.der);
    let intermediates = [CertificateDer::from(ca.der)];
    let end_entity = EndEntityCert::try_from(&leaf_der).map_err(TrustError::Path)?;
    let path = end_entity
        .verify_for_usage(
            &[&EcdsaP256Sha256],
            &roots,
            &intermediates,
            rustls_pki_types::UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs())),
            KeyUsage::required(role.extended_key_usage().as_bytes()),
            None,
            None,
        )
        .map_err(|error| refusal(error, anchors, ca))?;

    compare(&end_entity, leaf)?;
    let mut issuers = path.intermediate_certificates();
    let issuer = issuers.next().ok_or(TrustError::GatesDisagree("path"))?;
    if issuers.next().is_some() || issuer.der().as_ref() != ca.der {
        return Err(TrustError::GatesDisagree("path"));
    }
    compare(issuer, ca)
}

fn trust_anchor(anchor: &Anchor) -> TrustAnchor<'_> {
    TrustAnchor {
        subject: anchor.distinguished_name().content().into(),
        subject_public_key_info: anchor.key().to_spki_content().into(),
        name_constraints: None,
    }
}

fn compare(theirs: &webpki::Cert<'_>, ours: &Parsed<'_>) -> Result<(), TrustError> {
    let fields = ours.fields;
    let key = fields.key().to_spki_der();
    for (field, agree) in [
        ("serial number", theirs.serial() == fields.serial()),
        ("issuer", theirs.issuer() == fields.issuer.content()),
        ("subject", theirs.subject() == fields.subject.content()),
        ("key", *theirs.subject_public_key_info() == *key),
    ] {
        if !agree {
            return Err(TrustError::GatesDisagree(field));
        }
    }
    Ok(())
}

/// The refusal in our words. Profile, links and time were checked before, so what is left are
/// signatures.
fn refusal(error: webpki::Error, anchors: &[&Anchor], ca: &Parsed<'_>) -> TrustError {
    match error {
        webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. } => {
            TrustError::GatesDisagree("validity")
        }
        webpki::Error::InvalidSignatureForPublicKey => broken_signature(anchors, ca),
        error => TrustError::Path(error),
    }
}

/// Which of the two signatures does not hold.
fn broken_signature(anchors: &[&Anchor], ca: &Parsed<'_>) -> TrustError {
    let fields = ca.fields;
    let ca_holds = anchors
        .iter()
        .any(|anchor| anchor.key().verifies_der(&fields.tbs, &fields.signature));
    let (certificate, issuer) = if ca_holds {
        (CertificateKind::Leaf, fields.subject())
    } else {
        (CertificateKind::Ca, fields.issuer())
    };
    TrustError::ChainSignature {
        certificate,
        issuer: issuer.into(),
    }
}
