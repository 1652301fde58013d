//! Programs that are accepted, and what is told about them; and for each cause one that is refused.
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

use bpf_checker::{Known, Options, Region, Undecided, Verdict, Watch, check};
use bpf_object::Reg;
use common::{accepted, check_refused, findings, image};
use platform_click::{HelperId, ProgramKind};

#[test]
fn constants_are_returned_within_the_kinds_range() {
    let facts = accepted("r0 = 1; exit");
    assert_eq!(facts.returns, 1..=1);
    assert_eq!(
        (facts.longest_run, facts.frames, facts.stack_bytes),
        (2, 1, 0)
    );
    check_refused("BPF-K016", "r0 = 2; !exit");
    check_refused("BPF-K016", "r0 = -1; !exit");
    check_refused("BPF-K001", "!exit");
    check_refused("BPF-K012", "r0 = r1; !exit");
}

#[test]
fn a_checked_packet_may_be_accessed_up_to_what_was_checked() {
    let with = |access: &str| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
             r4 = r2; r4 += 14; if r4 > r3 goto out
             {access}
             out: exit"
        )
    };
    accepted(&with("r5 = *(u64*)(r2 + 6)"));
    accepted(&with("*(u8*)(r2 + 13) = 7"));
    accepted(&with("r5 = *(u16*)(r4 - 2)"));
    for access in [
        "!r5 = *(u64*)(r2 + 7)",
        "!r5 = *(u8*)(r2 + 14)",
        "!*(u8*)(r4 + 0) = 1",
        "!r5 = *(u8*)(r2 - 1)",
    ] {
        check_refused("BPF-K006", &with(access));
    }
    check_refused("BPF-K010", &with("!r5 = *(u8*)(r3 + 0)"));
    check_refused("BPF-K012", &with("!*(u64*)(r2 + 0) = r2"));
}

#[test]
fn every_form_of_the_packet_check_is_understood() {
    for (condition, checked_when_taken) in [
        ("r4 > r3", false),
        ("r3 < r4", false),
        ("r4 <= r3", true),
        ("r3 >= r4", true),
        ("r4 < r3", true),
        ("r3 > r4", true),
        ("r4 >= r3", false),
        ("r3 <= r4", false),
        ("r4 == r3", true),
        ("r3 != r4", false),
    ] {
        let program = |passed: &str, taken: &str| {
            format!(
                "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
                 r4 = r2; r4 += 14; if {condition} goto side
                 {passed}
                 exit
                 side: {taken}
                 exit"
            )
        };
        let read = "!r5 = *(u8*)(r2 + 13)";
        let (on_taken, on_passed) = (program("", read), program(read, ""));
        let (good, bad) = match checked_when_taken {
            true => (on_taken, on_passed),
            false => (on_passed, on_taken),
        };
        accepted(&good);
        check_refused("BPF-K006", &bad);
    }
}

#[test]
fn strict_comparisons_give_one_byte_more() {
    accepted(
        "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
         r4 = r2; r4 += 14; if r4 >= r3 goto out
         r5 = *(u8*)(r2 + 14)
         out: exit",
    );
    // At most the end, which the start always is, and not the end.
    accepted(
        "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
         if r2 == r3 goto out
         r5 = *(u8*)(r2 + 0)
         out: exit",
    );
    // Not the end, but perhaps behind it.
    check_refused(
        "BPF-K006",
        "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
         r4 = r2; r4 += 1; if r4 == r3 goto out
         !r5 = *(u8*)(r2 + 0)
         out: exit",
    );
}

#[test]
fn a_variable_position_is_checked_by_its_own_comparison() {
    let with = |access: &str| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
             r6 = *(u32*)(r1 + 16); r6 &= 0xffff
             r4 = r2; r4 += r6; r5 = r4; r5 += 1; if r5 > r3 goto out
             {access}
             out: exit"
        )
    };
    accepted(&with("r7 = *(u8*)(r4 + 0)"));
    accepted(&with("r7 = *(u8*)(r5 - 1)"));
    accepted(&with("r7 = *(u8*)(r2 + 0)"));
    // The same sum computed again is the same position.
    accepted(&with("r7 = r2; r7 += r6; r7 = *(u8*)(r7 + 0)"));
    accepted(&with("r7 = r6; r7 += r2; r7 = *(u8*)(r7 + 0)"));
    check_refused("BPF-K006", &with("!r7 = *(u16*)(r4 + 0)"));
    check_refused("BPF-K006", &with("!r7 = *(u8*)(r4 - 1)"));
    // Another number is another position.
    check_refused(
        "BPF-K006",
        &with("r6 += 1; r7 = r2; r7 += r6; !r7 = *(u8*)(r7 + 0)"),
    );
    // An unbounded one is none.
    check_refused(
        "BPF-K010",
        "r2 = *(u64*)(r1 + 0); r6 = *(u64*)(r1 + 24); r0 = 0; !r2 += r6; exit",
    );
}

#[test]
fn a_bounded_position_in_a_checked_part_needs_no_comparison_of_its_own() {
    let with = |mask: u32| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
             r4 = r2; r4 += 16; if r4 > r3 goto out
             r6 = *(u8*)(r2 + 0); r6 &= {mask}
             r2 += r6; !r5 = *(u8*)(r2 + 0)
             out: exit"
        )
    };
    accepted(&with(15));
    check_refused("BPF-K006", &with(31));
}

/// Two paths with different positions meet: an optional header.
#[test]
fn positions_that_meet_stay_comparable_with_the_end() {
    let with = |bytes: u32| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
             r4 = r2; r4 += 18; if r4 > r3 goto out
             r5 = r2; r5 += 14; r6 = *(u16*)(r2 + 12); if r6 != 0x81 goto join
             r5 = r4
             join: r7 = r5; r7 += 20; if r7 > r3 goto out
             r8 = *(u8*)(r7 - 1); !r8 = *(u8*)(r5 + {bytes})
             out: exit"
        )
    };
    accepted(&with(19));
    check_refused("BPF-K006", &with(20));
}

#[test]
fn the_distance_to_the_end_is_a_length() {
    let with = |test: &str, access: &str| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
             r4 = r3; r4 -= r2; if {test} goto out
             {access}
             out: exit"
        )
    };
    accepted(&with("r4 < 20", "r5 = *(u8*)(r2 + 19)"));
    accepted(&with("w4 < 20", "r5 = *(u8*)(r2 + 19)"));
    accepted(&with("r4 s<= 19", "r5 = *(u8*)(r2 + 19)"));
    check_refused("BPF-K006", &with("r4 < 20", "!r5 = *(u8*)(r2 + 20)"));
    check_refused("BPF-K006", &with("r4 > 20", "!r5 = *(u8*)(r2 + 0)"));
    // In 32 bits, subtracted or extended.
    let narrow = with("r4 < 20", "!r5 = *(u8*)(r2 + 19)");
    accepted(&narrow.replace("r4 -= r2", "w4 -= w2"));
    accepted(&narrow.replace("r4 -= r2", "r4 -= r2; r4 <<= 32; r4 >>= 32"));
    let more = narrow.replace("r2 + 19", "r2 + 20");
    check_refused(
        "BPF-K006",
        &more.replace("r4 -= r2", "r4 -= r2; r4 <<= 32; r4 >>= 32"),
    );
    // From a variable position.
    let variable = |access: &str| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
             r6 = *(u8*)(r1 + 16); r2 += r6; r4 = r3; r4 -= r2; if r4 s< 8 goto out
             {access}
             out: exit"
        )
    };
    accepted(&variable("r5 = *(u64*)(r2 + 0)"));
    check_refused("BPF-K006", &variable("!r5 = *(u64*)(r2 + 1)"));
    // Without a sign, a position behind the end is far before it.
    check_refused(
        "BPF-K006",
        &variable("!r5 = *(u64*)(r2 + 0)").replace("s<", "<"),
    );
}

/// `p + n + 2 <= end` and `n >= 4` are `p + 6 <= end`: an option with its length.
#[test]
fn a_number_that_grows_moves_what_was_checked() {
    let with = |test: &str, access: &str| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
             r4 = *(u16*)(r1 + 16); r5 = *(u16*)(r1 + 18); r4 += r2
             r6 = r4; r6 += r5; r6 += 2; if r6 > r3 goto out
             {test}
             {access}
             out: exit"
        )
    };
    accepted(&with("if r5 < 4 goto out", "r7 = *(u8*)(r4 + 5)"));
    check_refused(
        "BPF-K006",
        &with("if r5 < 4 goto out", "!r7 = *(u8*)(r4 + 6)"),
    );
    check_refused(
        "BPF-K006",
        &with("if r5 < 3 goto out", "!r7 = *(u8*)(r4 + 5)"),
    );
    // Another number of the same size says nothing.
    check_refused(
        "BPF-K006",
        &with(
            "r5 = *(u16*)(r1 + 20); if r5 < 4 goto out",
            "!r7 = *(u8*)(r4 + 5)",
        ),
    );
}

#[test]
fn a_packet_that_moved_leaves_no_pointer_behind() {
    let with = |access: &str| {
        format!(
            "r9 = r1; r6 = *(u64*)(r1 + 0); r7 = *(u64*)(r1 + 8)
             r8 = r6; r8 += 14; if r8 > r7 goto out
             r5 = r7; r5 -= r6; *(u64*)(r10 - 16) = r5; *(u64*)(r10 - 8) = r6
             r1 = 4; r2 = 0; call 60
             {access}
             out: r0 = 0; exit"
        )
    };
    check_refused("BPF-K002", &with("!r5 = *(u8*)(r6 + 0)"));
    check_refused("BPF-K002", &with("!r5 = *(u64*)(r10 - 8)"));
    check_refused("BPF-K002", &with("!if r7 == 0 goto out"));
    let reload = "r6 = *(u64*)(r9 + 0); r7 = *(u64*)(r9 + 8); r8 = r6; r8 += 14";
    // What is loaded again is to be compared again; a distance from before says nothing.
    check_refused(
        "BPF-K006",
        &with(&format!("{reload}; !r5 = *(u8*)(r6 + 0)")),
    );
    check_refused(
        "BPF-K006",
        &with(&format!(
            "{reload}; r5 = *(u64*)(r10 - 16); if r5 < 9 goto out; !r5 = *(u8*)(r6 + 0)"
        )),
    );
    accepted(&with(&format!(
        "{reload}; if r8 > r7 goto out; r5 = *(u8*)(r6 + 0)"
    )));
    let related = findings(&with("r5 = *(u8*)(r6 + 0)"))[0].related.clone();
    assert_eq!(related, [(12, "this call may move the packet")]);
}

#[test]
fn a_called_function_moves_the_callers_packet_too() {
    check_refused(
        "BPF-K002",
        "fn main: r6 = *(u64*)(r1 + 0); r7 = *(u64*)(r1 + 8)
         r8 = r6; r8 += 14; if r8 > r7 goto out
         call move; r0 = 0
         !r5 = *(u8*)(r6 + 0)
         out: r0 = 0; exit
         fn move: r1 = 4; r2 = 0; call 60; exit",
    );
}

const LOOKUP: &str = "*(u32*)(r10 - 4) = 1; r1 = map 0; r2 = r10; r2 += -4; call 1";

#[test]
fn a_map_value_is_tested_before_use() {
    let with = |rest: &str| format!("{LOOKUP}\n{rest}\nout: r0 = 0; exit");
    for good in [
        "if r0 == 0 goto out; r3 = *(u64*)(r0 + 8)",
        "r6 = r0; if r6 == 0 goto out; *(u64*)(r0 + 8) = 1",
        "r6 = 0; if r0 == r6 goto out; *(u64*)(r0 + 8) = 1",
        "*(u64*)(r10 - 16) = r0; if r0 == 0 goto out; r7 = *(u64*)(r10 - 16); *(u64*)(r7 + 8) = 1",
        "if r0 != 0 goto use; goto out; use: r6 = 1; lock *(u64*)(r0 + 8) += r6",
    ] {
        accepted(&with(good));
    }
    for (code, bad) in [
        ("BPF-K003", "!r3 = *(u64*)(r0 + 8)"),
        ("BPF-K003", "!r0 += 8; if r0 == 0 goto out"),
        ("BPF-K003", "r6 = 1; !r0 += r6; if r0 == 0 goto out"),
        ("BPF-K003", "r6 = 1; !r6 += r0"),
        ("BPF-K010", "if r0 != 0 goto out; !r3 = *(u64*)(r0 + 8)"),
        ("BPF-K011", "!if w0 == 0 goto out; r3 = *(u64*)(r0 + 8)"),
        ("BPF-K011", "!if r0 > 0 goto out"),
        ("BPF-K007", "if r0 == 0 goto out; !r3 = *(u64*)(r0 + 9)"),
        ("BPF-K007", "if r0 == 0 goto out; !r3 = *(u8*)(r0 - 1)"),
        ("BPF-K012", "if r0 == 0 goto out; !*(u64*)(r0 + 0) = r0"),
    ] {
        check_refused(code, &with(bad));
    }
}

/// A test of one lookup's result says nothing about another's.
#[test]
fn lookups_are_told_apart() {
    let second = LOOKUP.replace("*(u32*)(r10 - 4) = 1;", "");
    check_refused(
        "BPF-K003",
        &format!(
            "{LOOKUP}; r6 = r0; {second}; if r6 == 0 goto out; !r3 = *(u64*)(r0 + 0)
             out: r0 = 0; exit"
        ),
    );
}

#[test]
fn a_value_from_one_path_and_null_from_the_other_is_a_value_or_null() {
    let with = |test: &str| {
        format!(
            "r6 = 0; r7 = *(u32*)(r1 + 16); *(u32*)(r10 - 4) = 0; if r7 == 0 goto join
             {LOOKUP}; if r0 == 0 goto out
             r6 = r0
             join: {test}
             !r3 = *(u64*)(r6 + 0)
             out: r0 = 0; exit"
        )
    };
    accepted(&with("if r6 == 0 goto out"));
    check_refused("BPF-K003", &with("r8 = r6; if r7 == 0 goto out"));
}

#[test]
fn a_variable_index_into_a_value_is_bounded() {
    let with = |bound: &str| {
        format!(
            "r6 = *(u32*)(r1 + 16); r7 = *(u64*)(r1 + 24)
             {LOOKUP}; if r0 == 0 goto out
             {bound}
             r0 += r6; !r3 = *(u8*)(r0 + 0)
             out: r0 = 0; exit"
        )
    };
    for good in [
        "if r6 > 15 goto out",
        "if w6 > 15 goto out",
        "r6 &= 15",
        "r6 %= 16",
        "w6 >>= 28",
        "if r7 > 15 goto out; if r6 != r7 goto out",
        "r8 = r6; if r8 > 15 goto out",
    ] {
        accepted(&with(good));
    }
    for bad in [
        "if r6 > 16 goto out",
        "r6 &= 31",
        "if r6 < 3 goto out; r6 &= 31",
    ] {
        check_refused("BPF-K007", &with(bad));
    }
    // Not below 16 where the sign is not looked at.
    check_refused("BPF-K007", &with("r6 = (s8)r7; if r6 s> 15 goto out"));
}

#[test]
fn the_stack_is_512_bytes_below_the_frame_pointer() {
    let facts = accepted("*(u64*)(r10 - 512) = 1; r0 = 0; exit");
    assert_eq!(facts.stack_bytes, 512);
    assert_eq!(facts.frame_bytes, [512]);
    for (code, bad) in [
        ("BPF-K004", "!*(u64*)(r10 - 513) = 1"),
        ("BPF-K004", "!*(u64*)(r10 + 0) = 1"),
        ("BPF-K004", "!*(u64*)(r10 - 7) = 1"),
        ("BPF-K004", "r2 = r10; r2 += 32767; !*(u8*)(r2 + 0) = 1"),
        ("BPF-K005", "!r3 = *(u64*)(r10 - 8)"),
        ("BPF-K005", "*(u32*)(r10 - 8) = 1; !r3 = *(u64*)(r10 - 8)"),
    ] {
        check_refused(code, &format!("{bad}; r0 = 0; exit"));
    }
    accepted("*(u64*)(r10 - 8) = 1; r3 = *(u16*)(r10 - 3); r0 = 0; exit");
}

#[test]
fn the_stack_keeps_numbers_in_all_their_parts() {
    let facts = accepted("*(u64*)(r10 - 8) = -2; r0 = *(u8*)(r10 - 8); r0 -= 0xfe; exit");
    assert_eq!(facts.returns, 0..=0);
    accepted("r2 = 0x8000000000000001 ll; *(u64*)(r10 - 8) = r2; r0 = *(u8*)(r10 - 8); exit");
    // Overwritten in part: the rest is a number, but which one is forgotten.
    check_refused(
        "BPF-K016",
        "*(u64*)(r10 - 8) = 0; *(u8*)(r10 - 7) = 1; r0 = *(u64*)(r10 - 8); !exit",
    );
}

#[test]
fn pointers_on_the_stack_are_whole_or_gone() {
    let with = |rest: &str| format!("*(u64*)(r10 - 8) = r1; {rest}; r0 = 0; exit");
    accepted(&with("r3 = *(u64*)(r10 - 8); r4 = *(u64*)(r3 + 0)"));
    for (code, bad) in [
        ("BPF-K010", "!r3 = *(u32*)(r10 - 8)"),
        ("BPF-K010", "!r3 = *(u8*)(r10 - 1)"),
        ("BPF-K005", "*(u8*)(r10 - 8) = 1; !r3 = *(u64*)(r10 - 8)"),
        ("BPF-K005", "*(u8*)(r10 - 8) = 1; !r3 = *(u8*)(r10 - 7)"),
        ("BPF-K012", "!*(u64*)(r10 - 12) = r1"),
        ("BPF-K012", "!*(u32*)(r10 - 8) = r1"),
    ] {
        check_refused(code, &with(bad));
    }
    // A pointer on one path and a number on the other is neither.
    let meet = |number: &str, load: &str| {
        format!(
            "*(u64*)(r10 - 8) = r1; r2 = *(u32*)(r1 + 16); if r2 == 0 goto join
             {number}
             join: !r3 = {load}; r0 = 0; exit"
        )
    };
    check_refused(
        "BPF-K001",
        &meet("*(u64*)(r10 - 8) = 5", "*(u64*)(r10 - 8)"),
    );
    check_refused(
        "BPF-K010",
        &meet("*(u32*)(r10 - 8) = 5", "*(u32*)(r10 - 8)"),
    );
    check_refused(
        "BPF-K005",
        &meet("*(u32*)(r10 - 8) = 5", "*(u64*)(r10 - 8)"),
    );
}

#[test]
fn a_store_at_a_variable_place_forgets_what_it_may_hit() {
    let with = |rest: &str| {
        format!(
            "r6 = *(u32*)(r1 + 16); r6 &= 7
             *(u64*)(r10 - 8) = 0; *(u64*)(r10 - 16) = 0; *(u64*)(r10 - 24) = r1
             r2 = r10; r2 += -16; r2 += r6
             *(u8*)(r2 + 0) = 9
             {rest}; !exit"
        )
    };
    accepted(&with("r0 = *(u64*)(r10 - 8)"));
    accepted(&with("r0 = 0; r3 = *(u64*)(r10 - 24)"));
    check_refused("BPF-K016", &with("r0 = *(u64*)(r10 - 16)"));
    let start = "r6 = *(u32*)(r1 + 16); r6 &= 7; r2 = r10; r2 += -8; r2 += r6";
    // All places must be within the frame.
    check_refused(
        "BPF-K004",
        &format!("{start}; !*(u16*)(r2 + 0) = 1; r0 = 0; exit"),
    );
    // Bytes that are only perhaps written are not initialised.
    let byte = "*(u8*)(r2 + 0) = 1";
    check_refused(
        "BPF-K005",
        &format!("{start}; {byte}; !r3 = *(u8*)(r10 - 8); r0 = 0; exit"),
    );
    // A pointer that may be hit is gone, one that may be loaded is not a number.
    let pointer = "*(u64*)(r10 - 8) = r1";
    check_refused(
        "BPF-K005",
        &format!("{start}; {pointer}; {byte}; !r3 = *(u64*)(r10 - 8); r0 = 0; exit"),
    );
    check_refused(
        "BPF-K010",
        &format!("{start}; {pointer}; !r3 = *(u8*)(r2 + 0); r0 = 0; exit"),
    );
    check_refused(
        "BPF-K012",
        &format!("{start}; r2 += -8; !*(u64*)(r2 + 0) = r1; r0 = 0; exit"),
    );
}

#[test]
fn the_context_is_accessed_field_by_field() {
    for good in [
        "r2 = *(u32*)(r1 + 16); r3 = *(u64*)(r1 + 24); r4 = *(u8*)(r1 + 25)",
        "*(u32*)(r1 + 20) = 5; *(u64*)(r1 + 32) = 6",
        "r2 = r1; r2 += 16; r3 = *(u32*)(r2 + 4)",
    ] {
        accepted(&format!("{good}; r0 = 0; exit"));
    }
    for bad in [
        "!r2 = *(u32*)(r1 + 0)",
        "!r2 = *(u64*)(r1 + 4)",
        "!r2 = *(u64*)(r1 + 16)",
        "!r2 = *(u64*)(r1 + 40)",
        "!r2 = *(u8*)(r1 - 1)",
        "r2 = 0; !*(u64*)(r1 + 0) = r2",
        "!*(u64*)(r1 + 8) = 0",
        "!*(u32*)(r1 + 16) = 0",
        "!*(u16*)(r1 + 20) = 0",
        "r2 = 7; !*(u64*)(r1 + 18) = r2",
        "r2 = *(u32*)(r1 + 16); r2 &= 4; r1 += 16; r1 += r2; !r3 = *(u32*)(r1 + 0)",
    ] {
        check_refused("BPF-K008", &format!("{bad}; r0 = 0; exit"));
    }
    check_refused("BPF-K012", "!*(u64*)(r1 + 32) = r1; r0 = 0; exit");
}

#[test]
fn read_only_data_is_known_and_not_written() {
    let facts = accepted("r1 = data 0 + 4; r0 = *(u32*)(r1 + 0); r0 >>= 24; r0 -= 7; exit");
    assert_eq!(facts.returns, 1..=1);
    accepted("r1 = data 1 + 0; *(u64*)(r1 + 8) = 1; r0 = 0; exit");
    for (code, bad) in [
        (
            "BPF-K009",
            "r1 = data 0 + 0; !*(u8*)(r1 + 0) = 1; r0 = 0; exit",
        ),
        (
            "BPF-K009",
            "r1 = data 0 + 0; r2 = 1; !lock *(u64*)(r1 + 0) += r2; r0 = 0; exit",
        ),
        ("BPF-K007", "r1 = data 0 + 4; !r0 = *(u64*)(r1 + 0); exit"),
        ("BPF-K016", "r1 = data 1 + 0; r0 = *(u64*)(r1 + 8); !exit"),
        (
            "BPF-K012",
            "r2 = r1; r1 = data 1 + 0; !*(u64*)(r1 + 8) = r2; r0 = 0; exit",
        ),
    ] {
        check_refused(code, bad);
    }
}

#[test]
fn divisors_are_not_zero() {
    for op in ["/=", "%=", "s/=", "s%="] {
        let with = |guard: &str, width: char| {
            format!(
                "r2 = *(u64*)(r1 + 24); r3 = 9; {guard}; !{width}3 {op} {width}2
                 out: r0 = 0; exit"
            )
        };
        accepted(&with("r2 = 2", 'r'));
        accepted(&with("if r2 == 0 goto out", 'r'));
        accepted(&with("if w2 == 0 goto out", 'w'));
        accepted(&with("r2 |= 1", 'w'));
        check_refused("BPF-K013", &with("r2 = 0", 'r'));
        check_refused("BPF-K013", &with("if r2 == 1 goto out", 'r'));
        // The lower half may be zero when the whole is not.
        check_refused("BPF-K013", &with("if r2 == 0 goto out", 'w'));
    }
}

#[test]
fn pointers_have_little_arithmetic() {
    for bad in [
        "!r1 *= 2",
        "!r1 &= 7",
        "!r1 = -r1",
        "!w1 += 1",
        "!r1 <<= 1",
        "!r1 = be16 r1",
        "!r1 += r1",
        "r2 = 1; !r2 -= r1",
        "!w2 = w1",
        "!r2 = (s8)r1",
        "!r1 -= r10",
        "r2 = *(u64*)(r1 + 8); !r2 += 1",
        "r2 = map 0; !r2 += 1",
        "r2 = map 0; !r3 = *(u8*)(r2 + 0)",
        "r2 = 0; !r3 = *(u8*)(r2 + 0)",
        "r2 = 0x7fffffffffffffff ll; !r1 += r2",
        "r2 = 0x8000000000000000 ll; !r1 -= r2",
        "r1 += 0x20000000; !r1 += 1",
    ] {
        check_refused("BPF-K010", &format!("{bad}; r0 = 0; exit"));
    }
    let facts = accepted("r2 = r10; r2 += -8; r0 = r10; r0 -= r2; r0 -= 8; exit");
    assert_eq!(facts.returns, 0..=0);
}

#[test]
fn pointers_are_compared_within_an_object() {
    for bad in [
        "!if r1 == r10 goto out",
        "r2 = 5; !if r1 > r2 goto out",
        "!if r1 == 1 goto out",
        "!if r1 & 1 goto out",
        "!if r1 s> r10 goto out",
    ] {
        check_refused("BPF-K011", &format!("{bad}; out: r0 = 0; exit"));
    }
    accepted("if r1 == 0 goto out; out: r0 = 0; exit");
    // Known offsets decide.
    let facts = accepted("r2 = r10; r2 += -8; r0 = 0; if r2 < r10 goto out; r0 = 7; out: exit");
    assert!(facts.taken.contains(3) && !facts.not_taken.contains(3));
    assert!(!facts.reachable.contains(4));
}

#[test]
fn atomics_work_on_aligned_numbers_of_the_programs_memory() {
    let stack = |insn: &str| {
        format!(
            "*(u64*)(r10 - 8) = 1; *(u64*)(r10 - 16) = 1; r2 = 1; r0 = 0; !lock {insn}; r0 = 0; exit"
        )
    };
    for op in ["+=", "fetch+=", "|=", "&=", "fetch^=", "xchg", "cmpxchg"] {
        accepted(&stack(&format!("*(u64*)(r10 - 8) {op} r2")));
        accepted(&stack(&format!("*(u32*)(r10 - 12) {op} r2")));
        check_refused("BPF-K018", &stack(&format!("*(u64*)(r10 - 12) {op} r2")));
        check_refused("BPF-K005", &stack(&format!("*(u64*)(r10 - 24) {op} r2")));
        check_refused("BPF-K010", &stack(&format!("*(u64*)(r10 - 8) {op} r1")));
        check_refused("BPF-K018", &stack(&format!("*(u32*)(r1 + 20) {op} r2")));
        let pointer =
            format!("*(u64*)(r10 - 8) = r1; r2 = 1; r0 = 0; !lock *(u64*)(r10 - 8) {op} r2; exit");
        check_refused("BPF-K010", &pointer);
    }
    // An exchange gives the old value; a later load the new one, which is not known.
    let facts = accepted("*(u64*)(r10 - 8) = 1; r0 = 0; lock *(u64*)(r10 - 8) xchg r0; exit");
    assert_eq!(facts.returns, 1..=1);
    check_refused(
        "BPF-K016",
        "*(u64*)(r10 - 8) = 1; r2 = 0; lock *(u64*)(r10 - 8) xchg r2; r0 = *(u64*)(r10 - 8); !exit",
    );
}

#[test]
fn helpers_get_what_their_prototypes_say() {
    let key = "r1 = map 0; r2 = r10; r2 += -4";
    let update = "r1 = map 0; r2 = r10; r2 += -4; r3 = r10; r3 += -16; r4 = 0; !call 2";
    for (code, bad) in [
        ("BPF-K014", "!call 25".to_owned()),
        ("BPF-K015", "r1 = 1; r2 = r10; !call 1".to_owned()),
        ("BPF-K001", "r1 = map 0; !call 1".to_owned()),
        ("BPF-K005", format!("{key}; !call 1")),
        (
            "BPF-K004",
            format!("*(u32*)(r10 - 4) = 0; {key}; r2 += 1; !call 1"),
        ),
        ("BPF-K005", format!("*(u64*)(r10 - 8) = 0; {update}")),
        // A pointer in a value, or as flags, would leave the program.
        (
            "BPF-K010",
            format!("*(u64*)(r10 - 16) = r1; *(u64*)(r10 - 8) = 0; {update}"),
        ),
        (
            "BPF-K015",
            format!(
                "*(u64*)(r10 - 16) = 0; *(u64*)(r10 - 8) = 0; {}",
                update.replace("r4 = 0", "r4 = r10")
            ),
        ),
        (
            "BPF-K007",
            "r1 = map 0; r2 = data 0 + 5; !call 1".to_owned(),
        ),
        (
            "BPF-K010",
            "r2 = r1; r2 += 16; r1 = map 0; !call 1".to_owned(),
        ),
        // r1 to r5 are gone after a call.
        ("BPF-K001", "r3 = 1; call 5; !r0 = r3".to_owned()),
    ] {
        check_refused(code, &format!("{bad}; r0 = 0; exit"));
    }
    accepted(&format!(
        "*(u64*)(r10 - 16) = 0; *(u64*)(r10 - 8) = 0; {update}; r0 = 0; exit"
    ));
    accepted("r1 = map 0; r2 = data 0 + 4; call 1; r0 = 0; exit");
    let facts = accepted("r6 = 0; call 5; r0 = r6; exit");
    assert!(facts.helpers.iter().eq([&HelperId::KtimeGetNs]));
}

#[test]
fn helpers_are_for_certain_kinds() {
    let filter = image(ProgramKind::Filter, "r1 = 0; r2 = 0; call 60; r0 = 0; exit");
    let Verdict::Rejected(found) = check(&filter, &Options::default()) else {
        panic!("accepted")
    };
    assert_eq!((found[0].code().id, found[0].slot), ("BPF-K014", 2));
    assert!(found[0].cause.to_string().contains("bpf_packet_add_space"));
}

#[test]
fn texts_have_positive_sizes_within_their_memory() {
    let print = |size: &str| {
        format!("r1 = data 0 + 0; r2 = {size}; r3 = 0; r4 = 0; r5 = 0; !call 6; r0 = 0; exit")
    };
    accepted(&print("8"));
    check_refused("BPF-K007", &print("9"));
    check_refused("BPF-K015", &print("0"));
    check_refused("BPF-K015", &print("-1"));
    check_refused("BPF-K007", &print("0x7fffffffffffffff ll"));
    check_refused("BPF-K015", &print("r10"));
    check_refused("BPF-K015", &print("8").replace("r5 = 0;", "r5 = r10;"));
    // The data's bytes are no text, and what is no text prints nothing.
    accepted(&print("8").replace("r5 = 0;", ""));
}

#[test]
fn functions_have_frames_of_their_own() {
    let facts = accepted(
        "fn main: *(u64*)(r10 - 8) = 1
         r1 = r10; r1 += -8; r6 = 5
         call inner
         r0 = *(u64*)(r10 - 8)
         exit
         fn inner: *(u64*)(r10 - 16) = 7
         *(u64*)(r1 + 0) = 0
         r0 = 0
         exit",
    );
    assert_eq!(
        (facts.returns, facts.frames, facts.stack_bytes),
        (0..=0, 2, 528)
    );
    assert_eq!(facts.frame_bytes, [8, 16]);
    // The caller's frame is not reached through the callee's frame pointer.
    check_refused(
        "BPF-K004",
        "fn main: *(u64*)(r10 - 512) = 5; call inner; r0 = 0; exit
         fn inner: !r0 = *(u64*)(r10 + 0); exit",
    );
    check_refused(
        "BPF-K004",
        "fn main: r0 = 0; call inner; r0 = 0; exit
         fn inner: !*(u64*)(r10 + 256) = 1; r0 = 0; exit",
    );
    // A pointer into a frame that is gone.
    check_refused(
        "BPF-K001",
        "fn main: call inner; !r6 = *(u64*)(r0 - 8); r0 = 0; exit
         fn inner: *(u64*)(r10 - 8) = 0; r0 = r10; exit",
    );
    check_refused(
        "BPF-K001",
        "fn main: r1 = r10; r1 += -8; call inner; !r2 = *(u64*)(r10 - 8); r0 = 0; exit
         fn inner: *(u64*)(r1 + 0) = r10; r0 = 0; exit",
    );
}

#[test]
fn functions_keep_r6_to_r9_and_nothing_else() {
    accepted("fn main: r6 = 1; call f; r0 = r6; exit; fn f: r6 = 9; r0 = 0; exit");
    for bad in [
        "fn main: r2 = 1; call f; !r0 = r2; exit; fn f: r0 = 0; exit",
        "fn main: r6 = 1; call f; r0 = 0; exit; fn f: !r0 = r6; exit",
        "fn main: r0 = 1; call f; r0 = 0; exit; fn f: !r6 = r0; exit",
        "fn main: call f; !exit; fn f: exit",
    ] {
        check_refused("BPF-K001", bad);
    }
    // Each call is analysed with its own arguments.
    let facts = accepted(
        "fn main: r1 = 1; call f; r6 = r0; r1 = 2; call f; r0 -= r6; exit
         fn f: r0 = r1; exit",
    );
    assert_eq!(facts.returns, 1..=1);
}

#[test]
fn recursion_and_deep_calls_are_refused() {
    check_refused("BPF-K017", "fn main: call a; exit; fn a: !call a; exit");
    check_refused(
        "BPF-K017",
        "fn main: call a; exit; fn a: call b; exit; fn b: !call a; exit",
    );
    let chain = |depth: usize| {
        let mut text = "fn f0: call f1; r0 = 0; exit\n".to_owned();
        for i in 1..depth {
            let mark = if i == 7 { "!" } else { "" };
            text += &format!("fn f{i}: {mark}call f{}; r0 = 0; exit\n", i + 1);
        }
        text + &format!("fn f{depth}: *(u64*)(r10 - 512) = 1; r0 = 0; exit")
    };
    let facts = accepted(&chain(7));
    assert_eq!((facts.frames, facts.stack_bytes), (8, 4096));
    check_refused("BPF-K017", &chain(8));
}

#[test]
fn loops_are_walked_until_they_end() {
    let facts = accepted("r2 = 0; loop: r2 += 1; if r2 < 100 goto loop; r0 = 0; exit");
    assert_eq!(facts.loops.len(), 1);
    assert_eq!((facts.loops[0].slot, facts.loops[0].iterations), (1, 100));
    assert_eq!(facts.longest_run, 1 + 100 * 2 + 2);
    // Counting down, 32 bits, to zero: what widening cannot do.
    let facts = accepted("w2 = 100; loop: w2 += -1; if w2 != 0 goto loop; r0 = 0; exit");
    assert_eq!(facts.loops[0].iterations, 100);
    let facts = accepted(
        "r2 = 0
         outer: r3 = 0
         inner: r3 += 1; if r3 != 8 goto inner
         r2 += 1; if r2 != 64 goto outer
         r0 = 0; exit",
    );
    let bounds: Vec<_> = facts.loops.iter().map(|l| (l.slot, l.iterations)).collect();
    assert_eq!(bounds, [(1, 64), (2, 8)]);
    assert_eq!(facts.longest_run, 1 + 64 * (1 + 16 + 2) + 2);
}

/// Two entries into one loop: there is no head that every path passes.
#[test]
fn irreducible_loops_are_walked_too() {
    let facts = accepted(
        "r2 = *(u32*)(r1 + 16); r2 &= 15; r3 = 0
         if r2 > 7 goto second
         first: r3 += 1; if r3 > 20 goto out
         second: r3 += 1; if r3 > 20 goto out
         goto first
         out: r0 = 0; exit",
    );
    assert_eq!(facts.loops.len(), 1);
}

#[test]
fn a_loop_that_never_changes_anything_is_refused() {
    check_refused("BPF-K020", "r0 = 0; loop: !goto loop");
    check_refused(
        "BPF-K020",
        "r6 = r1; loop: !r2 = *(u64*)(r6 + 24); if r2 != 0 goto loop; r0 = 0; exit",
    );
    check_refused(
        "BPF-K020",
        "loop: !call 7; if r0 != 0 goto loop; r0 = 0; exit",
    );
}

#[test]
fn a_loop_with_too_many_iterations_is_undecided() {
    for text in [
        "r2 = 0; loop: r2 += 1; if r2 < 200000 goto loop; r0 = 0; exit",
        "r6 = *(u64*)(r1 + 24); r2 = 0; loop: r2 += 1; if r2 != r6 goto loop; r0 = 0; exit",
    ] {
        let Verdict::Undecided(why) = common::verdict(text) else {
            panic!("decided: {text}")
        };
        assert_eq!(why.code().exit.number(), 11);
        assert!(matches!(why, Undecided::Iterations { slot: 1..=2, .. }));
    }
}

#[test]
fn a_loop_over_the_packet_ends_with_the_packet() {
    let facts = accepted(
        "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
         loop: r4 = r2; r4 += 1; if r4 > r3 goto out
         r5 = *(u8*)(r2 + 0); r2 += 1; goto loop
         out: exit",
    );
    assert_eq!(facts.loops[0].iterations, 65_535);
    // It says nothing about code that only a longer packet would reach.
    check_refused(
        "BPF-K008",
        "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r4 = r2; r4 += 65535; if r4 > r3 goto out
         !*(u64*)(r1 + 0) = 0
         out: r0 = 0; exit",
    );
}

/// Compilers extend 32 bits by shifting there and back.
#[test]
fn an_extended_number_is_the_number() {
    for extend in [
        "r7 = r6; r7 <<= 32; r7 >>= 32",
        "r7 = r6; r7 <<= 32; r7 s>>= 32",
        "w7 = w6",
        "r7 = (s32)r6",
        "r7 = r6; r7 &= 0xffff",
    ] {
        let with = |bound: &str| {
            format!(
                "r6 = *(u16*)(r1 + 24); {extend}; if r7 > 1 goto out
                 {bound}
                 r0 = r6; exit; out: r0 = 0; exit"
            )
        };
        let facts = accepted(&with(""));
        assert_eq!(facts.returns, 0..=1, "{extend}");
        // No longer when one of the two changes.
        let changed = with("r6 = *(u16*)(r1 + 24);").replace("; exit; out", "; !exit; out");
        check_refused("BPF-K016", &changed);
    }
    // What does not fit is another number.
    for extend in [
        "r7 = r6; r7 <<= 32; r7 >>= 32",
        "r7 = r6; r7 <<= 32; r7 s>>= 32",
        "w7 = w6",
        "r7 = (s32)r6",
        "r7 = r6; r7 &= 0xffff",
        "r7 = r6; w7 &= -1",
    ] {
        check_refused(
            "BPF-K016",
            &format!(
                "r6 = *(u64*)(r1 + 24); {extend}; r0 = 0; if r7 > 1 goto out; r0 = r6; out: !exit"
            ),
        );
    }
}

/// A constant on one path has no identity: learning about another number that happens to meet it
/// says nothing about it.
#[test]
fn constants_that_meet_numbers_are_not_their_copies() {
    let constant = "r7 = 5";
    let copy = "if r6 != 5 goto out; r7 = r6";
    for (first, second) in [(constant, copy), (copy, constant)] {
        check_refused(
            "BPF-K016",
            &format!(
                "r6 = *(u8*)(r1 + 24); r8 = *(u8*)(r1 + 25); if r8 == 0 goto other
                 {first}; goto join
                 other: {second}
                 join: if r6 != 1 goto out
                 r0 = r7; r0 -= 1; !exit
                 out: r0 = 0; exit"
            ),
        );
    }
}

#[test]
fn watched_slots_tell_what_registers_hold() {
    let image = image(
        ProgramKind::Filter,
        "r2 = *(u8*)(r1 + 16); r0 = 2; if r2 > 9 goto out; r0 = 1; out: exit",
    );
    let mut options = Options::default();
    options.watch = Watch::Slots([3, 4].into());
    let Verdict::Accepted(facts) = check(&image, &options) else {
        panic!("not accepted")
    };
    let number = |slot: u32, reg: Reg| match facts.watched[&slot].get(reg) {
        Known::Number(number) => number.unsigned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(number(3, Reg::R2), 0..=9);
    assert_eq!(number(4, Reg::R0), 1..=2);
    assert_eq!(facts.returns, 1..=2);
    let context = Known::Pointer {
        region: Region::Context,
        least: 0,
        greatest: 0,
        maybe_null: false,
    };
    assert_eq!(facts.watched[&4].get(Reg::R1), context);
    assert_eq!(facts.watched.len(), 2);
}

#[test]
fn findings_name_each_instruction_once_and_their_number_is_bounded() {
    let mut text = "r2 = *(u32*)(r1 + 16)\n".to_owned();
    for i in 0..40 {
        text += &format!("if r2 == {i} goto bad{i}\n");
    }
    text += "r0 = 0; exit\n";
    for i in 0..40 {
        text += &format!("bad{i}: r0 = *(u64*)(r2 + 0); exit\n");
    }
    assert_eq!(findings(&text).len(), 16);
    // In a loop, 10 times the same.
    check_refused(
        "BPF-K001",
        "r2 = 0; loop: r2 += 1; if r2 > 5 goto next; next: if r2 > 10 goto out
         r4 = *(u32*)(r1 + 16); if r4 != 7 goto loop; !r5 = r6
         out: r0 = 0; exit",
    );
}

/// `p + (n + 4)` and `(p + n) + 4` are one position.
#[test]
fn a_constant_may_be_added_first() {
    let with = |access: &str, constant: &str| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r4 = *(u8*)(r1 + 16); r0 = 0
             r5 = r4; r5 {constant}; r6 = r2; r6 += r5; if r6 > r3 goto out
             r6 = r2; r6 += r4; {access}; r0 = 1
             out: exit"
        )
    };
    accepted(&with("r7 = *(u16*)(r6 + 2)", "+= 4"));
    accepted(&with("r7 = *(u16*)(r6 + 2)", "-= -4"));
    accepted(&with("r7 = *(u32*)(r6 + 3)", "+= 2; r5 += 5"));
    check_refused("BPF-K006", &with("!r7 = *(u16*)(r6 + 3)", "+= 4"));
    check_refused("BPF-K006", &with("!r7 = *(u8*)(r6 + 0)", "*= 4"));
    // Another number by then.
    check_refused(
        "BPF-K006",
        &with("r4 += 1; r6 = r2; r6 += r4; !r7 = *(u16*)(r6 + 2)", "+= 4"),
    );
}

/// The new count and the old one are one number and a constant apart: clang compares the old one.
#[test]
fn a_loop_may_count_in_one_register_and_compare_another() {
    let program = |limit: u32| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0
             r4 = r2; r4 += 1; if r4 > r3 goto out
             r5 = *(u8*)(r2 + 0)
             head: w6 = w5; w5 += -7; if w6 > {limit} goto head
             out: exit"
        )
    };
    let facts = accepted(&program(6));
    assert_eq!(facts.loops[0].iterations, 37);
    // One lower, and it wraps around: 6 becomes the greatest number of 32 bits.
    let image = image(ProgramKind::Filter, &program(5));
    assert!(!matches!(
        check(&image, &Options::default()),
        Verdict::Accepted(_)
    ));
}

/// `p + i + 4` was compared, so `p + i + 2` and `p + (i | 3)` are in the packet where `i` is a multiple of
/// four.
#[test]
fn sums_with_one_number_are_checked_together() {
    let program = |sum: &str, bytes: u32| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0; r5 = *(u32*)(r1 + 16)
             r5 &= 0xfc
             r4 = r2; r4 += r5; r4 += {bytes}; if r4 > r3 goto out
             {sum}
             r2 += r5
             !r6 = *(u8*)(r2 + 0)
             out: exit"
        )
    };
    for (sum, bytes) in [
        ("r5 += 2", 3),
        ("r5 |= 3", 4),
        ("w5 += 2", 3),
        ("r5 -= -1", 2),
    ] {
        accepted(&program(sum, bytes).replace('!', ""));
        check_refused("BPF-K006", &program(sum, bytes - 1));
    }
    // Not a sum: the bit may be there.
    check_refused("BPF-K006", &program("r5 ^= 4", 5));
}

/// A length that is a multiple of four and above 20 is at least 24.
#[test]
fn a_bound_moves_to_the_next_multiple() {
    let program = |read: u32| {
        format!(
            "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r0 = 0; r5 = *(u32*)(r1 + 16)
             r5 &= 0x3c; if r5 <= 20 goto out
             r4 = r2; r4 += r5; if r4 > r3 goto out
             !r6 = *(u8*)(r2 + {read})
             out: exit"
        )
    };
    accepted(&program(23).replace('!', ""));
    check_refused("BPF-K006", &program(24));
}

/// What was written on one path is told apart from what was written on another, as long as it differs.
#[test]
fn bytes_that_were_written_on_one_path_are_remembered() {
    let with = |last: &str| {
        format!(
            "r6 = *(u32*)(r1 + 16); r2 = 0
             if r6 == 1 goto other
             *(u8*)(r10 - 1) = 1
             r2 = 1
             other: r3 = r10
             if r2 != 0 goto written
             *(u8*)(r10 - 1) = 2
             written: {last} = *(u8*)(r10 - 1)
             r0 = 1; exit"
        )
    };
    accepted(&with("r4"));
    let initialised = with("!r4").replace("*(u8*)(r10 - 1) = 2", "*(u8*)(r10 - 2) = 2");
    check_refused("BPF-K005", &initialised);
}

/// Sixteen sets of bytes, of which four are told apart: that the others are joined loses the bytes, not
/// the program's end.
#[test]
fn few_sets_of_written_bytes_are_told_apart() {
    let mut text = String::from("r6 = *(u32*)(r1 + 16)\n");
    for bit in 0..8 {
        text.push_str(&format!(
            "r2 = r6; r2 &= {}; if r2 == 0 goto l{bit}
             *(u8*)(r10 - {}) = 1
             l{bit}: r3 = 0\n",
            1 << bit,
            bit + 1
        ));
    }
    let facts = accepted(&format!("{text} r0 = 1; exit"));
    assert!(facts.peak_states <= 8, "{}", facts.peak_states);
    assert!(facts.work < 1_000, "{}", facts.work);
    check_refused(
        "BPF-K005",
        &format!("{text} !r4 = *(u8*)(r10 - 1); r0 = 1; exit"),
    );
}
