//! Maps: the error numbers of Linux, capacity, deferred reuse, live replacement.
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

use std::collections::BTreeMap;

use bpf_object::MapDef;
use bpf_runtime::{
    DeterministicEnvironment, Errno, Instance, MAX_PROGRAM_MEMORY, Map, Maps, MapsError, Packet,
};
use common::*;
use platform_click::{ExitCode, MapKind};
use proptest::prelude::*;

const ANY: u64 = 0;
const NOEXIST: u64 = 1;
const EXIST: u64 = 2;

fn maps(definitions: &[MapDef]) -> Maps {
    Maps::new(definitions, [3, 4]).unwrap()
}

fn one(kind: MapKind, key: u32, value: u32, max: u32) -> Maps {
    maps(&[map_def("m", kind, key, value, max)])
}

fn key(number: u32) -> [u8; 4] {
    number.to_le_bytes()
}

/// What an operation of the table does.
#[derive(Debug)]
enum Op {
    Lookup(u32),
    Update(u32, u64),
    Delete(u32),
}
use Op::{Delete, Lookup, Update};

fn apply(map: &mut Map, op: &Op) -> Result<(), Errno> {
    match op {
        Lookup(number) => map.lookup(&key(*number)).map(|_| ()),
        Update(number, flags) => map.update(&key(*number), &[1; 8], *flags),
        Delete(number) => map.delete(&key(*number)),
    }
}

/// Measured through the system call on Linux 6.18, with two entries: keys 0 and 1.
#[test]
fn error_numbers_of_a_full_hash() {
    for (op, want) in [
        (Lookup(0), Ok(())),
        (Lookup(2), Err(Errno::NoEntry)),
        (Update(0, ANY), Ok(())),
        (Update(0, NOEXIST), Err(Errno::Exists)),
        (Update(0, EXIST), Ok(())),
        (Update(2, ANY), Err(Errno::TooBig)),
        (Update(2, NOEXIST), Err(Errno::TooBig)),
        (Update(2, EXIST), Err(Errno::NoEntry)),
        (Update(0, 3), Err(Errno::Invalid)),
        (Update(2, 4), Err(Errno::Invalid)),
        (Update(2, 8), Err(Errno::Invalid)),
        (Update(0, u64::MAX), Err(Errno::Invalid)),
        (Delete(1), Ok(())),
        (Delete(2), Err(Errno::NoEntry)),
    ] {
        let mut maps = one(MapKind::Hash, 4, 8, 2);
        let map = maps.get_mut(0).unwrap();
        map.update(&key(0), &[1; 8], NOEXIST).unwrap();
        map.update(&key(1), &[1; 8], ANY).unwrap();
        assert_eq!(apply(map, &op), want, "{op:?}");
    }
}

#[test]
fn error_numbers_of_an_array() {
    for (op, want) in [
        (Lookup(1), Ok(())),
        (Lookup(2), Err(Errno::NoEntry)),
        (Lookup(u32::MAX), Err(Errno::NoEntry)),
        (Update(1, ANY), Ok(())),
        (Update(1, NOEXIST), Err(Errno::Exists)),
        (Update(1, EXIST), Ok(())),
        (Update(2, ANY), Err(Errno::TooBig)),
        (Update(2, NOEXIST), Err(Errno::TooBig)),
        (Update(2, EXIST), Err(Errno::TooBig)),
        (Update(1, 3), Err(Errno::Invalid)),
        (Update(2, 8), Err(Errno::Invalid)),
        (Delete(1), Err(Errno::Invalid)),
        (Delete(2), Err(Errno::Invalid)),
    ] {
        let mut maps = one(MapKind::Array, 4, 8, 2);
        assert_eq!(apply(maps.get_mut(0).unwrap(), &op), want, "{op:?}");
    }
}

#[test]
fn errors_have_the_numbers_of_linux() {
    for (errno, number) in [
        (Errno::NoEntry, 2),
        (Errno::TooBig, 7),
        (Errno::TryAgain, 11),
        (Errno::NoMemory, 12),
        (Errno::Exists, 17),
        (Errno::Invalid, 22),
        (Errno::NoSpace, 28),
        (Errno::Unsupported, 524),
    ] {
        assert_eq!(errno.number(), number);
        assert_eq!(errno.returned(), (-i64::from(number)) as u64);
    }
}

#[test]
fn keys_and_values_of_another_size_are_invalid() {
    for kind in [MapKind::Hash, MapKind::Array] {
        let mut maps = one(kind, 4, 8, 2);
        let map = maps.get_mut(0).unwrap();
        for wrong in [&[0; 3][..], &[0; 5], &[]] {
            assert_eq!(map.lookup(wrong), Err(Errno::Invalid));
            assert_eq!(map.update(wrong, &[0; 8], ANY), Err(Errno::Invalid));
            assert_eq!(map.delete(wrong), Err(Errno::Invalid));
        }
        for wrong in [&[0; 7][..], &[0; 9], &[]] {
            assert_eq!(map.update(&key(0), wrong, ANY), Err(Errno::Invalid));
        }
    }
}

#[test]
fn an_array_starts_with_zeros_and_lists_every_index() {
    let mut maps = one(MapKind::Array, 4, 3, 3);
    let map = maps.get_mut(0).unwrap();
    map.update(&key(1), &[7; 3], ANY).unwrap();
    let entries: Vec<_> = map.iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
    let want = [(0, [0; 3]), (1, [7; 3]), (2, [0; 3])];
    assert_eq!(entries, want.map(|(k, v)| (key(k).to_vec(), v.to_vec())));
    assert_eq!((map.len(), map.is_empty()), (3, false));
}

#[test]
fn a_hash_of_the_largest_keys_and_of_one_entry() {
    let mut maps = one(MapKind::Hash, 512, 1, 1);
    let map = maps.get_mut(0).unwrap();
    assert!(map.is_empty());
    map.update(&[1; 512], &[1], ANY).unwrap();
    assert_eq!(map.update(&[2; 512], &[2], ANY), Err(Errno::TooBig));
    assert_eq!(map.lookup(&[1; 512]), Ok(&[1][..]));
    map.delete(&[1; 512]).unwrap();
    assert!(map.is_empty());
    map.update(&[2; 512], &[2], ANY).unwrap();
}

/// A full map stays usable however often its entries are replaced: nothing leaks, nothing grows.
#[test]
fn entries_can_be_replaced_without_end() {
    let mut maps = one(MapKind::Hash, 4, 8, 100);
    let memory = maps.memory();
    let map = maps.get_mut(0).unwrap();
    for number in 0..10_000 {
        if number >= 100 {
            map.delete(&key(number - 100)).unwrap();
        }
        map.update(&key(number), &u64::from(number).to_le_bytes(), NOEXIST)
            .unwrap();
    }
    assert_eq!(map.len(), 100);
    for number in 9_900..10_000 {
        let want = u64::from(number).to_le_bytes();
        assert_eq!(map.lookup(&key(number)), Ok(&want[..]));
    }
    assert_eq!(maps.memory(), memory);
}

#[derive(Clone, Debug)]
enum Step {
    Update(u8, u8, u64),
    Delete(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..40_u8, any::<u8>(), 0..4_u64).prop_map(|(k, v, f)| Step::Update(k, v, f)),
        3 => (0..40_u8).prop_map(Step::Delete),
    ]
}

proptest! {
    /// The hash behaves like a sorted map of bounded size, whatever the secret.
    #[test]
    fn a_hash_is_a_map(
        secret in any::<[u64; 2]>(),
        steps in prop::collection::vec(step(), 0..400),
    ) {
        const MAX: usize = 24;
        let definition = map_def("m", MapKind::Hash, 1, 1, MAX as u32);
        let mut maps = Maps::new(&[definition], secret).unwrap();
        let map = maps.get_mut(0).unwrap();
        let mut model: BTreeMap<u8, u8> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Update(k, v, flags) => {
                    let want = match flags {
                        3 => Err(Errno::Invalid),
                        NOEXIST if model.contains_key(&k) => Err(Errno::Exists),
                        EXIST if !model.contains_key(&k) => Err(Errno::NoEntry),
                        _ if !model.contains_key(&k) && model.len() == MAX => Err(Errno::TooBig),
                        _ => {
                            model.insert(k, v);
                            Ok(())
                        }
                    };
                    prop_assert_eq!(map.update(&[k], &[v], flags), want);
                }
                Step::Delete(k) => {
                    let want = model.remove(&k).map(|_| ()).ok_or(Errno::NoEntry);
                    prop_assert_eq!(map.delete(&[k]), want);
                }
            }
            for k in 0..40 {
                let want = model.get(&k).map(core::slice::from_ref);
                prop_assert_eq!(map.lookup(&[k]).ok(), want);
            }
            let mut entries: Vec<(u8, u8)> = map.iter().map(|(k, v)| (k[0], v[0])).collect();
            entries.sort_unstable();
            prop_assert_eq!(entries, model.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
        }
    }
}

/// A pointer obtained before a delete stays good until the run ends, and what is inserted
/// meanwhile lies elsewhere.
#[test]
fn a_deleted_value_is_not_reused_in_the_same_run() {
    let program = Program::new(program![
        store32_imm(R10, -4, 1),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        helper(1),
        insn(0x55, R0, 0, 1, 0),
        exit(),
        mov_reg(R6, R0),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        helper(3),
        // Key 2 takes the place of key 1 in a map of one entry.
        store32_imm(R10, -4, 2),
        store64_imm(R10, -16, 2),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        mov_reg(R3, R10),
        add(R3, -16),
        mov(R4, 0),
        helper(2),
        mov_reg(R7, R0),
        // The old value is what it was, and can be written.
        load64(R0, R6, 0),
        store64_imm(R6, 0, 99),
        insn(0x0f, R0, R7, 0, 0),
        exit(),
    ])
    .map("m", MapKind::Hash, 4, 8, 1);
    let mut instance = program.instance();
    let map = instance.maps_mut().get_mut(0).unwrap();
    map.update(&key(1), &41_u64.to_le_bytes(), ANY).unwrap();
    let outcome = run(&mut instance);
    assert_eq!(outcome, 41);
    let map = instance.maps().get(0).unwrap();
    assert_eq!(map.lookup(&key(2)), Ok(&2_u64.to_le_bytes()[..]));
    assert_eq!(map.len(), 1);
}

/// The program deletes one key and inserts the next until that fails, and returns how often it
/// tried.
#[test]
fn in_one_run_a_full_map_replaces_as_many_entries_as_it_has_spare_slots() {
    let program = Program::new(program![
        mov(R6, 0),
        // Delete what is there, insert the next key.
        insn(0x63, R10, R6, -4, 0),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        helper(3),
        add(R6, 1),
        insn(0x63, R10, R6, -4, 0),
        store64_imm(R10, -16, 0),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        mov_reg(R3, R10),
        add(R3, -16),
        mov(R4, 0),
        helper(2),
        insn(0x15, R0, 0, -18, 0),
        mov_reg(R0, R6),
        exit(),
    ])
    .map("m", MapKind::Hash, 4, 8, 100);
    let mut instance = program.instance();
    let fill = |instance: &mut Instance| {
        let map = instance.maps_mut().get_mut(0).unwrap();
        for number in 0..100 {
            // Key 0, which the program deletes first, and 99 that it does not touch.
            let number = if number == 0 { 0 } else { number + 1_000 };
            map.update(&key(number), &[0; 8], ANY).unwrap();
        }
    };
    fill(&mut instance);
    assert_eq!(run(&mut instance), 65);
    // The next run has all of them again.
    fill(&mut instance);
    assert_eq!(run(&mut instance), 65);
}

fn run(instance: &mut Instance) -> u64 {
    instance
        .run(
            &mut Packet::empty(),
            &mut DeterministicEnvironment::new(0),
            FUEL,
        )
        .unwrap()
        .value
}

#[test]
fn maps_of_equal_name_and_shape_survive_a_replacement() {
    let kept = map_def("kept", MapKind::Hash, 4, 8, 4);
    let gone = map_def("gone", MapKind::Array, 4, 8, 1);
    let fresh = map_def("fresh", MapKind::Array, 4, 8, 1);
    let mut old = maps(&[gone, kept.clone()]);
    for map in [0, 1] {
        let map = old.get_mut(map).unwrap();
        map.update(&key(0), &[5; 8], ANY).unwrap();
    }
    let mut new = maps(&[kept, fresh]);
    new.adopt(&mut old).unwrap();
    let value = |name| new.by_name(name).unwrap().lookup(&key(0)).unwrap();
    assert_eq!(value("kept"), [5; 8]);
    assert_eq!(value("fresh"), [0; 8]);
    assert!(new.by_name("gone").is_none());
}

#[test]
fn maps_that_no_heir_has_are_split_off() {
    let def = |name| map_def(name, MapKind::Array, 4, 8, 1);
    let mut old = maps(&[def("gone"), def("kept"), def("lost")]);
    let heir = maps(&[def("new"), def("kept")]);
    let unclaimed = old.split_unclaimed(&heir);
    let names = |maps: &Maps| -> Vec<String> {
        maps.iter()
            .map(|map| map.definition().name.clone())
            .collect()
    };
    assert_eq!(names(&unclaimed), ["gone", "lost"]);
    assert_eq!(names(&old), ["kept"]);
}

#[test]
fn a_map_of_another_shape_refuses_a_replacement_and_nothing_changes() {
    let shape = |value, max| map_def("kept", MapKind::Hash, 4, value, max);
    let same = map_def("same", MapKind::Array, 4, 8, 1);
    for other in [
        shape(4, 4),
        shape(8, 5),
        map_def("kept", MapKind::Hash, 8, 8, 4),
        map_def("kept", MapKind::Array, 4, 8, 4),
    ] {
        let mut old = maps(&[same.clone(), shape(8, 4)]);
        old.get_mut(0).unwrap().update(&key(0), &[5; 8], 0).unwrap();
        let mut new = maps(&[same.clone(), other.clone()]);
        let error = new.adopt(&mut old).unwrap_err();
        let want = MapsError::Shape {
            old: shape(8, 4),
            new: other,
        };
        assert_eq!(error, want);
        assert_eq!(new.check_adopt(&old), Err(want));
        assert_eq!(new.get(0).unwrap().lookup(&key(0)), Ok(&[0; 8][..]));
        assert_eq!(error.code().exit, ExitCode::Policy);
    }
}

#[test]
fn a_refusal_names_both_shapes() {
    let mut old = maps(&[map_def("m", MapKind::Hash, 4, 8, 4)]);
    let mut new = maps(&[map_def("m", MapKind::Array, 4, 16, 2)]);
    assert_eq!(
        new.adopt(&mut old).unwrap_err().to_string(),
        "map `m` is hash (key 4 bytes, value 8 bytes, 4 entries), \
         and the program needs array (key 4 bytes, value 16 bytes, 2 entries)"
    );
}

#[test]
fn memory_is_counted_and_bounded() {
    assert_eq!(one(MapKind::Array, 4, 9, 100).memory(), 1_600);
    let large = |name| map_def(name, MapKind::Array, 4, 60, 1 << 20);
    let definitions = ["a", "b", "c", "d", "e"].map(large);
    let error = Maps::new(&definitions, [0; 2]).unwrap_err();
    assert_eq!(error, MapsError::Memory(5 << 26));
    assert_eq!(error.code().id, "BPF-R009");
    const { assert!(MAX_PROGRAM_MEMORY == 4 << 26) };
}
