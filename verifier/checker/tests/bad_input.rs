//! Programs that are made to take the checker's time, memory or arithmetic: each gets an answer.
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

use bpf_checker::{Facts, Options, Undecided, Verdict, check};
use bpf_object::{Function, Image, ImageParts, LineTable, RawInsn};
use common::{accepted, check_refused};
use platform_click::ProgramKind;
use platform_click::limits::MAX_INSTRUCTIONS;

const EXIT: RawInsn = insn(0x95, 0, 0, 0, 0);

const fn insn(opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> RawInsn {
    RawInsn {
        opcode,
        dst,
        src,
        off,
        imm,
    }
}

const fn set(dst: u8, imm: i32) -> RawInsn {
    insn(0xb7, dst, 0, 0, imm)
}

fn image(code: Vec<RawInsn>, starts: &[usize]) -> Image {
    let functions = starts.iter().map(|start| Function {
        name: format!("f{start}"),
        start: *start as u32,
    });
    Image::new(ImageParts {
        kind: ProgramKind::Rewriter,
        code,
        functions: functions.collect(),
        maps: vec![],
        data: vec![],
        lines: LineTable::default(),
    })
    .unwrap()
}

fn verdict(code: Vec<RawInsn>) -> Verdict {
    check(&image(code, &[0]), &Options::default())
}

fn accepted_code(code: Vec<RawInsn>) -> Facts {
    match verdict(code) {
        Verdict::Accepted(facts) => facts,
        other => panic!("not accepted: {other:?}"),
    }
}

/// As many branches as a program can have, each to a join of its own.
#[test]
fn branches_everywhere() {
    let mut code = vec![insn(0x61, 2, 1, 16, 0), set(0, 0)];
    while code.len() < MAX_INSTRUCTIONS - 1 {
        let i = code.len() as i32;
        // Over the next instruction, and nothing is known on either side.
        code.push(insn(0x15, 2, 0, 0, i));
    }
    code.push(EXIT);
    let facts = accepted_code(code);
    assert_eq!(facts.longest_run, MAX_INSTRUCTIONS as u64);
}

/// Branches that all lead to one instruction.
#[test]
fn one_join_of_many_paths() {
    let count = 32_000;
    let mut code = vec![insn(0x79, 2, 1, 24, 0), set(0, 0)];
    for i in 0..count {
        code.push(insn(0x15, 2, 0, (count - i - 1) as i16, i));
    }
    code.push(EXIT);
    assert_eq!(accepted_code(code).peak_states, 2);
}

/// The same with as much on the stack as there can be.
#[test]
fn many_joins_with_a_full_stack() {
    let mut code = vec![insn(0x79, 2, 1, 24, 0), set(0, 0)];
    for slot in 1..=64 {
        code.push(insn(0x7b, 10, 2, -8 * slot, 0));
    }
    for i in 0..32_000 {
        code.push(insn(0x15, 2, 0, 1, i));
        code.push(insn(0x07, 2, 0, 0, 1));
    }
    code.push(EXIT);
    // Every join costs for every slot, so that the limit of work is reached.
    assert!(matches!(
        verdict(code),
        Verdict::Undecided(Undecided::Work { .. })
    ));
}

/// Each branch leads to a place of its own far away, with a stack of its own.
#[test]
fn many_states_side_by_side() {
    let mut code = vec![insn(0x79, 2, 1, 24, 0), set(0, 0)];
    for slot in 1..=64 {
        code.push(insn(0x7b, 10, 2, -8 * slot, 0));
    }
    let count = 10_000;
    for i in 0..count {
        // A load gives a new number each time, so that no two stacks are alike.
        code.push(insn(0x79, 2, 1, 24, 0));
        code.push(insn(0x7b, 10, 2, -8 * (1 + i % 64), 0));
        // To instruction number `i` behind all of these.
        code.push(insn(0x15, 2, 0, 3 * (count - i - 1) + i, 0));
    }
    for _ in 0..count {
        code.push(insn(0x07, 0, 0, 0, 0));
    }
    code.push(EXIT);
    let image = image(code, &[0]);
    let Verdict::Accepted(facts) = check(&image, &Options::default()) else {
        panic!("not accepted")
    };
    assert!(facts.peak_states >= 10_000 && facts.peak_values >= 80 * 10_000);
    let mut options = Options::default();
    options.limits.values = 500_000;
    let undecided = check(&image, &options);
    assert!(matches!(
        undecided,
        Verdict::Undecided(Undecided::Memory { limit: 500_000 })
    ));
}

/// Functions that call each other sixteen times, eight deep.
#[test]
fn calls_that_multiply() {
    let mut code = Vec::new();
    let mut starts = Vec::new();
    for depth in 0..8 {
        starts.push(code.len());
        code.push(set(0, 0));
        if depth < 7 {
            // Sixteen calls of the next function, which starts behind them.
            for i in 0..16 {
                code.push(insn(0x85, 0, 1, 0, 16 - i));
            }
        }
        code.push(EXIT);
    }
    let verdict = check(&image(code, &starts), &Options::default());
    assert!(matches!(
        verdict,
        Verdict::Undecided(Undecided::Work { .. })
    ));
}

/// Loops within loops, deeper than they are taken apart.
#[test]
fn deeply_nested_loops() {
    let depth = 40;
    let mut code = vec![set(0, 0), insn(0x79, 2, 1, 24, 0)];
    let first = code.len() as i16;
    code.push(insn(0x07, 0, 0, 0, 1));
    for i in 0..depth {
        // Back to an instruction before all the other heads.
        let slot = code.len() as i16;
        code.push(insn(0xa5, 0, 0, first - slot - 1, 10 + i));
    }
    code.push(set(0, 0));
    code.push(EXIT);
    accepted_code(code);

    // Proper nesting: every loop has a head of its own.
    let mut text = "r0 = 0\n".to_owned();
    for i in 0..depth {
        text += &format!("head{i}: r0 += 1\n");
    }
    for i in (0..depth).rev() {
        text += &format!("if r0 < {} goto head{i}\n", 2 * depth - i);
    }
    accepted(&(text + "r0 = 0; exit"));
}

/// Every block of a large program in one loop, and very many small loops one after another.
#[test]
fn large_loops_and_many_loops() {
    let mut code = vec![set(0, 0)];
    while code.len() < 60_000 {
        code.push(insn(0x07, 0, 0, 0, 1));
        code.push(insn(0x55, 0, 0, -2, code.len() as i32 / 2));
    }
    code.push(set(0, 0));
    code.push(EXIT);
    accepted_code(code);

    let mut code = vec![insn(0x79, 6, 1, 24, 0), set(0, 0)];
    for i in 0..30_000 {
        code.push(insn(0x15, 6, 0, 1, i));
        code.push(insn(0x07, 0, 0, 0, 1));
    }
    let back = -(code.len() as i32) + 1;
    code.push(insn(0x06, 0, 0, 0, back));
    // Never left: the counter grows without a bound, until the limits.
    assert!(matches!(verdict(code), Verdict::Undecided(_)));
}

/// Offsets and constants at the ends of what 64 bits hold.
#[test]
fn extreme_offsets() {
    for base in ["r10", "r1"] {
        for offset in [
            "0x7fffffffffffffff",
            "0x8000000000000000",
            "0x8000000000000001",
            "0xffffffff00000000",
            "0x20000001",
        ] {
            check_refused(
                "BPF-K010",
                &format!("r2 = {offset} ll; r3 = {base}; !r3 += r2; r0 = 0; exit"),
            );
            check_refused(
                "BPF-K010",
                &format!("r2 = {offset} ll; r3 = {base}; !r3 -= r2; r0 = 0; exit"),
            );
        }
    }
    // Back and forth within bounds: the sum counts.
    accepted("r2 = r10; r2 += 0x1fffffff; r2 -= 0x1fffffff; *(u8*)(r2 - 1) = 1; r0 = 0; exit");
    // Many steps do not get further than one.
    let steps = "r2 += 0x10000000;".repeat(2);
    check_refused(
        "BPF-K010",
        &format!("r2 = r10; {steps} !r2 += 1; r0 = 0; exit"),
    );
    // A packet pointer near the bound is compared, and no offset overflows.
    accepted(
        "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r4 = r2; r4 += 0x20000000; r0 = 0
         if r4 > r3 goto out; r0 = *(u8*)(r4 - 1); r0 = 1
         out: exit",
    );
    accepted(
        "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r4 = r2; r4 -= 0x20000000; r0 = 0
         if r4 > r3 goto out; r0 = 1
         out: exit",
    );
}

#[test]
fn arithmetic_on_extremes_does_not_overflow() {
    for constant in [
        "0",
        "1",
        "-1",
        "0x7fffffffffffffff",
        "0x8000000000000000",
        "0xffffffff",
        "0x80000000",
    ] {
        for op in [
            "+=", "-=", "*=", "/=", "%=", "s/=", "s%=", "|=", "&=", "^=", "<<=", ">>=", "s>>=",
        ] {
            for width in ['r', 'w'] {
                // A constant, a range and anything, with each of them.
                for start in [constant, "0x8000000000000000"] {
                    let guard = format!("if {width}3 == 0 goto out");
                    accepted(
                        &format!(
                            "r4 = *(u64*)(r1 + 24); r2 = {start} ll; r3 = {constant} ll; {guard}
                         {width}2 {op} {width}3; {width}4 {op} {width}3; {width}3 {op} {width}4
                         out: r0 = 0; exit"
                        )
                        .replace(&format!("{width}3 {op} {width}4"), &last(width, op)),
                    );
                }
            }
        }
    }
}

/// `r3 op r4` where that divides by nothing that may be zero.
fn last(width: char, op: &str) -> String {
    if op.contains(['/', '%']) {
        return format!("{width}4 |= 1; {width}3 {op} {width}4");
    }
    format!("{width}3 {op} {width}4")
}

/// Packet positions of two paths meet again and again: old ones are forgotten.
#[test]
fn positions_that_keep_meeting() {
    let facts = accepted(
        "r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r7 = *(u64*)(r1 + 24); r6 = 0; r0 = 0
         loop: r4 = r2; r5 = *(u8*)(r1 + 16); r4 += r5; if r7 == 3 goto join
         r5 = *(u8*)(r1 + 17); r4 += r5
         join: r5 = r4; r5 += 2; if r5 > r3 goto out
         r6 += 1; if r6 < 20000 goto loop
         out: exit",
    );
    assert_eq!(facts.loops[0].iterations, 20_000);
}

/// A limit that is lower is kept to.
#[test]
fn limits_can_be_lowered() {
    let image = common::image(
        ProgramKind::Rewriter,
        "r2 = 0; loop: r2 += 1; if r2 < 100 goto loop; r0 = 0; exit",
    );
    let mut options = Options::default();
    options.limits.iterations = 99;
    let Verdict::Undecided(Undecided::Iterations { slot: 1, limit: 99 }) = check(&image, &options)
    else {
        panic!("decided")
    };
    let mut options = Options::default();
    options.limits.work = 10;
    let Verdict::Undecided(Undecided::Work { limit: 10 }) = check(&image, &options) else {
        panic!("decided")
    };
}
