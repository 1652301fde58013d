//! Each departure from the one encoding of a bundle, and of a statement, is refused by name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_statement::cbor::{CborError, Writer};
use bpf_statement::{
    Bundle, BundleBuilder, MAX_CERTIFICATE_SIZE, Purpose, Sign1, Sign1Error, Statement,
    StatementError, codes,
};
use common::{CA, LEAF, bundle, claims};

const CONTENT_TYPE: &str = "application/vnd.bpfsign.statement+cbor";

/// A protected header, entry by entry.
fn header(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer::default();
    write(&mut out);
    out.into_bytes()
}

fn good_header() -> Vec<u8> {
    header(|out| {
        out.map(3).i64(1).i64(-7).i64(3).text(CONTENT_TYPE);
        out.i64(33).array(2).bytes(LEAF).bytes(CA);
    })
}

/// A message with this header and everything else as it should be.
fn with_header(header: &[u8]) -> Vec<u8> {
    let mut out = Writer::default();
    out.tag(18).array(4).bytes(header).map(0);
    out.bytes(b"payload").bytes(&[1; 64]);
    out.into_bytes()
}

fn with_signature(signature: &[u8]) -> Vec<u8> {
    let mut out = Writer::default();
    out.tag(18).array(4).bytes(&good_header()).map(0);
    out.bytes(b"payload").bytes(signature);
    out.into_bytes()
}

/// Replaces the one place where `from` stands.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    let [at] = places[..] else {
        panic!("{from:02x?} stands {} times", places.len());
    };
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn a_message_of_the_right_form_is_read() {
    let bytes = with_header(&good_header());
    let message = Bundle::parse(&bytes).unwrap();
    assert_eq!(message.certificates(), (LEAF, CA));
    assert_eq!(message.payload(), b"payload");
    assert_eq!(message.signature(), &[1; 64]);
}

#[test]
fn what_is_signed_is_the_sig_structure_of_rfc_9052() {
    let bytes = with_header(&good_header());
    let mut expected = Writer::default();
    expected.array(4).text("Signature1").bytes(&good_header());
    expected.bytes(b"bpfsign/v1 statement").bytes(b"payload");
    let message = Bundle::parse(&bytes).unwrap();
    assert_eq!(message.to_be_signed(), expected.into_bytes());
}

#[test]
fn a_bundle_is_what_its_builder_makes() {
    let statement = Statement::new(claims()).unwrap();
    let builder = BundleBuilder::new(&statement, LEAF, CA).unwrap();
    let bytes = builder.assemble(&[7; 64]);
    let bundle = Bundle::parse(&bytes).unwrap();
    assert_eq!(bundle.to_be_signed(), builder.to_be_signed());
    assert_eq!(Statement::decode(bundle.payload()), Ok(statement));
}

#[test]
fn purposes_share_neither_content_type_nor_aad() {
    for (i, one) in Purpose::ALL.iter().enumerate() {
        for other in &Purpose::ALL[..i] {
            assert_ne!(one.content_type(), other.content_type());
            assert_ne!(one.external_aad(), other.external_aad());
        }
    }
}

/// Attack 18: a statement's signature for a control message.
#[test]
fn a_message_of_another_purpose() {
    let bytes = with_header(&good_header());
    let error = Sign1::parse(Purpose::Control, &bytes).unwrap_err();
    assert_eq!(error.code(), codes::PURPOSE);
    let control = header(|out| {
        let content_type = Purpose::Control.content_type();
        out.map(3).i64(1).i64(-7).i64(3).text(content_type);
        out.i64(33).array(2).bytes(LEAF).bytes(CA);
    });
    let error = Bundle::parse(&with_header(&control)).unwrap_err();
    assert_eq!(error, Sign1Error::ContentType(CONTENT_TYPE));
}

/// Attack 16: the header chooses the algorithm.
#[test]
fn another_algorithm() {
    for (algorithm, name) in [(-35, "ES384"), (5, "HMAC 256/256"), (0, "reserved")] {
        let bytes = with_header(&header(|out| {
            out.map(3).i64(1).i64(algorithm).i64(3).text(CONTENT_TYPE);
            out.i64(33).array(2).bytes(LEAF).bytes(CA);
        }));
        let error = Bundle::parse(&bytes).unwrap_err();
        assert_eq!(error, Sign1Error::Algorithm(algorithm), "{name}");
        assert_eq!(error.code(), codes::ALGORITHM);
    }
    let none = with_header(&header(|out| {
        out.map(3).i64(1).text("none").i64(3).text(CONTENT_TYPE);
        out.i64(33).array(2).bytes(LEAF).bytes(CA);
    }));
    assert!(matches!(Bundle::parse(&none), Err(Sign1Error::Header(_))));
}

/// Attack 17: certificates or a key identifier beside what is signed.
#[test]
fn an_unprotected_header() {
    for key in [4, 33] {
        let mut out = Writer::default();
        out.tag(18).array(4).bytes(&good_header());
        out.map(1).i64(key).bytes(LEAF);
        out.bytes(b"payload").bytes(&[1; 64]);
        let error = Bundle::parse(&out.into_bytes()).unwrap_err();
        assert_eq!(error, Sign1Error::Unprotected(1));
        assert_eq!(error.code(), codes::UNPROTECTED);
    }
}

/// Attack 11: more certificates than can be needed.
#[test]
fn another_number_of_certificates() {
    for count in [0, 1, 3, 100] {
        let bytes = with_header(&header(|out| {
            out.map(3).i64(1).i64(-7).i64(3).text(CONTENT_TYPE);
            out.i64(33).array(count);
            for _ in 0..count {
                out.bytes(CA);
            }
        }));
        let error = Bundle::parse(&bytes).unwrap_err();
        assert_eq!(error, Sign1Error::CertificateCount(count));
        assert_eq!(error.code(), codes::CERTIFICATES);
    }
    let single = with_header(&header(|out| {
        out.map(3).i64(1).i64(-7).i64(3).text(CONTENT_TYPE);
        out.i64(33).bytes(LEAF);
    }));
    assert!(matches!(Bundle::parse(&single), Err(Sign1Error::Header(_))));
}

#[test]
fn a_certificate_of_another_size() {
    for size in [0, MAX_CERTIFICATE_SIZE + 1] {
        let bytes = with_header(&header(|out| {
            out.map(3).i64(1).i64(-7).i64(3).text(CONTENT_TYPE);
            out.i64(33).array(2).bytes(LEAF).bytes(&vec![0x30; size]);
        }));
        let error = Bundle::parse(&bytes).unwrap_err();
        assert_eq!(error, Sign1Error::CertificateSize(size));
    }
}

/// Attack 15: a signature that is short, long, or in DER.
#[test]
fn a_signature_that_is_not_64_bytes() {
    let der = [
        &[0x30, 0x44, 0x02, 0x20][..],
        &[1; 32],
        &[0x02, 0x20],
        &[2; 32],
    ]
    .concat();
    for signature in [&[1; 63][..], &[1; 65], &[], &der] {
        let error = Bundle::parse(&with_signature(signature)).unwrap_err();
        assert_eq!(error, Sign1Error::SignatureSize(signature.len()));
        assert_eq!(error.code(), codes::SIGNATURE_SIZE);
    }
}

#[test]
fn header_entries_out_of_order_repeated_unknown_or_missing() {
    let mut wrong = Vec::new();
    wrong.push(header(|out| {
        out.map(3).i64(3).text(CONTENT_TYPE).i64(1).i64(-7);
        out.i64(33).array(2).bytes(LEAF).bytes(CA);
    }));
    wrong.push(header(|out| {
        out.map(3).i64(1).i64(-7).i64(1).i64(-7);
        out.i64(33).array(2).bytes(LEAF).bytes(CA);
    }));
    wrong.push(header(|out| {
        out.map(4).i64(1).i64(-7).i64(3).text(CONTENT_TYPE);
        out.i64(4).bytes(b"kid");
        out.i64(33).array(2).bytes(LEAF).bytes(CA);
    }));
    wrong.push(header(|out| {
        out.map(2).i64(1).i64(-7).i64(3).text(CONTENT_TYPE);
    }));
    wrong.push(header(|out| {
        out.map(3).i64(1).i64(-7).i64(3).text(CONTENT_TYPE);
        out.i64(33).array(2).bytes(LEAF).bytes(CA).i64(0);
    }));
    wrong.push(Vec::new());
    for header in wrong {
        let error = Bundle::parse(&with_header(&header)).unwrap_err();
        assert!(matches!(error, Sign1Error::Header(_)), "{error:?}");
        assert_eq!(error.code(), codes::ENCODING);
    }
}

#[test]
fn an_integer_or_length_that_is_longer_than_it_has_to_be() {
    let bytes = with_header(&good_header());
    let not_deterministic = |bytes: &[u8]| {
        matches!(
            Bundle::parse(bytes),
            Err(Sign1Error::Cbor(CborError::NotDeterministic { .. })
                | Sign1Error::Header(CborError::NotDeterministic { .. }))
        )
    };
    // Tag 18 in two bytes, the array's length in one more, the payload's length in one more.
    assert!(not_deterministic(&replaced(
        &bytes,
        &[0xd2, 0x84],
        &[0xd8, 0x12, 0x84]
    )));
    assert!(not_deterministic(&replaced(
        &bytes,
        &[0xd2, 0x84],
        &[0xd2, 0x98, 4]
    )));
    assert!(not_deterministic(&replaced(
        &bytes,
        b"\x47payload",
        b"\x58\x07payload"
    )));
    // Key 1 of the header in two bytes, 33 in three, the algorithm in two.
    let header = good_header();
    for (from, to) in [
        (&[0xa3, 1, 0x26][..], &[0xa3, 0x18, 1, 0x26][..]),
        (&[0x18, 33, 0x82], &[0x19, 0, 33, 0x82]),
        (&[0xa3, 1, 0x26], &[0xa3, 1, 0x38, 6]),
    ] {
        assert!(not_deterministic(&with_header(&replaced(
            &header, from, to
        ))));
    }
}

#[test]
fn an_indefinite_length() {
    let bytes = with_header(&good_header());
    let payload = replaced(&bytes, b"\x47payload", b"\x5f\x47payload\xff");
    let array = [&replaced(&bytes, &[0xd2, 0x84], &[0xd2, 0x9f])[..], &[0xff]].concat();
    let map = replaced(&bytes, b"\xa0\x47payload", b"\xbf\xff\x47payload");
    for bytes in [payload, array, map] {
        let error = Bundle::parse(&bytes).unwrap_err();
        assert!(matches!(error, Sign1Error::Cbor(CborError::Item { .. })));
    }
    let header = replaced(&good_header(), &[0x18, 33, 0x82], &[0x18, 33, 0x9f]);
    let header = [&header[..], &[0xff]].concat();
    let error = Bundle::parse(&with_header(&header)).unwrap_err();
    assert!(matches!(error, Sign1Error::Header(CborError::Item { .. })));
}

#[test]
fn a_trailing_byte() {
    let mut bytes = with_header(&good_header());
    let offset = bytes.len();
    bytes.push(0);
    let expected = Sign1Error::Cbor(CborError::Trailing { offset });
    assert_eq!(Bundle::parse(&bytes), Err(expected));
}

#[test]
fn no_tag_or_another() {
    let bytes = with_header(&good_header());
    for other in [&[0x84][..], &[0xd8, 98, 0x84], &[0xd1, 0x84]] {
        let bytes = replaced(&bytes, &[0xd2, 0x84], other);
        let error = Bundle::parse(&bytes).unwrap_err();
        assert!(matches!(error, Sign1Error::Cbor(CborError::Item { .. })));
    }
}

/// Attack 38: nothing is allocated for a length that only claims to be.
#[test]
fn a_message_that_is_too_long_or_claims_to_be() {
    let size = Bundle::MAX_SIZE + 1;
    let error = Bundle::parse(&vec![0; size]).unwrap_err();
    assert_eq!(
        error,
        Sign1Error::Size {
            size,
            max: Bundle::MAX_SIZE
        }
    );
    let claims = [
        0xd2, 0x84, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];
    assert!(matches!(
        Bundle::parse(&claims),
        Err(Sign1Error::Cbor(CborError::Item { offset: 2, .. }))
    ));
}

/// The encoded usual statement after replacing `from`, read again.
fn statement_with(from: &[u8], to: &[u8]) -> StatementError {
    let bytes = Statement::new(claims()).unwrap().encode();
    Statement::decode(&replaced(&bytes, from, to)).unwrap_err()
}

#[test]
fn a_statement_of_another_version() {
    let error = statement_with(&[0xb2, 1, 1], &[0xb2, 1, 2]);
    assert_eq!(error, StatementError::Version(2));
    assert_eq!(error.code(), codes::VERSION);
    // A later version may have another number of fields.
    let error = statement_with(&[0xb2, 1, 1], &[0xb3, 1, 2]);
    assert_eq!(error, StatementError::Version(2));
}

#[test]
fn a_statement_with_keys_out_of_order_repeated_or_unknown() {
    let name = b"\x02\x6btarget-port";
    for key in [1, 3, 19] {
        let mut other = name.to_vec();
        other[0] = key;
        let error = statement_with(name, &other);
        assert!(
            matches!(error, StatementError::Cbor(CborError::Key { expected: 2, found, .. })
                if found == i64::from(key)),
            "{error:?}"
        );
    }
}

#[test]
fn a_statement_with_more_or_fewer_entries_than_its_version_has() {
    // The count in the head of the map is not that of the entries.
    for head in [0xb1, 0xb3] {
        let error = statement_with(&[0xb2, 1, 1], &[head, 1, 1]);
        let error = format!("{error:?}");
        assert!(error.contains("NotDeterministic"), "{error}");
    }
}

#[test]
fn a_statement_with_a_longer_integer_or_an_indefinite_length() {
    let error = statement_with(&[0xb2, 1, 1], &[0xb2, 1, 0x18, 1]);
    assert!(matches!(
        error,
        StatementError::Cbor(CborError::NotDeterministic { .. })
    ));
    let error = statement_with(&[0xb2, 1, 1], &[0xbf, 1, 1]);
    assert!(matches!(
        error,
        StatementError::Cbor(CborError::Item { .. })
    ));
}

#[test]
fn a_statement_with_a_trailing_byte() {
    let mut bytes = Statement::new(claims()).unwrap().encode();
    bytes.push(0xf6);
    assert!(matches!(
        Statement::decode(&bytes),
        Err(StatementError::Cbor(CborError::Trailing { .. }))
    ));
}

#[test]
fn a_statement_with_unsorted_programs_or_helpers() {
    let error = statement_with(&[0x09, 0x82, 1, 2, 0x0a], &[0x09, 0x82, 2, 1, 0x0a]);
    assert!(matches!(
        error,
        StatementError::Cbor(CborError::NotDeterministic { .. })
    ));
}

#[test]
fn what_the_platform_does_not_have_is_said_so() {
    // A helper, a map kind, a program kind that later platforms may have.
    for (from, to, what) in [
        (
            &[0x09, 0x82, 1, 2, 0x0a][..],
            &[0x09, 0x82, 1, 4, 0x0a][..],
            "helper",
        ),
        (b"\x64hits\x01", b"\x64hits\x03", "map kind"),
        (
            b"target_port\x02\x01",
            b"target_port\x02\x05",
            "program kind",
        ),
    ] {
        let error = statement_with(from, to);
        assert!(
            matches!(error, StatementError::Unknown { what: found, .. } if found == what),
            "{error:?}"
        );
        assert_eq!(error.code(), codes::UNKNOWN);
    }
}

#[test]
fn a_statement_with_a_name_that_is_none() {
    let error = statement_with(b"\x6btarget-port", b"\x6bTarget-port");
    assert!(matches!(error, StatementError::Text(_)));
    assert_eq!(error.code(), codes::ENCODING);
}

/// Attack 38: a list that claims more items than it may have is refused by its head.
#[test]
fn a_list_that_claims_to_be_long() {
    let error = statement_with(
        &[0x09, 0x82, 1, 2, 0x0a],
        &[0x09, 0x9a, 0xff, 0xff, 0xff, 0xff, 0x0a],
    );
    assert!(matches!(
        error,
        StatementError::Cbor(CborError::Count {
            found: 0xffff_ffff,
            ..
        })
    ));
}

#[test]
fn the_bundle_of_the_usual_statement_is_small() {
    let bytes = bundle(&Statement::new(claims()).unwrap());
    assert!(bytes.len() < 1024, "{}", bytes.len());
}
