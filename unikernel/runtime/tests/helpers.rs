//! The helpers, called by programs.
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

use bpf_object::RawInsn;
use bpf_runtime::{DeterministicEnvironment, Outcome, Packet};
use common::*;
use platform_click::{HelperId, MapKind, limits};

fn errno(number: i64) -> u64 {
    (-number) as u64
}

/// Each helper that the platform has can be called.
#[test]
fn every_helper_is_implemented() {
    for id in HelperId::ALL {
        let program = Program::new(program![
            store64_imm(R10, -8, 0),
            store64_imm(R10, -16, 0),
            mov_reg(R1, R10),
            add(R1, -8),
            mov_reg(R2, R10),
            add(R2, -8),
            mov_reg(R3, R10),
            add(R3, -16),
            mov(R4, 0),
            mov(R5, 0),
            map(R6, 0),
            insn(0x15, R6, 0, 0, 0),
            prepare(*id),
            helper(id.spec().id as i32),
            mov(R0, 0),
            exit(),
        ])
        .map("m", MapKind::Hash, 4, 8, 4);
        assert_eq!(program.value(), 0, "{id:?}");
    }
}

/// `r1` is the map for helpers that take one; the size of a format is a number.
fn prepare(id: HelperId) -> RawInsn {
    match id {
        HelperId::MapLookupElem | HelperId::MapUpdateElem | HelperId::MapDeleteElem => {
            mov_reg(R1, R6)
        }
        HelperId::TracePrintk => mov(R2, 8),
        HelperId::KtimeGetNs | HelperId::GetPrandomU32 | HelperId::PacketAddSpace => mov(R0, 0),
    }
}

/// Calls map helper `id` with a key of 4 and a value of 8 bytes, and flags.
fn map_call(id: i32, key: i32, value: i32, flags: i32) -> Vec<RawInsn> {
    program![
        store32_imm(R10, -4, key),
        store64_imm(R10, -16, value),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        mov_reg(R3, R10),
        add(R3, -16),
        mov(R4, flags),
        helper(id),
    ]
}

#[test]
fn map_helpers_return_what_linux_returns() {
    for (kind, id, key, flags, want) in [
        (MapKind::Hash, 2, 9, 0, 0),
        (MapKind::Hash, 2, 9, 2, errno(2)),
        (MapKind::Hash, 2, 9, 8, errno(22)),
        (MapKind::Hash, 3, 9, 0, errno(2)),
        (MapKind::Hash, 1, 9, 0, 0),
        (MapKind::Array, 2, 1, 0, 0),
        (MapKind::Array, 2, 1, 1, errno(17)),
        (MapKind::Array, 2, 2, 0, errno(7)),
        (MapKind::Array, 3, 1, 0, errno(22)),
        (MapKind::Array, 1, 2, 0, 0),
    ] {
        let mut code = map_call(id, key, 5, flags);
        code.push(exit());
        let program = Program::new(code).map("m", kind, 4, 8, 2);
        assert_eq!(program.value(), want, "{kind} {id} {key} {flags}");
    }
}

#[test]
fn a_value_is_found_where_it_was_put_and_not_after_it_was_deleted() {
    for (steps, want) in [
        (vec![(2, 7, 5)], 5),
        (vec![(2, 7, 5), (2, 8, 6), (2, 7, 4)], 4),
        (vec![(2, 7, 5), (3, 7, 0)], 0),
    ] {
        let mut code = Vec::new();
        for (id, key, value) in steps {
            code.extend(map_call(id, key, value, 0));
        }
        code.extend(map_call(1, 7, 0, 0));
        code.extend(program![
            insn(0x55, R0, 0, 1, 0),
            exit(),
            load64(R0, R0, 0),
            exit()
        ]);
        assert_eq!(
            Program::new(code).map("m", MapKind::Hash, 4, 8, 2).value(),
            want
        );
    }
}

/// Key and value may lie in the value that is replaced.
#[test]
fn arguments_may_lie_in_the_map_itself() {
    let mut code = map_call(2, 7, 5, 0);
    code.extend(map_call(1, 7, 0, 0));
    code.extend(program![
        insn(0x55, R0, 0, 1, 0),
        exit(),
        mov_reg(R6, R0),
        map(R1, 0),
        mov_reg(R2, R6),
        mov_reg(R3, R6),
        mov(R4, 0),
        helper(2),
        load64(R0, R6, 0),
        exit(),
    ]);
    let program = Program::new(code).map("m", MapKind::Hash, 4, 8, 2);
    let mut instance = program.instance();
    let outcome = instance.run(
        &mut Packet::empty(),
        &mut DeterministicEnvironment::new(0),
        FUEL,
    );
    assert_eq!(outcome.unwrap().value, 5);
    let map = instance.maps().get(0).unwrap();
    assert_eq!(
        map.lookup(&5_u32.to_le_bytes()),
        Ok(&5_u64.to_le_bytes()[..])
    );
}

#[test]
fn clock_and_random_numbers_come_from_the_environment() {
    let twice = |id| {
        Program::new(program![
            helper(id),
            mov_reg(R6, R0),
            helper(id),
            insn(0x1f, R0, R6, 0, 0),
            exit()
        ])
    };
    assert_eq!(twice(5).value(), 1_000);
    let random = Program::new(program![helper(7), exit()]);
    let value = random.value();
    assert!(value <= u64::from(u32::MAX));
    assert_eq!(random.value(), value);
}

/// Prints the text in data section 0 with the arguments -2, 3 and 0x40.
fn trace(format: &[u8], size: i32) -> (u64, Vec<String>) {
    let program = Program::new(program![
        data(R1, 0, 0),
        mov(R2, size),
        mov(R3, -2),
        mov(R4, 3),
        mov(R5, 0x40),
        helper(6),
        exit(),
    ])
    .data(".rodata", format, false);
    let mut environment = DeterministicEnvironment::new(0);
    let outcome = program
        .instance()
        .run(&mut Packet::empty(), &mut environment, FUEL)
        .unwrap();
    (outcome.value, environment.traced().to_vec())
}

#[test]
fn a_trace_goes_to_the_environment() {
    assert_eq!(
        trace(b"a %d %llu %x\n\0", 14),
        (10, vec!["a -2 3 40\n".into()])
    );
    // Not ended within its size, and a directive that is not allowed.
    assert_eq!(trace(b"a %d %llu %x\n\0", 13), (errno(22), vec![]));
    assert_eq!(trace(b"%s\0", 3), (errno(22), vec![]));
    let mut long = vec![b'a'; 1025];
    long[1023] = 0;
    assert_eq!(trace(&long, 1024).0, 1023);
    assert_eq!(trace(&long, 1025).0, errno(22));
}

fn add_space(packet: &mut Packet, head: i32, tail: i32) -> Outcome {
    Program::new(program![mov(R1, head), mov(R2, tail), helper(60), exit()])
        .instance()
        .run(packet, &mut DeterministicEnvironment::new(0), FUEL)
        .unwrap()
}

#[test]
fn add_space_changes_the_packet_or_nothing() {
    for (head, tail, want) in [
        (2, 1, Some(&[0, 0, 1, 2, 3, 0][..])),
        (-1, -1, Some(&[2])),
        (-1, 2, Some(&[2, 3, 0, 0])),
        (0, 0, Some(&[1, 2, 3])),
        (-3, 0, Some(&[])),
        (-4, 0, None),
        (-2, -2, None),
        (257, 0, None),
        (0, -257, None),
    ] {
        let mut packet = Packet::new(&[1, 2, 3]).unwrap();
        let value = add_space(&mut packet, head, tail).value;
        match want {
            Some(bytes) => assert_eq!((value, packet.bytes()), (0, bytes), "{head} {tail}"),
            None => assert_eq!(
                (value, packet.bytes()),
                (errno(22), &[1, 2, 3][..]),
                "{head} {tail}"
            ),
        }
    }
}

#[test]
fn add_space_keeps_packets_below_the_bound_of_verifiers() {
    let mut packet = Packet::new(&vec![0; limits::MAX_PACKET_SIZE - 256]).unwrap();
    assert_eq!(add_space(&mut packet, 256, 0).value, 0);
    assert_eq!(add_space(&mut packet, 0, 1).value, errno(22));
    assert_eq!(packet.len(), limits::MAX_PACKET_SIZE);
}

/// The bounds that a program compares with are those of the packet as it is now.
#[test]
fn the_context_follows_the_packet() {
    let program = Program::new(program![
        mov_reg(R6, R1),
        mov(R1, 14),
        mov(R2, -1),
        helper(60),
        load64(R1, R6, 0),
        load64(R0, R6, 8),
        store8_imm(R1, 13, 0x11),
        insn(0x1f, R0, R1, 0, 0),
        exit(),
    ]);
    let mut packet = Packet::with_room(&[7; 10], 0, 0).unwrap();
    let outcome = program
        .instance()
        .run(&mut packet, &mut DeterministicEnvironment::new(0), FUEL);
    assert_eq!(outcome.unwrap().value, 23);
    assert_eq!(&packet.bytes()[12..15], [0, 0x11, 7]);
}
