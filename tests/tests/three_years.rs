//! Three years of a PKI and its loaders, in simulated time: certificates renewed every week, two
//! rotations of the CA, one of the root, a stolen signer, a lost bundle key, and a loader that sleeps
//! through most of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

#[path = "lab/mod.rs"]
mod lab;

use std::fs;
use std::path::PathBuf;

use bpf_loader::{AdmitRequest, Expectation, StateDir, admit};
use bpf_pki::{
    InitOptions, IssueOptions, KeyFile, KeyRef, PkiDir, Renewal, Rotating, Rotation, SecretKey,
    Signer, SigningIdentity, StepState, TrustChange, pem_chain, read_leaf, refuse_passphrase,
    sign_statement,
};
use bpf_statement::{Claims, Statement, UnixTime};
use bpf_trust::{Role, RootKeys};

const WEEK: u64 = 7 * 86_400;
const WEEKS: u64 = 157;

/// Days that a leaf is valid: it is due after ten, so every second week at the latest, and here weekly.
const LEAF_DAYS: u32 = 10;

struct Org {
    lab: lab::Lab,
    pki: PkiDir,
    claims: Claims,
    object: Vec<u8>,
    start: UnixTime,
    renewals: u32,
}

/// A loader, and the weeks that it sleeps through.
struct Loader {
    path: PathBuf,
    sleeps: core::ops::Range<u64>,
    admitted: u32,
}

impl Org {
    fn new() -> Self {
        let lab = lab::Lab::new();
        let start = lab::now();
        let options = InitOptions {
            leaf_days: LEAF_DAYS,
            ca_days: 2 * 365,
            ..InitOptions::new(start)
        };
        let pki = PkiDir::init(&lab.path("org"), &options).unwrap();
        Self {
            claims: lab.claims(),
            object: lab.read("prog.o"),
            lab,
            pki,
            start,
            renewals: 0,
        }
    }

    fn time(&self, week: u64) -> UnixTime {
        self.start.saturating_add(week * WEEK)
    }

    fn renew_if_due(&mut self, now: UnixTime) {
        let signer = self.pki.signer();
        let (leaf, role) = read_leaf(&signer).unwrap();
        if Renewal::of(&leaf, now, None).is_due {
            let ca = self.pki.ca(role, None, &mut refuse_passphrase).unwrap();
            self.pki.renew(&ca, role, &signer, now, LEAF_DAYS).unwrap();
            self.renewals += 1;
        }
    }

    fn sign_with(&self, key: PathBuf, counter: u64, now: UnixTime) -> Vec<u8> {
        let identity = SigningIdentity::load(&KeyRef::File(key), Role::Verifier).unwrap();
        let mut claims = self.claims.clone();
        claims.counter = counter;
        claims.issued_at = now;
        claims.expires_at = identity.leaf().not_after();
        sign_statement(&Statement::new(claims).unwrap(), &identity).unwrap()
    }

    fn next(&self, now: UnixTime, changes: &[TrustChange]) {
        let published = self
            .pki
            .next_trust(now, 700, changes, &mut refuse_passphrase);
        assert!(published.unwrap().draft.is_complete());
    }

    /// One step of a rotation; nothing may be left that people have to do but to sign again.
    fn rotate(&mut self, rotation: Rotation, now: UnixTime, finish: bool) {
        let steps = self.pki.rotate(
            rotation,
            &mut Rotating {
                now,
                root_days: 5000,
                ca_days: 730,
                leaf_days: LEAF_DAYS,
                finish,
                new_passphrase: None,
                passphrase: &mut refuse_passphrase,
            },
        );
        for step in steps.unwrap() {
            let is_left = matches!(step.state, StepState::Todo(_));
            assert!(
                !is_left || step.what.starts_with("sign") || !finish,
                "{step:?}"
            );
        }
    }

    /// The thief has a copy of the signer; the operator revokes it and makes another.
    fn lose_signer(&self, now: UnixTime) -> PathBuf {
        let signer = self.pki.signer();
        let stolen = self.lab.path("stolen.pem");
        fs::copy(&signer, &stolen).unwrap();
        let (leaf, role) = read_leaf(&signer).unwrap();
        self.next(now, &[TrustChange::Revoke(leaf.key().digest())]);
        let ca = self.pki.ca(role, None, &mut refuse_passphrase).unwrap();
        let key = SecretKey::generate().unwrap();
        let options = IssueOptions {
            now,
            name: "verifier".into(),
            days: LEAF_DAYS,
            epoch: None,
            name_prefixes: Vec::new(),
        };
        let der = self
            .pki
            .issue(&ca, role, &options, key.public_key())
            .unwrap();
        let pem = key.to_pem(None).unwrap();
        let text = [pem.as_str(), &pem_chain(&[&der, ca.der()])].concat();
        fs::write(&signer, text).unwrap();
        stolen
    }

    fn lose_bundle_key(&self, now: UnixTime) {
        let path = self.pki.path().join(PkiDir::bundle_root_key_file(2));
        fs::remove_file(&path).unwrap();
        let key = SecretKey::generate().unwrap();
        let pem = key.to_pem(None).unwrap();
        bpf_pki::create_file(&path, 0o600, pem.as_bytes()).unwrap();
        let keys = [1, 2, 3].map(|number| {
            let path = self.pki.path().join(PkiDir::bundle_root_key_file(number));
            KeyFile::load(&path).unwrap().key().public_key().clone()
        });
        let keys = RootKeys::new(2, keys.to_vec()).unwrap();
        self.next(now, &[TrustChange::RootKeys(keys)]);
    }

    fn trust_files(&self) -> Vec<Vec<u8>> {
        let files = fs::read_dir(self.pki.path().join("trust")).unwrap();
        files
            .map(|file| fs::read(file.unwrap().path()).unwrap())
            .collect()
    }
}

impl Loader {
    fn new(org: &Org, name: &str, sleeps: core::ops::Range<u64>) -> Self {
        let path = org.lab.path(name);
        StateDir::init(&path, &fs::read(org.pki.trust()).unwrap()).unwrap();
        Self {
            path,
            sleeps,
            admitted: 0,
        }
    }

    /// Takes every trust bundle there is, then decides; the exit code of a refusal.
    fn load(&mut self, org: &Org, bundle: &[u8], now: UnixTime) -> Result<(), u8> {
        let mut state = StateDir::open(&self.path).unwrap();
        let trust = state.update_trust(&org.trust_files(), Some(now)).unwrap();
        let trust = trust.clone();
        let expectation = Expectation::object(vec![org.claims.name.clone()]);
        let admission = admit(&AdmitRequest {
            object: &org.object,
            bundle: Some(bundle),
            expectation: &expectation,
            trust: &trust,
            state: state.snapshot(),
            clock: Some(now),
        });
        let admission = admission.map_err(|refusal| refusal.code().exit.number())?;
        admission.commit(&mut state).unwrap();
        self.admitted += 1;
        Ok(())
    }
}

#[test]
fn every_loader_accepts_what_it_should_and_nothing_else() {
    let mut org = Org::new();
    let mut loaders = [
        Loader::new(&org, "always-on", 0..0),
        Loader::new(&org, "sleeps-long", 20..150),
        Loader::new(&org, "sleeps-short", 58..66),
    ];
    let ca = Rotation::Intermediate(Role::Verifier);
    let mut stolen = None;
    let mut under_old_root = None;
    let mut before: Option<Vec<u8>> = None;
    for week in 0..WEEKS {
        let now = org.time(week);
        org.renew_if_due(now);
        match week {
            30 | 120 => org.rotate(ca, now, false),
            32 | 122 => org.rotate(ca, now, true),
            60 => stolen = Some(org.lose_signer(now)),
            80 => {
                let path = org.lab.path("under-old-root.pem");
                fs::copy(org.pki.signer(), &path).unwrap();
                under_old_root = Some(path);
                org.rotate(Rotation::Root, now, false);
            }
            81 => org.rotate(Rotation::Root, now, true),
            100 => org.lose_bundle_key(now),
            _ => {}
        }
        let counter = week + 1;
        let bundle = org.sign_with(org.pki.signer(), counter, now);
        for loader in &mut loaders {
            if loader.sleeps.contains(&week) {
                continue;
            }
            assert_eq!(loader.load(&org, &bundle, now), Ok(()), "week {week}");
            if let Some(before) = &before {
                let verdict = loader.load(&org, before, now);
                assert!(verdict.is_err(), "week {week}: last week's statement");
            }
            if let Some(stolen) = stolen.as_ref().filter(|_| week <= 61) {
                let forged = org.sign_with(stolen.clone(), counter + 1, now);
                assert_eq!(loader.load(&org, &forged, now), Err(24), "week {week}");
            }
            if let Some(old) = under_old_root.as_ref().filter(|_| week == 81) {
                let old = org.sign_with(old.clone(), counter + 1, now);
                assert_eq!(loader.load(&org, &old, now), Err(22), "week {week}");
            }
        }
        before = Some(bundle);
    }
    let version = org.pki.trust_bundle().unwrap().version();
    assert_eq!(
        version, 7,
        "two for the CAs, one each for thief and loss, two for the root"
    );
    assert!(org.renewals > 100, "{} renewals", org.renewals);
    assert_eq!(loaders.map(|loader| loader.admitted), [157, 27, 149]);
    // What the audit logs say is whole: a state that is not does not open.
    for name in ["always-on", "sleeps-long", "sleeps-short"] {
        let state = StateDir::open(&org.lab.path(name)).unwrap();
        assert_eq!(state.pinned().version(), version);
    }
}
