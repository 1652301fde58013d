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

use bpf_object::{RawInsn, Reg};
use bpf_runtime::{DeterministicEnvironment, Environment, FaultCause, Outcome, Packet};
use common::*;
use platform_click::{ArgKind, HelperId, MapKind, limits};

fn errno(number: i64) -> u64 {
    (-number) as u64
}

/// Each helper that the platform has can be called.
#[test]
fn every_helper_is_implemented() {
    for id in HelperId::ALL {
        let mut code = program![
            store64_imm(R10, -8, 0),
            store64_imm(R10, -16, 0),
            mov_reg(R6, R10),
            add(R6, -8),
        ];
        let registers = [R1, R2, R3, R4, R5];
        for (register, arg) in registers.into_iter().zip(id.spec().args) {
            code.extend(match arg.kind {
                ArgKind::Map => program![map(register, 0)],
                ArgKind::Queue => program![map(register, 1)],
                ArgKind::RingBuffer => program![map(register, 2)],
                ArgKind::MapKey
                | ArgKind::MapValue
                | ArgKind::MapValueOut
                | ArgKind::ReadableMemory
                | ArgKind::OptionalMemory => program![mov_reg(register, R6)],
                ArgKind::MemorySize | ArgKind::MemorySizeOrZero => program![mov(register, 8)],
                ArgKind::Scalar | ArgKind::Printed => program![mov(register, 0)],
            });
        }
        code.extend(program![helper(id.spec().id as i32), mov(R0, 0), exit()]);
        let program = Program::new(code)
            .map("m", MapKind::Hash, 4, 8, 4)
            .map("q", MapKind::Queue, 0, 8, 4)
            .map("r", MapKind::RingBuffer, 0, 0, 4096);
        assert_eq!(program.value(), 0, "{id:?}");
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

/// What a call does not print may be anything, and what it prints is a number.
#[test]
fn a_trace_takes_as_many_numbers_as_it_prints() {
    let print = |text: &[u8]| {
        Program::new(program![
            data(R1, 0, 0),
            mov(R2, text.len() as i32),
            mov(R3, 7),
            helper(6),
            exit(),
        ])
        .data(".rodata.str1.1", text, false)
        .run(&[])
    };
    assert_eq!(print(b"none\n\0").unwrap().value, 5);
    assert_eq!(print(b"%d\0").unwrap().value, 1);
    let cause = FaultCause::UninitialisedRegister {
        register: Reg::new(4).unwrap(),
    };
    assert_eq!(print(b"%d %d\0").unwrap_err().cause, cause);
}

/// A pointer is printed as the number that it is to the program, never what it points to.
#[test]
fn nothing_that_is_printed_is_dereferenced() {
    for text in [&b"%s\0"[..], b"%p\0", b"%pI4\0", b"%*d\0", b"%n\0"] {
        assert_eq!(trace(text, text.len() as i32), (errno(22), vec![]));
    }
}

/// Calls a helper of queues with the map, memory of 8 bytes on the stack, and flags; returns what it
/// returns, unless that is zero: then what is in the memory.
fn queue_call(id: i32, value: i32, flags: i32) -> Vec<RawInsn> {
    program![
        store64_imm(R10, -8, value),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -8),
        mov(R3, flags),
        helper(id),
    ]
}

#[test]
fn queue_helpers_return_what_linux_returns() {
    for (kind, calls, want) in [
        (MapKind::Queue, vec![(87, 1, 0)], 0),
        (MapKind::Queue, vec![(87, 1, 1)], errno(22)),
        (MapKind::Queue, vec![(87, 1, 3)], errno(22)),
        (MapKind::Queue, vec![(88, 9, 0)], errno(2)),
        (MapKind::Queue, vec![(89, 9, 0)], errno(2)),
        (MapKind::Stack, vec![(88, 9, 0)], errno(2)),
        (
            MapKind::Queue,
            vec![(87, 1, 0), (87, 2, 0), (87, 3, 0)],
            errno(7),
        ),
        (
            MapKind::Stack,
            vec![(87, 1, 0), (87, 2, 0), (87, 3, 0)],
            errno(7),
        ),
        (MapKind::Stack, vec![(87, 1, 0), (87, 2, 0), (87, 3, 2)], 0),
    ] {
        let mut code = Vec::new();
        for (id, value, flags) in &calls {
            code.extend(queue_call(*id, *value, *flags));
        }
        code.push(exit());
        let program = Program::new(code).map("q", kind, 0, 8, 2);
        assert_eq!(program.value(), want, "{kind} {calls:?}");
    }
}

#[test]
fn pop_and_peek_write_the_value_or_zeros() {
    for (kind, calls, want) in [
        (MapKind::Queue, vec![(87, 1, 0), (87, 2, 0), (88, 9, 0)], 1),
        (MapKind::Stack, vec![(87, 1, 0), (87, 2, 0), (88, 9, 0)], 2),
        (MapKind::Queue, vec![(87, 1, 0), (89, 9, 0), (88, 9, 0)], 1),
        (MapKind::Queue, vec![(87, 1, 0), (88, 9, 0), (88, 9, 0)], 0),
        (MapKind::Stack, vec![(89, 9, 0)], 0),
    ] {
        let mut code = Vec::new();
        for (id, value, flags) in &calls {
            code.extend(queue_call(*id, *value, *flags));
        }
        code.extend([load64(R0, R10, -8), exit()]);
        let program = Program::new(code).map("q", kind, 0, 8, 2);
        assert_eq!(program.value(), want, "{kind} {calls:?}");
    }
}

/// Verifiers take what pop writes for initialised, so it is written whatever happens.
#[test]
fn pop_initialises_its_memory() {
    let program = Program::new(program![
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -8),
        helper(88),
        load64(R0, R10, -8),
        exit(),
    ]);
    assert_eq!(program.map("q", MapKind::Queue, 0, 8, 2).value(), 0);
    let program = Program::new(program![map(R1, 0), mov(R2, 0), helper(88), exit()]);
    let cause = program.map("q", MapKind::Queue, 0, 8, 2).cause();
    assert!(matches!(cause, FaultCause::Unmapped { .. }), "{cause:?}");
}

/// Appends so many bytes of the stack to a ring buffer of 4096 bytes.
fn output(size: i32, flags: i32) -> Program {
    Program::new(program![
        store64_imm(R10, -8, 5),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -8),
        mov(R3, size),
        mov(R4, flags),
        helper(130),
        exit(),
    ])
    .map("r", MapKind::RingBuffer, 0, 0, 4096)
}

#[test]
fn records_come_to_the_control_plane() {
    for (size, flags, want) in [
        (8, 0, 0),
        (0, 0, 0),
        (3, 1, 0),
        (3, 2, 0),
        (3, 3, 0),
        (3, 4, errno(22)),
        (3, -1, errno(22)),
    ] {
        let mut instance = output(size, flags).instance();
        let mut environment = DeterministicEnvironment::new(0);
        let outcome = instance.run(&mut Packet::empty(), &mut environment, FUEL);
        assert_eq!(outcome.unwrap().value, want, "{size} {flags}");
        let record = instance.maps_mut().get_mut(0).unwrap().consume();
        let written = 5_u64.to_le_bytes()[..size as usize].to_vec();
        assert_eq!(record, (want == 0).then_some(written));
    }
    assert!(matches!(
        output(-1, 0).cause(),
        FaultCause::MemorySize { .. }
    ));
    assert!(matches!(
        output(9, 0).cause(),
        FaultCause::OutOfBounds { .. }
    ));
}

/// A record larger than the buffer never fits, wherever it comes from.
#[test]
fn a_record_that_never_fits_is_refused() {
    let program = |size: i32, flags: i32| {
        Program::new(program![
            load64(R2, R1, 0),
            map(R1, 0),
            mov(R3, size),
            mov(R4, flags),
            helper(130),
            exit(),
        ])
        .map("r", MapKind::RingBuffer, 0, 0, 4096)
    };
    let packet = vec![1; 5000];
    // 4096 bytes without the header, and one byte that stays free.
    for (size, flags, want) in [
        (4080, 0, 0),
        (4081, 0, errno(11)),
        (4096, 0, errno(11)),
        (5000, 0, errno(11)),
        (5000, 4, errno(22)),
    ] {
        let outcome = program(size, flags).run(&packet);
        assert_eq!(outcome.unwrap().value, want, "{size} {flags}");
    }
}

/// `bpf_csum_diff` of the data section's first and second 8 bytes, cut to these sizes.
fn csum_diff(data_bytes: &[u8; 16], from: i32, to: i32, seed: i32) -> u64 {
    let memory = |register, size, offset| match size {
        0 => program![mov(register, 0)],
        _ => program![data(register, 0, offset)],
    };
    let mut code = memory(R1, from, 0);
    code.extend(memory(R3, to, 8));
    code.extend(program![
        mov(R2, from),
        mov(R4, to),
        mov(R5, seed),
        helper(28),
        exit()
    ]);
    Program::new(code)
        .data(".rodata", data_bytes, false)
        .value()
}

/// What Linux 6.18 returned for the same arguments (see the test against the kernel).
#[test]
fn checksums_are_those_of_linux() {
    let bytes = *b"\x45\x00\x00\x54\xbe\xef\xff\xff\x0a\x00\x00\x01\x00\x00\x00\x00";
    for (from, to, seed, want) in [
        (0, 0, 0, 0),
        (0, 0, 0x12345, 0x2346),
        (0, 8, 0, 0x10a),
        (0, 4, 0xffff, 0x10a),
        (4, 0, 0, 0xabba),
        (4, 8, 7, 0xaccb),
        (8, 4, -1, 0xbd05),
        (8, 0, 0, 0xbbfb),
        (4, 0, -1, 0xabba),
        (8, 8, 0, 0xbd05),
        (0, 7, 0x7ead_beef, 0x3ea7),
        (0, 3, 0, 0x000a),
        (1, 2, 9, 0xffcd),
    ] {
        assert_eq!(
            csum_diff(&bytes, from, to, seed),
            want,
            "{from} {to} {seed}"
        );
    }
}

#[test]
fn null_has_no_bytes() {
    for (register, size) in [(R1, R2), (R3, R4)] {
        let program = Program::new(program![
            mov(R1, 0),
            mov(R2, 0),
            mov(R3, 0),
            mov(R4, 0),
            mov(R5, 0),
            mov(size, 4),
            helper(28),
            exit(),
        ]);
        let cause = program.cause();
        assert!(
            matches!(cause, FaultCause::Unmapped { address: 0, .. }),
            "{register} {cause:?}"
        );
    }
}

#[test]
fn there_is_one_cpu() {
    assert_eq!(Program::new(program![helper(8), exit()]).value(), 0);
}

/// Three clocks, which an environment may tell apart.
#[test]
fn every_clock_is_its_own() {
    struct Clocks;
    impl Environment for Clocks {
        fn clock_ns(&mut self) -> u64 {
            1
        }
        fn boot_ns(&mut self) -> u64 {
            2
        }
        fn tai_ns(&mut self) -> u64 {
            3
        }
        fn random_u32(&mut self) -> u32 {
            0
        }
        fn trace(&mut self, _: &str) {}
    }
    for (id, want) in [(5, 1), (125, 2), (208, 3)] {
        let mut instance = Program::new(program![helper(id), exit()]).instance();
        let outcome = instance.run(&mut Packet::empty(), &mut Clocks, FUEL);
        assert_eq!(outcome.unwrap().value, want);
    }
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
