//! Signers whose certificates do not make them one.

use rcgen::{
    BasicConstraints, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyUsagePurpose,
};

use bpf_trust::Role;

use crate::installation::{Installation, bundle, certificates, certificates_with};
use crate::lab::now;
use crate::pki::{DAY, Key, Pki, date, eku, extension, patch, resign, scope};

#[test]
fn a00_the_next_version_is_admitted() {
    let mut installation = Installation::new();
    let claims = installation.next_claims();
    let lab = &mut installation.lab;
    lab.write("prog.o.bpfsig", &bundle(&certificates(), claims));
    lab.admit();
}

#[test]
fn a06_expired_leaf_and_ca() {
    let installation = Installation::new();
    let ended = date(now().saturating_sub(DAY / 2));
    let leaf = certificates_with(|pki| pki.leaf.not_after = ended);
    installation.refused(&leaf, "BPF-T013", 23);
    let ca = certificates_with(|pki| pki.ca.not_after = ended);
    installation.refused(&ca, "BPF-T013", 23);
}

#[test]
fn a06_leaf_and_ca_that_are_not_yet_valid() {
    let installation = Installation::new();
    let start = date(now().saturating_add(DAY));
    let leaf = certificates_with(|pki| pki.leaf.not_before = start);
    installation.refused(&leaf, "BPF-T014", 23);
    let ca = certificates_with(|pki| pki.ca.not_before = start);
    installation.refused(&ca, "BPF-T014", 23);
}

/// A statement that was signed before or after its signer was valid, or that has expired itself.
#[test]
fn a06_statement_out_of_its_time() {
    let installation = Installation::new();
    installation.refused_claims("BPF-T020", 23, |claims| {
        claims.issued_at = now().saturating_sub(2 * DAY);
    });
    installation.refused_claims("BPF-T020", 23, |claims| {
        claims.issued_at = now().saturating_add(91 * DAY);
        claims.expires_at = now().saturating_add(99 * DAY);
    });
    installation.refused_claims("BPF-L016", 23, |claims| {
        claims.issued_at = now().saturating_sub(DAY / 2);
        claims.expires_at = now().saturating_sub(DAY / 3);
    });
}

#[test]
fn a07_foreign_root_of_the_same_name() {
    let installation = Installation::new();
    let root = certificates_with(|pki| pki.root_key = Key::new("another root"));
    installation.refused(&root, "BPF-T012", 22);
    // The foreign CA's leaf beside the genuine CA.
    let ca = certificates_with(|pki| pki.ca_key = Key::new("another ca"));
    let genuine = certificates().ca_der();
    installation.refused_chain(&ca, &ca.leaf_der(), &genuine, "BPF-T012", 22);
}

#[test]
fn a07_foreign_root_of_another_name() {
    let foreign = certificates_with(|pki| {
        let name = &mut pki.root.distinguished_name;
        name.push(DnType::CommonName, "another root");
    });
    Installation::new().refused(&foreign, "BPF-T010", 22);
}

/// A key that was never certified signs beside somebody else's chain.
#[test]
fn a07_foreign_key_beside_a_genuine_chain() {
    let thief = certificates_with(|pki| pki.leaf_key = Key::new("thief"));
    let genuine = certificates();
    let (leaf, ca) = (genuine.leaf_der(), genuine.ca_der());
    Installation::new().refused_chain(&thief, &leaf, &ca, "BPF-T018", 21);
}

#[test]
fn a08_ca_used_as_leaf() {
    let installation = Installation::new();
    let stolen = certificates_with(|pki| pki.leaf_key = pki.ca_key.clone());
    let ca = certificates().ca_der();
    installation.refused_chain(&stolen, &ca, &ca, "BPF-T005", 22);
}

#[test]
fn a08_leaf_used_as_ca() {
    let installation = Installation::new();
    let genuine = certificates();
    let below = certificates_with(|below| {
        below.ca = genuine.leaf.clone();
        below.ca_key = genuine.leaf_key.clone();
        let name = &mut below.leaf.distinguished_name;
        name.push(DnType::CommonName, "below");
        below.leaf_key = Key::new("below");
    });
    let (leaf, ca) = (below.leaf_der(), genuine.leaf_der());
    installation.refused_chain(&below, &leaf, &ca, "BPF-T006", 22);
}

/// `openssl verify -purpose any` accepts these.
#[test]
fn a08_leaf_that_says_it_is_a_ca() {
    let installation = Installation::new();
    for constraints in [
        BasicConstraints::Unconstrained,
        BasicConstraints::Constrained(0),
    ] {
        let leaf = certificates_with(|pki| pki.leaf.is_ca = IsCa::Ca(constraints));
        installation.refused(&leaf, "BPF-T005", 22);
    }
}

#[test]
fn a09_wrong_extended_key_usage() {
    let installation = Installation::new();
    for usages in [
        vec![],
        vec![ExtendedKeyUsagePurpose::Any],
        vec![eku(Role::Verifier), ExtendedKeyUsagePurpose::Any],
        vec![ExtendedKeyUsagePurpose::CodeSigning],
        vec![eku(Role::Operator)],
    ] {
        let leaf = certificates_with(|pki| pki.leaf.extended_key_usages = usages.clone());
        installation.refused(&leaf, "BPF-T008", 22);
        let ca = certificates_with(|pki| pki.ca.extended_key_usages = usages);
        installation.refused(&ca, "BPF-T008", 22);
    }
}

/// 11: the CA may issue leaves only. (Other lengths of chains are in `messages`.)
#[test]
fn a11_path_length() {
    let installation = Installation::new();
    for constraints in [
        BasicConstraints::Unconstrained,
        BasicConstraints::Constrained(1),
    ] {
        let ca = certificates_with(|pki| pki.ca.is_ca = IsCa::Ca(constraints));
        installation.refused(&ca, "BPF-T009", 22);
    }
    // The genuine CA, whose path length is 0, issues a CA.
    let genuine = certificates();
    let below = certificates_with(|below| {
        below.root = genuine.ca.clone();
        below.root_key = genuine.ca_key.clone();
        let name = &mut below.ca.distinguished_name;
        name.push(DnType::CommonName, "ca 2");
        below.ca_key = Key::new("ca 2");
    });
    installation.refused(&below, "BPF-T010", 22);
}

/// 11: a CA that vouches for itself, and two that vouch for each other.
#[test]
fn a11_cycles() {
    let installation = Installation::new();
    let of_itself = certificates_with(|pki| {
        pki.root = pki.ca.clone();
        pki.root_key = pki.ca_key.clone();
    });
    installation.refused(&of_itself, "BPF-T003", 22);
    let of_each_other = certificates_with(|pki| {
        pki.root = pki.leaf.clone();
        pki.root_key = pki.leaf_key.clone();
    });
    installation.refused(&of_each_other, "BPF-T010", 22);
}

#[test]
fn a12_extensions_that_are_missing_twice_or_unknown() {
    let installation = Installation::new();
    let none = certificates_with(|pki| pki.leaf.is_ca = IsCa::NoCa);
    installation.refused(&none, "BPF-T004", 22);
    let none = certificates_with(|pki| pki.ca.is_ca = IsCa::NoCa);
    installation.refused(&none, "BPF-T004", 22);

    // A second key usage, which says keyCertSign; a second scope.
    let usage = extension("2.5.29.15", vec![0x03, 0x02, 0x02, 0x04], true);
    for twice in [usage, scope(7, &[])] {
        let leaf = certificates_with(|pki| pki.leaf.custom_extensions.push(twice));
        installation.refused(&leaf, "BPF-T004", 22);
    }
    for critical in [true, false] {
        let unknown = extension("1.3.6.1.4.1.32473.9", vec![0x05, 0x00], critical);
        let leaf = certificates_with(|pki| pki.leaf.custom_extensions.push(unknown));
        installation.refused(&leaf, "BPF-T004", 22);
    }
}

/// 12: basic constraints that were turned into TRUE after the CA had issued the leaf.
#[test]
fn a12_basic_constraints_altered() {
    let installation = Installation::new();
    let genuine = certificates_with(|pki| {
        pki.ca.key_identifier_method = KeyIdMethod::PreSpecified(vec![1; 20]);
    });
    let mut ca = certificates().ca_der();
    // cA TRUE, pathLenConstraint 0 becomes 1.
    patch(&mut ca, &[1, 1, 0xff, 2, 1, 0], &[1, 1, 0xff, 2, 1, 1]);
    let leaf = certificates().leaf_der();
    installation.refused_chain(&genuine, &leaf, &ca, "BPF-T009", 22);
}

#[test]
fn a13_key_usage_missing_or_wrong() {
    let installation = Installation::new();
    for usages in [vec![], vec![KeyUsagePurpose::CrlSign]] {
        let leaf = certificates_with(|pki| pki.leaf.key_usages = usages.clone());
        installation.refused(&leaf, "BPF-T007", 22);
        let ca = certificates_with(|pki| pki.ca.key_usages = usages);
        installation.refused(&ca, "BPF-T007", 22);
    }
}

/// 14: other encodings of the same content, with a valid signature of the CA.
#[test]
fn a14_certificates_that_are_not_der() {
    let installation = Installation::new();
    let pki = certificates();
    let re_encoded = |change: fn(&mut Vec<u8>)| resign(&pki.leaf_der(), &pki.ca_key, change);
    // TRUE is 0xff; any other byte is TRUE in BER.
    let boolean = re_encoded(|tbs| {
        let at = tbs.windows(3).position(|part| part == [1, 1, 0xff]);
        tbs[at.unwrap() + 2] = 1;
    });
    // A length of one byte more than it has to have.
    let length = re_encoded(|tbs| {
        assert_eq!(tbs[..2], [0x30, 0x82]);
        let length = [&[0x30, 0x83, 0], &tbs[2..4]].concat();
        tbs.splice(..4, length);
    });
    // The version v3 with a leading zero.
    let integer = re_encoded(|tbs| {
        let at = tbs.windows(5).position(|part| part == [0xa0, 3, 2, 1, 2]);
        let at = at.unwrap();
        tbs.splice(at..at + 5, [0xa0, 4, 2, 2, 0, 2]);
        let length = u16::from_be_bytes([tbs[2], tbs[3]]) + 1;
        tbs[2..4].copy_from_slice(&length.to_be_bytes());
    });
    let ca = pki.ca_der();
    for leaf in [boolean, length, integer] {
        installation.refused_chain(&pki, &leaf, &ca, "BPF-T001", 21);
    }
    // Bytes behind the certificate, which no signature covers.
    let trailing = [pki.leaf_der().as_slice(), &[0]].concat();
    installation.refused_chain(&pki, &trailing, &ca, "BPF-T001", 21);
}

/// A certificate for a subset of the names does not sign for others.
#[test]
fn a50_name_outside_of_the_scope() {
    let edge: Pki =
        certificates_with(|pki| pki.leaf.custom_extensions = vec![scope(7, &["edge-"])]);
    Installation::new().refused(&edge, "BPF-T019", 28);
}
