//! Signing statements and trust bundles.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

#[path = "../statement/tests/common/mod.rs"]
#[allow(unreachable_pub, missing_docs, reason = "tests of another crate")]
mod statements;

use std::fs;

use bpf_pki::{
    Authority, InitOptions, KeyFile, KeyRef, LeafOptions, PkiDir, PkiError, SecretKey, Signer,
    SigningIdentity, Validity, sign_statement, sign_trust_bundle,
};
use bpf_statement::{Bundle, Statement};
use bpf_trust::{Role, RootKeys, Scope, TrustError, UnixTime, UnverifiedTrustBundle, verify_chain};

/// When the statements of the tests are issued.
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn statement() -> Statement {
    Statement::new(statements::claims()).unwrap()
}

fn identity(dir: &PkiDir) -> SigningIdentity {
    SigningIdentity::load(&KeyRef::File(dir.signer()), Role::Verifier).unwrap()
}

#[test]
fn a_signed_statement_is_verified_by_its_chain() {
    let temp = tempfile::tempdir().unwrap();
    let dir = PkiDir::init(&temp.path().join("pki"), &InitOptions::new(NOW)).unwrap();
    let bytes = sign_statement(&statement(), &identity(&dir)).unwrap();

    let trust = UnverifiedTrustBundle::parse(&fs::read(dir.trust()).unwrap()).unwrap();
    let trust = trust.provision().unwrap();
    let bundle = Bundle::parse(&bytes).unwrap();
    let (leaf, ca) = bundle.certificates();
    let signer = verify_chain(&trust, leaf, ca, NOW, Role::Verifier).unwrap();
    assert_eq!(
        signer.verify(&bundle.to_be_signed(), bundle.signature()),
        Ok(())
    );
    assert_eq!(Statement::decode(bundle.payload()).unwrap(), statement());
}

#[test]
fn what_every_loader_would_refuse_is_not_signed() {
    let temp = tempfile::tempdir().unwrap();
    let refused = |name: &str, change: fn(&mut InitOptions)| {
        let mut options = InitOptions::new(NOW);
        change(&mut options);
        let dir = PkiDir::init(&temp.path().join(name), &options).unwrap();
        match sign_statement(&statement(), &identity(&dir)) {
            Err(PkiError::Trust(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let error = refused("scope", |o| o.name_prefixes = vec!["edge-".into()]);
    assert!(matches!(error, TrustError::NameScope { .. }), "{error}");
    let error = refused("early", |o| o.now = NOW.saturating_add(301));
    assert!(matches!(error, TrustError::SignedTime { .. }), "{error}");
    let error = refused("late", |o| o.now = NOW.saturating_sub(91 * 86_400));
    assert!(matches!(error, TrustError::SignedTime { .. }), "{error}");
}

#[test]
fn a_trust_bundle_is_signed_by_several_keys() {
    let temp = tempfile::tempdir().unwrap();
    let dir = PkiDir::init(
        &temp.path().join("pki"),
        &InitOptions {
            bundle_root_keys: 1,
            bundle_threshold: 1,
            ..InitOptions::new(NOW)
        },
    )
    .unwrap();
    let first = KeyFile::load(&dir.path().join(PkiDir::bundle_root_key_file(1))).unwrap();
    let first = first.key();
    let (second, third) = (
        SecretKey::generate().unwrap(),
        SecretKey::generate().unwrap(),
    );
    let present = UnverifiedTrustBundle::parse(&fs::read(dir.trust()).unwrap()).unwrap();
    let present = present.provision().unwrap();
    let mut contents = present.contents().clone();
    contents.version = 2;
    let keys = [first, &second, &third];
    let public = keys.iter().map(|key| key.public_key().clone()).collect();
    contents.root_keys = RootKeys::new(2, public).unwrap();

    let next = |keys: &[&dyn Signer]| {
        let file = sign_trust_bundle(contents.clone(), keys).unwrap();
        present.successor(UnverifiedTrustBundle::parse(&file).unwrap())
    };
    assert!(next(&[&second, &third]).is_err(), "the old key is missing");
    assert!(next(&[first]).is_err(), "the new threshold is missing");
    assert_eq!(next(&[first, &third]).unwrap().version(), 2);
}

#[test]
fn an_operator_branch_below_the_same_root() {
    let key = || SecretKey::generate().unwrap();
    let validity = Validity::days(NOW, 100);
    let root = Authority::root("Org", "root", Box::new(key()), validity).unwrap();
    let ca_key = key();
    let ca = root
        .issue_ca(
            "Org",
            "operator CA",
            ca_key.public_key(),
            validity,
            Role::Operator,
        )
        .unwrap();
    let ca = Authority::from_ca(ca, Box::new(ca_key), Role::Operator).unwrap();
    let options = LeafOptions {
        name: "operator".into(),
        validity,
        scope: Scope::new(1, vec![]).unwrap(),
    };
    let leaf_key = key();
    let leaf = ca
        .issue_leaf("Org", &options, leaf_key.public_key(), Role::Operator)
        .unwrap();
    assert!(
        SigningIdentity::new(
            Box::new(leaf_key.clone()),
            leaf,
            ca.der().to_vec(),
            Role::Operator
        )
        .is_ok()
    );
    // A leaf for another role than the CA's, and one issued by a root, are not handed out.
    let verifier = ca.issue_leaf("Org", &options, leaf_key.public_key(), Role::Verifier);
    assert!(
        matches!(verifier, Err(PkiError::Profile(_))),
        "{verifier:?}"
    );
    let by_root = root.issue_leaf("Org", &options, leaf_key.public_key(), Role::Operator);
    assert!(matches!(by_root, Err(PkiError::Profile(_))), "{by_root:?}");
}
