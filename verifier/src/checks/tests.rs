//! Programs that each break one rule, and their neighbours that do not.

use bpf_object::RawInsn;
use platform_click::{MapKind, ProgramKind};

use super::*;
use crate::first::Prover;
use crate::prevail::Proof;
use crate::testing::{by_prevail, exit, mov, op, with_functions, with_map};

/// `r = *(u64 *)(r10 - 8)` and the like.
fn load(dst: u8, base: u8, off: i16) -> RawInsn {
    op(0x79, dst, base, off, 0)
}

fn store(base: u8, off: i16, src: u8) -> RawInsn {
    op(0x7b, base, src, off, 0)
}

fn store_number(base: u8, off: i16, number: i32) -> RawInsn {
    op(0x7a, base, 0, off, number)
}

fn copy(dst: u8, src: u8) -> RawInsn {
    op(0xbf, dst, src, 0, 0)
}

fn add(dst: u8, number: i32) -> RawInsn {
    op(0x07, dst, 0, 0, number)
}

fn call_local(distance: i32) -> RawInsn {
    op(0x85, 0, 1, 0, distance)
}

/// `if r == 0 goto`, and `if r != 0 goto`.
fn if_null(register: u8, distance: i16) -> RawInsn {
    op(0x15, register, 0, distance, 0)
}

fn if_not_null(register: u8, distance: i16) -> RawInsn {
    op(0x55, register, 0, distance, 0)
}

/// `r0 = bpf_map_lookup_elem(&m, &key)` in seven slots; the call is the last.
fn lookup() -> Vec<RawInsn> {
    vec![
        op(0x62, 10, 0, -4, 0),
        copy(2, 10),
        add(2, -4),
        op(0x18, 1, 1, 0, 0),
        op(0, 0, 0, 0, 0),
        op(0x85, 0, 0, 0, 1),
    ]
}

fn leave() -> Vec<RawInsn> {
    vec![mov(0, 1), exit()]
}

/// What is found in a program of these parts, functions starting where given.
fn found_in(parts: &[&[RawInsn]], starts: &[u32]) -> Vec<&'static str> {
    let image = with_functions(ProgramKind::Filter, &parts.concat(), starts);
    match check(&image) {
        Ok(_) => Vec::new(),
        Err(Failure::Rejected(reports)) => reports.iter().map(|report| report.code.id).collect(),
        Err(Failure::TooComplex) => panic!("too complex"),
    }
}

fn found(parts: &[&[RawInsn]]) -> Vec<&'static str> {
    found_in(parts, &[])
}

/// Whether checks and engine together accept it.
fn accepted(parts: &[&[RawInsn]], starts: &[u32]) -> bool {
    let image = with_functions(ProgramKind::Filter, &parts.concat(), starts);
    matches!(by_prevail(&image), Proof::Accepted(..))
}

const NULL: &str = codes::NULL_ARITHMETIC.id;
const FRAME_: &str = codes::FRAME.id;

/// The program that both engines accept: an offset makes null pass the test.
#[test]
fn arithmetic_before_the_null_test_is_refused() {
    let offset = add(0, 0x18_0000);
    let parts: &[&[RawInsn]] = &[
        &lookup(),
        &[offset, if_null(0, 1), store_number(0, 0, 0x4141)],
        &leave(),
    ];
    assert_eq!(found(parts), [NULL]);
    let tested: &[&[RawInsn]] = &[
        &lookup(),
        &[if_null(0, 2), add(0, 4), op(0x61, 1, 0, 0, 0)],
        &leave(),
    ];
    assert_eq!(found(tested), [""; 0]);
    assert!(accepted(tested, &[]));
}

#[test]
fn every_operation_but_a_copy_is_arithmetic() {
    for operation in [
        op(0x07, 0, 0, 0, 0),  // r0 += 0
        op(0x0f, 1, 0, 0, 0),  // r1 += r0
        op(0x17, 0, 0, 0, 8),  // r0 -= 8
        op(0x04, 0, 0, 0, 1),  // w0 += 1
        op(0xbc, 1, 0, 0, 0),  // w1 = w0
        op(0xbf, 1, 0, 32, 0), // r1 = (s32)r0
        op(0x47, 0, 0, 0, 1),  // r0 |= 1
        op(0x57, 0, 0, 0, -8), // r0 &= -8
        op(0x87, 0, 0, 0, 0),  // r0 = -r0
        op(0xd7, 0, 0, 0, 64), // r0 = bswap64 r0
        op(0x0f, 0, 0, 0, 0),  // r0 += r0
    ] {
        assert_eq!(
            found(&[&lookup(), &[mov(1, 0), operation], &leave()]),
            [NULL],
            "{operation:?}"
        );
    }
}

/// Copies in registers and on the stack are the same value: a test of one is a test of all.
#[test]
fn a_test_of_one_copy_counts_for_all() {
    let spilled = [
        copy(6, 0),
        store(10, -16, 0),
        if_null(6, 3),
        load(7, 10, -16),
        add(7, 4),
    ];
    assert_eq!(
        found(&[&lookup(), &spilled, &[add(0, 1)], &leave()]),
        [""; 0]
    );
    let wrong_side = [
        copy(6, 0),
        store(10, -16, 0),
        if_not_null(6, 2),
        load(7, 10, -16),
        add(7, 4),
    ];
    assert_eq!(found(&[&lookup(), &wrong_side, &leave()]), [""; 0]);
}

#[test]
fn a_spilled_value_is_still_untested() {
    let reloaded = [store(10, -16, 0), load(7, 10, -16), add(7, 4)];
    assert_eq!(found(&[&lookup(), &reloaded, &leave()]), [NULL]);
    // Through a copy of the frame pointer, and at an offset that is not known.
    let indirect = [
        copy(6, 10),
        add(6, -16),
        store(6, 0, 0),
        load(7, 10, -16),
        add(7, 4),
    ];
    assert_eq!(found(&[&lookup(), &indirect, &leave()]), [NULL]);
    let unknown = [
        copy(6, 10),
        load(8, 10, -24),
        op(0x0f, 6, 8, 0, 0),
        store(6, 0, 0),
        load(7, 10, -16),
        add(7, 4),
    ];
    assert_eq!(found(&[&lookup(), &unknown, &leave()]), [NULL]);
    // An atomic addition to the spilled value.
    let atomic = [store(10, -16, 0), mov(1, 8), op(0xdb, 10, 1, -16, 0)];
    assert_eq!(found(&[&lookup(), &atomic, &leave()]), [NULL]);
}

#[test]
fn an_overwritten_slot_is_a_number_again() {
    let overwritten = [
        store(10, -16, 0),
        store_number(10, -12, 0),
        load(7, 10, -16),
        add(7, 4),
    ];
    assert_eq!(found(&[&lookup(), &overwritten, &leave()]), [""; 0]);
}

/// Where a tested and an untested value meet, the value is untested.
#[test]
fn joins_keep_what_may_be_null() {
    // if r9 == 0 goto +1; if r0 == 0 goto out; r0 += 4
    let joined = [mov(9, 0), if_null(9, 1), if_null(0, 1), add(0, 4)];
    assert_eq!(found(&[&lookup(), &joined, &leave()]), [NULL]);
}

/// The test of a lookup's result says nothing of what the same call returned before.
#[test]
fn a_value_of_an_earlier_iteration_is_another_value() {
    let mut code = vec![mov(6, 0), mov(9, 0)];
    code.extend(lookup()); // slots 2 to 7
    code.extend([
        if_null(9, 3),          // 8: the first time, goto 12
        if_null(0, 5),          // 9: goto 15
        add(6, 4),              // 10: r6 is from the first time and was not tested
        op(0x05, 0, 0, 3, 0),   // 11: goto 15
        copy(6, 0),             // 12
        mov(9, 1),              // 13
        op(0x05, 0, 0, -13, 0), // 14: goto 2
    ]);
    code.extend(leave());
    assert_eq!(found(&[&code]), [NULL]);
    // With a test of its own it may be used.
    code[10] = if_null(6, 0);
    assert_eq!(found(&[&code]), [""; 0]);
}

/// A comparison with a register that is zero on one path only is no null test.
#[test]
fn a_test_against_what_may_not_be_zero_is_none() {
    let compare = |first| {
        [
            mov(8, 0),
            if_null(9, 1),
            first,
            op(0x1d, 0, 8, 1, 0), // if r0 == r8 goto +1
            add(0, 4),
        ]
    };
    let with = |first| found(&[&[mov(9, 0)], &lookup(), &compare(first), &leave()]);
    assert_eq!(with(mov(8, 0)), [""; 0]);
    assert_eq!(with(mov(8, 1)), [NULL]);
    assert_eq!(with(copy(8, 10)), [NULL]);
}

/// A store through a pointer that may point to the stack does not empty the slot for certain.
#[test]
fn a_store_that_may_miss_a_slot_leaves_its_value() {
    let data = [op(0x18, 6, 2, 0, 0), op(0, 0, 0, 0, 0)];
    let body = |skip| {
        [
            &[store(10, -16, 0), copy(6, 10), add(6, -16)][..],
            &[if_null(9, skip)],
            &data,
            &[store_number(6, 0, 0), load(7, 10, -16), add(7, 4)],
        ]
        .concat()
    };
    assert_eq!(
        found(&[&[mov(9, 0)], &lookup(), &body(2), &leave()]),
        [NULL]
    );
    // Without the other pointer, the value is gone.
    let certain = [
        store(10, -16, 0),
        copy(6, 10),
        add(6, -16),
        store_number(6, 0, 0),
    ];
    let reload = [load(7, 10, -16), add(7, 4)];
    assert_eq!(found(&[&lookup(), &certain, &reload, &leave()]), [""; 0]);
}

#[test]
fn untested_values_cross_calls() {
    // The callee computes with its argument.
    let caller = [copy(1, 0), call_local(2), mov(0, 1), exit()];
    let callee = [add(1, 4), mov(0, 0), exit()];
    assert_eq!(found_in(&[&lookup(), &caller, &callee], &[10]), [NULL]);
    // The caller computes with what the callee returns.
    let caller = [call_local(3), add(0, 4), mov(0, 1), exit()];
    let callee = [&lookup()[..], &[exit()]].concat();
    assert_eq!(found_in(&[&caller, &callee], &[4]), [NULL]);
    // The callee computes with what the caller has spilled.
    let caller = [
        store(10, -16, 0),
        copy(1, 10),
        add(1, -16),
        call_local(2),
        mov(0, 1),
        exit(),
    ];
    let callee = [load(3, 1, 0), add(3, 1), mov(0, 0), exit()];
    assert_eq!(found_in(&[&lookup(), &caller, &callee], &[12]), [NULL]);
    // It is kept in r6 while a function runs, which may not disturb it.
    let caller = [copy(6, 0), call_local(3), add(6, 4), mov(0, 1), exit()];
    let callee = [mov(6, 0), add(6, 1), mov(0, 0), exit()];
    assert_eq!(found_in(&[&lookup(), &caller, &callee], &[11]), [NULL]);
}

/// A callee writes at and above its frame pointer, into its caller's frame.
#[test]
fn writes_above_the_frame_pointer_are_refused() {
    let caller = [mov(0, 0), call_local(2), mov(0, 0), exit()];
    for off in [0, 256, -7] {
        let callee = [mov(1, 0x4141), store(10, off, 1), mov(0, 0), exit()];
        assert_eq!(found_in(&[&caller, &callee], &[4]), [FRAME_], "{off}");
    }
    let callee = [mov(1, 0x4141), store(10, -8, 1), mov(0, 0), exit()];
    assert!(accepted(&[&caller, &callee], &[4]));
}

/// A callee reads its caller's frame through its own frame pointer.
#[test]
fn reads_above_the_frame_pointer_are_refused() {
    let caller = [
        mov(1, 5),
        store(10, -512, 1),
        call_local(2),
        mov(0, 0),
        exit(),
    ];
    let callee = [load(0, 10, 0), exit()];
    assert_eq!(found_in(&[&caller, &callee], &[5]), [FRAME_]);
    // Through a copy, and through a copy that was spilled.
    let callee = [copy(2, 10), add(2, 8), load(0, 2, -8), exit()];
    assert_eq!(found_in(&[&caller, &callee], &[5]), [FRAME_]);
    let callee = [
        copy(2, 10),
        store(10, -8, 2),
        load(3, 10, -8),
        load(0, 3, 8),
        exit(),
    ];
    assert_eq!(found_in(&[&caller, &callee], &[5]), [FRAME_]);
}

#[test]
fn a_frame_ends_512_bytes_below_its_pointer() {
    assert_eq!(found(&[&[store_number(10, -512, 0)], &leave()]), [""; 0]);
    assert_eq!(
        found(&[&[store_number(10, -513, 0)], &leave()]),
        [codes::STACK_BOUNDS.id]
    );
    assert_eq!(
        found(&[&[copy(1, 10), add(1, -600), load(2, 1, 0)], &leave()]),
        [codes::STACK_BOUNDS.id]
    );
}

/// A key that reaches from the callee's frame into the caller's.
#[test]
fn helpers_read_within_one_frame() {
    let caller = [store_number(10, -512, 0), call_local(2), mov(0, 1), exit()];
    let callee = |off| {
        [
            op(0x62, 10, 0, -4, 0),
            copy(2, 10),
            add(2, off),
            op(0x18, 1, 1, 0, 0),
            op(0, 0, 0, 0, 0),
            op(0x85, 0, 0, 0, 1),
            mov(0, 0),
            exit(),
        ]
    };
    assert_eq!(found_in(&[&caller, &callee(-2)], &[4]), [FRAME_]);
    assert!(accepted(&[&caller, &callee(-4)], &[4]));
}

/// The engine looks whether the bytes below the frame pointer are written, and stops there.
#[test]
fn helpers_read_nothing_above_the_entry_functions_frame() {
    let key = |register: &[RawInsn]| {
        [
            &[store_number(10, -8, 0), copy(2, 10)],
            register,
            &[
                op(0x18, 1, 1, 0, 0),
                op(0, 0, 0, 0, 0),
                op(0x85, 0, 0, 0, 2),
                mov(0, 0),
                exit(),
            ],
        ]
        .concat()
    };
    // bpf_map_update_elem(&m, fp - 2, ...): r3 and r4 do not matter here.
    assert_eq!(
        found(&[&[mov(3, 0), mov(4, 0)], &key(&[add(2, -2)])]),
        [FRAME_]
    );
    // bpf_trace_printk(fp - 8 + (port & 7), 8)
    let text = |mask| {
        [
            store_number(10, -8, 0),
            op(0x61, 6, 1, 16, 0),
            op(0x57, 6, 0, 0, mask),
            copy(1, 10),
            add(1, -8),
            op(0x0f, 1, 6, 0, 0),
            mov(2, 1),
            mov(3, 0),
            mov(4, 0),
            mov(5, 0),
            op(0x85, 0, 0, 0, 6),
            mov(0, 0),
            exit(),
        ]
    };
    assert!(accepted(&[&text(7)], &[]));
    assert!(!accepted(&[&text(15)], &[]));
}

/// A key of a hash map at `fp - 8 + (port & mask)`: four bytes of eight that are written. The engine
/// looks at written bytes below the frame pointer only, and would accept any mask.
#[test]
fn keys_at_a_variable_place_lie_below_the_frame_pointer() {
    let image = |mask| {
        let code = [
            store_number(10, -8, 0),
            op(0x61, 6, 1, 16, 0),
            op(0x57, 6, 0, 0, mask),
            copy(2, 10),
            add(2, -8),
            op(0x0f, 2, 6, 0, 0),
            op(0x18, 1, 1, 0, 0),
            op(0, 0, 0, 0, 0),
            op(0x85, 0, 0, 0, 1),
            mov(0, 0),
            exit(),
        ];
        with_map(MapKind::Hash, ProgramKind::Filter, &code, &[])
    };
    assert!(matches!(by_prevail(&image(4)), Proof::Accepted(..)));
    let beyond = image(7);
    let mut checked = check(&beyond).unwrap();
    match by_prevail(&beyond) {
        Proof::Rejected(reports) => {
            assert_eq!((reports[0].code, reports[0].slot), (codes::FRAME, 8));
        }
        other => panic!("{other:?}"),
    }
    checked.accesses.clear();
    assert!(
        matches!(Prover::Rust.prove(&beyond, &checked), Proof::Accepted(..)),
        "the engine has learnt to refuse this"
    );
}

/// A callee may use what its caller points it to, within the caller's frame.
#[test]
fn a_pointer_to_the_callers_frame_is_bounded_by_that_frame() {
    let caller = |off| {
        [
            store_number(10, -8, 7),
            copy(1, 10),
            add(1, off),
            call_local(2),
            mov(0, 1),
            exit(),
        ]
    };
    let callee = [load(3, 1, 0), mov(0, 0), exit()];
    assert!(accepted(&[&caller(-8), &callee], &[6]));
    assert_eq!(found_in(&[&caller(-4), &callee], &[6]), [FRAME_]);
}

/// `buffer[i]` in a called function: the engine's bounds decide.
#[test]
fn a_variable_index_in_a_callee_must_stay_in_its_frame() {
    let caller = [
        op(0x61, 1, 1, 16, 0), // r1 = ctx->port
        call_local(2),
        mov(0, 1),
        exit(),
    ];
    // r1 &= mask; r2 = r10 - 16 + r1; *(u8 *)r2 = 0
    let callee = |mask, start| {
        [
            op(0x57, 1, 0, 0, mask),
            copy(2, 10),
            add(2, start),
            op(0x0f, 2, 1, 0, 0),
            op(0x72, 2, 0, 0, 0),
            mov(0, 0),
            exit(),
        ]
    };
    assert!(accepted(&[&caller, &callee(15, -16)], &[4]));
    let image = |mask, start| {
        with_functions(
            ProgramKind::Filter,
            &[&caller[..], &callee(mask, start)].concat(),
            &[4],
        )
    };
    for (mask, start) in [(31, -16), (15, -15), (15, -513)] {
        match by_prevail(&image(mask, start)) {
            Proof::Rejected(reports) => {
                assert_eq!(reports[0].slot, 8, "{mask} {start}");
                let code = reports[0].code;
                assert!(
                    code == codes::FRAME || code == codes::STACK_BOUNDS,
                    "{code:?}"
                );
            }
            other => panic!("{mask} {start}: {other:?}"),
        }
    }
}

/// The same three frames deep, where the engine names places by chains of calls.
#[test]
fn a_variable_index_is_bounded_in_each_frame() {
    let entry = [op(0x61, 1, 1, 16, 0), call_local(2), mov(0, 1), exit()];
    let middle = [call_local(1), exit()];
    let last = |mask| {
        [
            op(0x57, 1, 0, 0, mask),
            copy(2, 10),
            add(2, -16),
            op(0x0f, 2, 1, 0, 0),
            op(0x72, 2, 0, 0, 0),
            mov(0, 0),
            exit(),
        ]
    };
    assert!(accepted(&[&entry, &middle, &last(15)], &[4, 6]));
    assert!(!accepted(&[&entry, &middle, &last(31)], &[4, 6]));
}

/// A callee's negative index into its caller's buffer would reach its own frame.
#[test]
fn a_variable_index_into_the_callers_frame_must_stay_there() {
    let caller = [
        op(0x61, 2, 1, 16, 0), // r2 = ctx->port
        copy(1, 10),
        add(1, -16),
        call_local(2),
        mov(0, 1),
        exit(),
    ];
    // r2 &= 15; r2 += start; r1 += r2; *(u8 *)r1 = 0
    let callee = |start| {
        [
            op(0x57, 2, 0, 0, 15),
            add(2, start),
            op(0x0f, 1, 2, 0, 0),
            op(0x72, 1, 0, 0, 0),
            mov(0, 0),
            exit(),
        ]
    };
    assert!(accepted(&[&caller, &callee(0)], &[6]));
    assert!(!accepted(&[&caller, &callee(-500)], &[6]));
    assert!(!accepted(&[&caller, &callee(1)], &[6]));
}

#[test]
fn a_pointer_to_a_frame_that_is_gone_is_refused() {
    let caller = [call_local(3), load(1, 0, 0), mov(0, 1), exit()];
    let callee = [store_number(10, -8, 0), copy(0, 10), add(0, -8), exit()];
    assert_eq!(found_in(&[&caller, &callee], &[4]), [FRAME_]);
}

#[test]
fn read_only_data_is_not_written() {
    let data = |section| [op(0x18, 1, 2, 0, section), op(0, 0, 0, 0, 0)];
    // Section 0 is `.data`, section 1 `.rodata`.
    for (section, want) in [(0, &[][..]), (1, &[codes::READ_ONLY_DATA.id][..])] {
        for write in [op(0x62, 1, 0, 4, 1), store(1, 0, 2), op(0xdb, 1, 2, 0, 0)] {
            assert_eq!(
                found(&[&data(section), &[mov(2, 0), write], &leave()]),
                want
            );
        }
        assert_eq!(
            found(&[&data(section), &[load(2, 1, 0)], &leave()]),
            [""; 0]
        );
    }
}

#[test]
fn helpers_are_known_and_for_the_kind() {
    let call = |id| [mov(1, 0), mov(2, 0), op(0x85, 0, 0, 0, id)];
    assert_eq!(found(&[&call(25), &leave()]), [codes::UNKNOWN_HELPER.id]);
    assert_eq!(found(&[&call(-1), &leave()]), [codes::UNKNOWN_HELPER.id]);
    assert_eq!(found(&[&call(60), &leave()]), [codes::HELPER_KIND.id]);
    let rewriter = with_functions(
        ProgramKind::Rewriter,
        &[&call(60)[..], &leave()].concat(),
        &[],
    );
    assert!(check(&rewriter).is_ok());
}

#[test]
fn stack_use_counts_the_deepest_chain() {
    let use_of = |parts: &[&[RawInsn]], starts: &[u32]| {
        let image = with_functions(ProgramKind::Filter, &parts.concat(), starts);
        check(&image).unwrap().max_stack
    };
    assert_eq!(use_of(&[&leave()], &[]), 0);
    assert_eq!(use_of(&[&[store_number(10, -24, 0)], &leave()], &[]), 24);
    // A callee that writes to its caller's frame uses that frame, not its own.
    let caller = [copy(1, 10), add(1, -40), call_local(2), mov(0, 1), exit()];
    let callee = [
        store_number(1, 0, 0),
        store_number(10, -8, 0),
        mov(0, 0),
        exit(),
    ];
    assert_eq!(use_of(&[&caller, &callee], &[5]), 48);
    // An offset that is not known may be any.
    let unknown = [
        load(2, 1, 24),
        copy(1, 10),
        op(0x0f, 1, 2, 0, 0),
        load(3, 1, 0),
    ];
    assert_eq!(use_of(&[&unknown, &leave()], &[]), 512);
}

/// Two calls of each function by the next, sixteen levels... eight are allowed: 2^7 chains.
#[test]
fn many_chains_of_calls_are_analysed() {
    let mut code = Vec::new();
    let mut starts = Vec::new();
    for level in 1..8_u32 {
        code.extend([call_local(2), call_local(1), exit()]);
        starts.push(3 * level);
    }
    code.extend(leave());
    assert_eq!(found_in(&[&code], &starts), [""; 0]);
}

/// Eight calls in each of eight functions: 8^7 chains are given up on, soon.
#[test]
fn too_many_chains_of_calls_are_given_up() {
    let mut code = Vec::new();
    let mut starts = Vec::new();
    for level in 1..8_u32 {
        code.extend((0..8).rev().map(|rest| call_local(rest + 1)));
        code.push(exit());
        starts.push(9 * level);
    }
    code.extend(leave());
    let image = with_functions(ProgramKind::Filter, &code, &starts);
    assert!(matches!(check(&image), Err(Failure::TooComplex)));
}

/// As many instructions and branches as there may be.
#[test]
fn the_largest_program_is_analysed() {
    let mut code = vec![mov(0, 1)];
    while code.len() + 3 < platform_click::limits::MAX_INSTRUCTIONS {
        code.extend([if_null(0, 1), store(10, -8, 0)]);
    }
    code.extend(leave());
    assert_eq!(found(&[&code]), [""; 0]);
}
