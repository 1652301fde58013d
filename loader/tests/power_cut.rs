//! A write to the store that is cut off leaves the state before it or the state after it.
//!
//! 32 of the attacks in `docs/attacks.md`. A disk may have written any prefix or any suffix of the slot,
//! or left garbage in a part of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_loader::{
    Admitted, Record, SLOT_SIZE, STORE_SIZE, Slot, Snapshot, StoreError, encode_slot, new_store,
    read_store,
};
use common::{fresh_state, name};
use platform_click::Digest;
use proptest::prelude::*;

/// The state before, with some records, and the one after a further admission.
fn before_and_after() -> (Snapshot, Snapshot) {
    let mut before = fresh_state();
    before.generation = 41;
    before.records = (0..5).map(record).collect();
    let mut after = before.clone();
    after.generation = 42;
    after.records[2].counter += 1;
    after.records.push(record(9));
    (before, after)
}

fn record(i: u64) -> Record {
    Record {
        name: name(&format!("p{i}")),
        counter: i + 1,
        admitted: Some(Admitted {
            object: Digest::of(&i.to_le_bytes()),
            claims: Digest::of(b"claims"),
        }),
    }
}

/// A store whose slot `newer` holds the state before, and the other one the state before that.
fn store(before: &Snapshot, newer: Slot) -> Vec<u8> {
    let mut older = before.clone();
    older.generation -= 1;
    older.records.pop();
    let mut bytes = vec![0; STORE_SIZE];
    put(&mut bytes, newer, &encode_slot(before));
    put(&mut bytes, newer.other(), &encode_slot(&older));
    bytes
}

fn put(store: &mut [u8], slot: Slot, bytes: &[u8]) {
    store[slot.offset()..][..SLOT_SIZE].copy_from_slice(bytes);
}

/// What a cut at `at` may leave of a slot: (what of `new` is there, the rest is `old` or garbage).
fn cuts(old: &[u8], new: &[u8], at: usize) -> [Vec<u8>; 4] {
    [
        [&new[..at], &old[at..]].concat(),
        [&old[..at], &new[at..]].concat(),
        [&new[..at], &vec![0xff; SLOT_SIZE - at]].concat(),
        [&vec![0; at], &new[at..]].concat(),
    ]
}

#[test]
fn every_cut_of_a_write_leaves_the_old_state_or_the_new_one() {
    let (before, after) = before_and_after();
    let new = encode_slot(&after);
    for newer in [Slot::First, Slot::Second] {
        let whole = store(&before, newer);
        assert_eq!(read_store(&whole), Ok((before.clone(), newer)));
        let target = newer.other();
        let old = whole[target.offset()..][..SLOT_SIZE].to_vec();
        let mut seen_new = 0;
        // Every place where a record, field or the padding may be cut, and each byte around it.
        for at in (0..=SLOT_SIZE).filter(|at| *at < 800 || *at % 64 < 2 || *at > 4050) {
            for torn in cuts(&old, &new, at) {
                let mut store = whole.clone();
                put(&mut store, target, &torn);
                let (state, slot) = read_store(&store).unwrap();
                let is_new = state == after && slot == target;
                let is_old = state == before && slot == newer;
                assert!(is_new || is_old, "cut at {at}");
                seen_new += u32::from(is_new);
            }
        }
        assert!(seen_new >= 4, "a whole write counts");
    }
}

#[test]
fn a_new_store_is_read_and_its_first_change_goes_to_the_second_slot() {
    let state = fresh_state();
    let bytes = new_store(&state);
    assert_eq!(bytes.len(), STORE_SIZE);
    assert_eq!(read_store(&bytes), Ok((state, Slot::First)));
}

/// 33: a store that is damaged is no store, and not an empty one either.
#[test]
fn what_is_damaged_is_refused() {
    assert_eq!(read_store(&[0; STORE_SIZE]), Err(StoreError::NoValidSlot));
    assert_eq!(
        read_store(&[0xff; STORE_SIZE]),
        Err(StoreError::NoValidSlot)
    );
    for size in [0, 1, SLOT_SIZE, STORE_SIZE - 1, STORE_SIZE + 1] {
        assert_eq!(read_store(&vec![0; size]), Err(StoreError::Size(size)));
    }
    let bytes = new_store(&fresh_state());
    for bit in 0..SLOT_SIZE * 8 {
        // Every bit of the fields and of the digest; some of the padding.
        if (256..4000).contains(&(bit / 8)) && bit % 61 != 0 {
            continue;
        }
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            read_store(&flipped),
            Err(StoreError::NoValidSlot),
            "bit {bit}"
        );
    }
}

/// 34: a slot of another machine, or one that is not the state before.
#[test]
fn slots_that_do_not_belong_to_each_other_are_refused() {
    let (before, after) = before_and_after();
    let pair = |first: &Snapshot, second: &Snapshot| {
        let store = [encode_slot(first), encode_slot(second)].concat();
        read_store(&store)
    };
    assert_eq!(pair(&before, &after), Ok((after.clone(), Slot::Second)));
    assert_eq!(pair(&after, &before), Ok((after.clone(), Slot::First)));
    let mut foreign = after.clone();
    foreign.instance.0[0] ^= 1;
    assert_eq!(pair(&before, &foreign), Err(StoreError::Unrelated));
    let mut later = after.clone();
    later.generation += 1;
    assert_eq!(pair(&before, &later), Err(StoreError::Unrelated));
    assert_eq!(pair(&before, &before), Err(StoreError::Unrelated));
}

/// A slot whose digest is right but whose content is not what is ever written.
#[test]
fn a_slot_that_was_made_by_hand_is_refused() {
    let (before, _) = before_and_after();
    let slot = encode_slot(&before);
    let resealed = |change: &dyn Fn(&mut [u8])| {
        let mut content = slot[..SLOT_SIZE - 32].to_vec();
        change(&mut content);
        let digest = Digest::of(&content);
        let store = [&content[..], digest.as_bytes(), &[0; SLOT_SIZE]].concat();
        read_store(&store).map(|(state, _)| state)
    };
    assert_eq!(resealed(&|_| {}), Ok(before.clone()));
    let damaged = Err(StoreError::NoValidSlot);
    assert_eq!(resealed(&|content| content[4063] = 1), damaged, "padding");
    assert_eq!(resealed(&|content| content[0] = b'B'), damaged, "tag");
    let count = 12 + 8 + 16 + 32 + 40 + 8 + 48;
    assert_eq!(slot[count], 5);
    assert_eq!(resealed(&|content| content[count] = 33), damaged, "count");
    assert_eq!(
        resealed(&|content| content[count] = 6),
        damaged,
        "empty name"
    );
    let first = count + 1;
    assert_eq!(
        resealed(&|content| content[first + 1] = b'z'),
        damaged,
        "order"
    );
    assert_eq!(
        resealed(&|content| content[first + 31] = b'z'),
        damaged,
        "tail"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_state_round_trips(
        generation in 1..u64::MAX,
        counters in prop::collection::btree_map("[a-z0-9_-]{1,31}", any::<(u64, Option<u64>)>(), 0..=32),
        floor in any::<u64>(),
    ) {
        let mut state = fresh_state();
        state.generation = generation;
        state.time_floor = bpf_statement::UnixTime::from_secs(floor);
        state.records = counters
            .iter()
            .map(|(text, (counter, admitted))| Record {
                name: name(text),
                counter: *counter,
                admitted: admitted.map(|seed| Admitted {
                    object: Digest::of(&seed.to_le_bytes()),
                    claims: Digest::of(b"claims"),
                }),
            })
            .collect();
        prop_assert_eq!(read_store(&new_store(&state)), Ok((state, Slot::First)));
    }

    #[test]
    fn garbage_anywhere_in_the_older_slot_does_no_harm(
        at in 0..SLOT_SIZE,
        garbage in prop::collection::vec(any::<u8>(), 1..600),
    ) {
        let (before, _) = before_and_after();
        let mut bytes = store(&before, Slot::Second);
        let end = (at + garbage.len()).min(SLOT_SIZE);
        bytes[at..end].copy_from_slice(&garbage[..end - at]);
        prop_assert_eq!(read_store(&bytes), Ok((before, Slot::Second)));
    }
}
