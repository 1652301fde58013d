//! Arithmetic of RFC 9669, sections 4.1 and 4.2: every operation, width and operand at edge values.
//!
//! Expected values are computed in 128-bit integers from the words of the RFC, not with the
//! operations that the interpreter uses.
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

use common::*;

/// Values around every boundary of 8, 16, 32 and 64 bits.
const EDGES: [u64; 18] = [
    0,
    1,
    2,
    7,
    31,
    32,
    63,
    64,
    0x7f,
    0x80,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1234_5678_9abc_def0,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

const IMMEDIATES: [i32; 10] = [0, 1, 2, 3, 31, 33, -1, -2, i32::MAX, i32::MIN];

/// One row of the RFC's table: name, code in the opcode, offset field, meaning.
type Row = (&'static str, u8, i16, fn(Operands) -> i128);

/// Both operands at the width of the operation.
#[derive(Clone, Copy)]
struct Operands {
    bits: u32,
    /// As unsigned numbers.
    dst: i128,
    src: i128,
}

impl Operands {
    fn signed(self, value: i128) -> i128 {
        if value >= 1 << (self.bits - 1) {
            value - (1 << self.bits)
        } else {
            value
        }
    }

    /// The count of a shift: "masked by 0x3F (63) for 64-bit operations and 0x1F (31) for 32-bit".
    fn count(self) -> u32 {
        (self.src % i128::from(self.bits)) as u32
    }
}

/// Division that truncates towards zero: "signed division MUST truncate towards zero".
fn truncated(a: i128, b: i128) -> i128 {
    let magnitude = a.abs() / b.abs();
    if (a < 0) == (b < 0) {
        magnitude
    } else {
        -magnitude
    }
}

fn divide_signed(o: Operands) -> i128 {
    if o.src == 0 {
        return 0;
    }
    truncated(o.signed(o.dst), o.signed(o.src))
}

fn modulo_signed(o: Operands) -> i128 {
    if o.src == 0 {
        return o.dst;
    }
    let (a, b) = (o.signed(o.dst), o.signed(o.src));
    a - b * truncated(a, b)
}

const ROWS: [Row; 14] = [
    ("add", 0x00, 0, |o| o.dst + o.src),
    ("sub", 0x10, 0, |o| o.dst - o.src),
    // In halves: the product of two 64-bit numbers does not fit into an i128.
    ("mul", 0x20, 0, |o| {
        let half = 1 << (o.bits / 2);
        let cross = (o.dst / half) * (o.src % half) + (o.dst % half) * (o.src / half);
        (o.dst % half) * (o.src % half) + (cross % half) * half
    }),
    (
        "div",
        0x30,
        0,
        |o| if o.src == 0 { 0 } else { o.dst / o.src },
    ),
    ("sdiv", 0x30, 1, divide_signed),
    ("or", 0x40, 0, |o| o.dst | o.src),
    ("and", 0x50, 0, |o| o.dst & o.src),
    ("lsh", 0x60, 0, |o| {
        (0..o.count()).fold(o.dst, |value, _| value * 2 % (1 << o.bits))
    }),
    ("rsh", 0x70, 0, |o| {
        (0..o.count()).fold(o.dst, |value, _| value / 2)
    }),
    ("mod", 0x90, 0, |o| {
        if o.src == 0 { o.dst } else { o.dst % o.src }
    }),
    ("smod", 0x90, 1, modulo_signed),
    ("xor", 0xa0, 0, |o| (o.dst | o.src) - (o.dst & o.src)),
    ("mov", 0xb0, 0, |o| o.src),
    ("arsh", 0xc0, 0, |o| {
        (0..o.count()).fold(o.signed(o.dst), |value, _| value.div_euclid(2))
    }),
];

fn expected(row: Row, bits: u32, dst: u64, src: u64) -> u64 {
    let modulus = 1_i128 << bits;
    let operands = Operands {
        bits,
        dst: i128::from(dst) % modulus,
        src: i128::from(src) % modulus,
    };
    u64::try_from(row.3(operands).rem_euclid(modulus)).unwrap()
}

/// Class ALU is 4 for 32 bits, class ALU64 is 7.
fn opcode(bits: u32, code: u8) -> u8 {
    code | if bits == 32 { 4 } else { 7 }
}

#[test]
fn operations_on_registers() {
    for row in ROWS {
        for bits in [32, 64] {
            for dst in EDGES {
                for src in EDGES {
                    let op = insn(opcode(bits, row.1) | 8, R0, R1, row.2, 0);
                    let program = Program::new(program![wide(R0, dst), wide(R1, src), op, exit()]);
                    let want = expected(row, bits, dst, src);
                    assert_eq!(program.value(), want, "{dst:#x} {}{bits} {src:#x}", row.0);
                }
            }
        }
    }
}

#[test]
fn operations_on_immediates() {
    for row in ROWS {
        for bits in [32, 64] {
            for dst in EDGES {
                for imm in IMMEDIATES {
                    let op = insn(opcode(bits, row.1), R0, 0, row.2, imm);
                    let program = Program::new(program![wide(R0, dst), op, exit()]);
                    // "imm is first sign extended from 32 to 64 bits".
                    let src = i128::from(imm).rem_euclid(1 << 64) as u64;
                    let want = expected(row, bits, dst, src);
                    assert_eq!(program.value(), want, "{dst:#x} {}{bits} {imm:#x}", row.0);
                }
            }
        }
    }
}

#[test]
fn operations_on_one_register_twice() {
    for row in ROWS {
        for bits in [32, 64] {
            for dst in EDGES {
                let op = insn(opcode(bits, row.1) | 8, R0, R0, row.2, 0);
                let program = Program::new(program![wide(R0, dst), op, exit()]);
                assert_eq!(
                    program.value(),
                    expected(row, bits, dst, dst),
                    "{} {bits}",
                    row.0
                );
            }
        }
    }
}

/// The results that the RFC states in words.
#[test]
fn division_by_zero_and_of_the_smallest_number() {
    const MIN64: u64 = 1 << 63;
    const MIN32: u64 = 0xffff_ffff_8000_0000;
    for (name, code, off, wide_bits, dst, src, want) in [
        ("div64 by 0", 0x30, 0, 64, 7, 0, 0),
        ("sdiv64 by 0", 0x30, 1, 64, 7, 0, 0),
        ("mod64 by 0", 0x90, 0, 64, u64::MAX, 0, u64::MAX),
        ("smod64 by 0", 0x90, 1, 64, u64::MAX, 0, u64::MAX),
        ("div32 by 0", 0x30, 0, 32, u64::MAX, 0, 0),
        ("sdiv32 by 0", 0x30, 1, 32, u64::MAX, 0, 0),
        // The upper half is cleared although the lower is unchanged.
        ("mod32 by 0", 0x90, 0, 32, u64::MAX, 0, 0xffff_ffff),
        ("smod32 by 0", 0x90, 1, 32, u64::MAX, 0, 0xffff_ffff),
        // A 32-bit zero under a set upper half is still zero.
        ("div32 by 2^32", 0x30, 0, 32, 7, 1 << 32, 0),
        ("sdiv64 MIN by -1", 0x30, 1, 64, MIN64, u64::MAX, MIN64),
        ("smod64 MIN by -1", 0x90, 1, 64, MIN64, u64::MAX, 0),
        (
            "sdiv32 MIN by -1",
            0x30,
            1,
            32,
            MIN32,
            u64::MAX,
            0x8000_0000,
        ),
        ("smod32 MIN by -1", 0x90, 1, 32, MIN32, u64::MAX, 0),
        // "-13 % 3 == -1".
        (
            "smod64 -13 by 3",
            0x90,
            1,
            64,
            -13_i64 as u64,
            3,
            -1_i64 as u64,
        ),
    ] {
        let op = insn(opcode(wide_bits, code) | 8, R0, R1, off, 0);
        let program = Program::new(program![wide(R0, dst), wide(R1, src), op, exit()]);
        assert_eq!(program.value(), want, "{name}");
    }
}

#[test]
fn negation() {
    for value in EDGES {
        for bits in [32, 64] {
            let modulus = 1_i128 << bits;
            let program = Program::new(program![
                wide(R0, value),
                insn(opcode(bits, 0x80), R0, 0, 0, 0),
                exit()
            ]);
            let want = (-(i128::from(value) % modulus)).rem_euclid(modulus) as u64;
            assert_eq!(program.value(), want, "{value:#x} {bits}");
        }
    }
}

#[test]
fn moves_with_sign_extension() {
    for value in EDGES {
        for (bits, from) in [(32, 8), (32, 16), (64, 8), (64, 16), (64, 32)] {
            let program = Program::new(program![
                wide(R1, value),
                insn(opcode(bits, 0xb0) | 8, R0, R1, from, 0),
                exit()
            ]);
            let low = i128::from(value) % (1 << from);
            let negative = low >= 1 << (from - 1);
            let signed = if negative { low - (1 << from) } else { low };
            let want = signed.rem_euclid(1 << bits) as u64;
            assert_eq!(program.value(), want, "{value:#x} {from} to {bits}");
        }
    }
}

/// Byte by byte: a little-endian machine keeps the order for `le` and reverses it for the others.
#[test]
fn conversions_of_byte_order() {
    for value in EDGES {
        for (name, opcode, reverse) in [
            ("le", 0xd4, false),
            ("be", 0xdc, true),
            ("bswap", 0xd7, true),
        ] {
            for bits in [16, 32, 64] {
                let program = Program::new(program![
                    wide(R0, value),
                    insn(opcode, R0, 0, 0, bits),
                    exit()
                ]);
                let mut bytes: Vec<u8> = (0..bits / 8)
                    .map(|i| (value >> (8 * i) & 0xff) as u8)
                    .collect();
                if reverse {
                    bytes.reverse();
                }
                let want = bytes
                    .iter()
                    .rev()
                    .fold(0, |number, byte| number << 8 | u64::from(*byte));
                assert_eq!(program.value(), want, "{name}{bits} {value:#x}");
            }
        }
    }
}
