//! Local calls: frames, preserved and scratched registers, depth.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_object::Reg;
use bpf_runtime::FaultCause;
use common::*;

#[test]
fn each_call_has_a_frame_of_its_own() {
    let program = Program::new(program![
        store64_imm(R10, -8, 7),
        call(2),
        load64(R0, R10, -8),
        exit(),
        // The callee writes the whole of its frame.
        store64_imm(R10, -8, 9),
        store64_imm(R10, -512, 9),
        mov(R0, 0),
        exit(),
    ]);
    let outcome = program.run(&[]).unwrap();
    assert_eq!(outcome.value, 7);
    assert_eq!(outcome.call_depth, 2);
    assert_eq!(outcome.stack_bytes, 1024);
    assert_eq!(outcome.instructions, 8);
}

#[test]
fn frames_are_contiguous() {
    // A callee finds its caller's fp-8 at its own fp + 504.
    let program = Program::new(program![
        store64_imm(R10, -8, 7),
        call(1),
        exit(),
        load64(R0, R10, 504),
        exit(),
    ]);
    assert_eq!(program.value(), 7);
}

#[test]
fn nothing_is_below_the_current_frame_and_above_the_first() {
    for off in [-520, -513, -505 - 8, 0, -7, 8] {
        let program = Program::new(program![store64_imm(R10, off, 1), mov(R0, 0), exit()]);
        assert!(
            matches!(program.cause(), FaultCause::OutOfBounds { .. }),
            "{off}"
        );
    }
}

#[test]
fn a_frame_is_undefined_when_it_is_entered_again() {
    let program = Program::new(program![
        mov(R1, 1),
        call(4),
        mov(R1, 0),
        call(2),
        mov(R0, 0),
        exit(),
        // Writes its fp-8 on the first call, uses it on the second.
        insn(0x15, R1, 0, 2, 0),
        store64_imm(R10, -8, 3),
        insn(0x05, 0, 0, 2, 0),
        load64(R2, R10, -8),
        add(R2, 1),
        exit(),
    ]);
    assert_eq!(
        program.cause(),
        FaultCause::UninitialisedRegister { register: Reg::R2 }
    );
}

#[test]
fn calls_preserve_r6_to_r9_and_r10_and_scratch_r1_to_r5() {
    for register in 6..=9 {
        let program = Program::new(program![
            mov(register, 5),
            call(2),
            mov_reg(R0, register),
            exit(),
            mov(register, 6),
            mov(R0, 1),
            exit(),
        ]);
        assert_eq!(program.value(), 5, "r{register}");
    }
    for register in 1..=5 {
        let program = Program::new(program![
            mov(register, 5),
            call(2),
            mov_reg(R0, register),
            exit(),
            mov(R0, 1),
            exit(),
        ]);
        assert_eq!(
            program.cause(),
            FaultCause::UninitialisedRegister { register: Reg::R0 },
            "r{register}"
        );
    }
}

#[test]
fn a_callee_sees_its_arguments_and_returns_a_value() {
    let program = Program::new(program![
        mov(R1, 40),
        mov(R5, 2),
        call(1),
        exit(),
        mov_reg(R0, R1),
        insn(0x0f, R0, R5, 0, 0),
        exit(),
    ]);
    assert_eq!(program.value(), 42);
}

/// Calls itself while `r1` is not zero: `depth` frames in all.
fn recursion(depth: i32) -> Program {
    Program::new(program![
        mov(R1, depth - 1),
        mov(R0, 0),
        insn(0x15, R1, 0, 1, 0),
        call(1),
        exit(),
        add(R1, -1),
        insn(0x15, R1, 0, 1, 0),
        call(-3),
        exit(),
    ])
}

#[test]
fn eight_frames_fit_and_the_ninth_does_not() {
    assert_eq!(recursion(1).run(&[]).unwrap().call_depth, 1);
    assert_eq!(recursion(8).run(&[]).unwrap().call_depth, 8);
    assert_eq!(recursion(9).cause(), FaultCause::CallDepth);
    assert_eq!(recursion(9).run(&[]).unwrap_err().code().id, "BPF-R004");
}
