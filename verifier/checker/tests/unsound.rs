//! Programs that verifiers have accepted although they are not safe, or that broke what is built
//! around a verifier: none is accepted here, or it is safe on this platform and the test says why.
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

use bpf_object::{DecodeError, ImageError};
use common::{accepted, check_refused};
use platform_click::ProgramKind;

/// A 64-bit store of −1 as an immediate, loaded and compared unsigned, then null is dereferenced.
#[test]
fn a_stored_immediate_is_sign_extended() {
    check_refused(
        "BPF-K010",
        "r0 = 0; *(u64*)(r10 - 8) = -1; r1 = *(u64*)(r10 - 8); if r1 < 1001 goto out
         r1 = 0; !r0 = *(u32*)(r1 + 0)
         out: exit",
    );
}

/// Null plus an offset passes the test against null: a write to an address of one's choice.
#[test]
fn nothing_is_added_to_what_may_be_null() {
    check_refused(
        "BPF-K003",
        "*(u32*)(r10 - 4) = 1; r2 = r10; r2 += -4; r1 = map 0; call 1
         !r0 += 1572864; if r0 == 0 goto out
         r1 = 4702111234474983745 ll; *(u64*)(r0 + 0) = r1
         out: r0 = 0; exit",
    );
}

#[test]
fn a_swap_of_a_constant_is_unsigned() {
    for swap in ["bswap64", "be64"] {
        check_refused(
            "BPF-K010",
            &format!(
                "r1 = 0x80; r1 = {swap} r1; if r1 > 5 goto bad
                 r0 = 0; exit
                 bad: r1 = 0; !r0 = *(u64*)(r1 + 0); exit"
            ),
        );
    }
}

/// A callee writes at and above its frame pointer: into its caller's frame, or what lies above.
#[test]
fn a_callee_stays_below_its_frame_pointer() {
    for access in ["*(u64*)(r10 + 0) = r1", "*(u64*)(r10 + 256) = r1"] {
        check_refused(
            "BPF-K004",
            &format!(
                "fn main: r0 = 0; call inner; r0 = 0; exit
                 fn inner: r1 = 0x41414141; !{access}; r0 = 0; exit"
            ),
        );
    }
}

#[test]
fn a_callee_does_not_read_its_callers_frame() {
    check_refused(
        "BPF-K004",
        "fn main: r1 = 5; *(u64*)(r10 - 512) = r1; call inner; r0 = 0; exit
         fn inner: !r0 = *(u64*)(r10 + 0); exit",
    );
}

/// No packet has 65,535 bytes; what only such a packet would reach is looked at all the same.
#[test]
fn code_for_impossible_packets_is_not_dead() {
    for test in [
        "r4 = r2; r4 += 65535; if r4 > r3 goto out",
        "r4 = r3; r4 -= r2; if r4 < 65535 goto out",
    ] {
        check_refused(
            "BPF-K008",
            &format!(
                "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); {test}
                 r4 = 0; !*(u64*)(r1 + 0) = r4
                 out: r0 = 0; exit"
            ),
        );
    }
}

/// Rightly accepted: RFC 9669 defines the quotient of the smallest number by −1 as itself.
#[test]
fn the_smallest_number_by_minus_one_is_itself() {
    let facts = accepted("r0 = 0x8000000000000000 ll; r0 s/= -1; r0 >>= 63; exit");
    assert_eq!(facts.returns, 1..=1);
    let facts = accepted("r0 = 0x80000000; w0 s/= -1; r0 >>= 31; exit");
    assert_eq!(facts.returns, 1..=1);
    let facts = accepted("r0 = 0x8000000000000000 ll; r0 s%= -1; exit");
    assert_eq!(facts.returns, 0..=0);
}

#[test]
fn a_store_across_fields_of_the_context_is_refused() {
    check_refused("BPF-K008", "r2 = 7; !*(u64*)(r1 + 18) = r2; r0 = 0; exit");
}

/// The called function begins between two jumps of the program; what it does is looked at.
#[test]
fn a_call_is_followed_to_where_it_leads() {
    check_refused(
        "BPF-K010",
        "fn main: r6 = *(u32*)(r1 + 16); r0 = 0; call evil; r0 = 0; if r6 == 1 goto x; goto y
         x: r0 = 0; exit
         y: r0 = 1; exit
         fn evil: r1 = 0; !r0 = *(u64*)(r1 + 0); exit",
    );
}

/// An opcode that no RFC defines never becomes an instruction.
#[test]
fn an_unknown_opcode_is_no_instruction() {
    let mut parts = common::parts(ProgramKind::Filter, "r0 = 0; r0 = 0; r0 = 1; exit");
    parts.code[1].opcode = 0x0d;
    parts.code[1].src = 2;
    let refused = bpf_object::Image::new(parts).unwrap_err();
    assert!(matches!(
        refused,
        ImageError::Decode(DecodeError::Opcode {
            slot: 1,
            opcode: 0x0d
        })
    ));
}

/// Jumps are instructions: a thousand of them make the program longer.
#[test]
fn jumps_count_as_instructions() {
    let mut text = "r0 = 0\n".to_owned();
    for i in 0..1000 {
        text += &format!("goto l{i}; l{i}:\n");
    }
    assert_eq!(accepted(&(text + "exit")).longest_run, 1002);
}

/// On this platform the value of a deleted key stays valid until the program ends, as its prototype
/// says; the same value may belong to another key then.
#[test]
fn a_value_outlives_its_key() {
    accepted(
        "r6 = 0; *(u32*)(r10 - 4) = r6
         r1 = map 0; r2 = r10; r2 += -4; call 1; if r0 == 0 goto out
         r7 = r0; r1 = map 0; r2 = r10; r2 += -4; call 3
         r1 = 7; *(u64*)(r7 + 8) = r1
         out: r0 = 0; exit",
    );
}

/// There are no ring buffers.
#[test]
fn reservations_do_not_exist() {
    check_refused(
        "BPF-K014",
        "r1 = map 0; r2 = 16; r3 = 0; !call 131; r0 = 0; exit",
    );
}

/// Code behind a loop is reached however few iterations were looked at before.
#[test]
fn code_behind_a_loop_is_looked_at() {
    check_refused(
        "BPF-K006",
        "w0 = 0; r2 = *(u64*)(r1 + 8); r1 = *(u64*)(r1 + 0)
         r3 = r1; r3 += 34; if r3 > r2 goto out
         r2 = 0; r3 = 0
         loop: r4 = r1; r4 += r2; w4 = *(u8*)(r4 + 0); r3 = r4; r2 += 1; if r2 == 10 goto done
         goto loop
         done: !w0 = *(u8*)(r1 + 1000)
         out: exit",
    );
}

/// A wrong "unreachable" would make this loop a bounded one.
#[test]
fn an_endless_loop_is_not_accepted() {
    let verdict = common::verdict(
        "r1 = 1; *(u64*)(r10 - 8) = -1
         loop: r1 += 1; r2 = *(u64*)(r10 - 8); if r2 > 1000 goto loop
         w0 = 1; if r1 == 8 goto out; w0 = 0; out: exit",
    );
    assert!(matches!(verdict, bpf_checker::Verdict::Undecided(_)));
}

/// Reloads that overlap a store in other places give what memory holds.
#[test]
fn misaligned_reloads_are_exact() {
    for (load, byte) in [
        ("r0 = *(u32*)(r10 - 7)", 7),
        ("r0 = *(u16*)(r10 - 2)", 2),
        ("r0 = *(u8*)(r10 - 1)", 1),
    ] {
        let facts = accepted(&format!(
            "r1 = 0x0102030405060708 ll; *(u64*)(r10 - 8) = r1; {load}
             r0 &= 0xff; r0 -= {byte}; exit"
        ));
        assert_eq!(facts.returns, 0..=0, "{load}");
    }
    // Across two stores nothing but the size is known.
    check_refused(
        "BPF-K016",
        "*(u64*)(r10 - 8) = 0; *(u64*)(r10 - 16) = 0; r0 = *(u64*)(r10 - 12); !exit",
    );
}
