//! Compiles linked eBPF programs to machine code, and runs it.
//!
//! [`compile`] turns an [`Image`] into the bytes of its machine code, one
//! instruction after the other, all of RFC 9669 (ISA v1 to v4). [`Program`] is machine code with the
//! maps, data and stack that it works on; it runs as [`bpf_runtime::Instance`] does, and calls the
//! same helpers.
//!
//! # What makes it safe
//! Machine code checks no access: that a program stays within its memory was proved before it was
//! signed. So [`Program::admitted`] takes what only an admission gives; from any other image a program
//! is made by [`Program::unverified`], which is `unsafe`. Beside the proof stand:
//!
//! | defence | against |
//! |---|---|
//! | fuel on every backward jump and local call | runs longer than proved |
//! | frames 512 bytes apart, with nothing between them, in memory that ends in guard pages | stores beside a frame |
//! | context, values of maps and data sections between areas that cannot be accessed ([`MachineMemory`]) | stores beside a value |
//! | functions of the runtime called by addresses in the code | changed tables of functions |
//! | accesses that the machine refuses land where programs are stopped ([`MachineCode::landing`]) | null plus an offset, addresses made of numbers |
//! | numbers for maps, which are no addresses | maps used as memory |
//! | helpers look up every pointer that they get | wrong arguments |
//! | instructions and edges that a proof excludes stop the program | wrong proofs of what is out of reach |
//! | code memory is never writable and executable at once ([`MachineMemory`]) | changed code |
//!
//! A program that is stopped gives a [`Fault`](bpf_runtime::Fault); its packet is dropped.
//!
//! # Fuel
//! What a run is charged can be compared with the instructions that the interpreter counts: a block
//! that ends in a backward jump costs its instructions each time that it is executed, except local
//! calls, and each local call costs 1. Other blocks cost nothing. So a run is never charged more than
//! it executes, a program that was proved to need so many instructions never runs out of as much fuel,
//! and no program runs forever: whatever is repeated costs something.
//!
//! # Atomic operations
//! They are single instructions or short sequences without `lock`: the packet, the maps and the stack
//! of a run belong to it alone while it lasts (`&mut` says so), and a locked access that crosses a
//! cache line would stall every core of the machine.
//!
//! # Other machines
//! The code generator is one module, `x86_64`; for other machines [`compile`] answers
//! [`JitError::Machine`], and programs are interpreted.
#![no_std]
#![deny(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

pub mod codes;
mod error;
#[expect(
    unsafe_code,
    reason = "the trait's promise is one that safe code cannot make"
)]
mod memory;
mod options;
#[cfg(target_arch = "x86_64")]
mod plan;
#[expect(unsafe_code, reason = "running machine code; each block has its proof")]
mod program;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use bpf_object::Image;

pub use error::JitError;
pub use memory::{MachineMemory, MemoryError, SealedCode};
pub use options::{Everywhere, Options, Reach};
pub use program::{Program, Spent};

/// The machine code of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineCode {
    bytes: alloc::vec::Vec<u8>,
    /// By slot: the offset of its machine code; the end of the code for what is not compiled.
    slots: alloc::vec::Vec<u32>,
    landing: u32,
    body: u32,
}

impl MachineCode {
    /// The instructions of the machine; the program is entered at the first.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The offset of the machine code of each slot, in the order of the slots. What lies behind that of
    /// the last slot handles what is rare.
    #[must_use]
    pub fn slots(&self) -> &[u32] {
        &self.slots
    }

    /// Where execution goes on when the machine refuses an access of the code: the program is then
    /// stopped. On x86-64, `r10` holds the offset of the refused instruction in the code, `r11` the
    /// address that it accessed, and all other registers are as they were.
    #[must_use]
    pub const fn landing(&self) -> u32 {
        self.landing
    }

    /// Where the code begins that accesses memory. Refused accesses from here on may go on at
    /// [`Self::landing`].
    #[must_use]
    pub const fn body(&self) -> u32 {
        self.body
    }

    /// The slot whose machine code lies at `offset`.
    #[must_use]
    pub fn slot_at(&self, offset: u64) -> u32 {
        let at_or_before = |(_, start): &(u32, &u32)| u64::from(**start) <= offset;
        let starts = (0..).zip(&self.slots).filter(at_or_before);
        // Of slots that start at one place, the last has the code. Functions are in order.
        starts
            .max_by_key(|(slot, start)| (**start, *slot))
            .map_or(0, |(slot, _)| slot)
    }
}

/// Compiles `image` for this machine.
///
/// # Errors
/// There is no compiler for this machine; the program calls too deep or a helper that there is not.
#[cfg(target_arch = "x86_64")]
pub fn compile(image: &Image, options: &Options<'_>) -> Result<MachineCode, JitError> {
    x86_64::compile(image, &plan::Plan::new(image, options)?, options)
}

/// Compiles `image` for this machine.
///
/// # Errors
/// Always: there is no compiler for this machine.
#[cfg(not(target_arch = "x86_64"))]
pub const fn compile(_: &Image, _: &Options<'_>) -> Result<MachineCode, JitError> {
    Err(JitError::Machine)
}
