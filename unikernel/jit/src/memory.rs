//! Memory for machine code and its stack, which a process or machine provides.

use alloc::boxed::Box;
use core::fmt;
use core::ptr::NonNull;

use bpf_runtime::native::{ObjectMemorySource, StackMemory};

use crate::MachineCode;

/// Where code and stacks are allocated, and what programs have pointers into: the context, data sections,
/// and the values of maps that are made with it ([`Maps::new_in`](bpf_runtime::Maps::new_in)).
pub trait MachineMemory: ObjectMemorySource {
    /// Puts `code` into memory that can be executed and not be written.
    ///
    /// # Errors
    /// There is no such memory.
    fn seal(&mut self, code: &MachineCode) -> Result<Box<dyn SealedCode>, MemoryError>;

    /// Allocates the frames of a program, with pages on both sides that cannot be accessed.
    ///
    /// # Errors
    /// There is no such memory.
    fn stack(&mut self) -> Result<Box<dyn StackMemory>, MemoryError>;
}

/// Machine code that is ready to run.
///
/// # Safety
/// [`Self::start`] is the address of the bytes of the [`MachineCode`] that the value was made of, in
/// memory that can be executed and that nobody can write as long as the value lives. When it is
/// dropped, the memory is given back and can no longer be executed.
pub unsafe trait SealedCode: fmt::Debug + Send {
    /// Where the code begins.
    fn start(&self) -> NonNull<u8>;
}

/// There is no memory for code or stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes of memory for {purpose} cannot be mapped (error {errno})")]
pub struct MemoryError {
    /// For what: `machine code` or `the stack`.
    pub purpose: &'static str,
    /// How much.
    pub bytes: usize,
    /// What the system said: a positive number of its own.
    pub errno: i32,
}
