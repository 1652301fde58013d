//! Jumps of RFC 9669, section 4.3: every condition, width and operand at edge values.
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
use common::*;

const EDGES: [u64; 10] = [
    0,
    1,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_8000_0000,
    u64::MAX,
];

/// Unsigned and signed operands, as mathematical numbers.
struct Operands {
    unsigned: (i128, i128),
    signed: (i128, i128),
}

fn operands(bits: u32, dst: u64, src: u64) -> Operands {
    let modulus = 1_i128 << bits;
    let unsigned = (i128::from(dst) % modulus, i128::from(src) % modulus);
    let signed = |value| {
        if value >= modulus / 2 {
            value - modulus
        } else {
            value
        }
    };
    Operands {
        unsigned,
        signed: (signed(unsigned.0), signed(unsigned.1)),
    }
}

type Row = (&'static str, u8, fn(Operands) -> bool);

const ROWS: [Row; 11] = [
    ("jeq", 0x10, |o| o.unsigned.0 == o.unsigned.1),
    ("jgt", 0x20, |o| o.unsigned.0 > o.unsigned.1),
    ("jge", 0x30, |o| o.unsigned.0 >= o.unsigned.1),
    ("jset", 0x40, |o| o.unsigned.0 & o.unsigned.1 != 0),
    ("jne", 0x50, |o| o.unsigned.0 != o.unsigned.1),
    ("jsgt", 0x60, |o| o.signed.0 > o.signed.1),
    ("jsge", 0x70, |o| o.signed.0 >= o.signed.1),
    ("jlt", 0xa0, |o| o.unsigned.0 < o.unsigned.1),
    ("jle", 0xb0, |o| o.unsigned.0 <= o.unsigned.1),
    ("jslt", 0xc0, |o| o.signed.0 < o.signed.1),
    ("jsle", 0xd0, |o| o.signed.0 <= o.signed.1),
];

/// Returns 1 when `branch`, which skips an instruction, is taken.
fn taken(dst: u64, src: u64, branch: RawInsn) -> u64 {
    Program::new(program![
        wide(R1, dst),
        wide(R2, src),
        mov(R0, 1),
        branch,
        mov(R0, 0),
        exit(),
    ])
    .value()
}

#[test]
fn comparisons() {
    for (name, code, holds) in ROWS {
        for (bits, class) in [(32, 6), (64, 5)] {
            for dst in EDGES {
                for src in EDGES {
                    let want = u64::from(holds(operands(bits, dst, src)));
                    let branch = insn(code | class | 8, R1, R2, 1, 0);
                    assert_eq!(
                        taken(dst, src, branch),
                        want,
                        "{dst:#x} {name}{bits} {src:#x}"
                    );
                }
                for imm in [0, 1, -1, i32::MIN, i32::MAX] {
                    let src = i128::from(imm).rem_euclid(1 << 64) as u64;
                    let want = u64::from(holds(operands(bits, dst, src)));
                    let branch = insn(code | class, R1, 0, 1, imm);
                    assert_eq!(taken(dst, 0, branch), want, "{dst:#x} {name}{bits} {imm}");
                }
            }
        }
    }
}

#[test]
fn jumps_of_both_lengths_and_directions() {
    let short = Program::new(program![
        insn(0x05, 0, 0, 2, 0),
        mov(R0, 3),
        exit(),
        insn(0x05, 0, 0, -3, 0),
    ]);
    assert_eq!(short.value(), 3);
    let long = Program::new(program![
        insn(0x06, 0, 0, 0, 2),
        mov(R0, 4),
        exit(),
        insn(0x06, 0, 0, 0, -3),
    ]);
    assert_eq!(long.value(), 4);
}

#[test]
fn an_instruction_behind_a_wide_load_follows_it() {
    let program = Program::new(program![wide(R0, 9), wide(R1, 1), exit()]);
    let outcome = program.run(&[]).unwrap();
    assert_eq!((outcome.value, outcome.instructions), (9, 3));
}
