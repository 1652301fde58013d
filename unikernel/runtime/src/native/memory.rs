//! Memory that others provide: for frames, and for what programs have pointers into.

use alloc::boxed::Box;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// Memory for the frames of a program.
///
/// # Safety
/// [`Self::top`] is the end of [`STACK_SIZE`](super::STACK_SIZE) bytes that can be read and written and
/// that belong to this value alone, at the same place as long as it lives; a multiple of 16.
pub unsafe trait StackMemory: fmt::Debug + Send {
    /// The end of the memory: frames grow downwards from here.
    fn top(&self) -> NonNull<u8>;
}

/// Memory for a context, for the values of a map, or for a data section.
///
/// # Safety
/// It dereferences to the same bytes as long as it lives, at an address that is a multiple of 8.
pub unsafe trait ObjectMemory: Deref<Target = [u8]> + DerefMut + fmt::Debug + Send {}

/// Where the memory for contexts, values of maps and data sections comes from.
pub trait ObjectMemorySource {
    /// So many bytes, all zero; nothing where there is no memory.
    fn objects(&mut self, len: usize) -> Option<Box<dyn ObjectMemory>>;
}
