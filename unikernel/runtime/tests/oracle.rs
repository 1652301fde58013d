//! The interpreter as a judge of proofs: compiled samples on many packets. What is safe never
//! faults; what is not is found out, each by the fault that belongs to its defect.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use std::path::Path;

use bpf_object::{Image, Object, ParseOptions};
use bpf_runtime::{
    DeterministicEnvironment, Environment, Fault, Instance, LoadError, Maps, Outcome, Packet,
};

/// More than any sample below executes that ends.
const FUEL: u64 = 5_000;

const PACKETS: u64 = 500;

/// The first program of `ebpf-samples/NAME.o`.
fn image(name: &str) -> Image {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../ebpf-samples/{name}.o"));
    let object = Object::parse(&std::fs::read(path).unwrap(), ParseOptions::default()).unwrap();
    object.link(&object.programs()[0]).unwrap()
}

/// A packet of any length with any bytes, often like an Ethernet frame with IPv4.
fn packet(random: &mut DeterministicEnvironment) -> Packet {
    let len = random.random_u32() % 120;
    let mut bytes: Vec<u8> = (0..len).map(|_| random.random_u32() as u8).collect();
    let shape = random.random_u32();
    let headers: [(usize, &[u8]); 4] = [
        (12, &[0x08, 0x00]),
        (12, &[0x81, 0x00]),
        (14, &[0x45]),
        (23, &[if shape & 16 == 0 { 6 } else { 17 }]),
    ];
    for (bit, (at, header)) in headers.into_iter().enumerate() {
        if let Some(place) = bytes.get_mut(at..at + header.len())
            && shape >> bit & 1 == 1
        {
            place.copy_from_slice(header);
        }
    }
    let mut packet = Packet::with_room(&bytes, 4, 4).unwrap();
    packet.annotations.port = random.random_u32() % 4;
    packet
}

/// Runs one instance on many packets, at other addresses each time.
fn runs(image: &Image) -> impl Iterator<Item = Result<Outcome, Fault>> {
    let maps = Maps::new(image.maps(), [5, 6]).unwrap();
    let mut instance = Instance::new(image, maps).unwrap();
    (0..PACKETS).map(move |seed| {
        let mut environment = DeterministicEnvironment::new(seed);
        instance.set_address_seed(seed);
        let mut packet = packet(&mut environment);
        instance.run(&mut packet, &mut environment, FUEL)
    })
}

#[test]
fn safe_programs_never_fault_and_return_what_their_kind_may() {
    for name in [
        "accept/drop",
        "accept/pass",
        "accept/rate-limiter",
        "accept/round-robin",
        "accept/strip-ether-vlan-header",
        "accept/target-port",
        "corpus/01_pass",
        "corpus/02_port_drop_ok",
        "corpus/05_rederive_after_realloc",
        "corpus/07_bounded_var_loop",
        "corpus/18_helpers_ok",
        "corpus/21_div_guarded",
        "corpus/22_global_rodata",
        "corpus/26_many_stack",
    ] {
        let image = image(name);
        for result in runs(&image) {
            let outcome = result.unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert!(image.kind().returns().contains(&outcome.value), "{name}");
        }
    }
}

#[test]
fn unsafe_programs_are_found_out() {
    for (name, code) in [
        ("reject/map-value-out-of-bounds", "BPF-R001"),
        ("reject/missing-bounds-check", "BPF-R001"),
        ("reject/stale-packet-pointer", "BPF-R001"),
        ("reject/uninitialised-key", "BPF-R002"),
        ("corpus/03_missing_bounds", "BPF-R001"),
        ("corpus/04_stale_after_realloc", "BPF-R001"),
        ("corpus/06_infinite_loop", "BPF-R003"),
        ("corpus/10_map_value_oob", "BPF-R001"),
        ("corpus/11_stale_spilled", "BPF-R001"),
        ("corpus/12_stale_across_subprog", "BPF-R001"),
        ("corpus/13_write_ctx_data", "BPF-R001"),
        ("corpus/17_ctx_oob", "BPF-R001"),
        ("corpus/20_uninit_stack_key", "BPF-R002"),
        // What a verifier accepted.
        ("unsound/byte-swap", "BPF-R001"),
        ("unsound/null-arithmetic", "BPF-R001"),
        ("unsound/store-immediate", "BPF-R001"),
    ] {
        let fault = runs(&image(name)).find_map(Result::err);
        let fault = fault.unwrap_or_else(|| panic!("{name} is not found out"));
        assert_eq!(fault.code().id, code, "{name}: {fault}");
    }
}

#[test]
fn a_helper_that_the_platform_does_not_have_is_refused_before_the_first_packet() {
    let image = image("corpus/19_unknown_helper");
    let result = Instance::new(&image, Maps::default());
    assert!(matches!(
        result,
        Err(LoadError::UnknownHelper { id: 25, .. })
    ));
}
