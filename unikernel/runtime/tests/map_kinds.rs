//! The kinds of map beside hash and array: each against a simple model over random operations, and
//! what a model does not show.
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

use std::collections::{BTreeMap, VecDeque};

use bpf_runtime::{DeterministicEnvironment, Errno, Instance, Map, Maps, Packet};
use common::*;
use platform_click::{MapKind, MapUse};
use proptest::prelude::*;

const ANY: u64 = 0;
const NOEXIST: u64 = 1;
const EXIST: u64 = 2;

/// Entries of the maps under test.
const MAX: usize = 8;

fn one(kind: MapKind, key: u32, value: u32, max: u32) -> Maps {
    Maps::new(&[map_def("m", kind, key, value, max)], [3, 4]).unwrap()
}

/// An operation with a key and a value of a byte each.
#[derive(Clone, Debug)]
enum Step {
    Lookup(u8),
    Update(u8, u8, u64),
    Delete(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..16_u8;
    let step = prop_oneof![
        2 => key.clone().prop_map(Step::Lookup),
        4 => (key.clone(), any::<u8>(), 0..4_u64).prop_map(|(k, v, f)| Step::Update(k, v, f)),
        2 => key.prop_map(Step::Delete),
    ];
    prop::collection::vec(step, 0..300)
}

/// A map of at most `MAX` entries, in the order of their last use if it evicts.
#[derive(Default)]
struct Model {
    entries: Vec<(u8, u8)>,
    evicts: bool,
}

impl Model {
    fn position(&self, key: u8) -> Option<usize> {
        self.entries.iter().position(|(k, _)| *k == key)
    }

    fn value(&self, key: u8) -> Option<u8> {
        self.position(key).map(|at| self.entries[at].1)
    }

    fn update(&mut self, key: u8, value: u8, flags: u64) -> Result<(), Errno> {
        match (flags, self.position(key)) {
            (3.., _) => return Err(Errno::Invalid),
            (NOEXIST, Some(_)) => return Err(Errno::Exists),
            (EXIST, None) => return Err(Errno::NoEntry),
            (_, Some(at)) => drop(self.entries.remove(at)),
            (_, None) if self.entries.len() < MAX => {}
            (_, None) if self.evicts => drop(self.entries.remove(0)),
            (_, None) => return Err(Errno::TooBig),
        }
        self.entries.push((key, value));
        Ok(())
    }

    fn delete(&mut self, key: u8) -> Result<(), Errno> {
        let at = self.position(key).ok_or(Errno::NoEntry)?;
        self.entries.remove(at);
        Ok(())
    }
}

fn entries(map: &Map) -> BTreeMap<Vec<u8>, Vec<u8>> {
    map.iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect()
}

proptest! {
    #[test]
    fn hashes_are_maps_of_bounded_size(
        kind in prop::sample::select(vec![MapKind::Hash, MapKind::PercpuHash, MapKind::LruHash]),
        secret in any::<[u64; 2]>(),
        steps in steps(),
    ) {
        let definition = map_def("m", kind, 1, 1, MAX as u32);
        let mut maps = Maps::new(&[definition], secret).unwrap();
        let map = maps.get_mut(0).unwrap();
        let mut model = Model { evicts: kind == MapKind::LruHash, ..Model::default() };
        for step in steps {
            match step {
                // A lookup by the control plane is no use.
                Step::Lookup(k) => {
                    let found = map.lookup(&[k]).ok().map(|value| value[0]);
                    prop_assert_eq!(found, model.value(k));
                }
                Step::Update(k, v, flags) => {
                    prop_assert_eq!(map.update(&[k], &[v], flags), model.update(k, v, flags));
                }
                Step::Delete(k) => prop_assert_eq!(map.delete(&[k]), model.delete(k)),
            }
            let want = model.entries.iter().map(|(k, v)| (vec![*k], vec![*v])).collect();
            prop_assert_eq!(entries(map), want);
            prop_assert_eq!(map.len() as usize, model.entries.len());
        }
    }

    /// Prefixes of 16 bits of data against a list that is searched from one end to the other.
    #[test]
    fn tries_find_the_longest_prefix(
        secret in any::<[u64; 2]>(),
        steps in prop::collection::vec((0..3_u8, 0..18_u32, any::<u16>(), any::<u8>(), 0..4_u64), 0..300),
    ) {
        let definition = map_def("m", MapKind::LpmTrie, 6, 1, MAX as u32);
        let mut maps = Maps::new(&[definition], secret).unwrap();
        let map = maps.get_mut(0).unwrap();
        let mut model: Vec<(u32, u16, u8)> = Vec::new();
        let cut = |length: u32, data: u16| match length {
            0 => 0,
            length => data & (u16::MAX << (16 - length)),
        };
        for (operation, length, data, value, flags) in steps {
            // Few prefixes, so that they meet.
            let data = data & 0xe0ff;
            let mut key = length.to_le_bytes().to_vec();
            key.extend(data.to_be_bytes());
            let same = |(l, d, _): &(u32, u16, u8)| length <= 16 && (*l, *d) == (length, cut(length, data));
            let at = model.iter().position(same);
            match operation {
                0 => {
                    let matches = model.iter().filter(|(l, d, _)| *l <= length && cut(*l, data) == *d);
                    let best = matches.max_by_key(|(l, _, _)| *l);
                    let want = best.filter(|_| length <= 16).map(|(_, _, value)| *value);
                    prop_assert_eq!(map.lookup(&key).ok().map(|value| value[0]), want);
                }
                1 => {
                    let want = match (flags, at) {
                        (3.., _) => Err(Errno::Invalid),
                        _ if length > 16 => Err(Errno::Invalid),
                        (NOEXIST, Some(_)) => Err(Errno::Exists),
                        (EXIST, None) => Err(Errno::NoEntry),
                        (_, Some(at)) => {
                            model[at].2 = value;
                            Ok(())
                        }
                        (_, None) if model.len() == MAX => Err(Errno::NoSpace),
                        (_, None) => {
                            model.push((length, cut(length, data), value));
                            Ok(())
                        }
                    };
                    prop_assert_eq!(map.update(&key, &[value], flags), want);
                }
                _ => {
                    let want = match at {
                        _ if length > 16 => Err(Errno::Invalid),
                        None => Err(Errno::NoEntry),
                        Some(at) => {
                            model.remove(at);
                            Ok(())
                        }
                    };
                    prop_assert_eq!(map.delete(&key), want);
                }
            }
            let want = model.iter().map(|(length, data, value)| {
                let mut key = length.to_le_bytes().to_vec();
                key.extend(data.to_be_bytes());
                (key, vec![*value])
            });
            prop_assert_eq!(entries(map), want.collect());
        }
    }

    #[test]
    fn queues_and_stacks_are_deques(
        is_stack in any::<bool>(),
        steps in prop::collection::vec((0..4_u8, any::<u8>(), 0..4_u64), 0..300),
    ) {
        let kind = if is_stack { MapKind::Stack } else { MapKind::Queue };
        let mut maps = one(kind, 0, 1, MAX as u32);
        let map = maps.get_mut(0).unwrap();
        let mut model: VecDeque<u8> = VecDeque::new();
        for (operation, value, flags) in steps {
            let next = if is_stack { model.back() } else { model.front() };
            let next = next.copied().ok_or(Errno::NoEntry);
            match operation {
                0 => prop_assert_eq!(map.lookup(&[]).map(|value| value[0]), next),
                1 => {
                    prop_assert_eq!(map.pop().map(|value| value[0]), next);
                    if is_stack { model.pop_back() } else { model.pop_front() };
                }
                _ => {
                    let want = match flags {
                        NOEXIST | 3.. => Err(Errno::Invalid),
                        ANY if model.len() == MAX => Err(Errno::TooBig),
                        _ => {
                            if model.len() == MAX {
                                model.pop_front();
                            }
                            model.push_back(value);
                            Ok(())
                        }
                    };
                    let done = match operation {
                        2 => map.push(&[value], flags),
                        _ => map.update(&[], &[value], flags),
                    };
                    prop_assert_eq!(done, want);
                }
            }
            let mut want: Vec<_> = model.iter().copied().collect();
            if is_stack {
                want.reverse();
            }
            let records: Vec<_> = map.records().map(|value| value[0]).collect();
            prop_assert_eq!(records, want);
            prop_assert_eq!(map.len() as usize, model.len());
            prop_assert_eq!(map.iter().count(), 0);
        }
    }

    /// Records of a ring buffer of a page, written by a program.
    #[test]
    fn ring_buffers_are_queues_of_records(
        steps in prop::collection::vec(prop_oneof![
            3 => (0..1400_usize).prop_map(Some),
            1 => Just(None),
        ], 0..60),
    ) {
        let mut instance = ring();
        let mut model: VecDeque<Vec<u8>> = VecDeque::new();
        for (number, step) in steps.into_iter().enumerate() {
            if let Some(len) = step {
                let record = vec![number as u8; len];
                let used: usize = model.iter().map(|record| taken(record)).sum();
                let fits = used + taken(&record) < 4096;
                prop_assert_eq!(output(&mut instance, &record), if fits { 0 } else { -11 });
                if fits {
                    model.push_back(record);
                }
            } else {
                let map = instance.maps_mut().get_mut(0).unwrap();
                prop_assert_eq!(map.consume(), model.pop_front());
            }
            let map = instance.maps().get(0).unwrap();
            prop_assert!(map.records().eq(model.iter().map(|record| record.as_slice())));
            prop_assert_eq!(map.len() as usize, model.len());
        }
    }
}

/// Bytes that a record takes of a ring buffer (`BPF_RINGBUF_HDR_SZ`, rounded up to 8).
fn taken(record: &[u8]) -> usize {
    (record.len() + 8).next_multiple_of(8)
}

/// A program that puts its packet into a ring buffer of a page.
fn ring() -> Instance {
    Program::new(program![
        load64(R2, R1, 0),
        load64(R3, R1, 8),
        insn(0x1f, R3, R2, 0, 0),
        map(R1, 0),
        mov(R4, 0),
        helper(130),
        exit(),
    ])
    .map("r", MapKind::RingBuffer, 0, 0, 4096)
    .instance()
}

fn output(instance: &mut Instance, record: &[u8]) -> i64 {
    let mut packet = Packet::new(record).unwrap();
    let outcome = instance.run(&mut packet, &mut DeterministicEnvironment::new(0), FUEL);
    outcome.unwrap().value.cast_signed()
}

/// What the system call answers on Linux 6.18 (`EINVAL`, `ENOTSUPP`).
#[test]
fn maps_without_keys_have_no_key_operations() {
    for kind in [MapKind::Queue, MapKind::Stack] {
        let mut maps = one(kind, 0, 4, 2);
        let map = maps.get_mut(0).unwrap();
        assert_eq!(map.delete(&[]), Err(Errno::Invalid));
        assert_eq!(map.lookup(&[]), Err(Errno::NoEntry));
        assert_eq!(map.lookup(&[1]), Err(Errno::Invalid));
        assert_eq!(map.consume(), None);
    }
    let mut maps = one(MapKind::RingBuffer, 0, 0, 4096);
    let map = maps.get_mut(0).unwrap();
    assert_eq!(map.lookup(&[]), Err(Errno::Unsupported));
    assert_eq!(map.update(&[], &[], ANY), Err(Errno::Unsupported));
    assert_eq!(map.delete(&[]), Err(Errno::Unsupported));
    assert_eq!(map.push(&[], ANY), Err(Errno::Invalid));
    assert_eq!(map.pop(), Err(Errno::Invalid));
    for kind in MapKind::ALL {
        if kind.usage() == MapUse::Keyed {
            let key = if *kind == MapKind::LpmTrie { 8 } else { 4 };
            let mut maps = one(*kind, key, 4, 2);
            let map = maps.get_mut(0).unwrap();
            assert_eq!(map.push(&[0; 4], ANY), Err(Errno::Invalid), "{kind}");
            assert_eq!(map.pop(), Err(Errno::Invalid), "{kind}");
        }
    }
}

/// A map of a value per CPU has one for the CPU that there is, and none for others.
#[test]
fn per_cpu_maps_have_a_value_for_each_cpu() {
    for kind in [MapKind::PercpuArray, MapKind::PercpuHash, MapKind::Hash] {
        let mut maps = one(kind, 4, 8, 2);
        let map = maps.get_mut(0).unwrap();
        map.update(&[0; 4], &[7; 8], ANY).unwrap();
        assert_eq!(map.lookup_on(0, &[0; 4]), map.lookup(&[0; 4]));
        assert_eq!(map.lookup_on(Map::CPUS, &[0; 4]), Err(Errno::Invalid));
    }
    let mut maps = one(MapKind::PercpuArray, 4, 8, 2);
    let map = maps.get_mut(0).unwrap();
    assert_eq!(map.lookup(&[1, 0, 0, 0]), Ok(&[0; 8][..]));
    assert_eq!(map.update(&[0; 4], &[0; 8], NOEXIST), Err(Errno::Exists));
    assert_eq!(map.delete(&[0; 4]), Err(Errno::Invalid));
}

/// The longest keys that a trie has, and prefixes that end within a byte.
#[test]
fn a_trie_of_the_longest_keys() {
    let mut maps = one(MapKind::LpmTrie, 260, 1, 4);
    let map = maps.get_mut(0).unwrap();
    let key = |length: u32, last: u8| {
        let mut key = length.to_le_bytes().to_vec();
        key.resize(259, 0xaa);
        key.push(last);
        key
    };
    map.update(&key(2048, 0xff), &[1], ANY).unwrap();
    map.update(&key(2041, 0xff), &[2], ANY).unwrap();
    map.update(&key(0, 0), &[3], ANY).unwrap();
    for (length, last, want) in [
        (2048, 0xff, 1),
        (2048, 0xfe, 2),
        (2048, 0x7f, 3),
        (2041, 0x80, 2),
        (2040, 0x80, 3),
        (0, 0, 3),
    ] {
        assert_eq!(
            map.lookup(&key(length, last)),
            Ok(&[want][..]),
            "{length} {last}"
        );
    }
    assert_eq!(map.lookup(&key(2049, 0xff)), Err(Errno::NoEntry));
    assert_eq!(map.update(&key(2049, 0), &[1], ANY), Err(Errno::Invalid));
    assert_eq!(map.delete(&key(2049, 0)), Err(Errno::Invalid));
}

/// What a program looks up was used, what it did not look up goes first.
#[test]
fn a_program_s_lookup_is_a_use() {
    let program = Program::new(program![
        store32_imm(R10, -4, 0),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        helper(1),
        mov(R0, 0),
        exit(),
    ])
    .map("m", MapKind::LruHash, 4, 1, 2);
    let mut instance = program.instance();
    let map = instance.maps_mut().get_mut(0).unwrap();
    for key in [0_u32, 1] {
        map.update(&key.to_le_bytes(), &[1], ANY).unwrap();
    }
    instance
        .run(
            &mut Packet::empty(),
            &mut DeterministicEnvironment::new(0),
            FUEL,
        )
        .unwrap();
    let map = instance.maps_mut().get_mut(0).unwrap();
    map.update(&2_u32.to_le_bytes(), &[1], ANY).unwrap();
    let keys: Vec<_> = entries(map).into_keys().map(|key| key[0]).collect();
    assert_eq!(keys, [0, 2]);
}

/// A pointer to an entry that is evicted stays good until the run ends; so many can be evicted in one
/// run as there are spare slots, and as many again in the next.
#[test]
fn an_evicted_value_is_not_reused_in_the_same_run() {
    // Looks up key 0 and keeps the pointer, inserts keys from 1 on until that fails, and returns how
    // many were inserted, times 256, and what the pointer shows.
    let program = Program::new(program![
        store32_imm(R10, -4, 0),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        helper(1),
        mov_reg(R7, R0),
        mov(R6, 1),
        store64_imm(R10, -16, 5),
        insn(0x63, R10, R6, -4, 0),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        mov_reg(R3, R10),
        add(R3, -16),
        mov(R4, 0),
        helper(2),
        add(R6, 1),
        insn(0x15, R0, 0, -11, 0),
        insn(0x67, R6, 0, 0, 8),
        load8(R0, R7, 0),
        insn(0x4f, R0, R6, 0, 0),
        exit(),
    ])
    .map("m", MapKind::LruHash, 4, 8, 4);
    let mut instance = program.instance();
    for _ in 0..2 {
        let map = instance.maps_mut().get_mut(0).unwrap();
        map.update(&[0; 4], &[41; 8], ANY).unwrap();
        let outcome = instance.run(
            &mut Packet::empty(),
            &mut DeterministicEnvironment::new(0),
            FUEL,
        );
        let value = outcome.unwrap().value;
        // Eight slots: those of four entries, and as many to spare. Key 0 is there before.
        assert_eq!(value & 0xff, 41);
        assert!((5..=9).contains(&(value >> 8)), "{value:#x}");
        assert_eq!(instance.maps().get(0).unwrap().len(), 4);
    }
}

/// Together with the entries of a run, whatever it does, a map takes what was allocated at the start.
#[test]
fn every_kind_says_what_memory_it_takes() {
    for (kind, key, value, max, least) in [
        (MapKind::Hash, 4, 8, 100, 1200),
        (MapKind::PercpuHash, 4, 8, 100, 1200),
        (MapKind::LruHash, 4, 8, 100, 1200 + 800),
        (MapKind::LpmTrie, 8, 8, 100, 1600),
        (MapKind::PercpuArray, 4, 9, 100, 1600),
        (MapKind::Queue, 0, 9, 100, 1600),
        (MapKind::Stack, 0, 9, 100, 1600),
        (MapKind::RingBuffer, 0, 0, 4096, 4096),
    ] {
        let memory = one(kind, key, value, max).memory();
        assert!(
            (least..least * 3 + 4096).contains(&memory),
            "{kind} {memory}"
        );
    }
}
