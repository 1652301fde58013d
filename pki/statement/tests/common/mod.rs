//! Claims that tests start from.
#![allow(dead_code, reason = "each test crate uses what it needs")]

use bpf_statement::{
    BundleBuilder, Claims, Engine, ExitRange, Loop, LoopMethod, MAX_COUNTER, MAX_ENGINES,
    MAX_LOOPS, MAX_UNREACHED, Map, MapSync, Name, Program, SandboxClass, SlotRange, Statement,
    Symbol, Termination, Text, Trial, UnixTime, Unreached, Version, Way,
};
use platform_click::{Digest, HelperId, MapKind, PROFILE, Platform, ProgramKind, limits};

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

pub(crate) fn map(name: &str) -> Map {
    Map {
        name: symbol(name),
        kind: MapKind::Hash,
        key_size: 4,
        value_size: 8,
        max_entries: 64,
        sync: MapSync::None,
    }
}

pub(crate) fn filter(name: &str) -> Program {
    Program {
        name: symbol(name),
        kind: ProgramKind::Filter,
        image: Digest::of(name.as_bytes()),
        instructions: 40,
        max_stack: 16,
        max_loop_count: Some(3),
        exit: ExitRange { min: 1, max: 2 },
        highest_output: None,
        helpers: vec![HelperId::MapLookupElem, HelperId::MapUpdateElem],
        maps: vec![map("hits")],
        loops: vec![Loop {
            slot: 7,
            bound: 3,
            method: LoopMethod::Fixpoint,
        }],
        worst_case_instructions: Some(120),
        proof: None,
        unreached: Unreached::default(),
        worst_case_helper_calls: Some(9),
        worst_case_map_updates: Some(3),
    }
}

pub(crate) fn classifier(name: &str) -> Program {
    Program {
        kind: ProgramKind::Classifier,
        exit: ExitRange { min: 0, max: 255 },
        highest_output: Some(3),
        ..filter(name)
    }
}

/// What a signer says about a usual object.
pub(crate) fn claims() -> Claims {
    Claims {
        name: name("target-port"),
        counter: 1,
        object: Digest::of(b"object"),
        platform: text(Platform::NAME),
        slice: Digest::of(b"slice"),
        profile: PROFILE,
        engines: vec![Engine {
            name: name("prevail"),
            version: Version {
                major: 0,
                minor: 2,
                patch: 6,
            },
        }],
        sandbox: SandboxClass::LandlockSeccomp,
        termination: Termination::Proved,
        trial: Trial {
            runs: 1000,
            instructions: 40_000,
            seed: 7,
            branches_taken: 3,
            branches: 4,
            max_runs: 1000,
            max_time_ms: 1000,
        },
        programs: vec![filter("target_port")],
        issued_at: UnixTime::from_secs(1_800_000_000),
        expires_at: UnixTime::from_secs(1_810_000_000),
        tool: text("bpfsign 0.1.0"),
        source_commit: text(""),
        compiler: text("Debian clang version 19.1.7"),
        sbom: None,
    }
}

/// The largest claims that there can be: every list full, every text and number at its longest.
pub(crate) fn largest_claims() -> Claims {
    let long = |prefix: &str, i: usize| symbol(&format!("{prefix}{i:02}{}", "x".repeat(60)));
    let maps = (0..limits::MAX_MAPS).map(|i| Map {
        name: long("m", i),
        kind: MapKind::Hash,
        key_size: limits::MAX_MAP_KEY_SIZE,
        value_size: 65_535,
        max_entries: 1_000,
        sync: MapSync::Strong,
    });
    let loops = (0..MAX_LOOPS).map(|i| Loop {
        slot: u32::try_from(limits::MAX_INSTRUCTIONS - 1 - i).unwrap(),
        bound: u64::MAX,
        method: LoopMethod::Unwound,
    });
    let programs = (0..limits::MAX_PROGRAMS).map(|i| Program {
        name: long("p", i),
        kind: ProgramKind::Rewriter,
        image: Digest::of(b"image"),
        instructions: u32::try_from(limits::MAX_INSTRUCTIONS).unwrap(),
        max_stack: 4096,
        max_loop_count: Some(u64::MAX),
        exit: ExitRange { min: 0, max: 1 },
        highest_output: None,
        helpers: HelperId::ALL.to_vec(),
        maps: maps.clone().collect(),
        loops: loops.clone().collect(),
        worst_case_instructions: Some(u64::MAX),
        proof: Some(Digest::of(b"proof")),
        unreached: Unreached {
            slots: (0..u32::try_from(MAX_UNREACHED).unwrap())
                .map(|i| SlotRange {
                    first: 300 + i * 600,
                    count: 300,
                })
                .collect(),
            ways: (0..u32::try_from(MAX_UNREACHED).unwrap())
                .map(|i| Way {
                    slot: 60_000 + i,
                    taken: true,
                })
                .collect(),
        },
        worst_case_helper_calls: Some(u64::MAX),
        worst_case_map_updates: Some(u64::MAX),
    });
    let engines = (0..MAX_ENGINES).map(|i| Engine {
        name: name(&format!("e{i:030}")),
        version: Version {
            major: u32::MAX,
            minor: u32::MAX,
            patch: u32::MAX,
        },
    });
    let full = text(&"t".repeat(Text::MAX_LEN));
    Claims {
        name: name(&"n".repeat(Name::MAX_LEN)),
        counter: MAX_COUNTER,
        platform: full.clone(),
        engines: engines.collect(),
        trial: Trial {
            runs: u64::MAX,
            instructions: u64::MAX,
            seed: u64::MAX,
            branches_taken: u64::MAX,
            branches: u64::MAX,
            max_runs: u64::MAX,
            max_time_ms: u64::MAX,
        },
        programs: programs.collect(),
        issued_at: UnixTime::from_secs(253_402_300_798),
        expires_at: UnixTime::YEAR_9999,
        tool: full.clone(),
        source_commit: full.clone(),
        compiler: full,
        sbom: Some(Digest::of(b"sbom")),
        ..claims()
    }
}

pub(crate) const LEAF: &[u8] = &[0x30; 300];
pub(crate) const CA: &[u8] = &[0x31; 200];

/// A bundle whose signature is no signature: whether it is one is not this crate's question.
pub(crate) fn bundle(statement: &Statement) -> Vec<u8> {
    let builder = BundleBuilder::new(statement, LEAF, CA).unwrap();
    builder.assemble(&[0x5a; 64])
}
