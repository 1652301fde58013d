//! What the state forbids: older counters, other objects, older trust bundles, earlier times.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_loader::{
    CommitError, MAX_COUNTER_JUMP, MAX_RECORDS, MemoryStore, RELEASE_TIME, Refusal, codes,
};
use bpf_statement::{Claims, MAX_COUNTER, Termination, UnixTime};
use bpf_trust::CounterReset;
use common::{Case, DAY, PKI, Pki, TRUST, fresh_state, name, now, sample};
use platform_click::{Code, Digest, ExitCode, ProgramKind};

fn counted(counter: u64) -> Case {
    Case::filter("pass", |claims| claims.counter = counter)
}

/// Another object under the name of the sample `pass`.
fn other(change: impl FnOnce(&mut Claims)) -> Case {
    Case::signed(sample("drop"), "pass", ProgramKind::Filter, change)
}

/// A store in which the sample `pass` was admitted with this counter.
fn store_at(counter: u64) -> MemoryStore {
    let mut store = MemoryStore::new(fresh_state());
    counted(1).commit(&mut store).unwrap();
    let mut state = store.snapshot().clone();
    state.records[0].counter = counter;
    MemoryStore::new(state)
}

#[track_caller]
fn refused(case: &Case, store: &MemoryStore, code: Code) -> Refusal {
    let refusal = case.admit(store.snapshot()).unwrap_err();
    assert_eq!(refusal.code(), code, "{refusal}");
    assert_eq!(refusal.exit_code(), ExitCode::Rollback);
    refusal
}

/// 3: an older version.
#[test]
fn a_lower_counter() {
    let store = store_at(5);
    let refusal = refused(&counted(4), &store, codes::ROLLBACK);
    assert_eq!(
        refusal.to_string(),
        "`pass` has counter 4, 5 was admitted before"
    );
    assert!(counted(5).admit(store.snapshot()).is_ok());
    assert!(counted(6).admit(store.snapshot()).is_ok());
}

/// 4: two objects with one counter.
#[test]
fn another_object_with_the_same_counter() {
    let store = store_at(1);
    refused(&other(|_| {}), &store, codes::EQUIVOCATION);
    assert!(
        other(|claims| claims.counter = 2)
            .admit(store.snapshot())
            .is_ok()
    );
}

/// 55: less proved of the same object, under the same counter.
#[test]
fn a_weaker_statement_with_the_same_counter() {
    let store = store_at(1);
    let weaker = |counter| {
        let mut case = Case::filter("pass", |claims| {
            claims.counter = counter;
            claims.termination = Termination::Fuel;
            claims.profile.check_termination = false;
        });
        case.trust = PKI.trust(|contents| {
            contents.version = 2;
            contents.accepts_fuel = true;
        });
        case
    };
    refused(&weaker(1), &store, codes::WEAKER_STATEMENT);
    assert!(weaker(2).admit(store.snapshot()).is_ok());
}

/// A renewed certificate, a later time: the same claims about the same object.
#[test]
fn a_renewed_statement_with_the_same_counter() {
    let store = store_at(1);
    let mut case = Case::filter("pass", |claims| {
        claims.issued_at = now().saturating_add(DAY);
        claims.trial.runs += 1;
    });
    case.clock = Some(now().saturating_add(2 * DAY));
    assert!(case.admit(store.snapshot()).is_ok());
}

/// 5: a counter driven to its end.
#[test]
fn a_counter_that_jumps() {
    let store = store_at(5);
    refused(&counted(6 + MAX_COUNTER_JUMP), &store, codes::JUMP);
    refused(&counted(MAX_COUNTER), &store, codes::JUMP);
    assert!(
        counted(5 + MAX_COUNTER_JUMP)
            .admit(store.snapshot())
            .is_ok()
    );
    // Also where nothing was admitted yet.
    let fresh = MemoryStore::new(fresh_state());
    refused(&counted(1 + MAX_COUNTER_JUMP), &fresh, codes::JUMP);
    assert!(counted(MAX_COUNTER_JUMP).admit(fresh.snapshot()).is_ok());
}

#[test]
fn names_have_counters_of_their_own() {
    let mut store = store_at(5);
    let case = Case::filter("drop", |_| {});
    case.commit(&mut store).unwrap();
    let counter = |of| store.snapshot().record(&name(of)).unwrap().counter;
    assert_eq!((counter("drop"), counter("pass")), (1, 5));
}

#[test]
fn a_state_that_is_full() {
    let mut state = store_at(1).snapshot().clone();
    let record = state.records[0].clone();
    state.records = (0..MAX_RECORDS)
        .map(|i| bpf_loader::Record {
            name: name(&format!("p{i:02}")),
            ..record.clone()
        })
        .collect();
    let refusal = counted(1).admit(&state).unwrap_err();
    assert_eq!(refusal, Refusal::StateFull(name("pass")));
    assert_eq!(refusal.exit_code(), ExitCode::Io);
    // A name that it knows may still rise.
    let known = Case::signed(sample("pass"), "p07", ProgramKind::Filter, |claims| {
        claims.counter = 2;
    });
    assert!(known.admit(&state).is_ok());
}

/// Between admission and commit another process admits something newer.
#[test]
fn a_commit_is_held_against_the_state_as_it_is_then() {
    let mut store = store_at(1);
    let admission = counted(2).admit(store.snapshot()).unwrap();
    counted(3).commit(&mut store).unwrap();
    let before = store.clone();
    match admission.commit(&mut store) {
        Err(CommitError::Refused(refusal)) => assert_eq!(refusal.code(), codes::ROLLBACK),
        other => panic!("{other:?}"),
    }
    assert_eq!(store, before);
}

/// 41: an older trust bundle could bring a revoked key back.
#[test]
fn an_older_trust_bundle_or_another_of_the_same_version() {
    let mut store = MemoryStore::new(fresh_state());
    let mut newer = counted(1);
    newer.trust = PKI.trust(|contents| contents.version = 2);
    newer.commit(&mut store).unwrap();
    assert_eq!(store.snapshot().trust.version, 2);

    refused(&counted(1), &store, codes::TRUST_ROLLBACK);
    let mut other = counted(1);
    other.trust = PKI.trust(|contents| {
        contents.version = 2;
        contents.accepts_fuel = true;
    });
    refused(&other, &store, codes::TRUST_EQUIVOCATION);
}

/// 49: a trust bundle of somebody else's, however well signed by his own keys.
#[test]
fn a_trust_bundle_of_other_root_keys() {
    let foreign = Pki::new("tests");
    let mut case = counted(1);
    case.trust = foreign.trust(|contents| contents.version = 2);
    let refusal = case.admit(&fresh_state()).unwrap_err();
    assert_eq!(refusal.code(), codes::TRUST_NOT_PINNED);
    assert_eq!(refusal.exit_code(), ExitCode::Untrusted);
}

#[test]
fn a_trust_bundle_sets_a_counter_anew_once() {
    let mut store = store_at(1_000_000);
    let reset = |version, counter| {
        let mut case = counted(counter);
        case.trust = PKI.trust(|contents| {
            contents.version = version;
            contents.counter_resets = vec![CounterReset {
                name: name("pass"),
                to: 7,
                reason: bpf_statement::Text::new("a signer went mad").unwrap(),
            }];
        });
        case
    };
    refused(&reset(2, 6), &store, codes::ROLLBACK);
    // What was admitted with this counter long ago does not matter any more.
    store = store_at(7);
    let mut first = other(|claims| claims.counter = 7);
    refused(&first, &store, codes::EQUIVOCATION);
    first.trust = reset(2, 7).trust;
    first.commit(&mut store).unwrap();
    reset(2, 9).commit(&mut store).unwrap();
    // The same trust bundle does not bring 7 back.
    refused(&reset(2, 8), &store, codes::ROLLBACK);
}

/// A machine that joins late can start where the others are.
#[test]
fn a_trust_bundle_sets_where_an_unknown_name_starts() {
    let far = 10 * MAX_COUNTER_JUMP;
    let mut case = counted(far + 1);
    let store = MemoryStore::new(fresh_state());
    refused(&case, &store, codes::JUMP);
    case.trust = PKI.trust(|contents| {
        contents.version = 2;
        contents.counter_resets = vec![CounterReset {
            name: name("pass"),
            to: far,
            reason: bpf_statement::Text::new("as everywhere").unwrap(),
        }];
    });
    assert!(case.admit(store.snapshot()).is_ok());
}

/// 39: only signed times raise the floor; what the clock shows is not stored.
#[test]
fn the_time_floor_rises_with_signed_times_alone() {
    let mut store = MemoryStore::new(fresh_state());
    assert_eq!(store.snapshot().time_floor, RELEASE_TIME);
    let mut case = counted(1);
    case.clock = Some(now().saturating_add(30 * DAY));
    case.commit(&mut store).unwrap();
    assert_eq!(store.snapshot().time_floor, now());
    assert_eq!(store.snapshot().now(None), now());
    assert_eq!(store.snapshot().now(Some(UnixTime::EPOCH)), now());
    let ahead = now().saturating_add(5);
    assert_eq!(store.snapshot().now(Some(ahead)), ahead);
}

/// A trust bundle's time is a signed time too.
#[test]
fn a_trust_bundle_raises_the_time_floor() {
    let issued = now().saturating_add(5 * DAY);
    let mut case = counted(1);
    case.trust = PKI.trust(|contents| {
        contents.version = 2;
        contents.issued = issued;
    });
    let mut store = MemoryStore::new(fresh_state());
    assert_eq!(case.admit(store.snapshot()).unwrap().now(), issued);
    case.commit(&mut store).unwrap();
    assert_eq!(store.snapshot().time_floor, issued);
}

/// A signed time also counts at once: it is at least that late.
#[test]
fn a_statement_from_the_future_of_a_slow_clock() {
    let mut case = Case::filter("pass", |claims| {
        claims.issued_at = now().saturating_add(10 * DAY);
    });
    case.clock = Some(now());
    let admission = case.admit(&fresh_state()).unwrap();
    assert_eq!(admission.now(), now().saturating_add(10 * DAY));
}

/// 54: a floor that was driven too far ahead shuts everything out, until a trust bundle sets it.
#[test]
fn a_trust_bundle_sets_the_time_floor_once() {
    let mut state = fresh_state();
    state.time_floor = now().saturating_add(800 * DAY);
    let refusal = counted(1).admit(&state).unwrap_err();
    assert_eq!(refusal.exit_code(), ExitCode::Validity);

    let mut case = counted(1);
    case.trust = PKI.trust(|contents| {
        contents.version = 2;
        contents.time_floor = Some(now());
    });
    let mut store = MemoryStore::new(state);
    case.commit(&mut store).unwrap();
    assert_eq!(store.snapshot().time_floor, now());
    // The same trust bundle does not set it back later.
    let mut state = store.snapshot().clone();
    state.time_floor = now().saturating_add(DAY);
    let mut store = MemoryStore::new(state.clone());
    case.commit(&mut store).unwrap();
    assert_eq!(store.snapshot().time_floor, state.time_floor);
}

/// A state that is new is as late as its trust bundle.
#[test]
fn a_new_state_starts_with_its_trust_bundle() {
    let state = fresh_state();
    assert_eq!(state.trust.digest, TRUST.digest());
    assert_eq!(state.pinned, TRUST.root_keys().digest());
    assert_eq!(state.time_floor, TRUST.contents().issued);
    assert!(state.records.is_empty());
    assert_ne!(state.trust.digest, Digest::of(b""));
}
