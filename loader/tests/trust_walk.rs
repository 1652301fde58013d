//! Loaders that were away: the walk from the trust bundle they know to the newest.
#![cfg(feature = "std")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::PathBuf;

use bpf_loader::{Damage, RELEASE_TIME, StateDir, StateError};
use bpf_pki::{SecretKey, Signer, sign_trust_bundle};
use bpf_statement::Text;
use bpf_trust::{CounterReset, RootKeys, TrustContents, TrustError};
use common::{Case, PKI, name};
use tempfile::TempDir;

/// A trust bundle of this version, signed by these keys, which has the first of them as root keys.
fn bundle(version: u64, own: &[&SecretKey], signers: &[&SecretKey]) -> Vec<u8> {
    with(version, own, signers, |_| {})
}

fn with(
    version: u64,
    own: &[&SecretKey],
    signers: &[&SecretKey],
    change: impl FnOnce(&mut TrustContents),
) -> Vec<u8> {
    let mut contents = PKI.trust_contents();
    contents.version = version;
    let keys = own.iter().map(|key| key.public_key().clone()).collect();
    contents.root_keys = RootKeys::new(1, keys).unwrap();
    change(&mut contents);
    let mut dynamic: Vec<&dyn Signer> = Vec::new();
    for signer in signers {
        dynamic.push(*signer);
    }
    sign_trust_bundle(contents, &dynamic).unwrap()
}

struct Loader {
    dir: TempDir,
}

impl Loader {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let loader = Self { dir };
        let first = bundle(1, &[&PKI.bundle_key], &[&PKI.bundle_key]);
        StateDir::init(&loader.path(), &first).unwrap();
        loader
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn open(&self) -> StateDir {
        StateDir::open(&self.path()).unwrap()
    }

    fn update(&self, files: &[Vec<u8>]) -> Result<u64, StateError> {
        let mut state = self.open();
        Ok(state.update_trust(files, None)?.version())
    }
}

#[test]
fn root_keys_are_followed_through_every_change() {
    let loader = Loader::new();
    let [second, third] = [0, 1].map(|_| SecretKey::generate().unwrap());
    let first = &PKI.bundle_key;
    let files = [
        bundle(2, &[first], &[first]),
        bundle(3, &[&second], &[first, &second]),
        bundle(4, &[&third], &[&second, &third]),
    ];
    // In whatever order, and those that are known beside them.
    let mixed = [
        files[2].clone(),
        files[0].clone(),
        files[1].clone(),
        files[0].clone(),
    ];
    assert_eq!(loader.update(&mixed).unwrap(), 4);
    let state = loader.open();
    assert_eq!(state.pinned().version(), 4);
    assert_eq!(state.snapshot().trust.version, 4);
    assert_eq!(loader.update(&files).unwrap(), 4, "again: nothing new");
    // From now on the old keys decide nothing.
    let foreign = bundle(5, &[first], &[first]);
    assert!(matches!(
        loader.update(&[foreign]),
        Err(StateError::Trust(_))
    ));
    assert!(state.read_trust(&files[0]).is_err());
    assert_eq!(
        loader.update(&[bundle(5, &[&third], &[&third])]).unwrap(),
        5
    );
}

#[test]
fn nothing_is_left_out_and_nothing_goes_back() {
    let loader = Loader::new();
    let first = &PKI.bundle_key;
    let stranger = SecretKey::generate().unwrap();
    let before = fs::read(loader.path().join("store")).unwrap();
    for files in [
        vec![bundle(3, &[first], &[first])],
        vec![bundle(2, &[first], &[first]), bundle(4, &[first], &[first])],
        vec![bundle(2, &[&stranger], &[&stranger])],
        vec![bundle(2, &[&stranger], &[first])],
    ] {
        let error = loader.update(&files).unwrap_err();
        assert!(matches!(error, StateError::Trust(_)), "{error}");
    }
    assert_eq!(fs::read(loader.path().join("store")).unwrap(), before);
    assert_eq!(loader.update(&[bundle(2, &[first], &[first])]).unwrap(), 2);
    // Another bundle of a version that is known is not looked at; an older one changes nothing.
    let other = with(2, &[first], &[first], |c| c.accepts_fuel = true);
    let older = bundle(1, &[first], &[first]);
    assert_eq!(loader.update(&[other, older]).unwrap(), 2);
    assert!(!loader.open().pinned().accepts_fuel());
}

/// A reset in a bundle that a loader slept through takes effect when it walks past.
#[test]
fn what_is_set_anew_on_the_way_takes_effect() {
    let loader = Loader::new();
    let case = Case::filter("pass", |claims| claims.counter = 9);
    let mut state = loader.open();
    let trust_before = state.snapshot().trust;
    let admission = case.admit(state.snapshot());
    // The case is admitted with the trust bundle of the tests, which is the same.
    assert!(admission.is_ok(), "{trust_before:?}");
    admission.unwrap().commit(&mut state).unwrap();
    let first = &PKI.bundle_key;
    let reset = with(2, &[first], &[first], |contents| {
        contents.counter_resets = vec![CounterReset {
            name: name("pass"),
            to: 3,
            reason: Text::new("driven too far").unwrap(),
        }];
    });
    let after = bundle(3, &[first], &[first]);
    assert_eq!(loader.update(&[reset, after]).unwrap(), 3);
    let state = loader.open();
    assert_eq!(state.snapshot().record(&name("pass")).unwrap().counter, 3);
}

/// A signer that drove the time floor too far is undone by the trust bundle, and only by it.
#[test]
fn the_time_floor_is_set_back_by_a_trust_bundle() {
    let loader = Loader::new();
    let first = &PKI.bundle_key;
    let far = RELEASE_TIME.saturating_add(400 * 86_400);
    let ahead = with(2, &[first], &[first], |contents| {
        contents.time_floor = Some(far);
    });
    loader.update(&[ahead]).unwrap();
    assert_eq!(loader.open().snapshot().time_floor, far);
    let back = with(3, &[first], &[first], |contents| {
        contents.time_floor = Some(RELEASE_TIME);
    });
    loader.update(&[back]).unwrap();
    assert!(loader.open().snapshot().time_floor < far);
}

/// The power fails between the store and the file that belongs to it.
#[test]
fn a_walk_that_was_cut_off_is_made_good() {
    let loader = Loader::new();
    let first = &PKI.bundle_key;
    let second = SecretKey::generate().unwrap();
    let old = fs::read(loader.path().join("trust")).unwrap();
    let next = bundle(2, &[&second], &[first, &second]);
    assert_eq!(loader.update(core::slice::from_ref(&next)).unwrap(), 2);
    // As it was before the last step: the new file waits beside the old one.
    fs::write(loader.path().join("trust.next"), &next).unwrap();
    fs::write(loader.path().join("trust"), &old).unwrap();
    assert_eq!(loader.open().pinned().version(), 2);
    // Without it the two do not belong together.
    fs::remove_file(loader.path().join("trust.next")).unwrap();
    let error = StateDir::open(&loader.path()).unwrap_err();
    assert!(matches!(
        error,
        StateError::Damaged {
            damage: Damage::NotPinned,
            ..
        }
    ));
    // And cut off before the store was written, it did not happen.
    let loader = Loader::new();
    fs::write(loader.path().join("trust.next"), &next).unwrap();
    assert_eq!(loader.open().pinned().version(), 1);
    assert_eq!(loader.update(&[next]).unwrap(), 2);
}

#[test]
fn what_is_no_trust_bundle_is_refused() {
    let loader = Loader::new();
    let error = loader.update(&[b"x".to_vec()]).unwrap_err();
    assert!(
        matches!(error, StateError::Trust(TrustError::BundleCbor(_))),
        "{error}"
    );
}
