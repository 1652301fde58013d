//! Loads, stores and atomic operations of RFC 9669, sections 5.1 to 5.4.
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

const VALUE: u64 = 0x8182_8384_8586_8788;

/// Size in bytes and the size bits of the opcode.
const SIZES: [(u32, u8); 4] = [(1, 0x10), (2, 0x08), (4, 0x00), (8, 0x18)];

fn low(value: u64, bytes: u32) -> u64 {
    (u128::from(value) % (1 << (8 * bytes))) as u64
}

fn extended(value: u64, bytes: u32) -> u64 {
    let low = i128::from(low(value, bytes));
    let modulus = 1 << (8 * bytes);
    let signed = if low >= modulus / 2 {
        low - modulus
    } else {
        low
    };
    signed.rem_euclid(1 << 64) as u64
}

#[test]
fn loads_of_each_size_at_each_offset_are_little_endian() {
    for (bytes, size) in SIZES {
        for off in 0..8 {
            let load = |mode: u8| {
                Program::new(program![
                    wide(R1, VALUE),
                    store64(R10, -16, R1),
                    store64(R10, -8, R1),
                    insn(mode | size | 1, R0, R10, -16 + off, 0),
                    exit(),
                ])
                .value()
            };
            let at_off = VALUE.rotate_right(8 * u32::from(off.unsigned_abs()));
            assert_eq!(load(0x60), low(at_off, bytes), "{bytes} at {off}");
            if bytes < 8 {
                assert_eq!(
                    load(0x80),
                    extended(at_off, bytes),
                    "signed {bytes} at {off}"
                );
            }
        }
    }
}

#[test]
fn stores_of_each_size_change_no_other_byte() {
    for (bytes, size) in SIZES {
        let run = |store: RawInsn| {
            Program::new(program![
                wide(R1, VALUE),
                store64_imm(R10, -8, 0),
                store,
                load64(R0, R10, -8),
                exit(),
            ])
            .value()
        };
        let register = insn(0x63 | size, R10, R1, -8, 0);
        assert_eq!(run(register), low(VALUE, bytes), "register, {bytes}");
        // An immediate is sign-extended.
        let immediate = insn(0x62 | size, R10, 0, -8, -2);
        assert_eq!(
            run(immediate),
            low(-2_i64 as u64, bytes),
            "immediate, {bytes}"
        );
    }
}

#[test]
fn wide_loads_take_all_64_bits() {
    for value in [0, 1, 0xffff_ffff, 0x8000_0000, 1 << 63, VALUE, u64::MAX] {
        assert_eq!(
            Program::new(program![wide(R0, value), exit()]).value(),
            value
        );
    }
}

/// Name, immediate, whether `src` gets the old value, and what memory holds afterwards.
type Row = (&'static str, i32, bool, fn(u64, u64) -> u64);

const ROWS: [Row; 9] = [
    ("add", 0x00, false, |old, src| {
        (u128::from(old) + u128::from(src)) as u64
    }),
    ("fetch add", 0x01, true, |old, src| {
        (u128::from(old) + u128::from(src)) as u64
    }),
    ("or", 0x40, false, |old, src| old | src),
    ("fetch or", 0x41, true, |old, src| old | src),
    ("and", 0x50, false, |old, src| old & src),
    ("fetch and", 0x51, true, |old, src| old & src),
    ("xor", 0xa0, false, |old, src| old ^ src),
    ("fetch xor", 0xa1, true, |old, src| old ^ src),
    ("exchange", 0xe1, true, |_, src| src),
];

/// Runs an atomic operation on `old` at fp-8 and gives memory, `src` and `r0` afterwards.
fn atomic(bytes: u32, imm: i32, old: u64, src: u64, r0: u64) -> [u64; 3] {
    let opcode = if bytes == 4 { 0xc3 } else { 0xdb };
    [load64(R0, R10, -8), mov_reg(R0, R1), mov_reg(R0, R0)].map(|result| {
        Program::new(program![
            wide(R1, old),
            store64(R10, -8, R1),
            wide(R1, src),
            wide(R0, r0),
            insn(opcode, R10, R1, -8, imm),
            result,
            exit(),
        ])
        .value()
    })
}

#[test]
fn atomic_operations() {
    const OLD: u64 = 0xf0f0_f0f0_ffff_fff0;
    const SRC: u64 = 0x1111_2222_3333_4444;
    for (name, imm, fetch, after) in ROWS {
        for bytes in [4, 8] {
            let [memory, src, r0] = atomic(bytes, imm, OLD, SRC, 5);
            // The upper half of memory is not touched by a 32-bit operation.
            let upper = OLD - low(OLD, bytes);
            let want = upper + low(after(low(OLD, bytes), low(SRC, bytes)), bytes);
            assert_eq!(memory, want, "{name} {bytes}");
            // A fetched value is zero-extended.
            let want = if fetch { low(OLD, bytes) } else { SRC };
            assert_eq!((src, r0), (want, 5), "{name} {bytes}");
        }
    }
}

#[test]
fn compare_and_exchange() {
    const OLD: u64 = 0xf0f0_f0f0_8000_0001;
    for (bytes, r0, exchanged) in [
        (8, OLD, true),
        (8, OLD + 1, false),
        (8, low(OLD, 4), false),
        (4, low(OLD, 4), true),
        // Only the lower half is compared.
        (4, OLD, true),
        (4, 0x7777_7777_8000_0001, true),
        (4, 0x8000_0002, false),
    ] {
        let [memory, src, after] = atomic(bytes, 0xf1, OLD, 7, r0);
        let upper = OLD - low(OLD, bytes);
        assert_eq!(
            memory,
            if exchanged { upper + 7 } else { OLD },
            "{bytes} {r0:#x}"
        );
        // r0 gets the old value, zero-extended, whether or not they were equal.
        assert_eq!((src, after), (7, low(OLD, bytes)), "{bytes} {r0:#x}");
    }
}
