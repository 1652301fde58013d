//! Faults: why a run was stopped.

use core::fmt;

use bpf_object::Reg;
use platform_click::{Code, limits};

use crate::codes;

/// The run was stopped; the packet must be dropped.
///
/// # What a fault proves, and what its absence does not
/// Every access is checked against the bounds of one object: the frames in use, the context, the
/// packet as it is now, one live value of a map, one data section. Registers and bytes of the stack
/// that were never written are followed: copying them is harmless, using them is a fault. So a
/// verified program that faults contradicts its proof.
///
/// Pointers are plain numbers, though, and carry no origin. An access is not noticed when it
/// misses its object and meets another, which takes an error of at least 768 KiB, or a number that
/// happens to be an address; addresses depend on a seed
/// ([`Instance::set_address_seed`](crate::Instance::set_address_seed)) so that a program cannot aim.
/// An access to another place of the same object is not noticed, nor is a store to read-only data
/// (verifiers do not know such data, so each instance has its own writable copy of it), a store to
/// the context's fields other than `data` and `data_end` (each run has its own copy), or a pointer
/// that is stored in a packet or a map. A frame may access its callers' frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("slot {slot}: {cause}")]
pub struct Fault {
    /// The slot of the instruction that was not completed.
    pub slot: u32,
    /// What it did.
    pub cause: FaultCause,
}

/// What an instruction did that it may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultCause {
    /// The program has executed as many instructions as it may.
    #[error("the fuel of {fuel} instructions is used up")]
    OutOfFuel {
        /// Instructions that the run was given.
        fuel: u64,
    },
    /// A register is used that was not written, or that a call left undefined.
    #[error("{register} is used and was not initialised")]
    UninitialisedRegister {
        /// The register.
        register: Reg,
    },
    /// Bytes of the stack are used that were not written.
    #[error("{size} bytes at {address:#x} are used and were not all initialised")]
    UninitialisedStack {
        /// Where.
        address: u64,
        /// How many bytes.
        size: usize,
    },
    /// The address belongs to nothing.
    #[error("{access} of {size} bytes at {address:#x}, where there is nothing")]
    Unmapped {
        /// Read or write.
        access: Access,
        /// Where.
        address: u64,
        /// How many bytes.
        size: usize,
    },
    /// The access is near an object and not inside it.
    #[error("{access} of {size} bytes at {address:#x}, outside of {region}")]
    OutOfBounds {
        /// Read or write.
        access: Access,
        /// Where.
        address: u64,
        /// How many bytes.
        size: usize,
        /// What it misses.
        region: Region,
    },
    /// The address belonged to the packet before it moved, or to a value that was deleted in an
    /// earlier run.
    #[error("{access} of {size} bytes at {address:#x}, which was {region} and is no more")]
    Stale {
        /// Read or write.
        access: Access,
        /// Where.
        address: u64,
        /// How many bytes.
        size: usize,
        /// What it was.
        region: Region,
    },
    /// A store to `data` or `data_end` of the context.
    #[error("write of {size} bytes at {address:#x}, which only the runtime writes")]
    ReadOnly {
        /// Where.
        address: u64,
        /// How many bytes.
        size: usize,
    },
    /// One local call more than there are frames.
    #[error("the call needs more than {max} frames", max = limits::MAX_CALL_FRAMES)]
    CallDepth,
    /// A helper is given something else where it takes a map.
    #[error("{value:#x} is no map")]
    NotAMap {
        /// What it is given.
        value: u64,
    },
    /// A helper is given memory of no bytes, or of 2^32 and more.
    #[error("a helper cannot take memory of {size} bytes")]
    MemorySize {
        /// How many bytes.
        size: u64,
    },
    /// Machine code accessed an address that the machine refused; only [`native`](crate::native)
    /// programs do.
    #[error("the machine refused an access at {address:#x}")]
    Refused {
        /// Where.
        address: u64,
    },
    /// Machine code came to an instruction or an edge that a proof says is never reached.
    #[error("this was proved to be never reached")]
    Unreachable,
    /// The slot holds no instruction, or a helper that the platform does not have. Images and
    /// instances are checked so that this cannot happen.
    #[error("the slot cannot be executed")]
    NotExecutable,
}

impl Fault {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self.cause {
            FaultCause::OutOfFuel { .. } => codes::OUT_OF_FUEL,
            FaultCause::UninitialisedRegister { .. } | FaultCause::UninitialisedStack { .. } => {
                codes::UNINITIALISED
            }
            FaultCause::Unmapped { .. }
            | FaultCause::OutOfBounds { .. }
            | FaultCause::Stale { .. }
            | FaultCause::ReadOnly { .. }
            | FaultCause::Refused { .. } => codes::MEMORY_ACCESS,
            FaultCause::Unreachable => codes::UNREACHABLE,
            FaultCause::CallDepth => codes::CALL_DEPTH,
            FaultCause::NotAMap { .. } | FaultCause::MemorySize { .. } => codes::HELPER_ARGUMENT,
            FaultCause::NotExecutable => codes::NOT_EXECUTABLE,
        }
    }
}

/// How memory is accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// By a load, an atomic operation, or a helper that reads its argument.
    Read,
    /// By a store.
    Write,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// What a pointer points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Region {
    /// The frames in use.
    Stack,
    /// The context.
    Context,
    /// The packet.
    Packet,
    /// A data section.
    Data {
        /// Its index in the image.
        section: u32,
    },
    /// A map, which only helpers can use.
    Map {
        /// Its index in the image.
        map: u32,
    },
    /// A value of a map.
    MapValue {
        /// The map's index in the image.
        map: u32,
    },
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack => f.write_str("the stack"),
            Self::Context => f.write_str("the context"),
            Self::Packet => f.write_str("the packet"),
            Self::Data { section } => write!(f, "data section {section}"),
            Self::Map { map } => write!(f, "any memory (it is map {map} itself)"),
            Self::MapValue { map } => write!(f, "a value of map {map}"),
        }
    }
}
