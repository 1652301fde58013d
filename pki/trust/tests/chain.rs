//! Chains: the good one, and each way in which one must not be trusted, with its code.
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

use bpf_trust::{
    CertificateKind, MinEpoch, ProfileError, Role, TrustError, VerifiedSigner, verify_chain,
};
use common::{DAY, Key, NOW, Pki, eku, extension, scope, verify_now};
use platform_click::ExitCode;
use rcgen::{
    BasicConstraints, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyUsagePurpose,
};

/// Asserts the code and its exit code.
#[track_caller]
fn assert_refused(
    result: Result<VerifiedSigner, TrustError>,
    id: &str,
    exit: ExitCode,
) -> TrustError {
    let error = result.expect_err("the chain was accepted");
    assert_eq!((error.code().id, error.exit_code()), (id, exit), "{error}");
    error
}

#[test]
fn a_good_chain_is_accepted_and_its_signer_known() {
    let pki = Pki::new();
    let signer = pki.verify().unwrap();
    assert_eq!(signer.role(), Role::Verifier);
    assert_eq!(signer.subject(), "CN=leaf,O=Test");
    assert_eq!(signer.serial(), [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc]);
    assert_eq!(signer.key(), &pki.leaf_key.public);
    assert_eq!(signer.ca_key(), pki.ca_key.digest());
    assert_eq!(signer.not_before(), NOW.saturating_sub(DAY));
    assert_eq!(signer.not_after(), NOW.saturating_add(90 * DAY));
    assert_eq!(signer.scope().epoch(), 7);

    let signature = pki.leaf_key.sign(b"statement");
    assert_eq!(signer.verify(b"statement", &signature), Ok(()));
    let high = pki.leaf_key.sign_high(b"statement");
    assert_eq!(
        signer.verify(b"statement", &high),
        Err(TrustError::SignatureHighS)
    );
}

#[test]
fn a_ca_may_also_sign_revocation_lists() {
    let pki = Pki::with(|pki| pki.ca.key_usages.push(KeyUsagePurpose::CrlSign));
    assert!(pki.verify().is_ok());
}

#[test]
fn foreign_root_of_the_same_name() {
    let pki = Pki::with(|pki| pki.root_key = Key::new("another root"));
    let error = assert_refused(pki.verify(), "BPF-T012", ExitCode::Untrusted);
    let TrustError::ChainSignature { certificate, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(certificate, CertificateKind::Ca);
}

#[test]
fn foreign_ca_of_the_same_name() {
    let pki = Pki::new();
    let foreign = Pki::with(|pki| pki.ca_key = Key::new("another ca"));
    // The foreign CA's leaf with the genuine CA's certificate.
    let mixed = verify_now(&pki.bundle(), &foreign.leaf_der(), &pki.ca_der());
    let error = assert_refused(mixed, "BPF-T012", ExitCode::Untrusted);
    let TrustError::ChainSignature { certificate, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(certificate, CertificateKind::Leaf);
}

#[test]
fn ca_of_the_same_name_with_another_key_identifier() {
    let pki = Pki::new();
    let mut foreign = pki.clone();
    foreign.ca.key_identifier_method = KeyIdMethod::PreSpecified(vec![1; 20]);
    let mixed = verify_now(&pki.bundle(), &foreign.leaf_der(), &pki.ca_der());
    assert_refused(mixed, "BPF-T011", ExitCode::Untrusted);
}

#[test]
fn root_of_another_name() {
    let pki = Pki::with(|pki| {
        let name = &mut pki.root.distinguished_name;
        name.push(DnType::CommonName, "another root");
    });
    assert_refused(pki.verify(), "BPF-T010", ExitCode::Untrusted);
}

#[test]
fn leaf_and_ca_of_different_chains() {
    let pki = Pki::new();
    let other = Pki::with(|pki| {
        let name = &mut pki.ca.distinguished_name;
        name.push(DnType::CommonName, "another ca");
    });
    let mixed = verify_now(&pki.bundle(), &pki.leaf_der(), &other.ca_der());
    assert_refused(mixed, "BPF-T011", ExitCode::Untrusted);
}

#[test]
fn leaf_used_as_ca() {
    let pki = Pki::new();
    let (leaf, ca) = (pki.leaf_der(), pki.ca_der());
    // The leaf issues another leaf.
    let below = Pki::with(|below| {
        below.ca = pki.leaf.clone();
        below.ca_key = pki.leaf_key.clone();
        let name = &mut below.leaf.distinguished_name;
        name.push(DnType::CommonName, "below");
        below.leaf_key = Key::new("below");
    });
    let result = verify_now(&pki.bundle(), &below.leaf_der(), &leaf);
    assert_refused(result, "BPF-T006", ExitCode::Untrusted);
    // The chain in the wrong order.
    let result = verify_now(&pki.bundle(), &ca, &leaf);
    assert_refused(result, "BPF-T005", ExitCode::Untrusted);
}

#[test]
fn ca_used_as_leaf() {
    let pki = Pki::new();
    let result = verify_now(&pki.bundle(), &pki.ca_der(), &pki.ca_der());
    assert_refused(result, "BPF-T005", ExitCode::Untrusted);
}

#[test]
fn leaf_that_says_it_is_a_ca() {
    // openssl verify -purpose any accepts this one.
    for constraints in [
        BasicConstraints::Unconstrained,
        BasicConstraints::Constrained(0),
    ] {
        let pki = Pki::with(|pki| pki.leaf.is_ca = IsCa::Ca(constraints));
        assert_refused(pki.verify(), "BPF-T005", ExitCode::Untrusted);
    }
}

#[test]
fn ca_that_says_it_is_none() {
    let pki = Pki::with(|pki| pki.ca.is_ca = IsCa::ExplicitNoCa);
    assert_refused(pki.verify(), "BPF-T006", ExitCode::Untrusted);
}

#[test]
fn basic_constraints_missing() {
    let pki = Pki::with(|pki| pki.leaf.is_ca = IsCa::NoCa);
    assert_refused(pki.verify(), "BPF-T004", ExitCode::Untrusted);
    let pki = Pki::with(|pki| pki.ca.is_ca = IsCa::NoCa);
    assert_refused(pki.verify(), "BPF-T004", ExitCode::Untrusted);
}

#[test]
fn ca_without_cert_sign() {
    let pki = Pki::with(|pki| pki.ca.key_usages = vec![KeyUsagePurpose::DigitalSignature]);
    assert_refused(pki.verify(), "BPF-T007", ExitCode::Untrusted);
    let pki = Pki::with(|pki| pki.ca.key_usages = vec![KeyUsagePurpose::CrlSign]);
    assert_refused(pki.verify(), "BPF-T007", ExitCode::Untrusted);
}

#[test]
fn wrong_key_usage() {
    for usage in [
        vec![KeyUsagePurpose::KeyAgreement],
        vec![KeyUsagePurpose::KeyCertSign],
        vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::ContentCommitment,
        ],
    ] {
        let pki = Pki::with(|pki| pki.leaf.key_usages = usage);
        assert_refused(pki.verify(), "BPF-T007", ExitCode::Untrusted);
    }
}

#[test]
fn missing_key_usage() {
    let pki = Pki::with(|pki| pki.leaf.key_usages = vec![]);
    assert_refused(pki.verify(), "BPF-T007", ExitCode::Untrusted);
    let pki = Pki::with(|pki| pki.ca.key_usages = vec![]);
    assert_refused(pki.verify(), "BPF-T007", ExitCode::Untrusted);
}

#[test]
fn wrong_extended_key_usage() {
    for usage in [
        vec![ExtendedKeyUsagePurpose::CodeSigning],
        vec![eku(Role::Operator)],
        vec![eku(Role::Verifier), eku(Role::Operator)],
    ] {
        let leaf = Pki::with(|pki| pki.leaf.extended_key_usages = usage.clone());
        assert_refused(leaf.verify(), "BPF-T008", ExitCode::Untrusted);
        let ca = Pki::with(|pki| pki.ca.extended_key_usages = usage);
        assert_refused(ca.verify(), "BPF-T008", ExitCode::Untrusted);
    }
}

#[test]
fn no_extended_key_usage() {
    let pki = Pki::with(|pki| pki.leaf.extended_key_usages = vec![]);
    assert_refused(pki.verify(), "BPF-T008", ExitCode::Untrusted);
    let pki = Pki::with(|pki| pki.ca.extended_key_usages = vec![]);
    assert_refused(pki.verify(), "BPF-T008", ExitCode::Untrusted);
}

#[test]
fn any_extended_key_usage() {
    for usage in [
        vec![ExtendedKeyUsagePurpose::Any],
        vec![eku(Role::Verifier), ExtendedKeyUsagePurpose::Any],
    ] {
        let pki = Pki::with(|pki| pki.leaf.extended_key_usages = usage);
        assert_refused(pki.verify(), "BPF-T008", ExitCode::Untrusted);
    }
}

#[test]
fn chain_of_another_role() {
    let pki = Pki::new();
    let (leaf, ca) = (pki.leaf_der(), pki.ca_der());
    for role in [Role::Operator, Role::Device] {
        let result = verify_chain(&pki.bundle(), &leaf, &ca, NOW, role);
        assert_refused(result, "BPF-T008", ExitCode::Untrusted);
    }
}

#[test]
fn root_that_may_not_vouch_for_the_role() {
    let pki = Pki::new();
    let bundle = pki.bundle_with(|contents| {
        let root = pki.root_der();
        let roles = vec![Role::Operator, Role::Device];
        contents.anchors = vec![bpf_trust::Anchor::from_certificate(&root, roles).unwrap()];
    });
    let result = verify_now(&bundle, &pki.leaf_der(), &pki.ca_der());
    let error = assert_refused(result, "BPF-T010", ExitCode::Untrusted);
    assert!(
        matches!(error, TrustError::RoleNotGranted { .. }),
        "{error}"
    );
}

#[test]
fn expired() {
    let end = NOW.saturating_sub(1);
    let leaf = Pki::with(|pki| pki.leaf.not_after = common::date(end));
    let error = assert_refused(leaf.verify(), "BPF-T013", ExitCode::Validity);
    assert_eq!(
        error,
        TrustError::Expired {
            certificate: CertificateKind::Leaf,
            now: NOW,
            not_after: end
        }
    );
    let ca = Pki::with(|pki| pki.ca.not_after = common::date(end));
    assert_refused(ca.verify(), "BPF-T013", ExitCode::Validity);
    let last_second = Pki::with(|pki| pki.leaf.not_after = common::date(NOW));
    assert!(last_second.verify().is_ok());
}

#[test]
fn not_yet_valid() {
    let start = NOW.saturating_add(1);
    let leaf = Pki::with(|pki| pki.leaf.not_before = common::date(start));
    assert_refused(leaf.verify(), "BPF-T014", ExitCode::Validity);
    let ca = Pki::with(|pki| pki.ca.not_before = common::date(start));
    assert_refused(ca.verify(), "BPF-T014", ExitCode::Validity);
    let first_second = Pki::with(|pki| pki.leaf.not_before = common::date(NOW));
    assert!(first_second.verify().is_ok());
}

#[test]
fn never_valid_together() {
    let pki = Pki::with(|pki| {
        pki.ca.not_after = common::date(NOW.saturating_sub(10));
        pki.leaf.not_before = common::date(NOW.saturating_sub(5));
    });
    assert_refused(pki.verify(), "BPF-T013", ExitCode::Validity);
}

#[test]
fn unknown_extension() {
    for critical in [true, false] {
        let unknown = extension("1.3.6.1.4.1.32473.9", vec![0x05, 0x00], critical);
        let leaf = Pki::with(|pki| pki.leaf.custom_extensions.push(unknown.clone()));
        assert_refused(leaf.verify(), "BPF-T004", ExitCode::Untrusted);
        let ca = Pki::with(|pki| pki.ca.custom_extensions.push(unknown));
        assert_refused(ca.verify(), "BPF-T004", ExitCode::Untrusted);
    }
}

#[test]
fn alternative_name() {
    let name = rcgen::SanType::DnsName("example.com".try_into().unwrap());
    let pki = Pki::with(|pki| pki.leaf.subject_alt_names.push(name));
    assert_refused(pki.verify(), "BPF-T004", ExitCode::Untrusted);
}

#[test]
fn duplicate_extension() {
    let same = Pki::with(|pki| pki.leaf.custom_extensions.push(scope(7, &[])));
    assert_refused(same.verify(), "BPF-T004", ExitCode::Untrusted);
    // A second key usage, of which a reader might take the wrong one.
    let usage = extension("2.5.29.15", vec![0x03, 0x02, 0x02, 0x04], true);
    let other = Pki::with(|pki| pki.leaf.custom_extensions.push(usage));
    assert_refused(other.verify(), "BPF-T004", ExitCode::Untrusted);
}

#[test]
fn path_length() {
    for constraints in [
        BasicConstraints::Unconstrained,
        BasicConstraints::Constrained(1),
    ] {
        let pki = Pki::with(|pki| pki.ca.is_ca = IsCa::Ca(constraints));
        assert_refused(pki.verify(), "BPF-T009", ExitCode::Untrusted);
    }
}

#[test]
fn ca_below_a_ca() {
    let pki = Pki::new();
    // The CA, whose path length is 0, issues a CA that follows the profile, which issues a leaf.
    let below = Pki::with(|below| {
        below.root = pki.ca.clone();
        below.root_key = pki.ca_key.clone();
        let name = &mut below.ca.distinguished_name;
        name.push(DnType::CommonName, "ca 2");
        below.ca_key = Key::new("ca 2");
    });
    let result = verify_now(&pki.bundle(), &below.leaf_der(), &below.ca_der());
    assert_refused(result, "BPF-T010", ExitCode::Untrusted);
}

#[test]
fn missing_scope() {
    let pki = Pki::with(|pki| pki.leaf.custom_extensions = vec![]);
    assert_refused(pki.verify(), "BPF-T004", ExitCode::Untrusted);
}

#[test]
fn scope_in_a_ca() {
    let pki = Pki::with(|pki| pki.ca.custom_extensions = vec![scope(7, &[])]);
    assert_refused(pki.verify(), "BPF-T004", ExitCode::Untrusted);
}

#[test]
fn malformed_scope() {
    let oid = bpf_trust::oid::SCOPE.to_string();
    for value in [
        b"\x30\x05\x02\x01\x07\x30\x00".to_vec(), // the good one, to see that the others differ
        b"\x30\x06\x02\x02\x00\x07\x30\x00".to_vec(), // an integer that is longer than it has to be
        b"\x30\x05\x02\x01\xff\x30\x00".to_vec(), // a negative epoch
        b"\x30\x05\x02\x01\x07\x30\x00\x00".to_vec(), // trailing
        b"\x30\x03\x02\x01\x07".to_vec(),         // no prefixes
        b"\x30\x08\x02\x01\x07\x30\x03\x0c\x01A".to_vec(), // no name has an A
        b"\x30\x08\x02\x01\x07\x30\x03\x13\x01a".to_vec(), // PrintableString
        vec![],
    ] {
        let is_good = value == b"\x30\x05\x02\x01\x07\x30\x00";
        let scope = extension(&oid, value, false);
        let pki = Pki::with(|pki| pki.leaf.custom_extensions = vec![scope]);
        match pki.verify() {
            Ok(_) => assert!(is_good),
            refused => drop(assert_refused(refused, "BPF-T004", ExitCode::Untrusted)),
        }
    }
}

#[test]
fn critical_scope() {
    let mut scope = scope(7, &[]);
    scope.set_criticality(true);
    let pki = Pki::with(|pki| pki.leaf.custom_extensions = vec![scope]);
    assert_refused(pki.verify(), "BPF-T004", ExitCode::Untrusted);
}

#[test]
fn self_issued_ca() {
    let pki = Pki::with(|pki| pki.ca.distinguished_name = pki.root.distinguished_name.clone());
    let error = assert_refused(pki.verify(), "BPF-T003", ExitCode::Untrusted);
    let TrustError::Profile { departure, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(departure, ProfileError::SelfIssued("CN=root,O=Test".into()));
}

#[test]
fn revoked_leaf_and_revoked_ca() {
    let pki = Pki::new();
    let (leaf, ca) = (pki.leaf_der(), pki.ca_der());
    for key in [pki.leaf_key.digest(), pki.ca_key.digest()] {
        let bundle = pki.bundle_with(|contents| contents.revoked = vec![key]);
        assert_refused(
            verify_now(&bundle, &leaf, &ca),
            "BPF-T015",
            ExitCode::Revoked,
        );
    }
}

#[test]
fn epoch_that_has_ended() {
    let pki = Pki::new();
    let (leaf, ca) = (pki.leaf_der(), pki.ca_der());
    let verify = |key: &Key, epoch| {
        let ca_key = key.digest();
        let entry = MinEpoch { ca: ca_key, epoch };
        let bundle = pki.bundle_with(|contents| contents.min_epochs = vec![entry]);
        verify_now(&bundle, &leaf, &ca)
    };
    assert!(verify(&pki.ca_key, 7).is_ok());
    let error = assert_refused(verify(&pki.ca_key, 8), "BPF-T016", ExitCode::Revoked);
    assert_eq!(
        error,
        TrustError::Epoch {
            ca: "CN=ca,O=Test".into(),
            epoch: 7,
            lowest: 8
        }
    );
    assert!(verify(&Key::new("another ca"), 8).is_ok());
}

#[test]
fn the_most_telling_fault_is_reported() {
    // Expired and from a foreign root and revoked: take one away after the other.
    let pki = Pki::with(|pki| {
        pki.root_key = Key::new("another root");
        pki.leaf.not_after = common::date(NOW.saturating_sub(1));
        pki.leaf.custom_extensions = vec![scope(1, &[])];
    });
    let (leaf, ca) = (pki.leaf_der(), pki.ca_der());
    let usual = Pki::new();
    let (leaf_key, entry) = (
        pki.leaf_key.digest(),
        MinEpoch {
            ca: pki.ca_key.digest(),
            epoch: 2,
        },
    );
    let bundle = usual.bundle_with(|contents| {
        contents.revoked = vec![leaf_key];
        contents.min_epochs = vec![entry];
    });
    assert_refused(
        verify_now(&bundle, &leaf, &ca),
        "BPF-T015",
        ExitCode::Revoked,
    );
    let bundle = usual.bundle_with(|contents| contents.min_epochs = vec![entry]);
    assert_refused(
        verify_now(&bundle, &leaf, &ca),
        "BPF-T012",
        ExitCode::Untrusted,
    );
    let genuine = usual.ca_der();
    assert_refused(
        verify_now(&bundle, &leaf, &genuine),
        "BPF-T016",
        ExitCode::Revoked,
    );
    let bundle = usual.bundle();
    assert_refused(
        verify_now(&bundle, &leaf, &genuine),
        "BPF-T013",
        ExitCode::Validity,
    );
}

#[test]
fn trust_bundle_that_has_expired() {
    let pki = Pki::new();
    let bundle = pki.bundle_with(|contents| contents.expires = NOW.saturating_sub(1));
    let result = verify_now(&bundle, &pki.leaf_der(), &pki.ca_der());
    assert_refused(result, "BPF-T025", ExitCode::Validity);
}

#[test]
fn old_and_new_root_of_one_name() {
    let old = Pki::new();
    let new = Pki::with(|pki| pki.root_key = Key::new("new root"));
    let bundle = old.bundle_with(|contents| {
        contents.anchors.extend(new.contents().anchors);
    });
    for pki in [&old, &new] {
        assert!(verify_now(&bundle, &pki.leaf_der(), &pki.ca_der()).is_ok());
    }
}

#[test]
fn names_and_times_outside_what_the_signer_may() {
    let pki = Pki::with(|pki| pki.leaf.custom_extensions = vec![scope(7, &["edge-"])]);
    let signer = pki.verify().unwrap();
    assert_eq!(signer.check_name("edge-filter"), Ok(()));
    let error = signer.check_name("core").unwrap_err();
    assert_eq!(error.code().id, "BPF-T019");
    assert_eq!(
        error.to_string(),
        "the leaf may sign for `edge-…`, not for `core`"
    );
    assert_eq!(signer.check_signed_time(signer.not_after()), Ok(()));
    let late = signer.not_after().saturating_add(1);
    let error = signer.check_signed_time(late).unwrap_err();
    assert_eq!(error.code().id, "BPF-T020");
}
