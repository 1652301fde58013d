//! The interpreter against machine code.

use bpf_jit::{Options, Program};
use bpf_object::Image;
use bpf_runtime::{DeterministicEnvironment, Fault, Instance, Maps, Outcome, Packet};
use code_memory::ProcessMemory;

use crate::programs::{accepted, image};

/// Fuel of a run; what the checker accepts is not stopped by it.
const FUEL: u64 = 1_000_000;

/// Packets on which each program is run.
const PACKETS: [usize; 4] = [0, 13, 64, 100];

/// A program that the checker accepts ends with the same value and packet as machine code as in the
/// interpreter, with the program's constants blinded and not.
///
/// Programs may compute with addresses, which are not the same for both. Where two layouts of
/// addresses in the interpreter give different results, nothing is compared.
pub fn jit_diff(bytes: &[u8]) {
    let Some((image, seed)) = image(bytes) else {
        return;
    };
    if accepted(&image).is_none() {
        return;
    }
    let expected = interpreted(&image, 1);
    if expected != interpreted(&image, seed | 2) || expected != interpreted(&image, !seed) {
        return;
    }
    for blinding in [None, Some(seed)] {
        let options = Options {
            blinding,
            ..Options::default()
        };
        let found = compiled(&image, &options);
        for (expected, found) in expected.iter().zip(&found) {
            let expected = expected.as_ref().expect("accepted, and stopped");
            let (value, packet) = found
                .as_ref()
                .unwrap_or_else(|fault| panic!("machine code stops: {fault}\n{}", image.listing()));
            assert_eq!(expected.0.value, *value, "r0 of\n{}", image.listing());
            assert!(expected.1 == *packet, "the packet of\n{}", image.listing());
        }
    }
}

fn packets() -> impl Iterator<Item = Packet> {
    PACKETS.iter().map(|length| {
        let bytes: Vec<u8> = (0..=255).cycle().take(*length).collect();
        Packet::new(&bytes).expect("a packet that fits")
    })
}

fn interpreted(image: &Image, addresses: u64) -> Vec<Result<(Outcome, Packet), Fault>> {
    let maps = Maps::new(image.maps(), [1, 2]).expect("maps that fit");
    let mut instance = Instance::new(image, maps).expect("helpers that exist");
    let mut environment = DeterministicEnvironment::new(1);
    instance.set_address_seed(addresses);
    packets()
        .map(|mut packet| {
            let outcome = instance.run(&mut packet, &mut environment, FUEL)?;
            Ok((outcome, packet))
        })
        .collect()
}

fn compiled(image: &Image, options: &Options<'_>) -> Vec<Result<(u64, Packet), Fault>> {
    let maps = Maps::new_in(image.maps(), [1, 2], &mut ProcessMemory).expect("maps that fit");
    let mut environment = DeterministicEnvironment::new(1);
    // SAFETY: the checker proved that the program accesses nothing but what it may.
    let program = unsafe { Program::unverified(image, options, maps, &mut ProcessMemory) };
    let mut program = program.expect("what is accepted can be compiled");
    packets()
        .map(|mut packet| {
            let returned = program.run(&mut packet, &mut environment, FUEL)?;
            Ok((returned.value, packet))
        })
        .collect()
}
