//! The state in a directory: made once, never repaired, never half written.
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

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bpf_loader::audit::AuditHead;
use bpf_loader::{
    Admission, CommitError, Damage, RELEASE_TIME, RollbackStore, SLOT_SIZE, StateDir, StateError,
    codes,
};
use bpf_pki::{SecretKey, Signer, sign_trust_bundle};
use bpf_trust::RootKeys;
use common::{Case, PKI, Pki, name};
use platform_click::{Code, ExitCode, ProgramKind};
use tempfile::TempDir;

/// A directory that holds a state and is removed in the end.
struct Dir {
    parent: TempDir,
}

impl Dir {
    fn empty() -> Self {
        let parent = tempfile::tempdir().unwrap();
        Self { parent }
    }

    fn with_state() -> Self {
        let dir = Self::empty();
        StateDir::init(&dir.path(), &trust_file()).unwrap();
        dir
    }

    fn path(&self) -> PathBuf {
        self.parent.path().join("state")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn open(&self) -> StateDir {
        StateDir::open(&self.path()).unwrap()
    }

    /// Every file with its bytes.
    fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(self.path()).unwrap();
        files
            .map(|file| {
                let path = file.unwrap().path();
                let bytes = fs::read(&path).unwrap();
                (path, bytes)
            })
            .collect()
    }
}

fn trust_file() -> Vec<u8> {
    PKI.trust_file(|_| {})
}

fn admit(counter: u64) -> Case {
    Case::filter("pass", |claims| claims.counter = counter)
}

fn commit(case: &Case, state: &mut StateDir) {
    let admission = case.admit(state.snapshot()).unwrap();
    admission.commit(state).unwrap();
}

#[track_caller]
fn fails(result: Result<StateDir, StateError>, code: Code) -> StateError {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error:?}");
    assert_eq!(error.exit_code(), ExitCode::Io, "{error:?}");
    error
}

#[test]
fn a_state_is_made_read_and_changed() {
    let dir = Dir::with_state();
    let mut state = dir.open();
    assert_eq!(state.snapshot().generation, 1);
    assert_eq!(state.pinned().version(), 1);
    commit(&admit(1), &mut state);
    commit(&admit(2), &mut state);
    let again = dir.open();
    assert_eq!(again.snapshot(), state.snapshot());
    assert_eq!(again.snapshot().record(&name("pass")).unwrap().counter, 2);
    assert_eq!(again.snapshot().generation, 3);

    let log = fs::read_to_string(dir.file("audit")).unwrap();
    let events: Vec<_> = log.lines().map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(events, [Some("init"), Some("admit"), Some("admit")]);
    assert!(log.contains(" admit name=pass counter=2 program="));
}

#[test]
fn two_states_have_different_ids() {
    let (one, other) = (Dir::with_state(), Dir::with_state());
    let id = |dir: &Dir| dir.open().snapshot().instance;
    assert_ne!(id(&one), id(&other));
}

#[test]
#[cfg(unix)]
fn a_state_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let dir = Dir::with_state();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path()), 0o700);
    for file in ["store", "trust", "audit"] {
        assert_eq!(mode(&dir.file(file)), 0o600);
    }
}

/// 33: reading never makes a state.
#[test]
fn a_state_that_is_absent() {
    let dir = Dir::empty();
    let error = fails(StateDir::open(&dir.path()), codes::STATE_ABSENT);
    assert!(matches!(error, StateError::Absent(path) if path == dir.path()));
    assert!(!dir.path().exists());

    fs::create_dir(dir.path()).unwrap();
    fails(StateDir::open(&dir.path()), codes::STATE_ABSENT);
    assert!(dir.contents().is_empty());
}

#[test]
fn an_empty_directory_is_taken() {
    let dir = Dir::empty();
    fs::create_dir(dir.path()).unwrap();
    StateDir::init(&dir.path(), &trust_file()).unwrap();
    dir.open();
}

/// Provisioning again would undo every counter; so would it over a part of a state.
#[test]
fn a_state_is_not_made_twice() {
    let dir = Dir::with_state();
    commit(&admit(1), &mut dir.open());
    let before = dir.contents();
    fails(
        StateDir::init(&dir.path(), &trust_file()),
        codes::STATE_EXISTS,
    );
    assert_eq!(dir.contents(), before);
    for file in ["store", "trust", "audit"] {
        let dir = Dir::with_state();
        for other in ["store", "trust", "audit"] {
            if other != file {
                fs::remove_file(dir.file(other)).unwrap();
            }
        }
        let before = dir.contents();
        fails(
            StateDir::init(&dir.path(), &trust_file()),
            codes::STATE_EXISTS,
        );
        assert_eq!(dir.contents(), before);
    }
}

#[test]
fn a_path_through_a_file() {
    let dir = Dir::empty();
    let file = dir.parent.path().join("file");
    fs::write(&file, b"here").unwrap();
    let path = file.join("state");
    fails(StateDir::init(&path, &trust_file()), codes::STATE_IO);
    fails(StateDir::open(&path), codes::STATE_IO);
    fails(StateDir::init(&file, &trust_file()), codes::STATE_IO);
    assert_eq!(fs::read(&file).unwrap(), b"here");
}

#[test]
fn a_parent_that_is_absent_is_not_made() {
    let dir = Dir::empty();
    let path = dir.path().join("deeper");
    fails(StateDir::init(&path, &trust_file()), codes::STATE_IO);
    assert!(!dir.path().exists());
}

#[test]
fn a_trust_bundle_that_does_not_count_is_not_pinned() {
    let dir = Dir::empty();
    let mut forged = trust_file();
    *forged.last_mut().unwrap() ^= 1;
    for (file, code) in [
        (&forged[..], bpf_trust::codes::TRUST_BUNDLE_SIGNATURES),
        (b"", bpf_trust::codes::TRUST_BUNDLE_FORMAT),
    ] {
        let error = StateDir::init(&dir.path(), file).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!dir.path().exists());
    }
}

/// 33: each file, missing, emptied, cut or with a flipped bit, is an error and stays as it is.
#[test]
fn a_state_that_is_damaged() {
    let dir = Dir::with_state();
    commit(&admit(1), &mut dir.open());
    commit(&admit(2), &mut dir.open());
    let damage = |file: &str, bytes: &[u8]| {
        let whole = fs::read(dir.file(file)).unwrap();
        fs::write(dir.file(file), bytes).unwrap();
        let before = dir.contents();
        fails(StateDir::open(&dir.path()), codes::STATE_DAMAGED);
        assert_eq!(dir.contents(), before);
        fs::write(dir.file(file), whole).unwrap();
    };
    for file in ["store", "trust", "audit"] {
        let whole = fs::read(dir.file(file)).unwrap();
        damage(file, b"");
        damage(file, &whole[..whole.len() - 1]);
        damage(file, &vec![0; whole.len()]);
        if file != "store" {
            for at in [0, whole.len() / 2, whole.len() - 1] {
                let mut flipped = whole.clone();
                flipped[at] ^= 1;
                damage(file, &flipped);
            }
            fs::remove_file(dir.file(file)).unwrap();
            fails(StateDir::open(&dir.path()), codes::STATE_DAMAGED);
            fs::write(dir.file(file), whole).unwrap();
        }
    }
    let mut store = fs::read(dir.file("store")).unwrap();
    store.push(0);
    damage("store", &store);
    store.truncate(2 * SLOT_SIZE);
    // Both slots: what is left of one is not enough.
    store[100] ^= 1;
    store[SLOT_SIZE + 100] ^= 1;
    damage("store", &store);
    dir.open();
}

/// The trust bundle of a state cannot be exchanged for one with other root keys.
#[test]
fn a_pinned_trust_bundle_that_was_exchanged() {
    let dir = Dir::with_state();
    let foreign = Pki::new("tests").trust_file(|_| {});
    fs::write(dir.file("trust"), foreign).unwrap();
    let error = fails(StateDir::open(&dir.path()), codes::STATE_DAMAGED);
    let damage = match error {
        StateError::Damaged { damage, .. } => damage,
        other => panic!("{other:?}"),
    };
    assert_eq!(damage, Damage::NotPinned);
}

/// 32: the newer slot is torn by a loss of power: the state before it counts.
#[test]
fn a_torn_slot_gives_the_state_before() {
    let dir = Dir::with_state();
    commit(&admit(1), &mut dir.open());
    let before = dir.open().snapshot().clone();
    commit(&admit(2), &mut dir.open());
    // Generation 3 went to the first slot.
    let mut store = fs::read(dir.file("store")).unwrap();
    store[200..700].fill(0xff);
    fs::write(dir.file("store"), store).unwrap();

    let mut state = dir.open();
    assert_eq!(*state.snapshot(), before);
    // The line of the lost change is written over.
    commit(&admit(3), &mut state);
    let log = fs::read_to_string(dir.file("audit")).unwrap();
    assert_eq!(log.lines().count(), 3);
    assert!(!log.contains("counter=2") && log.contains("counter=3"));
    dir.open();
}

/// 40: the log cannot lose, gain or change a line that counts.
#[test]
fn an_audit_log_that_was_edited() {
    let dir = Dir::with_state();
    for counter in 1..=3 {
        commit(&admit(counter), &mut dir.open());
    }
    let log = fs::read_to_string(dir.file("audit")).unwrap();
    let lines: Vec<_> = log.split_inclusive('\n').collect();
    let edited = [
        lines[..3].concat(),
        [lines[0], lines[2], lines[1], lines[3]].concat(),
        [lines[0], lines[1], lines[3]].concat(),
        log.replace("counter=2", "counter=9"),
    ];
    for log in edited {
        fs::write(dir.file("audit"), log).unwrap();
        fails(StateDir::open(&dir.path()), codes::STATE_DAMAGED);
    }
    // A forger can compute the hashes of his lines, but not that which the state holds.
    let mut head = AuditHead::EMPTY;
    let forged = lines.iter().map(|line| {
        let event = line.split(' ').nth(2).unwrap();
        let (next, line) = head.append(RELEASE_TIME, &event);
        head = next;
        line
    });
    let forged: String = forged.collect();
    fs::write(dir.file("audit"), forged).unwrap();
    fails(StateDir::open(&dir.path()), codes::STATE_DAMAGED);
    // What follows the last line belongs to a change that did not come about.
    fs::write(dir.file("audit"), log.clone() + "5 half a li").unwrap();
    commit(&admit(4), &mut dir.open());
    let log = fs::read_to_string(dir.file("audit")).unwrap();
    assert_eq!(log.lines().count(), 5);
}

/// A refusal, at admission or at commit, leaves every byte as it was.
#[test]
fn a_refusal_writes_nothing() {
    let dir = Dir::with_state();
    let mut state = dir.open();
    commit(&admit(5), &mut state);
    let stale = admit(6).admit(state.snapshot()).unwrap();
    commit(&admit(7), &mut dir.open());

    let before = dir.contents();
    assert!(admit(4).admit(state.snapshot()).is_err());
    match stale.commit(&mut state) {
        Err(CommitError::Refused(refusal)) => assert_eq!(refusal.code(), codes::ROLLBACK),
        other => panic!("{other:?}"),
    }
    assert_eq!(dir.contents(), before);
}

/// Two processes: each change builds on the other's.
#[test]
fn changes_by_others_are_kept() {
    let dir = Dir::with_state();
    let (mut one, mut other) = (dir.open(), dir.open());
    commit(&admit(1), &mut one);
    commit(&Case::filter("drop", |_| {}), &mut other);
    assert_eq!(other.snapshot().generation, 3);
    assert_eq!(dir.open().snapshot().records.len(), 2);
    let threads: Vec<_> = (0..4)
        .map(|i| {
            let mut state = dir.open();
            std::thread::spawn(move || {
                let object = common::sample("pass");
                let name = format!("p{i}");
                let case = Case::signed(object, &name, ProgramKind::Filter, |_| {});
                commit(&case, &mut state);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let state = dir.open();
    assert_eq!(state.snapshot().records.len(), 6);
    assert_eq!(state.snapshot().audit.lines, 7);
}

/// A state that was exchanged under a running process is not written to.
#[test]
fn a_state_that_was_exchanged_meanwhile() {
    let dir = Dir::with_state();
    let mut state = dir.open();
    let admission = admit(1).admit(state.snapshot()).unwrap();
    let other = Dir::with_state();
    fs::copy(other.file("store"), dir.file("store")).unwrap();
    assert_exchanged(&dir, admission, &mut state);
}

/// 31, as far as it can be noticed: an old copy put back under a running process.
#[test]
fn a_state_that_was_put_back_meanwhile() {
    let dir = Dir::with_state();
    let mut state = dir.open();
    let old = fs::read(dir.file("store")).unwrap();
    commit(&admit(1), &mut state);
    let admission = admit(2).admit(state.snapshot()).unwrap();
    fs::write(dir.file("store"), old).unwrap();
    assert_exchanged(&dir, admission, &mut state);
}

fn assert_exchanged(dir: &Dir, admission: Admission, state: &mut StateDir) {
    let before = dir.contents();
    match admission.commit(state) {
        Err(CommitError::Store(StateError::Damaged { damage, .. })) => {
            assert_eq!(damage, Damage::Exchanged);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(dir.contents(), before);
}

/// Nor is the log continued when what counts of it is gone.
#[test]
fn a_log_that_was_cut_meanwhile() {
    let dir = Dir::with_state();
    let mut state = dir.open();
    let admission = admit(1).admit(state.snapshot()).unwrap();
    fs::write(dir.file("audit"), b"1 ").unwrap();
    let before = dir.contents();
    match admission.commit(&mut state) {
        Err(CommitError::Store(StateError::Damaged { damage, .. })) => {
            assert_eq!(damage, Damage::AuditEnd);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(dir.contents(), before);
}

#[test]
fn a_state_whose_files_are_gone_is_not_written_to() {
    let dir = Dir::with_state();
    let mut state = dir.open();
    for file in ["audit", "store"] {
        fs::remove_file(dir.file(file)).unwrap();
        let admission = admit(1).admit(state.snapshot()).unwrap();
        let result = admission.commit(&mut state);
        assert!(matches!(result, Err(CommitError::Store(_))));
        assert!(!dir.file(file).exists());
    }
    assert_eq!(state.snapshot().generation, 1);
}

/// A trust bundle counts when the pinned root keys signed it.
#[test]
fn a_trust_bundle_is_held_against_the_pinned_keys() {
    let dir = Dir::with_state();
    let state = dir.open();
    let newer = PKI.trust_file(|contents| contents.version = 5);
    assert_eq!(state.read_trust(&newer).unwrap().version(), 5);

    let stranger = SecretKey::generate().unwrap();
    let mut contents = PKI.trust_contents();
    contents.root_keys = RootKeys::new(1, vec![stranger.public_key().clone()]).unwrap();
    let foreign = sign_trust_bundle(contents, &[&stranger]).unwrap();
    let error = state.read_trust(&foreign).unwrap_err();
    assert_eq!(error.code(), bpf_trust::codes::TRUST_BUNDLE_SIGNATURES);
}

/// `RollbackStore` promises that a change that is refused is not made.
#[test]
fn an_update_that_is_refused_is_not_made() {
    let dir = Dir::with_state();
    let mut state = dir.open();
    let before = dir.contents();
    let result = state.update(|_| Err(bpf_loader::Refusal::Fuel));
    assert!(matches!(result, Err(CommitError::Refused(_))));
    assert_eq!(dir.contents(), before);
}
