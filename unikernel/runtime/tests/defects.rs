//! Defects found in other eBPF runtimes, each of which breaks what a verifier proves. The same
//! programs are right here.
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

use bpf_object::{Function, Image, ImageError, ImageParts, LineTable, RawInsn};
use bpf_runtime::{DeterministicEnvironment, FaultCause, Packet};
use common::*;
use platform_click::{MapKind, ProgramKind};

/// A 32-bit move that keeps the upper half gives an attacker a pointer offset of his choice.
#[test]
fn a_32_bit_move_clears_the_upper_half() {
    let program = Program::new(program![mov(R1, -1), insn(0xbc, R0, R1, 0, 0), exit()]);
    assert_eq!(program.value(), 0xffff_ffff);
}

#[test]
fn a_callee_does_not_share_its_callers_frame() {
    let program = Program::new(program![
        store64_imm(R10, -8, 7),
        call(2),
        load64(R0, R10, -8),
        exit(),
        store64_imm(R10, -8, 9),
        exit(),
    ]);
    assert_eq!(program.value(), 7);
}

#[test]
fn a_conversion_to_little_endian_truncates() {
    for (bits, want) in [(16, 0xffff), (32, 0xffff_ffff), (64, u64::MAX)] {
        let program = Program::new(program![mov(R0, -1), insn(0xd4, R0, 0, 0, bits), exit()]);
        assert_eq!(program.value(), want, "le{bits}");
    }
}

#[test]
fn a_32_bit_modulo_by_zero_clears_the_upper_half() {
    let program = Program::new(program![
        mov(R0, -1),
        mov(R1, 0),
        insn(0x9c, R0, R1, 0, 0),
        exit()
    ]);
    assert_eq!(program.value(), 0xffff_ffff);
}

#[test]
fn a_64_bit_comparison_extends_the_sign_of_its_immediate() {
    let program = Program::new(program![
        mov(R1, -1),
        mov(R0, 1),
        insn(0x15, R1, 0, 1, -1),
        mov(R0, 0),
        exit()
    ]);
    assert_eq!(program.value(), 1);
}

/// The offset field tells signed division and extending moves from the plain ones.
#[test]
fn signed_division_and_extending_moves_are_not_taken_for_plain_ones() {
    for (name, op, want) in [
        ("sdiv", insn(0x37, R0, 0, 1, 2), -3_i64 as u64),
        ("smod", insn(0x97, R0, 0, 1, 4), -3_i64 as u64),
        ("movsx8", insn(0xbf, R0, R1, 8, 0), -128_i64 as u64),
        ("movsx16", insn(0xbf, R0, R1, 16, 0), 0x7f80),
        ("movsx32", insn(0xbf, R0, R1, 32, 0), 0x7f80),
    ] {
        let program = Program::new(program![mov(R0, -7), mov(R1, 0x7f80), op, exit()]);
        assert_eq!(program.value(), want, "{name}");
    }
}

#[test]
fn an_access_may_not_begin_inside_and_end_outside() {
    let load_at =
        |off| Program::new(program![load64(R1, R1, 0), load64(R0, R1, off), exit()]).run(&[1; 32]);
    assert!(load_at(24).is_ok());
    for off in [25, 31, 32, -1, -8] {
        let cause = load_at(off).unwrap_err().cause;
        assert!(matches!(cause, FaultCause::OutOfBounds { .. }), "{off}");
    }
}

fn image(code: Vec<RawInsn>, starts: &[u32]) -> Result<Image, ImageError> {
    let function = |start: &u32| Function {
        name: format!("f{start}"),
        start: *start,
    };
    Image::new(ImageParts {
        kind: ProgramKind::Filter,
        code,
        functions: starts.iter().map(function).collect(),
        maps: Vec::new(),
        data: Vec::new(),
        lines: LineTable::default(),
    })
}

#[test]
fn a_program_may_not_end_in_a_conditional_jump() {
    let code = program![mov(R0, 0), insn(0x15, R0, 0, -2, 0)];
    assert_eq!(image(code, &[0]), Err(ImageError::FallsOff { slot: 1 }));
}

#[test]
fn a_call_may_not_lead_into_a_wide_load() {
    let code = program![call(2), exit(), wide(R0, 0), exit()];
    assert!(image(code.clone(), &[0, 2]).is_err());
    assert!(image(code, &[0, 3]).is_err());
}

#[test]
fn a_jump_beyond_the_range_of_16_bits_arrives() {
    let mut code = program![mov(R0, 1), insn(0x06, 0, 0, 0, 40_000)];
    code.extend([mov(R0, 2); 40_000]);
    code.push(exit());
    let outcome = Program::new(code).run(&[]).unwrap();
    assert_eq!((outcome.value, outcome.instructions), (1, 3));
}

/// Lookup gives a pointer that the program can load from and store to.
#[test]
fn values_of_maps_are_memory() {
    let program = Program::new(program![
        store32_imm(R10, -4, 0),
        map(R1, 0),
        mov_reg(R2, R10),
        add(R2, -4),
        helper(1),
        insn(0x55, R0, 0, 1, 0),
        exit(),
        load64(R1, R0, 0),
        add(R1, 1),
        store64(R0, 0, R1),
        mov_reg(R0, R1),
        exit(),
    ])
    .map("count", MapKind::Array, 4, 8, 1);
    let mut instance = program.instance();
    let mut environment = DeterministicEnvironment::new(0);
    for run in 1..=3 {
        let outcome = instance
            .run(&mut Packet::empty(), &mut environment, FUEL)
            .unwrap();
        assert_eq!(outcome.value, run);
    }
    let count = instance.maps().by_name("count").unwrap();
    assert_eq!(count.lookup(&[0; 4]), Ok(&3_u64.to_le_bytes()[..]));
}

#[test]
fn a_loop_without_end_is_stopped() {
    let program = Program::new(program![mov(R0, 0), insn(0x15, R0, 0, -1, 0), exit()]);
    assert_eq!(program.cause(), FaultCause::OutOfFuel { fuel: FUEL });
}
