//! Why a program cannot become machine code.

use alloc::string::String;

use bpf_runtime::LoadError;
use platform_click::{Code, limits};

use crate::codes;
use crate::memory::MemoryError;

/// Why a program cannot become machine code. Nothing has changed then: a program that runs goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JitError {
    /// There is no compiler for this machine.
    #[error("there is no compiler for this machine")]
    Machine,
    /// A chain of local calls needs more frames than there are.
    #[error("slot {slot}: calls from `{function}` need more than {max} frames", max = limits::MAX_CALL_FRAMES)]
    CallDepth {
        /// The call.
        slot: u32,
        /// The function that calls.
        function: String,
    },
    /// The machine code is longer than its own jumps reach.
    #[error("the machine code of {0} instruction slots is too long")]
    Length(usize),
    /// There is no memory for code or stack.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The runtime does not take the program.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl JitError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Machine => codes::MACHINE,
            Self::CallDepth { .. } => codes::CALL_DEPTH,
            Self::Length(_) | Self::Memory(_) => codes::MEMORY,
            Self::Load(error) => error.code(),
        }
    }
}
