//! Each refusal: its code, its exit code, and what it says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use bpf_statement::cbor::CborError;
use bpf_trust::{
    CertificateKind, ContentsError, ExtensionKind, ProfileError, Role, TrustError, UnixTime,
};
use platform_click::Digest;

const START: UnixTime = UnixTime::from_secs(1_795_000_000);
const END: UnixTime = UnixTime::from_secs(1_800_000_000);

fn profile(departure: ProfileError) -> TrustError {
    TrustError::Profile {
        certificate: CertificateKind::Leaf,
        departure,
    }
}

#[test]
fn departures_from_the_profile() {
    for (departure, code, exit, message) in [
        (
            ProfileError::Size(3_000),
            "BPF-T001",
            21,
            "3000 bytes are more than the 2048 of a certificate",
        ),
        (
            ProfileError::Encoding,
            "BPF-T001",
            21,
            "the encoding is not that of a certificate in DER",
        ),
        (
            ProfileError::Version,
            "BPF-T003",
            22,
            "the version is not v3",
        ),
        (
            ProfileError::Serial,
            "BPF-T003",
            22,
            "the serial number is not a positive number of at most 20 bytes",
        ),
        (
            ProfileError::Algorithm("1.2.3".into()),
            "BPF-T002",
            22,
            "the signature algorithm 1.2.3 is not ecdsa-with-SHA256 without parameters",
        ),
        (
            ProfileError::Key("1.2.3".into()),
            "BPF-T002",
            22,
            "the key of algorithm 1.2.3 is not an uncompressed P-256 point",
        ),
        (
            ProfileError::Name,
            "BPF-T003",
            22,
            "issuer and subject are not both text without control characters",
        ),
        (
            ProfileError::SelfIssued("CN=a".into()),
            "BPF-T003",
            22,
            "the certificate of `CN=a` is issued by itself",
        ),
        (
            ProfileError::UniqueId,
            "BPF-T003",
            22,
            "there are unique identifiers",
        ),
        (
            ProfileError::Validity {
                not_before: END,
                not_after: START,
            },
            "BPF-T003",
            22,
            "the validity ends at 2026-11-18T11:06:40Z, before it starts at 2027-01-15T08:00:00Z",
        ),
        (ProfileError::CaAsLeaf, "BPF-T005", 22, "it is a CA"),
        (ProfileError::LeafAsCa, "BPF-T006", 22, "it is not a CA"),
        (
            ProfileError::PathLength(Some(1)),
            "BPF-T009",
            22,
            "the path length is 1, not 0",
        ),
        (
            ProfileError::PathLength(None),
            "BPF-T009",
            22,
            "the path length is unlimited, not 0",
        ),
        (
            ProfileError::Missing(ExtensionKind::Scope),
            "BPF-T004",
            22,
            "the extension scope is missing",
        ),
        (
            ProfileError::Missing(ExtensionKind::KeyUsage),
            "BPF-T007",
            22,
            "the extension key usage is missing",
        ),
        (
            ProfileError::Missing(ExtensionKind::ExtendedKeyUsage),
            "BPF-T008",
            22,
            "the extension extended key usage is missing",
        ),
        (
            ProfileError::Duplicate("key usage".into()),
            "BPF-T004",
            22,
            "the extension key usage is there twice",
        ),
        (
            ProfileError::Unknown {
                oid: "1.2.3".into(),
                critical: true,
            },
            "BPF-T004",
            22,
            "the critical extension 1.2.3 does not belong there",
        ),
        (
            ProfileError::Criticality {
                kind: ExtensionKind::KeyUsage,
            },
            "BPF-T004",
            22,
            "the extension key usage is not critical",
        ),
        (
            ProfileError::Criticality {
                kind: ExtensionKind::Scope,
            },
            "BPF-T004",
            22,
            "the extension scope is critical",
        ),
        (
            ProfileError::Value(ExtensionKind::BasicConstraints),
            "BPF-T004",
            22,
            "the value of the extension basic constraints is not valid",
        ),
        (
            ProfileError::KeyUsage(CertificateKind::Ca),
            "BPF-T007",
            22,
            "the key usage is not keyCertSign, with or without cRLSign",
        ),
        (
            ProfileError::KeyUsage(CertificateKind::Leaf),
            "BPF-T007",
            22,
            "the key usage is not digitalSignature alone",
        ),
        (
            ProfileError::ExtendedKeyUsage {
                role: Role::Verifier,
                present: vec!["1.2.3".into(), "2.5.29.37.0".into()],
            },
            "BPF-T008",
            22,
            "the extended key usage is 1.2.3, 2.5.29.37.0, not that of the role verifier",
        ),
    ] {
        let error = profile(departure);
        assert_eq!(error.to_string(), format!("leaf certificate: {message}"));
        assert_eq!(error.code().id, code, "{error}");
        assert_eq!(error.exit_code().number(), exit, "{error}");
    }
}

#[test]
fn refusals() {
    let (issuer, ca) = (String::from("CN=i"), String::from("CN=c"));
    let certificate = CertificateKind::Ca;
    let key = Digest::from_bytes([0xab; 32]);
    for (error, code, exit, message) in [
        (
            TrustError::IssuerMismatch {
                issuer: issuer.clone(),
                ca: ca.clone(),
            },
            "BPF-T011",
            22,
            "the leaf is issued by `CN=i`, the CA beside it is `CN=c`",
        ),
        (
            TrustError::KeyIdMismatch { ca: ca.clone() },
            "BPF-T011",
            22,
            "the leaf was issued by another key of `CN=c`",
        ),
        (
            TrustError::UnknownIssuer {
                issuer: issuer.clone(),
            },
            "BPF-T010",
            22,
            "`CN=i`, who issued the CA, is not a root of the trust bundle",
        ),
        (
            TrustError::RoleNotGranted {
                root: issuer.clone(),
                role: Role::Device,
            },
            "BPF-T010",
            22,
            "the root `CN=i` may not vouch for the role device",
        ),
        (
            TrustError::ChainSignature {
                certificate,
                issuer,
            },
            "BPF-T012",
            22,
            "CA certificate: the signature is not that of `CN=i`",
        ),
        (
            TrustError::Path(webpki::Error::UnknownIssuer),
            "BPF-T011",
            22,
            "path validation refuses the chain: UnknownIssuer",
        ),
        (
            TrustError::GatesDisagree("subject"),
            "BPF-T028",
            22,
            "profile and path validation read different values in the field subject",
        ),
        (
            TrustError::Revoked { certificate, key },
            "BPF-T015",
            24,
            "CA certificate: the key abababababababab is revoked",
        ),
        (
            TrustError::Epoch {
                ca,
                epoch: 1,
                lowest: 2,
            },
            "BPF-T016",
            24,
            "the leaf is of epoch 1, the trust bundle accepts 2 and later from `CN=c`",
        ),
        (
            TrustError::Expired {
                certificate,
                now: END,
                not_after: START,
            },
            "BPF-T013",
            23,
            "CA certificate: expired at 2026-11-18T11:06:40Z, it is 2027-01-15T08:00:00Z",
        ),
        (
            TrustError::NotYetValid {
                certificate,
                now: START,
                not_before: END,
            },
            "BPF-T014",
            23,
            "CA certificate: not valid before 2027-01-15T08:00:00Z, it is 2026-11-18T11:06:40Z",
        ),
        (
            TrustError::SignatureRange,
            "BPF-T017",
            21,
            "r or s of the signature is out of range",
        ),
        (
            TrustError::SignatureHighS,
            "BPF-T017",
            21,
            "s of the signature is in the upper half",
        ),
        (
            TrustError::SignatureMismatch,
            "BPF-T018",
            21,
            "the signature does not belong to these bytes and this key",
        ),
        (
            TrustError::NameScope {
                name: "x".into(),
                prefixes: vec!["a".into(), "b".into()],
            },
            "BPF-T019",
            28,
            "the leaf may sign for `a…`, `b…`, not for `x`",
        ),
        (
            TrustError::SignedTime {
                time: UnixTime::EPOCH,
                not_before: START,
                not_after: END,
            },
            "BPF-T020",
            23,
            "signed at 1970-01-01T00:00:00Z, the signer is valid from 2026-11-18T11:06:40Z to 2027-01-15T08:00:00Z",
        ),
        (
            TrustError::BundleSize(40_000),
            "BPF-T021",
            21,
            "40000 bytes are more than the 32768 of a trust bundle",
        ),
        (
            TrustError::BundleCbor(CborError::NotDeterministic { offset: 3 }),
            "BPF-T021",
            21,
            "the trust bundle is malformed: byte 3: not the deterministic encoding",
        ),
        (
            TrustError::BundleContent(ContentsError::Version),
            "BPF-T022",
            22,
            "the trust bundle is refused: versions start at 1",
        ),
        (
            TrustError::BundleThreshold {
                whose: "pinned",
                keys: 3,
                signed: 1,
                threshold: 2,
            },
            "BPF-T023",
            22,
            "1 of the 3 pinned root keys have signed the trust bundle, 2 must",
        ),
        (
            TrustError::BundleSignature { key },
            "BPF-T023",
            22,
            "the signature of root key abababababababab on the trust bundle is not valid",
        ),
        (
            TrustError::BundleVersion {
                present: 3,
                found: 5,
            },
            "BPF-T024",
            27,
            "the trust bundle has version 5, the next after 3 is due",
        ),
        (
            TrustError::BundleTime {
                now: UnixTime::EPOCH,
                issued: START,
                expires: END,
            },
            "BPF-T025",
            23,
            "the trust bundle is valid from 2026-11-18T11:06:40Z to 2027-01-15T08:00:00Z, it is 1970-01-01T00:00:00Z",
        ),
        (
            TrustError::Platform("click/0".into()),
            "BPF-T026",
            26,
            "the platform `click/0` is not one that the trust bundle allows",
        ),
        (
            TrustError::Engine {
                engine: "prevail".into(),
                version: "0.2.5".parse().unwrap(),
                lowest: "0.2.6".parse().unwrap(),
            },
            "BPF-T027",
            26,
            "the verifier prevail 0.2.5 is not 0.2.6 or later",
        ),
    ] {
        assert_eq!(error.to_string(), message);
        assert_eq!(error.code().id, code, "{error}");
        assert_eq!(error.exit_code().number(), exit, "{error}");
    }
}
