//! Packets that nobody should send, for every sample: the interpreter judges, the machine code agrees.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod both;
mod corpus;
mod hostile_packets;

use std::path::Path;

use bpf_jit::Options;
use bpf_object::Image;
use bpf_runtime::{Map, Maps};
use platform_click::{MapKind, ProgramKind};

use both::{Both, FUEL};
use corpus::{program, programs};
use hostile_packets::{Random, packet};

/// Packets for each program and filling of its maps in an ordinary run; a full one has 64 times as many,
/// more than a million for each program.
const PACKETS: u32 = 8192;

/// Programs whose comments promise that they let everything through.
const PASS_EVERYTHING: [&str; 5] = [
    "connection-tracer",
    "flow-bytes",
    "new-sources",
    "pass",
    "print",
];

/// The samples in Rust.
const IN_RUST: [&str; 4] = ["packet-filter", "pass", "rate-limiter", "target-port"];

/// As many times the packets as property tests have times their default of cases.
fn packets() -> u32 {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases: u32 = cases.map_or(256, |cases| cases.parse().unwrap());
    PACKETS.saturating_mul(cases.max(256)) / 256
}

/// Fills a map to its last entry, with values that its program may not expect.
fn fill(map: &mut Map, random: &mut Random) {
    let definition = map.definition();
    let (kind, entries) = (definition.kind, definition.max_entries);
    let (key_size, value_size) = (definition.key_size as usize, definition.value_size as usize);
    for entry in 0..entries {
        let value = random.bytes(value_size);
        let mut key = random.bytes(key_size);
        match kind {
            MapKind::RingBuffer => return,
            MapKind::Queue | MapKind::Stack => {
                map.push(&value, 0).unwrap();
                continue;
            }
            MapKind::Array | MapKind::PercpuArray => key = entry.to_le_bytes().to_vec(),
            MapKind::LpmTrie => {
                let bits = (key_size as u32 - 4) * 8;
                let length = random.below(bits + 1);
                key[..4].copy_from_slice(&length.to_le_bytes());
            }
            _ => {}
        }
        // A prefix may be there already, in other words.
        let _ = map.update(&key, &value, 0);
    }
}

fn fill_all(maps: &mut Maps, random: &mut Random) {
    let count = maps.iter().count();
    for index in 0..count {
        fill(maps.get_mut(index).unwrap(), random);
    }
}

/// What a verdict may be, and which packets only a rewriter or the way of a classifier changes.
fn judge(name: &str, image: &Image, before: &[u8], left: &both::Left) {
    assert!(
        image.kind().returns().contains(&(left.value & 0xffff_ffff)),
        "{name}: {left:?}"
    );
    if image.kind() == ProgramKind::Filter {
        assert_eq!(
            left.packet, before,
            "{name} is a filter and changes a packet"
        );
    }
    if PASS_EVERYTHING.contains(&name) {
        assert_eq!(left.value, 2, "{name}: {before:x?}");
    }
}

#[test]
fn no_packet_leads_a_sample_astray() {
    let mut images = programs("ebpf-samples/accept", &["accept"]);
    let in_rust = IN_RUST.map(|name| format!("ebpf-samples/rust/objects/{name}"));
    images.extend(in_rust.map(|name| (name.clone(), program(&name))));
    assert!(images.len() >= 40, "only {} samples", images.len());
    for (seed, (path, image)) in (1..).zip(images) {
        let name = Path::new(&path).file_stem().unwrap().to_str().unwrap();
        for full in [false, true] {
            let mut random = Random((seed << 1) | u64::from(full));
            let mut twin = Random(random.0);
            let mut filled = |maps: &mut Maps| {
                if full {
                    fill_all(maps, &mut twin);
                    twin = Random(random.0);
                }
            };
            // SAFETY: a run is repeated as machine code only after the interpreter found no fault in it.
            let mut both = unsafe { Both::filled(&image, &Options::default(), &mut filled) };
            for number in 0..packets() {
                let bytes = packet(&mut random);
                both.annotations.port = random.below(4);
                both.annotations.mark = random.below(40);
                let left = both.run_alone(&bytes, FUEL);
                let left = left
                    .unwrap_or_else(|fault| panic!("{name}, packet {number}: {fault} {bytes:x?}"));
                judge(name, &image, &bytes, &left);
            }
            both.compare_memory();
        }
    }
}

/// The packets find what they are made for.
#[test]
fn they_lead_careless_programs_astray() {
    for name in [
        "missing-bounds-check",
        "stale-packet-pointer",
        "map-value-out-of-bounds",
    ] {
        let image = program(&format!("ebpf-samples/reject/{name}"));
        let mut random = Random(1);
        // SAFETY: a run is repeated as machine code only after the interpreter found no fault in it.
        let mut both = unsafe { Both::new(&image, &Options::default()) };
        let found = (0..PACKETS).any(|_| both.run_alone(&packet(&mut random), FUEL).is_err());
        assert!(found, "{name}");
    }
}
