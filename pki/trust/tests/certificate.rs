//! Certificates against the profile: fields and encodings, mutants, and a third opinion.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_trust::{Certificate, CertificateKind, ProfileError, Role};
use common::{Pki, patch, resign, verify_now};
use rcgen::{DnType, DnValue, SerialNumber};
use x509_parser::prelude::FromDer as _;

fn parse_leaf(der: &[u8]) -> Result<Certificate, ProfileError> {
    Certificate::parse(der, CertificateKind::Leaf, Role::Verifier)
}

/// The leaf with changed TBS bytes, signed again by the CA: only the profile can refuse it.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<Certificate, ProfileError> {
    let pki = Pki::new();
    parse_leaf(&resign(&pki.leaf_der(), &pki.ca_key, change))
}

#[test]
fn other_versions() {
    for version in [0, 1, 3] {
        let result = changed(|tbs| patch(tbs, &[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, version]));
        // The default, v1, must not be written; 3 is no version.
        let expected = match version {
            1 => ProfileError::Version,
            _ => ProfileError::Encoding,
        };
        assert_eq!(result, Err(expected), "{version}");
    }
}

#[test]
fn serial_numbers() {
    let with = |bytes: &[u8]| {
        let serial = SerialNumber::from_slice(bytes);
        let pki = Pki::with(|pki| pki.leaf.serial_number = Some(serial));
        parse_leaf(&pki.leaf_der()).map(|leaf| leaf.serial().to_vec())
    };
    assert_eq!(with(&[1]), Ok(vec![1]));
    assert_eq!(with(&[0x7f; 20]), Ok(vec![0x7f; 20]));
    assert_eq!(with(&[0]), Err(ProfileError::Serial));
    assert_eq!(with(&[0x7f; 21]), Err(ProfileError::Serial));
    // A leading zero keeps it positive, and makes it longer.
    assert_eq!(with(&[0xff; 19]).map(|serial| serial.len()), Ok(20));
    assert_eq!(with(&[0xff; 20]), Err(ProfileError::Serial));
    let negative = changed(|tbs| patch(tbs, &[2, 6, 0x12, 0x34], &[2, 6, 0x92, 0x34]));
    assert_eq!(negative, Err(ProfileError::Serial));
}

#[test]
fn signature_algorithms() {
    const ECDSA_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    const ECDSA_SHA384: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
    let inside = changed(|tbs| patch(tbs, ECDSA_SHA256, ECDSA_SHA384));
    let expected = ProfileError::Algorithm("1.2.840.10045.4.3.3".into());
    assert_eq!(inside, Err(expected.clone()));

    let mut outside = Pki::new().leaf_der();
    let last = (0..outside.len())
        .rev()
        .find(|at| outside[*at..].starts_with(ECDSA_SHA256))
        .unwrap();
    outside[last..last + 10].copy_from_slice(ECDSA_SHA384);
    assert_eq!(parse_leaf(&outside), Err(expected));
}

#[test]
fn other_keys() {
    // The identifier of secp256r1 becomes that of another curve of the same arc.
    const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    const OTHER: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 6];
    let expected = Err(ProfileError::Key("1.2.840.10045.2.1".into()));
    assert_eq!(changed(|tbs| patch(tbs, P256, OTHER)), expected);
    // A point that is not on the curve; the hybrid form of the same point.
    let point = Pki::new().leaf_key.public.as_sec1().to_vec();
    let mut off_curve = point.clone();
    off_curve[64] ^= 1;
    assert_eq!(changed(|tbs| patch(tbs, &point, &off_curve)), expected);
    let mut hybrid = point.clone();
    hybrid[0] = 6 | (point[64] & 1);
    assert_eq!(changed(|tbs| patch(tbs, &point, &hybrid)), expected);
}

#[test]
fn names() {
    let with = |name: DnValue| {
        let pki = Pki::with(|pki| {
            let names = &mut pki.leaf.distinguished_name;
            names.push(DnType::CommonName, name);
        });
        parse_leaf(&pki.leaf_der()).map(|leaf| leaf.subject().to_owned())
    };
    let utf8 = |text: &str| DnValue::Utf8String(text.into());
    assert_eq!(with(utf8("ö")), Ok("CN=ö,O=Test".into()));
    let printable = DnValue::PrintableString("a".try_into().unwrap());
    assert_eq!(with(printable), Ok("CN=a,O=Test".into()));
    for text in ["", "a\nb", "a\u{1b}[2J", "a\u{85}b", "\0"] {
        assert_eq!(with(utf8(text)), Err(ProfileError::Name), "{text:?}");
    }
    let bmp = DnValue::BmpString("a".try_into().unwrap());
    assert_eq!(with(bmp), Err(ProfileError::Name));
}

#[test]
fn validity_that_ends_before_it_starts() {
    let pki =
        Pki::with(|pki| pki.leaf.not_after = common::date(common::NOW.saturating_sub(90_000)));
    let result = parse_leaf(&pki.leaf_der());
    assert!(
        matches!(result, Err(ProfileError::Validity { .. })),
        "{result:?}"
    );
}

#[test]
fn times_have_the_form_of_their_year() {
    // UTCTime of 13 bytes becomes GeneralizedTime of 15: the lengths around it grow by 2.
    let pki = Pki::new();
    let der = pki.leaf_der();
    let grown = resign(&der, &pki.ca_key, |tbs| {
        let at = find(tbs, &[0x17, 13]);
        let second = at + 15;
        assert_eq!(tbs[second..second + 2], [0x17, 13]);
        tbs.splice(second..second + 2, [0x18, 15, b'2', b'0']);
        assert_eq!(tbs[at - 2..at], [0x30, 30]);
        tbs[at - 1] = 32;
        let length = u16::from_be_bytes([tbs[2], tbs[3]]) + 2;
        tbs[2..4].copy_from_slice(&length.to_be_bytes());
    });
    assert_eq!(parse_leaf(&grown), Err(ProfileError::Encoding));
    // From 2050 on it has to be GeneralizedTime.
    let late = Pki::with(|pki| pki.leaf.not_after = time::macros::datetime!(2050-01-01 0:00 UTC));
    let leaf = parse_leaf(&late.leaf_der()).unwrap();
    assert_eq!(leaf.not_after().to_string(), "2050-01-01T00:00:00Z");
}

fn find(bytes: &[u8], pattern: &[u8]) -> usize {
    (0..bytes.len())
        .find(|at| bytes[*at..].starts_with(pattern))
        .unwrap()
}

#[test]
fn sizes() {
    let mut der = Pki::new().leaf_der();
    der.resize(2_048, 0);
    assert_eq!(parse_leaf(&der), Err(ProfileError::Encoding));
    der.push(0);
    assert_eq!(parse_leaf(&der), Err(ProfileError::Size(2_049)));
    assert_eq!(parse_leaf(&[]), Err(ProfileError::Encoding));
}

#[test]
fn bytes_behind_the_certificate() {
    let mut der = Pki::new().leaf_der();
    der.push(0);
    assert_eq!(parse_leaf(&der), Err(ProfileError::Encoding));
}

#[test]
fn lengths_in_another_form() {
    // The outer length, 0x82 in two bytes, in three.
    let der = Pki::new().leaf_der();
    let longer = [&[0x30, 0x83, 0], &der[2..]].concat();
    assert_eq!(parse_leaf(&longer), Err(ProfileError::Encoding));
    let indefinite = [&[0x30, 0x80], &der[4..], &[0, 0]].concat();
    assert_eq!(parse_leaf(&indefinite), Err(ProfileError::Encoding));
}

/// Whatever one bit or a missing part can do to the certificates of a chain, the chain is refused; and
/// where our reading of a mutant finds no fault, a third parser reads the same.
#[test]
fn no_mutant_is_accepted() {
    let pki = Pki::new();
    let bundle = pki.bundle();
    let (leaf, ca) = (pki.leaf_der(), pki.ca_der());
    assert!(verify_now(&bundle, &leaf, &ca).is_ok());
    let (mut tried, mut read) = (0, 0);
    for mutant in mutants(&leaf) {
        assert!(verify_now(&bundle, &mutant, &ca).is_err());
        read += compare_with_x509_parser(&mutant, CertificateKind::Leaf);
        tried += 1;
    }
    for mutant in mutants(&ca) {
        assert!(verify_now(&bundle, &leaf, &mutant).is_err());
        read += compare_with_x509_parser(&mutant, CertificateKind::Ca);
        tried += 1;
    }
    assert!(tried >= 8_000, "{tried}");
    assert!(read >= 1_000, "{read}: the comparison compares little");
}

/// Every flip of one bit, every prefix, and every loss of one byte.
fn mutants(der: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let flips = (0..der.len() * 8).map(|bit| {
        let mut mutant = der.to_vec();
        mutant[bit / 8] ^= 1 << (bit % 8);
        mutant
    });
    let prefixes = (0..der.len()).map(|end| der[..end].to_vec());
    let losses = (0..der.len()).map(|at| [&der[..at], &der[at + 1..]].concat());
    flips.chain(prefixes).chain(losses)
}

/// 1 if the profile accepts the certificate; then x509-parser must agree on every field.
fn compare_with_x509_parser(der: &[u8], kind: CertificateKind) -> usize {
    let Ok(ours) = Certificate::parse(der, kind, Role::Verifier) else {
        return 0;
    };
    let (rest, theirs) = x509_parser::certificate::X509Certificate::from_der(der).unwrap();
    assert!(rest.is_empty());
    assert_eq!(ours.serial(), theirs.raw_serial());
    assert_eq!(ours.key().to_spki_der(), theirs.public_key().raw);
    assert_eq!(ours.issuer_der(), theirs.issuer().as_raw());
    assert_eq!(ours.subject_der(), theirs.subject().as_raw());
    let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap();
    assert_eq!(
        ours.not_before().as_secs(),
        seconds(theirs.validity().not_before)
    );
    assert_eq!(
        ours.not_after().as_secs(),
        seconds(theirs.validity().not_after)
    );
    assert_eq!(theirs.is_ca(), kind == CertificateKind::Ca);
    let usage = theirs.key_usage().unwrap().unwrap().value;
    assert_eq!(usage.key_cert_sign(), kind == CertificateKind::Ca);
    assert_eq!(usage.digital_signature(), kind == CertificateKind::Leaf);
    let purpose = theirs.extended_key_usage().unwrap().unwrap().value;
    assert_eq!(
        purpose.other[0].to_id_string(),
        Role::Verifier.extended_key_usage().to_string()
    );
    1
}

proptest::proptest! {
    #[test]
    fn whatever_the_bytes_are_reading_ends(bytes in proptest::collection::vec(0_u8.., 0..300)) {
        for kind in [CertificateKind::Ca, CertificateKind::Leaf] {
            assert!(Certificate::parse(&bytes, kind, Role::Verifier).is_err());
        }
    }
}
