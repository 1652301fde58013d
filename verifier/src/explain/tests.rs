//! One program for each cause that the engine finds.

use bpf_object::RawInsn;
use platform_click::ProgramKind;

use super::*;
use crate::prevail::Proof;
use crate::testing::{by_prevail, exit, image, mov, op};

/// The first report about a program.
fn report(kind: ProgramKind, code: &[RawInsn]) -> Report {
    match by_prevail(&image(kind, code)) {
        Proof::Rejected(mut reports) => reports.remove(0),
        other => panic!("{other:?}"),
    }
}

fn load(dst: u8, base: u8, off: i16) -> RawInsn {
    op(0x79, dst, base, off, 0)
}

fn copy(dst: u8, src: u8) -> RawInsn {
    op(0xbf, dst, src, 0, 0)
}

fn call(id: i32) -> RawInsn {
    op(0x85, 0, 0, 0, id)
}

/// `r1 = map m; r2 = fp - 4`, with the key written.
fn key() -> Vec<RawInsn> {
    vec![
        op(0x62, 10, 0, -4, 0),
        copy(2, 10),
        op(0x07, 2, 0, 0, -4),
        op(0x18, 1, 1, 0, 0),
        op(0, 0, 0, 0, 0),
    ]
}

/// r2 = data, r3 = data_end, and out when there are fewer than `bytes`.
fn packet(bytes: i32, rest: i16) -> Vec<RawInsn> {
    vec![
        load(2, 1, 0),
        load(3, 1, 8),
        copy(4, 2),
        op(0x07, 4, 0, 0, bytes),
        op(0x2d, 4, 3, rest, 0),
    ]
}

fn leave() -> Vec<RawInsn> {
    vec![mov(0, 1), exit()]
}

/// The report about a filter of these parts has this code and slot, and says this.
fn assert_says(parts: &[&[RawInsn]], code: platform_click::Code, slot: u32, text: &str) -> Report {
    let report = report(ProgramKind::Filter, &parts.concat());
    assert_eq!((report.code, report.slot), (code, slot), "{report:?}");
    assert!(report.cause.contains(text), "{:?}", report.cause);
    report
}

#[test]
fn packet_accesses_say_what_is_known_of_the_length() {
    let read = op(0x71, 5, 2, 14, 0);
    let report = assert_says(
        &[&packet(14, 1), &[read], &leave()],
        codes::PACKET_BOUNDS,
        5,
        "reads 1 byte at r2 + 14, but the packet is only known to have 14 bytes",
    );
    assert_eq!(
        report.related,
        [(0, "the packet pointer is loaded here".into())]
    );
    assert!(report.engine.unwrap().contains("packet_size"));
    let untested = [load(2, 1, 0), op(0x73, 2, 1, -1, 0)];
    assert_says(
        &[
            &[mov(6, 0)],
            &untested[..1],
            &[op(0x73, 2, 6, -1, 0)],
            &leave(),
        ],
        codes::PACKET_BOUNDS,
        2,
        "writes 1 byte at r2 - 1, but nothing is known",
    );
}

#[test]
fn null_values_name_their_lookup() {
    let report = assert_says(
        &[&key(), &[call(1), load(3, 0, 0)], &leave()],
        codes::NULL_VALUE,
        6,
        "reads 8 bytes at r0, which may be null",
    );
    let label = "this lookup in `m` returns null when the key is absent";
    assert_eq!(report.related, [(5, label.into())]);
    // As a key of another lookup.
    let again = [
        call(1),
        copy(2, 0),
        op(0x18, 1, 1, 0, 0),
        op(0, 0, 0, 0, 0),
        call(1),
    ];
    assert_says(
        &[&key(), &again, &leave()],
        codes::NULL_VALUE,
        9,
        "the helper reads a key in `m` at r2, which may be null",
    );
}

#[test]
fn values_and_data_are_named() {
    let read = [call(1), op(0x15, 0, 0, 1, 0), load(3, 0, 4)];
    assert_says(
        &[&key(), &read, &leave()],
        codes::MAP_VALUE_BOUNDS,
        7,
        "outside of the 8 bytes of the map value in `m`",
    );
    let data = [op(0x18, 1, 2, 0, 1), op(0, 0, 0, 0, 0), load(2, 1, 8)];
    assert_says(
        &[&data, &leave()],
        codes::MAP_VALUE_BOUNDS,
        2,
        "outside of the 8 bytes of `.rodata`",
    );
}

#[test]
fn the_context_has_bounds_and_pointers() {
    assert_says(
        &[&[load(2, 1, 36)], &leave()],
        codes::CONTEXT_BOUNDS,
        0,
        "reads 8 bytes at r1 + 36, outside of the context's 40 bytes",
    );
    for off in [0, 8, 12] {
        assert_says(
            &[&[mov(2, 0), op(0x63, 1, 2, off, 0)], &leave()],
            codes::CONTEXT_POINTER,
            1,
            "which overlaps `data` or `data_end`",
        );
    }
    let part = assert_says(
        &[&[op(0x61, 2, 1, 0, 0), op(0x07, 2, 0, 0, 1)], &leave()],
        codes::POINTER_LEAK,
        1,
        "r2 holds a part of a packet pointer",
    );
    assert_eq!(part.related[0].0, 0);
}

#[test]
fn the_stack_has_bounds_and_must_be_written() {
    // buffer[port & 31] of 16 bytes
    let index = [
        op(0x61, 2, 1, 16, 0),
        op(0x57, 2, 0, 0, 31),
        copy(3, 10),
        op(0x07, 3, 0, 0, -16),
        op(0x0f, 3, 2, 0, 0),
        op(0x72, 3, 0, 0, 0),
    ];
    assert_says(
        &[&index, &leave()],
        codes::STACK_BOUNDS,
        5,
        "writes 1 byte at r3",
    );
    let unwritten = [copy(3, 10), load(4, 3, -8)];
    assert_says(
        &[&unwritten, &leave()],
        codes::STACK_UNINITIALISED,
        1,
        "were not written",
    );
    let partly = [&key()[1..], &[call(1)]].concat();
    assert_says(
        &[&partly, &leave()],
        codes::STACK_UNINITIALISED,
        4,
        "the helper reads a key in `m` at r2",
    );
}

#[test]
fn divisors_may_be_zero() {
    let divide = [op(0x61, 2, 1, 16, 0), mov(3, 8), op(0x3f, 3, 2, 0, 0)];
    assert_says(
        &[&divide, &leave()],
        codes::DIVISION_BY_ZERO,
        2,
        "the divisor in r2",
    );
}

#[test]
fn addresses_must_not_leave() {
    assert_says(
        &[&[copy(0, 1), exit()]],
        codes::POINTER_LEAK,
        1,
        "the return value",
    );
    let stored = [call(1), op(0x15, 0, 0, 1, 0), op(0x7b, 0, 10, 0, 0)];
    assert_says(
        &[&key(), &stored, &leave()],
        codes::POINTER_LEAK,
        7,
        "r10 holds an address",
    );
    let part = [op(0x63, 1, 10, 20, 0)];
    assert_says(
        &[&part, &leave()],
        codes::POINTER_LEAK,
        0,
        "of which this stores a part",
    );
}

#[test]
fn registers_without_a_value_say_who_emptied_them() {
    let never = assert_says(
        &[&[copy(2, 7), op(0x07, 7, 0, 0, 1)], &leave()],
        codes::UNINITIALISED_REGISTER,
        1,
        "r7 is used, which has no value on some path",
    );
    assert_eq!(never.related, []);
    let report = assert_says(
        &[&[call(5), op(0x07, 1, 0, 0, 1)], &leave()],
        codes::UNINITIALISED_REGISTER,
        1,
        "r1 is used, which a call before has emptied",
    );
    assert_eq!(
        report.related,
        [(0, "calls do not preserve r1 to r5".into())]
    );
    assert_says(
        &[&[exit()]],
        codes::UNINITIALISED_REGISTER,
        0,
        "the program ends without a return value",
    );
    // `bpf_map_update_elem` with three of its four arguments.
    let update = [
        op(0x62, 10, 0, -8, 0),
        op(0x62, 10, 0, -4, 0),
        op(0x18, 1, 1, 0, 0),
        op(0, 0, 0, 0, 0),
        copy(2, 10),
        op(0x07, 2, 0, 0, -8),
        copy(3, 2),
        call(2),
    ];
    assert_says(
        &[&update, &leave()],
        codes::UNINITIALISED_REGISTER,
        7,
        "the helper takes an argument in r4",
    );
}

#[test]
fn wrong_kinds_of_value_are_named() {
    assert_says(
        &[&[mov(2, 0), load(3, 2, 0)], &leave()],
        codes::POINTER_TYPE,
        1,
        "this takes an address, but r2 may hold a number",
    );
    assert_says(
        &[&[op(0x57, 1, 0, 0, -8)], &leave()],
        codes::POINTER_TYPE,
        0,
        "this takes a number, but r1 may hold the context",
    );
    assert_says(
        &[&[copy(2, 10), op(0x1f, 2, 1, 0, 0)], &leave()],
        codes::POINTER_TYPE,
        1,
        "r2 and r1 are compared or subtracted",
    );
}

#[test]
fn arguments_must_be_what_the_helper_takes() {
    assert_says(
        &[&key()[..3], &[mov(1, 0), call(1)], &leave()],
        codes::ARGUMENT,
        4,
        "the helper takes a map in r1, which may hold a number",
    );
    let index = [
        op(0x62, 10, 0, -4, 4),
        copy(2, 10),
        op(0x07, 2, 0, 0, -4),
        op(0x18, 1, 1, 0, 0),
        op(0, 0, 0, 0, 0),
        call(1),
    ];
    assert_says(
        &[&index, &leave()],
        codes::ARGUMENT,
        5,
        "the index in `m` at r2",
    );
    let size = [
        op(0x61, 2, 1, 16, 0),
        op(0x7a, 10, 0, -8, 0),
        copy(1, 10),
        op(0x07, 1, 0, 0, -8),
        op(0x57, 2, 0, 0, 7),
        mov(3, 0),
        mov(4, 0),
        mov(5, 0),
        call(6),
    ];
    assert_says(
        &[&size, &leave()],
        codes::ARGUMENT,
        8,
        "the size in r2 may be zero",
    );
}

/// A packet pointer is called stale when it is one, and only then.
#[test]
fn stale_pointers_are_told_from_others() {
    let grow = [mov(1, 4), mov(2, 0), call(60)];
    let mut code = packet(14, 7);
    code.extend([copy(6, 2), mov(7, 0)]);
    code.extend(grow);
    code.push(op(0x71, 5, 6, 0, 0));
    code.extend([op(0x71, 5, 7, 0, 0)]);
    code.extend(leave());
    let stale = report(ProgramKind::Rewriter, &code);
    assert_eq!((stale.code, stale.slot), (codes::STALE_PACKET, 10));
    let places: Vec<u32> = stale.related.iter().map(|(slot, _)| *slot).collect();
    assert_eq!(places, [0, 9]);
    // r7 is a number there, before and after the call.
    code[10] = op(0x71, 5, 7, 0, 0);
    let number = report(ProgramKind::Rewriter, &code);
    assert_eq!((number.code, number.slot), (codes::POINTER_TYPE, 10));
    // r4 is lost as every argument register is.
    code[10] = op(0x71, 5, 4, 0, 0);
    let lost = report(ProgramKind::Rewriter, &code);
    assert_eq!((lost.code, lost.slot), (codes::UNINITIALISED_REGISTER, 10));
}
