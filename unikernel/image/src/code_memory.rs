//! Memory for machine code and what it works on, as a Linux process has it in `code-memory`.

use alloc::boxed::Box;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};
use core::slice;

use bpf_jit::{MachineCode, MachineMemory, MemoryError, SealedCode};
use bpf_runtime::native::{ObjectMemory, ObjectMemorySource, STACK_SIZE, StackMemory};
use click_guest::layout::GUARD;
use click_guest::page_table::PAGE;

use crate::memory::Pages;
use crate::traps::Watch;

/// The error that the machine has: there is no memory (`ENOMEM`).
const OUT_OF_MEMORY: i32 = 12;

/// The memory of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelMemory;

/// Whole pages for so many bytes, with nothing on either side.
fn pages(len: usize) -> Option<Pages> {
    let count = u64::try_from(len).ok()?.div_ceil(PAGE);
    Pages::new(count, GUARD)
}

impl MachineMemory for KernelMemory {
    fn seal(&mut self, code: &MachineCode) -> Result<Box<dyn SealedCode>, MemoryError> {
        let bytes = code.bytes();
        let error = MemoryError {
            purpose: "machine code",
            bytes: bytes.len(),
            errno: OUT_OF_MEMORY,
        };
        let mut pages = pages(bytes.len().max(1)).ok_or(error)?;
        // SAFETY: the pages are ours, can be written, and have room for the code.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), pages.start().as_ptr(), bytes.len()) };
        pages.seal();
        let watch = Watch::new(pages.start().as_ptr().addr(), code).ok_or(error)?;
        Ok(Box::new(Sealed {
            _watch: watch,
            pages,
        }))
    }

    fn stack(&mut self) -> Result<Box<dyn StackMemory>, MemoryError> {
        let pages = pages(STACK_SIZE).ok_or(MemoryError {
            purpose: "the stack",
            bytes: STACK_SIZE,
            errno: OUT_OF_MEMORY,
        });
        Ok(Box::new(Frames { pages: pages? }))
    }
}

impl ObjectMemorySource for KernelMemory {
    fn objects(&mut self, len: usize) -> Option<Box<dyn ObjectMemory>> {
        let pages = pages(len)?;
        // As far back as alignment allows: what comes behind the last byte is not mapped.
        let aligned = len.checked_next_multiple_of(ALIGN)?;
        let offset = pages.len().checked_sub(aligned)?;
        Some(Box::new(Objects { pages, offset, len }))
    }
}

/// The alignment of objects in bytes.
const ALIGN: usize = 8;

/// Pages with values or data.
#[derive(Debug)]
struct Objects {
    pages: Pages,
    /// Where they start.
    offset: usize,
    len: usize,
}

impl Objects {
    fn start(&self) -> NonNull<u8> {
        // SAFETY: the offset lies within the pages, or is their end where there are no bytes.
        unsafe { self.pages.start().add(self.offset) }
    }
}

impl Deref for Objects {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes from there are zeros or were written since, and are only written by whoever
        // has the value for himself.
        unsafe { slice::from_raw_parts(self.start().as_ptr(), self.len) }
    }
}

impl DerefMut for Objects {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and whoever calls has the value for himself.
        unsafe { slice::from_raw_parts_mut(self.start().as_ptr(), self.len) }
    }
}

// SAFETY: offset and length never change, and pages stay where they are; their start and size are
// multiples of 8, and so is what the offset lies before their end.
unsafe impl ObjectMemory for Objects {}

/// Pages with machine code.
#[derive(Debug)]
struct Sealed {
    /// Dropped before the pages.
    _watch: Watch,
    pages: Pages,
}

// SAFETY: `seal` wrote the code to the start of the pages and made them executable and read-only; their
// frames are mapped nowhere else, and nothing makes them writable again. Dropping them unmaps them.
unsafe impl SealedCode for Sealed {
    fn start(&self) -> NonNull<u8> {
        self.pages.start()
    }
}

/// Pages with frames.
#[derive(Debug)]
struct Frames {
    pages: Pages,
}

// SAFETY: the pages can be read and written, are used by nobody else, and stay where they are; they end
// at a multiple of 16, and `STACK_SIZE` bytes before that lie within them.
unsafe impl StackMemory for Frames {
    fn top(&self) -> NonNull<u8> {
        // SAFETY: the end of the pages.
        unsafe { self.pages.start().add(self.pages.len()) }
    }
}
