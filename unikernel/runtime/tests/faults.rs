//! Each kind of fault, and what is not one.
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
use bpf_runtime::{
    Access, DeterministicEnvironment, Fault, FaultCause, Instance, LoadError, Maps, Packet, Region,
};
use common::*;
use platform_click::{ExitCode, MapKind, ProgramKind};

/// `r0` points to the value of key 0 in map 0, or the program ends.
fn lookup() -> Vec<RawInsn> {
    program![
        store32_imm(R10, -4, 0),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        helper(1),
        insn(0x55, R0, 0, 1, 0),
        exit(),
    ]
}

fn behind_lookup(rest: Vec<RawInsn>) -> Vec<RawInsn> {
    let mut code = lookup();
    code.extend(rest);
    code
}

fn array(code: Vec<RawInsn>) -> Program {
    Program::new(code).map("values", MapKind::Array, 4, 6, 3)
}

#[test]
fn fuel_counts_instructions() {
    let program = Program::new(program![mov(R0, 1), wide(R1, 2), exit()]);
    let run = |fuel| {
        program.instance().run(
            &mut Packet::empty(),
            &mut DeterministicEnvironment::new(0),
            fuel,
        )
    };
    assert_eq!(run(3).unwrap().instructions, 3);
    let fault = run(2).unwrap_err();
    assert_eq!(fault.slot, 3);
    assert_eq!(fault.cause, FaultCause::OutOfFuel { fuel: 2 });
    assert_eq!(fault.code().id, "BPF-R003");
    assert_eq!(run(0).unwrap_err().slot, 0);
}

#[test]
fn null_small_and_negative_addresses_are_unmapped() {
    for address in [0, 8, 0x18_0000, 1 << 32, u64::MAX - 7, 1 << 63] {
        let program = Program::new(program![wide(R1, address), load64(R0, R1, 0), exit()]);
        let fault = program.run(&[]).unwrap_err();
        let want = FaultCause::Unmapped {
            access: Access::Read,
            address,
            size: 8,
        };
        assert_eq!(
            fault,
            Fault {
                slot: 2,
                cause: want
            }
        );
        assert_eq!(
            (fault.code().id, fault.code().exit),
            ("BPF-R001", ExitCode::Undecided)
        );
    }
}

#[test]
fn a_fault_names_place_access_and_region() {
    let program = Program::new(program![load64(R1, R1, 0), store8_imm(R1, 3, 1), exit()]);
    let fault = program.run(&[0; 3]).unwrap_err();
    assert!(matches!(
        fault.cause,
        FaultCause::OutOfBounds {
            access: Access::Write,
            size: 1,
            region: Region::Packet,
            ..
        }
    ));
    let text = fault.to_string();
    assert!(text.starts_with("slot 1: write of 1 bytes at 0x"), "{text}");
    assert!(text.ends_with(", outside of the packet"), "{text}");
}

#[test]
fn an_uninitialised_register_may_be_copied_and_not_used() {
    let used = |rest: Vec<RawInsn>| Program::new(rest).cause();
    let r2 = FaultCause::UninitialisedRegister { register: Reg::R2 };
    for (name, code) in [
        (
            "operand",
            program![mov(R0, 0), insn(0x0f, R0, R2, 0, 0), exit()],
        ),
        ("result", program![add(R2, 1), exit()]),
        ("32-bit move", program![insn(0xbc, R0, R2, 0, 0), exit()]),
        ("extending move", program![insn(0xbf, R0, R2, 8, 0), exit()]),
        ("negation", program![insn(0x87, R2, 0, 0, 0), exit()]),
        ("swap", program![insn(0xdc, R2, 0, 0, 16), exit()]),
        ("branch", program![insn(0x15, R2, 0, 0, 0), exit()]),
        (
            "right of a branch",
            program![mov(R0, 0), insn(0x1d, R0, R2, 0, 0), exit()],
        ),
        ("base of a load", program![load8(R0, R2, 0), exit()]),
        ("base of a store", program![store8_imm(R2, 0, 0), exit()]),
        (
            "stored in the packet",
            program![load64(R1, R1, 0), store64(R1, 0, R2), exit()],
        ),
        (
            "atomic operand",
            program![store64_imm(R10, -8, 0), insn(0xdb, R10, R2, -8, 0), exit()],
        ),
        ("helper", program![mov(R1, 0), helper(60), exit()]),
        ("with itself", program![insn(0xaf, R2, R2, 0, 0), exit()]),
    ] {
        let cause = if name == "stored in the packet" {
            Program::new(code).run(&[0; 8]).unwrap_err().cause
        } else {
            used(code)
        };
        assert_eq!(cause, r2, "{name}");
    }
    let copied = Program::new(program![
        mov_reg(R3, R2),
        store64(R10, -8, R3),
        load64(R4, R10, -8),
        mov(R0, 5),
        exit()
    ]);
    assert_eq!(copied.value(), 5);
    assert_eq!(
        used(program![exit()]),
        FaultCause::UninitialisedRegister { register: Reg::R0 }
    );
}

#[test]
fn bytes_of_the_stack_are_undefined_until_they_are_written() {
    // Seven of eight bytes.
    let partly = |last: RawInsn| {
        Program::new(program![
            store32_imm(R10, -8, 0),
            insn(0x6a, R10, 0, -4, 0),
            store8_imm(R10, -2, 0),
            last,
            load64(R1, R10, -8),
            mov_reg(R0, R1),
            exit()
        ])
    };
    assert_eq!(
        partly(mov(R0, 0)).cause(),
        FaultCause::UninitialisedRegister { register: Reg::R0 }
    );
    assert_eq!(partly(store8_imm(R10, -1, 1)).value(), 1 << 56);
    // A defined byte becomes undefined when an undefined register is copied over it.
    let overwritten = Program::new(program![
        store64_imm(R10, -8, 0),
        store64(R10, -8, R2),
        load8(R0, R10, -1),
        exit()
    ]);
    assert_eq!(
        overwritten.cause(),
        FaultCause::UninitialisedRegister { register: Reg::R0 }
    );
    let atomic = Program::new(program![mov(R0, 1), insn(0xdb, R10, R0, -8, 0), exit()]);
    assert!(matches!(
        atomic.cause(),
        FaultCause::UninitialisedStack { size: 8, .. }
    ));
}

#[test]
fn nothing_of_a_run_is_left_for_the_next() {
    let program = Program::new(program![
        load64(R2, R1, 0),
        load64(R3, R1, 8),
        mov(R0, 0),
        insn(0x1d, R2, R3, 1, 0),
        store64_imm(R10, -8, 1),
        load64(R0, R10, -8),
        exit()
    ]);
    let mut instance = program.instance();
    let mut environment = DeterministicEnvironment::new(0);
    let mut run =
        |bytes: &[u8]| instance.run(&mut Packet::new(bytes).unwrap(), &mut environment, FUEL);
    assert_eq!(run(&[1]).unwrap().value, 1);
    assert_eq!(run(&[]).unwrap_err().code().id, "BPF-R002");
}

#[test]
fn a_pointer_into_the_packet_is_stale_after_it_may_have_moved() {
    for (name, head, value) in [("moved", 4, 0), ("refused", 1000, -22_i64 as u64)] {
        let program = |last: RawInsn| {
            Program::new(program![
                mov_reg(R6, R1),
                load64(R7, R1, 0),
                mov(R1, head),
                mov(R2, 0),
                helper(60),
                mov_reg(R1, R0),
                last,
                load8(R2, R7, 0),
                mov_reg(R0, R1),
                exit(),
            ])
        };
        assert!(
            matches!(
                program(mov(R0, 0)).run(&[9; 4]).unwrap_err().cause,
                FaultCause::Stale {
                    region: Region::Packet,
                    access: Access::Read,
                    size: 1,
                    ..
                }
            ),
            "{name}"
        );
        // Reloaded from the context, it is good.
        let outcome = program(load64(R7, R6, 0)).run(&[9; 4]).unwrap();
        assert_eq!(outcome.value, value, "{name}");
    }
}

#[test]
fn a_pointer_into_the_packet_is_stale_in_the_next_run() {
    // Loads through what the run before kept in a map, and keeps `data` there.
    let keep = Program::new(program![
        mov_reg(R6, R1),
        store32_imm(R10, -4, 0),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        helper(1),
        insn(0x55, R0, 0, 1, 0),
        exit(),
        load64(R7, R0, 0),
        load64(R1, R6, 0),
        store64(R0, 0, R1),
        mov(R0, 0),
        insn(0x15, R7, 0, 1, 0),
        load8(R0, R7, 0),
        exit(),
    ])
    .map("kept", MapKind::Array, 4, 8, 1);
    let mut instance = keep.instance();
    let mut environment = DeterministicEnvironment::new(0);
    let mut packet = Packet::new(&[1]).unwrap();
    assert!(instance.run(&mut packet, &mut environment, FUEL).is_ok());
    let fault = instance
        .run(&mut packet, &mut environment, FUEL)
        .unwrap_err();
    assert!(matches!(fault.cause, FaultCause::Stale { .. }), "{fault}");
}

#[test]
fn a_value_of_a_map_has_bounds_of_its_own() {
    // Values of 6 bytes lie 8 apart; neither the padding nor the neighbour is in reach.
    for off in [-8, -1, 5, 6, 8, 16] {
        let program = array(behind_lookup(program![insn(0x69, R0, R0, off, 0), exit()]));
        assert!(
            matches!(
                program.cause(),
                FaultCause::OutOfBounds {
                    region: Region::MapValue { map: 0 },
                    size: 2,
                    ..
                }
            ),
            "{off}"
        );
    }
    let inside = array(behind_lookup(program![insn(0x69, R0, R0, 4, 0), exit()]));
    assert_eq!(inside.value(), 0);
}

#[test]
fn a_value_that_was_deleted_in_an_earlier_run_is_stale() {
    // The first program returns the address of a value, the second loads through it.
    let program = Program::new(behind_lookup(program![mov_reg(R0, R0), exit()])).map(
        "table",
        MapKind::Hash,
        4,
        8,
        4,
    );
    let mut instance = program.instance();
    let mut environment = DeterministicEnvironment::new(0);
    let table = instance.maps_mut().by_name_mut("table").unwrap();
    table.update(&[0; 4], &[7; 8], 0).unwrap();
    let address = instance
        .run(&mut Packet::empty(), &mut environment, FUEL)
        .unwrap()
        .value;
    let through = Program::new(program![
        wide(R1, address),
        map(R2, 0),
        load64(R0, R1, 0),
        exit()
    ])
    .map("table", MapKind::Hash, 4, 8, 4);
    let mut reader = through.instance();
    reader.adopt_maps(&mut instance).unwrap();
    let run = |reader: &mut Instance| {
        let mut environment = DeterministicEnvironment::new(0);
        reader.run(&mut Packet::empty(), &mut environment, FUEL)
    };
    assert_eq!(run(&mut reader).unwrap().value, 0x0707_0707_0707_0707);
    let table = reader.maps_mut().by_name_mut("table").unwrap();
    table.delete(&[0; 4]).unwrap();
    let fault = run(&mut reader).unwrap_err();
    assert!(
        matches!(
            fault.cause,
            FaultCause::Stale {
                region: Region::MapValue { map: 0 },
                ..
            }
        ),
        "{fault}"
    );
}

#[test]
fn only_the_runtime_writes_the_packet_pointers_of_the_context() {
    for (off, opcode) in [(0, 0x7a), (8, 0x7a), (15, 0x72), (12, 0x7a), (0, 0x72)] {
        let program = Program::new(program![insn(opcode, R1, 0, off, 0), mov(R0, 0), exit()]);
        assert!(
            matches!(program.cause(), FaultCause::ReadOnly { .. }),
            "{off}"
        );
    }
    let atomic = Program::new(program![mov(R0, 1), insn(0xdb, R1, R0, 0, 0), exit()]);
    assert!(matches!(
        atomic.cause(),
        FaultCause::ReadOnly { size: 8, .. }
    ));
    // The others can be written, to the last byte and not beyond.
    for off in [16, 20, 24, 32] {
        let program = Program::new(program![store32_imm(R1, off, 0), mov(R0, 0), exit()]);
        assert_eq!(program.value(), 0, "{off}");
    }
    let beyond = Program::new(program![store64_imm(R1, 33, 0), mov(R0, 0), exit()]);
    assert!(matches!(
        beyond.cause(),
        FaultCause::OutOfBounds {
            region: Region::Context,
            ..
        }
    ));
}

#[test]
fn each_instance_has_its_own_writable_data() {
    let program = Program::new(program![
        data(R1, 0, 1),
        load8(R0, R1, 0),
        store8_imm(R1, 0, 9),
        exit()
    ])
    .data(".rodata", &[1, 2, 3], false);
    let mut instance = program.instance();
    let mut environment = DeterministicEnvironment::new(0);
    for want in [2, 9] {
        let outcome = instance.run(&mut Packet::empty(), &mut environment, FUEL);
        assert_eq!(outcome.unwrap().value, want);
    }
    assert_eq!(instance.data(0), Some(&[1, 9, 3][..]));
    assert_eq!(program.value(), 2);
    for off in [-2, 2] {
        let outside = Program::new(program![data(R1, 0, 1), load8(R0, R1, off), exit()]).data(
            ".rodata",
            &[1, 2, 3],
            false,
        );
        assert!(matches!(
            outside.cause(),
            FaultCause::OutOfBounds {
                region: Region::Data { section: 0 },
                ..
            }
        ));
    }
}

#[test]
fn a_map_is_not_memory_and_memory_is_not_a_map() {
    let memory = array(program![map(R1, 0), load8(R0, R1, 0), exit()]);
    assert!(matches!(
        memory.cause(),
        FaultCause::OutOfBounds {
            region: Region::Map { map: 0 },
            ..
        }
    ));
    for pointer in [
        program![mov_reg(R1, R10)],
        program![mov(R1, 0)],
        program![map(R1, 0), add(R1, 1)],
    ] {
        let mut code = pointer;
        code.extend(program![
            store32_imm(R10, -4, 0),
            mov_reg(R2, R10),
            add(R2, -4),
            helper(1),
            exit()
        ]);
        let fault = array(code).run(&[]).unwrap_err();
        assert!(matches!(fault.cause, FaultCause::NotAMap { .. }));
        assert_eq!(fault.code().id, "BPF-R005");
    }
}

#[test]
fn a_helper_checks_the_memory_it_is_given() {
    let key_at = |setup: Vec<RawInsn>| {
        let mut code = setup;
        code.extend(program![map(R1, 0), helper(1), mov(R0, 0), exit()]);
        array(code)
    };
    assert!(matches!(
        key_at(program![mov(R2, 0)]).cause(),
        FaultCause::Unmapped { size: 4, .. }
    ));
    assert!(matches!(
        key_at(program![mov_reg(R2, R10), add(R2, -3)]).cause(),
        FaultCause::OutOfBounds {
            region: Region::Stack,
            ..
        }
    ));
    assert!(matches!(
        key_at(program![mov_reg(R2, R10), add(R2, -4)]).cause(),
        FaultCause::UninitialisedStack { size: 4, .. }
    ));
    for size in [0, -1] {
        let program = Program::new(program![
            mov_reg(R1, R10),
            mov(R2, size),
            mov(R3, 0),
            mov(R4, 0),
            mov(R5, 0),
            helper(6),
            exit()
        ]);
        let size = i64::from(size).cast_unsigned();
        assert_eq!(program.cause(), FaultCause::MemorySize { size });
    }
}

#[test]
fn a_fault_leaves_the_annotations_alone() {
    let program = Program::new(program![
        store32_imm(R1, 20, 7),
        store64_imm(R1, 32, 8),
        load8(R0, R0, 0),
        exit()
    ]);
    let mut packet = Packet::empty();
    packet.annotations.mark = 1;
    let before = packet.annotations;
    let mut environment = DeterministicEnvironment::new(0);
    let result = program.instance().run(&mut packet, &mut environment, FUEL);
    assert!(result.is_err());
    assert_eq!(packet.annotations, before);
}

#[test]
fn the_context_shows_the_annotations_and_hands_two_of_them_back() {
    // Adds up what it sees, and writes every field it can.
    let program = Program::new(program![
        load32(R0, R1, 16),
        load32(R2, R1, 20),
        insn(0x0f, R0, R2, 0, 0),
        load64(R2, R1, 24),
        insn(0x0f, R0, R2, 0, 0),
        load64(R2, R1, 32),
        insn(0x0f, R0, R2, 0, 0),
        store32_imm(R1, 16, 91),
        store32_imm(R1, 20, 92),
        store64_imm(R1, 24, 93),
        store64_imm(R1, 32, 94),
        exit(),
    ]);
    let mut packet = Packet::empty();
    packet.annotations.port = 1;
    packet.annotations.mark = 20;
    packet.annotations.rx_time_ns = 300;
    packet.annotations.delay_ns = 4000;
    let mut environment = DeterministicEnvironment::new(0);
    let outcome = program.instance().run(&mut packet, &mut environment, FUEL);
    assert_eq!(outcome.unwrap().value, 4321);
    let got = packet.annotations;
    assert_eq!(
        (got.port, got.mark, got.rx_time_ns, got.delay_ns),
        (1, 92, 300, 94)
    );
}

#[test]
fn an_instance_refuses_helpers_and_maps_that_do_not_fit() {
    let load = |kind, code: Vec<RawInsn>| {
        let mut program = Program::new(code);
        program.kind = kind;
        Instance::new(&program.image(), Maps::default()).map(|_| ())
    };
    assert_eq!(
        load(ProgramKind::Filter, program![helper(25), exit()]),
        Err(LoadError::UnknownHelper { slot: 0, id: 25 })
    );
    let add_space = program![mov(R0, 0), helper(60), exit()];
    assert_eq!(load(ProgramKind::Rewriter, add_space.clone()), Ok(()));
    let error = load(ProgramKind::Classifier, add_space).unwrap_err();
    assert_eq!(
        error.to_string(),
        "slot 1: a classifier may not call bpf_packet_add_space"
    );
    assert_eq!(error.code().id, "BPF-R007");
    let image = array(lookup_and_exit()).image();
    let error = Instance::new(&image, Maps::default()).unwrap_err();
    assert_eq!(error.code().id, "BPF-R008");
}

fn lookup_and_exit() -> Vec<RawInsn> {
    behind_lookup(program![mov(R0, 0), exit()])
}

#[test]
fn addresses_depend_on_the_seed_and_behaviour_does_not() {
    let address = Program::new(program![mov_reg(R0, R10), exit()]);
    let behaviour = array(behind_lookup(program![load8(R0, R0, 0), exit()]));
    let run = |program: &Program, seed| {
        let mut instance = program.instance();
        instance.set_address_seed(seed);
        let mut environment = DeterministicEnvironment::new(0);
        instance
            .run(&mut Packet::empty(), &mut environment, FUEL)
            .unwrap()
    };
    let mut seen: Vec<u64> = (0..16).map(|seed| run(&address, seed).value).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 16);
    assert!((0..16).all(|seed| run(&behaviour, seed) == run(&behaviour, 0)));
}
