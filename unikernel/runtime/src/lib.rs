//! eBPF runtime: packets, maps, helpers, fuel and the reference interpreter.
//!
//! An [`Instance`] is one linked program ([`bpf_object::Image`]) with its maps and its own copies of
//! its data sections. [`Instance::run`] executes it on a [`Packet`] and gives an [`Outcome`], or a
//! [`Fault`]: the program did what a verified program cannot do, or it used up its fuel. The caller
//! drops the packet of a run that faulted.
//!
//! The interpreter is written from the text of RFC 9669 and checks everything it can see: each
//! memory access, each register that is used, the depth of calls, the arguments of helpers. A
//! verifier's proof is tested against it; what it can and cannot see is said in [`Fault`].
//!
//! Everything that a run needs is allocated before: maps when they are made, stack and scratch
//! memory with the instance. Only a packet that outgrows its buffer allocates.
#![no_std]
#![deny(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod address;
mod arithmetic;
pub mod checksum;
pub mod codes;
mod context;
mod environment;
mod fault;
mod frames;
mod helper;
mod instance;
mod interpreter;
mod map;
mod memory;
#[expect(
    unsafe_code,
    reason = "machine code reaches memory by address; each block has its proof"
)]
pub mod native;
mod notes;
mod number;
mod object_bytes;
mod packet;
mod registers;
mod stack;
mod trace;

pub use address::Addresses;
pub use environment::{DeterministicEnvironment, Environment, HelperCall, MapChange};
pub use fault::{Access, Fault, FaultCause, Region};
pub use instance::{Instance, LoadError, Outcome};
pub use interpreter::{NoObserver, Observer};
pub use map::{Errno, MAX_PROGRAM_MEMORY, Map, Maps, MapsError};
pub use notes::{Notes, PacketType};
pub use packet::{Annotations, Packet, PacketError};
pub use registers::Registers;
