//! Whatever is decoded is exactly what was encoded: for random claims, every truncation and every
//! flipped bit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_statement::cbor::Reader;
use bpf_statement::{
    Bundle, BundleBuilder, Claims, Engine, ExitRange, Loop, LoopMethod, MAX_COUNTER, Map, MapSync,
    Name, Program, SandboxClass, SlotRange, Statement, Symbol, Text, Trial, UnixTime, Unreached,
    Version, Way,
};
use common::{CA, LEAF, bundle, claims, largest_claims};
use platform_click::{Digest, HelperId, MapKind, ProgramKind};
use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn symbol() -> impl Strategy<Value = Symbol> {
    "[A-Za-z0-9._-]{1,63}".prop_map(|text| Symbol::new(&text).unwrap())
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z0-9_-][a-z0-9._-]{0,30}".prop_map(|text| Name::new(&text).unwrap())
}

fn text() -> impl Strategy<Value = Text> {
    "[ -~]{0,127}".prop_map(|text| Text::new(&text).unwrap())
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn map(name: Symbol) -> impl Strategy<Value = Map> {
    let kind = select(MapKind::ALL);
    let sync = select(MapSync::ALL);
    let any = any::<(u32, u32)>();
    (kind, any, 1..=4096_u32, sync).prop_map(move |(kind, (key, value), max_entries, sync)| {
        let within = |(least, greatest): (u32, u32), any| least + any % (greatest - least + 1);
        Map {
            name: name.clone(),
            kind,
            key_size: within(kind.key_sizes(), key),
            // 64 MiB in all.
            value_size: within(kind.value_sizes(), value).min(9000),
            max_entries: match kind {
                MapKind::RingBuffer => 1 << (12 + max_entries % 14),
                _ => max_entries,
            },
            sync,
        }
    })
}

fn exit() -> impl Strategy<Value = (ProgramKind, ExitRange, Option<u8>)> {
    (select(ProgramKind::ALL), any::<(u8, u8, u8)>()).prop_map(|(kind, (a, b, output))| {
        let (start, end) = (*kind.returns().start(), *kind.returns().end());
        let within = |value: u8| start + u64::from(value) % (end - start + 1);
        let (a, b) = (within(a), within(b));
        let (min, max) = (a.min(b), a.max(b));
        let outputs = min..=max.min(254);
        let is_classifier = kind == ProgramKind::Classifier && !outputs.is_empty();
        let output = u64::from(output).clamp(min, (*outputs.end()).max(min));
        let output = is_classifier.then(|| u8::try_from(output).unwrap());
        (kind, ExitRange { min, max }, output)
    })
}

fn loops() -> impl Strategy<Value = Vec<Loop>> {
    let bound = (
        1..=u64::MAX,
        select(&[LoopMethod::Fixpoint, LoopMethod::Unwound]),
    );
    btree_map(0..40_u32, bound, 0..5).prop_map(|loops| {
        let loops = loops.into_iter();
        loops
            .map(|(slot, (bound, method))| Loop {
                slot,
                bound,
                method,
            })
            .collect()
    })
}

/// Within the 40 slots that every program has: what each slot may be said to be.
fn unreached() -> impl Strategy<Value = Unreached> {
    proptest::collection::vec(0..8_u8, 40).prop_map(|slots| {
        let mut unreached = Unreached::default();
        for (slot, what) in (0_u32..).zip(slots) {
            match (what, unreached.slots.last_mut()) {
                (0 | 1, Some(range)) if range.end() == slot => range.count += 1,
                (0, _) if slot > 0 => unreached.slots.push(SlotRange {
                    first: slot,
                    count: 1,
                }),
                (2, _) => unreached.ways.push(Way { slot, taken: true }),
                (3, _) => unreached.ways.push(Way { slot, taken: false }),
                _ => {}
            }
        }
        unreached
    })
}

fn program(name: Symbol, maps: Vec<Map>) -> impl Strategy<Value = Program> {
    let len = maps.len();
    let numbers = (
        40..=65_536_u32,
        0..=4096_u32,
        any::<u64>(),
        option::of(
            (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(a, b, c)| {
                let mut counts = [a, b, c];
                counts.sort_unstable();
                counts
            }),
        ),
    );
    let lists = (
        subsequence(HelperId::ALL.to_vec(), 0..HelperId::ALL.len()),
        subsequence(maps, 0..=len),
        loops(),
    );
    let digests = (digest(), option::of(digest()));
    (exit(), numbers, lists, digests, unreached()).prop_map(
        move |((kind, exit, highest_output), numbers, lists, (image, proof), unreached)| {
            let (mut helpers, maps, loops) = lists;
            helpers.retain(|helper| helper.spec().kinds.contains(kind));
            Program {
                name: name.clone(),
                kind,
                image,
                instructions: numbers.0,
                max_stack: numbers.1,
                max_loop_count: Some(numbers.2),
                exit,
                highest_output,
                helpers,
                maps,
                loops,
                worst_case_instructions: numbers.3.map(|[_, _, most]| most),
                proof,
                unreached,
                worst_case_helper_calls: numbers.3.map(|[_, calls, _]| calls),
                worst_case_map_updates: numbers.3.map(|[updates, _, _]| updates),
            }
        },
    )
}

/// Programs of one object: maps of one name are one map.
fn programs() -> impl Strategy<Value = Vec<Program>> {
    let maps = btree_set(symbol(), 0..6)
        .prop_flat_map(|names| names.into_iter().map(map).collect::<Vec<_>>());
    (btree_set(symbol(), 1..=8), maps).prop_flat_map(|(names, maps)| {
        let programs = names.into_iter().map(|name| program(name, maps.clone()));
        programs.collect::<Vec<_>>()
    })
}

fn engines() -> impl Strategy<Value = Vec<Engine>> {
    let version = any::<(u32, u32, u32)>();
    btree_map(name(), version, 1..=4).prop_map(|engines| {
        let engines = engines.into_iter();
        engines
            .map(|(name, (major, minor, patch))| Engine {
                name,
                version: Version {
                    major,
                    minor,
                    patch,
                },
            })
            .collect()
    })
}

fn statements() -> impl Strategy<Value = Statement> {
    let times = (0..253_402_300_799_u64)
        .prop_flat_map(|issued| (Just(issued), issued + 1..=253_402_300_799));
    let texts = (name(), text(), text(), text(), text());
    let digests = (digest(), digest(), option::of(digest()));
    let trial = any::<(u64, u64, u64, u32, u64, u64, u64)>();
    let rest = (1..=MAX_COUNTER, select(SandboxClass::ALL), trial, times);
    (texts, digests, rest, engines(), programs()).prop_map(
        |(texts, digests, (counter, sandbox, trial, times), engines, programs)| {
            Statement::new(Claims {
                name: texts.0,
                counter,
                object: digests.0,
                platform: texts.1,
                slice: digests.1,
                engines,
                sandbox,
                trial: Trial {
                    runs: trial.0,
                    instructions: trial.1,
                    seed: trial.2,
                    branches_taken: trial.3.into(),
                    branches: trial.4 | u64::from(u32::MAX),
                    max_runs: trial.5,
                    max_time_ms: trial.6,
                },
                programs,
                issued_at: UnixTime::from_secs(times.0),
                expires_at: UnixTime::from_secs(times.1),
                tool: texts.2,
                source_commit: texts.3,
                compiler: texts.4,
                sbom: digests.2,
                ..claims()
            })
            .unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn statements_round_trip(statement in statements()) {
        let bytes = statement.encode();
        prop_assert_eq!(Statement::decode(&bytes), Ok(statement.clone()));
        let bundle = bundle(&statement);
        prop_assert_eq!(Bundle::parse(&bundle).unwrap().payload(), bytes);
    }

    #[test]
    fn distinct_statements_have_distinct_encodings(a in statements(), b in statements()) {
        prop_assert_eq!(a == b, a.encode() == b.encode());
    }

    #[test]
    fn a_changed_byte_is_refused_or_means_something_else(
        statement in statements(),
        place in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut bytes = statement.encode();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(other) = Statement::decode(&bytes) {
            prop_assert_eq!(other.encode(), bytes);
            prop_assert_ne!(other, statement);
        }
    }

    #[test]
    fn random_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Statement::decode(&bytes).is_err());
        prop_assert!(Bundle::parse(&bytes).is_err());
    }
}

#[test]
fn every_truncation_is_refused() {
    let statement = Statement::new(claims()).unwrap();
    let bytes = statement.encode();
    for len in 0..bytes.len() {
        assert!(Statement::decode(&bytes[..len]).is_err(), "{len} bytes");
    }
    let bytes = bundle(&statement);
    for len in 0..bytes.len() {
        assert!(Bundle::parse(&bytes[..len]).is_err(), "{len} bytes");
    }
}

/// Every single bit of the usual statement: refused, or a statement with exactly these bytes.
#[test]
fn every_flipped_bit_of_a_statement_is_refused_or_means_something_else() {
    let statement = Statement::new(claims()).unwrap();
    let bytes = statement.encode();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = Statement::decode(&flipped) {
            assert_eq!(other.encode(), flipped, "bit {bit}");
            assert_ne!(other, statement);
        }
    }
}

/// Every single bit of a bundle: refused, or a message whose parts are exactly these bytes.
#[test]
fn every_flipped_bit_of_a_bundle_is_refused_or_means_something_else() {
    let statement = Statement::new(claims()).unwrap();
    let bytes = bundle(&statement);
    let signed = Bundle::parse(&bytes).unwrap().to_be_signed();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok(other) = Bundle::parse(&flipped) else {
            continue;
        };
        // What is signed changed with every bit but those of the signature itself.
        let in_signature = bit / 8 >= bytes.len() - 64;
        assert_eq!(other.to_be_signed() == signed, in_signature, "bit {bit}");
        assert_eq!(reassembled(&other), flipped, "bit {bit}");
    }
}

/// The message made again from its parts.
fn reassembled(bundle: &Bundle<'_>) -> Vec<u8> {
    let tbs = bundle.to_be_signed();
    let mut tbs = Reader::new(&tbs);
    tbs.array(4).unwrap();
    tbs.text().unwrap();
    let protected = tbs.bytes().unwrap();
    let mut out = bpf_statement::cbor::Writer::default();
    out.tag(18).array(4).bytes(protected).map(0);
    out.bytes(bundle.payload()).bytes(bundle.signature());
    out.into_bytes()
}

#[test]
fn the_largest_statement_round_trips() {
    let statement = Statement::new(largest_claims()).unwrap();
    assert_eq!(
        Statement::decode(&statement.encode()),
        Ok(statement.clone())
    );
    assert!(BundleBuilder::new(&statement, LEAF, CA).is_ok());
}
