//! Certificates, in the eyes of two parsers.

use bpf_trust::{Certificate, CertificateKind, PublicKey, Role};
use x509_parser::parse_x509_certificate;

/// A certificate that the profile takes is one for `x509-parser`, too, and both read the same in it.
pub fn x509_profile(bytes: &[u8]) {
    for kind in [CertificateKind::Ca, CertificateKind::Leaf] {
        for role in Role::ALL {
            if let Ok(ours) = Certificate::parse(bytes, kind, *role) {
                same(&ours, kind, bytes);
            }
        }
    }
}

fn same(ours: &Certificate, kind: CertificateKind, bytes: &[u8]) {
    let (rest, theirs) = parse_x509_certificate(bytes).expect("x509-parser takes it");
    assert!(rest.is_empty(), "nothing behind it");
    assert_eq!(theirs.raw_serial(), ours.serial(), "serial number");
    assert_eq!(theirs.subject().as_raw(), ours.subject_der(), "subject");
    assert_eq!(theirs.issuer().as_raw(), ours.issuer_der(), "issuer");
    let validity = theirs.validity();
    for (theirs, ours) in [
        (validity.not_before, ours.not_before()),
        (validity.not_after, ours.not_after()),
    ] {
        assert_eq!(u64::try_from(theirs.timestamp()), Ok(ours.as_secs()));
    }
    let key = PublicKey::from_spki_der(theirs.public_key().raw);
    assert_eq!(key.as_ref(), Some(ours.key()), "key");
    assert_eq!(theirs.is_ca(), kind == CertificateKind::Ca, "CA or not");
}
