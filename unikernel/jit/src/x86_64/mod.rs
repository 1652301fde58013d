//! The code generator for x86-64.
//!
//! | eBPF | machine |
//! |---|---|
//! | `r0` | `rax` |
//! | `r1` to `r5` | `rdi`, `rsi`, `rdx`, `rcx`, `r8`: the arguments of a C function |
//! | `r6` to `r9` | `rbx`, `r13`, `r14`, `r15`, which C functions preserve |
//! | `r10` | `rbp` |
//!
//! The [`State`](bpf_runtime::native::State) comes in `r9`, as the sixth argument of a C function.
//! `r12` holds it then, `r9` the fuel, `r10` and `r11` are for the moment. What a program does not use is
//! not set up: one that only returns a number is two instructions. A program that calls nothing has
//! other registers for what would have to be saved first ([`registers`]).
#![expect(
    clippy::arithmetic_side_effects,
    reason = "lengths and offsets of code, of at most a few dozen bytes for each of 2^16 slots"
)]

mod alu;
mod assembler;
mod call;
mod divide;
mod frame;
mod generator;
mod memory;
mod pairs;
mod registers;

pub(crate) use generator::compile;

use assembler::Gpr;

/// Fuel that is left, in programs that use it; saved over helpers.
const FUEL: Gpr = Gpr::R9;

/// Where C functions take their sixth argument: the state, of the program and of what it calls.
const STATE_ARGUMENT: Gpr = Gpr::R9;

/// For the moment; an operand that is not in a register goes here first.
const SCRATCH: Gpr = Gpr::R10;

/// For the moment, too.
const SCRATCH_2: Gpr = Gpr::R11;
