//! A PKI through the years: leaves issued and renewed, keys revoked, CAs and roots rotated.
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
use std::path::{Path, PathBuf};

use bpf_pki::{
    Health, InitOptions, IssueOptions, ItemKind, KeyFile, PkiDir, PkiError, Request, RequestError,
    Rotating, Rotation, SecretKey, Signer, Step, StepState, TrustChange, TrustDraft, pem_chain,
    pem_encode, read_leaf, refuse_passphrase,
};
use bpf_trust::{
    MinEpoch, Role, RootKeys, TrustBundle, TrustError, UnixTime, UnverifiedTrustBundle,
    verify_chain,
};

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

struct Org {
    temp: tempfile::TempDir,
    pki: PkiDir,
}

impl Org {
    fn new() -> Self {
        Self::with(|_, _| {})
    }

    fn with(change: impl FnOnce(&mut InitOptions, &Path)) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut options = InitOptions::new(NOW);
        change(&mut options, temp.path());
        let pki = PkiDir::init(&temp.path().join("pki"), &options).unwrap();
        Self { temp, pki }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn issue(&self, role: Role, name: &str, now: UnixTime) -> Result<Vec<u8>, PkiError> {
        let ca = self.pki.ca(role, None, &mut refuse_passphrase)?;
        let key = SecretKey::generate()?;
        let options = IssueOptions {
            now,
            name: name.to_owned(),
            days: 90,
            epoch: None,
            name_prefixes: Vec::new(),
        };
        self.pki.issue(&ca, role, &options, key.public_key())
    }

    fn renew_signer(&self, now: UnixTime) {
        let ca = self
            .pki
            .ca(Role::Verifier, None, &mut refuse_passphrase)
            .unwrap();
        let signer = self.pki.signer();
        self.pki
            .renew(&ca, Role::Verifier, &signer, now, 90)
            .unwrap();
    }

    fn next(&self, now: UnixTime, changes: &[TrustChange]) -> TrustBundle {
        let published = self
            .pki
            .next_trust(now, 1000, changes, &mut refuse_passphrase);
        assert!(published.unwrap().draft.is_complete());
        self.pki.trust_bundle().unwrap()
    }

    fn rotate(&self, rotation: Rotation, now: UnixTime, finish: bool) -> Vec<Step> {
        let steps = self.pki.rotate(
            rotation,
            &mut Rotating {
                now,
                root_days: 5000,
                ca_days: 1000,
                leaf_days: 90,
                finish,
                new_passphrase: None,
                passphrase: &mut refuse_passphrase,
            },
        );
        steps.unwrap()
    }

    /// What a loader says to the chain of a file.
    fn verdict(&self, trust: &TrustBundle, file: &Path, now: UnixTime) -> Result<(), TrustError> {
        let text = fs::read_to_string(file).unwrap();
        let at = text.find("-----BEGIN CERTIFICATE").unwrap();
        let chain = self.path("chain.pem");
        fs::write(&chain, &text[at..]).unwrap();
        let chain = bpf_pki::ChainFile::load(&chain).unwrap();
        let [leaf, ca] = chain.certificates() else {
            panic!("{} certificates", chain.certificates().len());
        };
        verify_chain(trust, leaf, ca, now, Role::Verifier).map(|_| ())
    }

    fn signer_verdict(&self, trust: &TrustBundle, now: UnixTime) -> Result<(), TrustError> {
        self.verdict(trust, &self.pki.signer(), now)
    }
}

fn days(days: u64) -> UnixTime {
    NOW.saturating_add(days * 86_400)
}

fn states(steps: &[Step]) -> Vec<(&str, &'static str)> {
    let state = |step: &StepState| match step {
        StepState::Done => "done",
        StepState::WasDone => "before",
        StepState::Todo(_) => "to do",
    };
    steps
        .iter()
        .map(|step| (step.what.as_str(), state(&step.state)))
        .collect()
}

#[test]
fn leaves_of_every_role_are_issued_and_listed() {
    let org = Org::new();
    let trust = org.pki.trust_bundle().unwrap();
    for role in Role::ALL {
        let leaf = org.issue(*role, "somebody", NOW).unwrap();
        let ca = org.pki.ca(*role, None, &mut refuse_passphrase).unwrap();
        assert!(verify_chain(&trust, &leaf, ca.der(), NOW, *role).is_ok());
    }
    let status = org.pki.status(NOW).unwrap();
    let count = |kind| status.items.iter().filter(|item| item.kind == kind).count();
    assert_eq!(count(ItemKind::TrustBundle), 1);
    assert_eq!(count(ItemKind::Ca(Role::Device)), 1);
    assert_eq!(count(ItemKind::Leaf(Role::Verifier)), 2);
    assert_eq!(count(ItemKind::Leaf(Role::Operator)), 1);
    assert!(status.items.iter().all(|item| item.health == Health::Good));
}

#[test]
fn a_leaf_does_not_outlive_its_ca() {
    let org = Org::new();
    let late = days(3 * 365 - 89);
    let error = org.issue(Role::Verifier, "late", late).unwrap_err();
    assert!(matches!(error, PkiError::Days { .. }), "{error}");
}

#[test]
fn a_renewed_leaf_keeps_its_key_and_its_scope() {
    let org = Org::with(|options, _| options.name_prefixes = vec!["edge-".into()]);
    let signer = org.pki.signer();
    let (before, _) = read_leaf(&signer).unwrap();
    let key = KeyFile::load(&signer).unwrap();
    org.renew_signer(days(60));
    let (after, _) = read_leaf(&signer).unwrap();
    assert_eq!(after.key(), before.key());
    assert_eq!(after.scope(), before.scope());
    assert_eq!(after.subject(), before.subject());
    assert!(after.not_after() > before.not_after());
    let renewed = KeyFile::load(&signer).unwrap();
    assert_eq!(renewed.key().public_key(), key.key().public_key());
    let trust = org.pki.trust_bundle().unwrap();
    assert!(org.signer_verdict(&trust, days(100)).is_ok());
    let health = |item: &bpf_pki::Item| item.health;
    let status = org.pki.status(days(61)).unwrap();
    let leaves = status
        .items
        .iter()
        .filter(|item| item.kind == ItemKind::Leaf(Role::Verifier));
    let mut found: Vec<Health> = leaves.map(health).collect();
    found.sort_by_key(|health| format!("{health:?}"));
    assert_eq!(found, [Health::Good, Health::Replaced]);
}

#[test]
fn renewal_is_due_after_two_thirds() {
    let org = Org::new();
    let (leaf, _) = read_leaf(&org.pki.signer()).unwrap();
    let due = |now, before| bpf_pki::Renewal::of(&leaf, now, before).is_due;
    assert!(!due(days(59), None));
    assert!(due(days(61), None));
    assert!(!due(days(61), Some(86_400)));
    assert!(due(days(89), Some(86_400)));
}

#[test]
fn a_revoked_key_counts_for_nothing_from_the_next_bundle_on() {
    let org = Org::new();
    let (leaf, _) = read_leaf(&org.pki.signer()).unwrap();
    let old = org.pki.trust_bundle().unwrap();
    let new = org.next(days(1), &[TrustChange::Revoke(leaf.key().digest())]);
    assert_eq!(new.version(), 2);
    assert!(org.signer_verdict(&old, days(1)).is_ok());
    let error = org.signer_verdict(&new, days(1)).unwrap_err();
    assert_eq!(error.code().exit.number(), 24, "{error}");
    // A new certificate for the stolen key is not even issued.
    let ca = org
        .pki
        .ca(Role::Verifier, None, &mut refuse_passphrase)
        .unwrap();
    let renewed = org
        .pki
        .renew(&ca, Role::Verifier, &org.pki.signer(), days(1), 90);
    assert!(matches!(renewed, Err(PkiError::Trust(_))));
    let status = org.pki.status(days(1)).unwrap();
    assert!(
        status
            .items
            .iter()
            .any(|item| item.health == Health::Revoked)
    );
}

#[test]
fn a_raised_epoch_ends_every_older_leaf_and_new_ones_get_it() {
    let org = Org::new();
    let ca = org
        .pki
        .ca(Role::Verifier, None, &mut refuse_passphrase)
        .unwrap();
    let ca = ca.key().public_key().digest();
    let trust = org.next(days(1), &[TrustChange::MinEpoch(MinEpoch { ca, epoch: 3 })]);
    let error = org.signer_verdict(&trust, days(1)).unwrap_err();
    assert_eq!(error.code().exit.number(), 24, "{error}");
    org.renew_signer(days(1));
    assert!(org.signer_verdict(&trust, days(1)).is_ok());
    let (leaf, _) = read_leaf(&org.pki.signer()).unwrap();
    assert_eq!(leaf.scope().unwrap().epoch(), 3);
}

#[test]
fn what_is_set_anew_is_set_once() {
    let org = Org::new();
    let reset = bpf_trust::CounterReset {
        name: bpf_statement::Name::new("edge").unwrap(),
        to: 7,
        reason: bpf_statement::Text::new("driven too far").unwrap(),
    };
    let changes = [
        TrustChange::CounterReset(reset),
        TrustChange::TimeFloor(NOW),
    ];
    let second = org.next(days(1), &changes);
    assert_eq!(second.contents().counter_resets.len(), 1);
    let third = org.next(days(2), &[]);
    assert!(third.contents().counter_resets.is_empty());
    assert_eq!(third.contents().time_floor, None);
    let kept = fs::read_dir(org.pki.path().join("trust")).unwrap().count();
    assert_eq!(kept, 3, "every trust bundle is kept");
}

/// The keys of the roots are in three places, none of them where the PKI is.
#[test]
fn a_trust_bundle_is_signed_on_several_machines() {
    let org = Org::with(|options, temp| options.offline = Some(temp.join("vault")));
    let here = PkiDir::open(org.pki.path(), None).unwrap();
    let changes = [TrustChange::AcceptFuel(true)];
    let draft = here
        .next_trust(days(1), 100, &changes, &mut refuse_passphrase)
        .unwrap();
    assert!(!draft.draft.is_complete());
    assert_eq!(draft.draft.signatures(), [("of its own", 0, 2)]);
    assert_eq!(here.trust_bundle().unwrap().version(), 1);
    // One draft at a time.
    let again = here.next_trust(days(1), 100, &[], &mut refuse_passphrase);
    assert!(matches!(again, Err(PkiError::Exists(_))));

    let bytes = fs::read(&draft.path).unwrap();
    let signed = |number: usize| {
        let path = org.path("vault").join(PkiDir::bundle_root_key_file(number));
        let mut copy = TrustDraft::parse(&bytes, None).unwrap();
        copy.sign(KeyFile::load(&path).unwrap().key()).unwrap();
        copy.to_bytes()
    };
    let (first, third) = (signed(1), signed(3));
    let mut stranger = TrustDraft::parse(&bytes, None).unwrap();
    let error = stranger.sign(&SecretKey::generate().unwrap()).unwrap_err();
    assert_eq!(error.code().id, "BPF-P015");

    let once = here.publish(&first).unwrap();
    assert!(!once.draft.is_complete());
    // The signature that came before is not lost.
    let twice = here.publish(&third).unwrap();
    assert!(twice.draft.is_complete());
    assert!(here.trust_bundle().unwrap().accepts_fuel());
    assert!(!draft.path.exists());

    // Signatures of one key do not count twice, and those of another draft not at all.
    let mut merged = TrustDraft::parse(&first, None).unwrap();
    merged.merge(&first, Path::new("copy")).unwrap();
    assert_eq!(merged.signatures(), [("of its own", 1, 2)]);
    let older = fs::read(org.pki.path().join("trust/1.bpftrust")).unwrap();
    let error = merged.merge(&older, Path::new("1.bpftrust")).unwrap_err();
    assert!(matches!(error, PkiError::OtherBundle(_)), "{error}");
}

#[test]
fn a_lost_root_key_is_replaced_by_those_that_are_left() {
    let org = Org::new();
    fs::remove_file(org.pki.path().join(PkiDir::bundle_root_key_file(2))).unwrap();
    let new = SecretKey::generate().unwrap();
    let left = [1, 3].map(|number| {
        let path = org.pki.path().join(PkiDir::bundle_root_key_file(number));
        KeyFile::load(&path).unwrap().key().public_key().clone()
    });
    let keys = RootKeys::new(2, [&left[..], &[new.public_key().clone()]].concat()).unwrap();
    let trust = org.next(days(1), &[TrustChange::RootKeys(keys.clone())]);
    assert_eq!(*trust.root_keys(), keys);
    // A loader that knows version 1 takes it.
    let first = fs::read(org.pki.path().join("trust/1.bpftrust")).unwrap();
    let first = UnverifiedTrustBundle::parse(&first)
        .unwrap()
        .provision()
        .unwrap();
    let second = fs::read(org.pki.trust()).unwrap();
    let second = UnverifiedTrustBundle::parse(&second).unwrap();
    assert_eq!(first.successor(second).unwrap().version(), 2);
}

#[test]
fn requests_are_signed_by_their_key() {
    let key = SecretKey::generate().unwrap();
    let der = bpf_pki::request("Org", "somebody", &key).unwrap();
    let text = pem_encode("CERTIFICATE REQUEST", &der);
    let request = Request::parse(text.as_bytes()).unwrap();
    assert_eq!(request.key(), key.public_key());
    assert_eq!(request.subject(), "CN=somebody,O=Org");

    // Whatever bit changes, it is refused.
    for bit in 0..der.len() * 8 {
        let mut other = der.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        let text = pem_encode("CERTIFICATE REQUEST", &other);
        assert!(Request::parse(text.as_bytes()).is_err(), "bit {bit}");
    }
    for (text, error) in [
        (Vec::new(), RequestError::Pem),
        (b"\xff".to_vec(), RequestError::Pem),
        (pem_chain(&[&der]).into_bytes(), RequestError::Pem),
        (
            [text.as_bytes(), text.as_bytes()].concat(),
            RequestError::Pem,
        ),
        (
            pem_encode("CERTIFICATE REQUEST", &der[1..]).into_bytes(),
            RequestError::Encoding,
        ),
        (
            vec![b' '; bpf_pki::MAX_REQUEST_SIZE + 1],
            RequestError::TooLong,
        ),
    ] {
        assert_eq!(Request::parse(&text), Err(error));
    }
}

#[test]
fn a_ca_is_rotated_in_steps() {
    let org = Org::new();
    let other = org.issue(Role::Verifier, "build server", NOW).unwrap();
    let file = org.path("other.pem");
    let ca = org
        .pki
        .ca(Role::Verifier, None, &mut refuse_passphrase)
        .unwrap();
    fs::write(&file, pem_chain(&[&other, ca.der()])).unwrap();
    let old_signer = org.path("old-signer.pem");
    fs::copy(org.pki.signer(), &old_signer).unwrap();

    let rotation = Rotation::Intermediate(Role::Verifier);
    let steps = org.rotate(rotation, days(1), false);
    let mut found = states(&steps);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("issue a new verifier CA", "done"),
            (
                "renew `CN=build server,O=bpfsign` under the new CA",
                "to do"
            ),
            ("renew `CN=verifier,O=bpfsign` under the new CA", "done"),
            ("revoke the old CA", "to do"),
            ("sign programs again", "to do"),
        ]
    );
    // Old and new count side by side.
    let trust = org.pki.trust_bundle().unwrap();
    for file in [&old_signer, &org.pki.signer(), &file] {
        assert_eq!(org.verdict(&trust, file, days(1)), Ok(()));
    }
    // To go on does not begin anew.
    let again = org.rotate(rotation, days(2), false);
    assert_eq!(states(&again)[0], ("issue a new verifier CA", "before"));

    let ca = org
        .pki
        .ca(Role::Verifier, None, &mut refuse_passphrase)
        .unwrap();
    org.pki
        .renew(&ca, Role::Verifier, &file, days(3), 90)
        .unwrap();
    let steps = org.rotate(rotation, days(4), true);
    assert_eq!(states(&steps).last(), Some(&("revoke the old CA", "done")));
    let trust = org.pki.trust_bundle().unwrap();
    assert!(org.verdict(&trust, &old_signer, days(4)).is_err());
    assert_eq!(org.verdict(&trust, &org.pki.signer(), days(4)), Ok(()));
    assert_eq!(org.verdict(&trust, &file, days(4)), Ok(()));
    // The next rotation begins with a new CA.
    let steps = org.rotate(rotation, days(5), false);
    assert_eq!(states(&steps)[0], ("issue a new verifier CA", "done"));
}

#[test]
fn a_root_is_rotated_in_steps() {
    let org = Org::new();
    let first = org.pki.trust_bundle().unwrap();
    let old_signer = org.path("old-signer.pem");
    fs::copy(org.pki.signer(), &old_signer).unwrap();
    let steps = org.rotate(Rotation::Root, days(1), false);
    let done = states(&steps)
        .iter()
        .filter(|(_, state)| *state == "done")
        .count();
    assert_eq!(done, 6, "root, four CAs, the signer: {steps:?}");
    let both = org.pki.trust_bundle().unwrap();
    assert_eq!((both.version(), both.contents().anchors.len()), (2, 2));
    assert_eq!(org.verdict(&both, &old_signer, days(1)), Ok(()));
    assert_eq!(org.signer_verdict(&both, days(1)), Ok(()));
    assert!(
        org.signer_verdict(&first, days(1)).is_err(),
        "not known there yet"
    );

    let steps = org.rotate(Rotation::Root, days(2), true);
    assert!(states(&steps).contains(&("issue the device CA under the new root", "before")));
    let last = org.pki.trust_bundle().unwrap();
    assert_eq!((last.version(), last.contents().anchors.len()), (3, 1));
    assert!(org.verdict(&last, &old_signer, days(2)).is_err());
    assert_eq!(org.signer_verdict(&last, days(2)), Ok(()));
    assert_eq!(
        fs::read_dir(org.pki.path().join("retired"))
            .unwrap()
            .count(),
        10
    );
}

/// With the keys of trust bundles elsewhere a rotation waits for them, and goes on.
#[test]
fn a_rotation_waits_for_signatures() {
    let org = Org::new();
    let vault = org.path("vault");
    fs::create_dir(&vault).unwrap();
    for number in 1..=3 {
        let name = PkiDir::bundle_root_key_file(number);
        fs::rename(org.pki.path().join(&name), vault.join(&name)).unwrap();
    }
    let steps = org.rotate(Rotation::Root, days(1), false);
    let last = steps.last().unwrap();
    assert_eq!(last.what, "sign the trust bundle");
    let draft = org.pki.draft_path(2);
    let steps = org.rotate(Rotation::Root, days(1), false);
    assert_eq!(states(&steps)[0].1, "before", "it waits");

    let mut signed = TrustDraft::parse(&fs::read(&draft).unwrap(), None).unwrap();
    for number in 1..=2 {
        let path = vault.join(PkiDir::bundle_root_key_file(number));
        signed.sign(KeyFile::load(&path).unwrap().key()).unwrap();
    }
    assert!(
        org.pki
            .publish(&signed.to_bytes())
            .unwrap()
            .draft
            .is_complete()
    );
    let steps = org.rotate(Rotation::Root, days(1), false);
    assert!(states(&steps).contains(&("issue the verifier CA under the new root", "done")));
    let trust = org.pki.trust_bundle().unwrap();
    assert_eq!(org.signer_verdict(&trust, days(1)), Ok(()));
}

#[test]
fn other_directories_are_not_taken_for_a_pki() {
    let temp = tempfile::tempdir().unwrap();
    for path in [temp.path(), &temp.path().join("absent")] {
        let error = PkiDir::open(path, None).unwrap_err();
        assert!(matches!(error, PkiError::NotAPki(_)), "{error}");
    }
}
