//! A directory with everything that a signer needs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bpf_pki::{
    InitOptions, KeyFile, KeyRef, Passphrase, PkiDir, PkiError, Signer, SigningIdentity,
};
use bpf_trust::{Role, TrustError, UnixTime, UnverifiedTrustBundle, verify_chain};

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);
const DAY: u64 = 86_400;

#[test]
fn what_is_made_is_trusted_and_signs() {
    let temp = tempfile::tempdir().unwrap();
    let dir = PkiDir::init(&temp.path().join("pki"), &InitOptions::new(NOW)).unwrap();

    let trust = fs::read(dir.trust()).unwrap();
    let bundle = UnverifiedTrustBundle::parse(&trust).unwrap();
    let bundle = bundle.provision().unwrap();
    assert_eq!(bundle.version(), 1);
    assert!(!bundle.accepts_fuel());
    assert_eq!(bundle.check_platform("click/1"), Ok(()));
    assert_eq!(
        bundle.check_platform("click/0"),
        Err(TrustError::Platform("click/0".into()))
    );

    let identity = SigningIdentity::load(&KeyRef::File(dir.signer()), Role::Verifier).unwrap();
    let (leaf, ca) = identity.chain();
    let signer = verify_chain(&bundle, leaf, ca, NOW, Role::Verifier).unwrap();
    assert_eq!(signer.subject(), "CN=verifier,O=bpfsign");
    let signature = identity.signer().sign(b"message").unwrap();
    assert_eq!(signer.verify(b"message", &signature), Ok(()));
    assert_eq!(
        signer.verify(b"massage", &signature),
        Err(TrustError::SignatureMismatch)
    );
}

#[test]
fn certificates_last_as_long_as_documented() {
    let temp = tempfile::tempdir().unwrap();
    let dir = PkiDir::init(&temp.path().join("pki"), &InitOptions::new(NOW)).unwrap();
    let bundle = UnverifiedTrustBundle::parse(&fs::read(dir.trust()).unwrap()).unwrap();
    let bundle = bundle.provision().unwrap();
    let identity = SigningIdentity::load(&KeyRef::File(dir.signer()), Role::Verifier).unwrap();
    let (leaf, ca) = identity.chain();
    let check = |now| verify_chain(&bundle, leaf, ca, now, Role::Verifier).map(|_| ());
    let end = NOW.saturating_add(90 * DAY);
    assert_eq!(check(NOW.saturating_sub(300)), Ok(()));
    assert_eq!(check(end), Ok(()));
    let early = check(NOW.saturating_sub(301)).unwrap_err();
    assert_eq!(early.code().id, "BPF-T014");
    let late = check(end.saturating_add(1)).unwrap_err();
    assert_eq!(late.code().id, "BPF-T013");
}

#[test]
fn keys_are_for_their_owner_alone() {
    let temp = tempfile::tempdir().unwrap();
    let dir = PkiDir::init(&temp.path().join("pki"), &InitOptions::new(NOW)).unwrap();
    let mode = |name: &str| {
        let metadata = fs::metadata(dir.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    for name in key_files() {
        assert_eq!(mode(&name), 0o600, "{name}");
        assert!(KeyFile::load(&dir.path().join(&name)).is_ok(), "{name}");
    }
    // Beside them: five certificates, the trust bundle, and the folders of trust bundles and of
    // certificates.
    let files = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(files, key_files().len() + 8);
}

/// The files with keys: of the root, four CAs, the signer, and three for trust bundles.
fn key_files() -> Vec<String> {
    let mut names = vec![PkiDir::ROOT_KEY.to_owned(), PkiDir::SIGNER.to_owned()];
    names.extend(Role::ALL.iter().map(|role| PkiDir::ca_key_file(*role)));
    names.extend((1..=3).map(PkiDir::bundle_root_key_file));
    names
}

#[test]
fn all_keys_differ() {
    let temp = tempfile::tempdir().unwrap();
    let dir = PkiDir::init(&temp.path().join("pki"), &InitOptions::new(NOW)).unwrap();
    let key = |name: &String| {
        let file = KeyFile::load(&dir.path().join(name)).unwrap();
        file.key().public_key().digest()
    };
    let mut keys: Vec<_> = key_files().iter().map(key).collect();
    keys.sort_unstable();
    assert!(keys.is_sorted_by(|a, b| a < b));
}

#[test]
fn keys_of_roots_can_be_kept_offline_and_encrypted() {
    let temp = tempfile::tempdir().unwrap();
    let offline = temp.path().join("offline");
    let mut options = InitOptions::new(NOW);
    options.offline = Some(offline.clone());
    options.passphrase = Some(Passphrase("horse battery".to_owned().into()));
    let dir = PkiDir::init(&temp.path().join("pki"), &options).unwrap();
    for name in key_files() {
        let is_root = name == PkiDir::ROOT_KEY || name.starts_with("bundle-root");
        let (here, there) = (dir.path().join(&name), offline.join(&name));
        assert_eq!(
            (here.exists(), there.exists()),
            (!is_root, is_root),
            "{name}"
        );
        let path = if is_root { there } else { here };
        assert_eq!(KeyFile::load(&path).unwrap_err().code().id, "BPF-P004");
        let open = KeyFile::load_with(&path, &mut |_| Ok("horse battery".to_owned().into()));
        assert!(open.is_ok(), "{name}");
    }
    // What was made halfway is removed, in both places.
    let error = PkiDir::init(&temp.path().join("other"), &options).unwrap_err();
    assert!(matches!(error, PkiError::Exists(path) if path == offline));
    assert!(!temp.path().join("other").exists());
}

#[test]
fn nothing_is_overwritten() {
    let temp = tempfile::tempdir().unwrap();
    let options = InitOptions::new(NOW);
    for name in ["directory", "file"] {
        let path = temp.path().join(name);
        match name {
            "directory" => fs::create_dir(&path).unwrap(),
            _ => fs::write(&path, "mine").unwrap(),
        }
        let error = PkiDir::init(&path, &options).unwrap_err();
        assert!(matches!(error, PkiError::Exists(_)), "{error}");
        assert_eq!(error.code().id, "BPF-P008");
    }
    let kept = fs::read_to_string(temp.path().join("file")).unwrap();
    assert_eq!(kept, "mine");
    let directory = fs::read_dir(temp.path().join("directory")).unwrap();
    assert_eq!(directory.count(), 0);
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let temp = tempfile::tempdir().unwrap();
    // Below a file nothing can be made, not even by root.
    fs::write(temp.path().join("file"), "").unwrap();
    let path = temp.path().join("file/pki");
    let error = PkiDir::init(&path, &InitOptions::new(NOW)).unwrap_err();
    assert!(matches!(error, PkiError::Write { .. }), "{error}");
    assert_eq!(error.exit_code().number(), 31);

    let path = temp.path().join("pki");
    let with = |change: fn(&mut InitOptions)| {
        let mut options = InitOptions::new(NOW);
        change(&mut options);
        PkiDir::init(&path, &options).unwrap_err().code().id
    };
    assert_eq!(with(|o| o.organisation = String::new()), "BPF-P010");
    assert_eq!(with(|o| o.organisation = "a\nb".into()), "BPF-P010");
    assert_eq!(with(|o| o.organisation = "o".repeat(65)), "BPF-P010");
    assert_eq!(with(|o| o.name_prefixes = vec!["A".into()]), "BPF-P010");
    assert_eq!(with(|o| o.leaf_days = 0), "BPF-P010");
    assert_eq!(with(|o| o.leaf_days = o.ca_days + 1), "BPF-P010");
    assert_eq!(with(|o| o.root_days = u32::MAX), "BPF-P010");
    assert!(!path.exists());
}

#[test]
fn the_leaf_signs_for_its_prefixes() {
    let temp = tempfile::tempdir().unwrap();
    let mut options = InitOptions::new(NOW);
    options.name_prefixes = vec!["edge-".into()];
    let dir = PkiDir::init(&temp.path().join("pki"), &options).unwrap();
    let identity = SigningIdentity::load(&KeyRef::File(dir.signer()), Role::Verifier).unwrap();
    let scope = identity.leaf().scope().unwrap();
    assert!(scope.covers_name("edge-filter") && !scope.covers_name("filter"));
}

#[test]
fn the_longest_options_fit_a_certificate() {
    let temp = tempfile::tempdir().unwrap();
    let mut options = InitOptions::new(NOW);
    options.organisation = "ö".repeat(64);
    options.name_prefixes = (0..8).map(|i| format!("{i}{}", "p".repeat(30))).collect();
    PkiDir::init(&temp.path().join("pki"), &options).unwrap();
}
