//! Memory of a Linux process for machine code and what it works on.
//!
//! Code is written into pages that can be written and not executed, which are then sealed: they can
//! be executed and never be written again. Frames, the values of each map and each data section lie
//! between areas that cannot be accessed at all. All are given back to the system when they are dropped. An access of machine code that the system
//! refuses stops the program and not the process.
#![deny(missing_docs)]

mod pages;
#[cfg(target_arch = "x86_64")]
mod trap;

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;

use bpf_jit::{MachineCode, MachineMemory, MemoryError, SealedCode};
use bpf_runtime::native::{ObjectMemory, ObjectMemorySource, STACK_SIZE, StackMemory};

use pages::Pages;

/// Bytes on each side of an area that cannot be accessed: more than the largest value plus the largest
/// offset of an instruction, so that an access that misses the area by as much as that hits nothing.
const GUARD: usize = 1 << 20;

/// The memory of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessMemory;

impl MachineMemory for ProcessMemory {
    fn seal(&mut self, code: &MachineCode) -> Result<Box<dyn SealedCode>, MemoryError> {
        let bytes = code.bytes();
        let error = |errno: rustix::io::Errno| MemoryError {
            purpose: "machine code",
            bytes: bytes.len(),
            errno: errno.raw_os_error(),
        };
        let mut pages = Pages::new(bytes.len()).map_err(error)?;
        pages.make_writable(0, bytes.len()).map_err(error)?;
        pages.write(bytes);
        pages.seal().map_err(error)?;
        Ok(Box::new(Sealed {
            #[cfg(target_arch = "x86_64")]
            _watch: trap::Watch::new(pages.start().as_ptr().addr(), code).map_err(error)?,
            pages,
        }))
    }

    fn stack(&mut self) -> Result<Box<dyn StackMemory>, MemoryError> {
        let bytes = GUARD.saturating_add(STACK_SIZE).saturating_add(GUARD);
        let error = |errno: rustix::io::Errno| MemoryError {
            purpose: "the stack",
            bytes,
            errno: errno.raw_os_error(),
        };
        let mut pages = Pages::new(bytes).map_err(error)?;
        pages.make_writable(GUARD, STACK_SIZE).map_err(error)?;
        Ok(Box::new(Frames { pages }))
    }
}

impl ObjectMemorySource for ProcessMemory {
    fn objects(&mut self, len: usize) -> Option<Box<dyn ObjectMemory>> {
        let whole = len.checked_next_multiple_of(rustix::param::page_size())?;
        let mut pages = Pages::new(whole.checked_add(GUARD.checked_mul(2)?)?).ok()?;
        if whole > 0 {
            pages.make_writable(GUARD, whole).ok()?;
        }
        // As far back as alignment allows: what comes behind the last byte cannot be accessed.
        let aligned = len.checked_next_multiple_of(ALIGN)?;
        let offset = GUARD.checked_add(whole.checked_sub(aligned)?)?;
        let mut objects = Objects { pages, offset, len };
        // All pages are there before the program runs, or there is no memory now.
        objects.fill(0);
        Some(Box::new(objects))
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
        // SAFETY: so many bytes from there are zeros or were written since, can be read, and are only
        // written by whoever has the value for himself.
        unsafe { slice::from_raw_parts(self.start().as_ptr(), self.len) }
    }
}

impl DerefMut for Objects {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and whoever calls has the value for himself.
        unsafe { slice::from_raw_parts_mut(self.start().as_ptr(), self.len) }
    }
}

// SAFETY: offset and length never change, and pages stay where they are; their start, the guard and
// their size are multiples of 8, and so is what the offset lies before their end.
unsafe impl ObjectMemory for Objects {}

/// Pages with machine code.
#[derive(Debug)]
struct Sealed {
    /// Dropped before the pages.
    #[cfg(target_arch = "x86_64")]
    _watch: trap::Watch,
    pages: Pages,
}

// SAFETY: `seal` wrote the code to the start of the pages and made them executable and read-only.
// They are private, and nothing here makes them writable again. Dropping them unmaps them.
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

// SAFETY: the `STACK_SIZE` bytes before the end were made readable and writable by `stack` and are
// used by nobody else; pages stay where they are until they are dropped. Both guard and frames are
// multiples of 16, and pages start at one.
unsafe impl StackMemory for Frames {
    fn top(&self) -> NonNull<u8> {
        let offset = GUARD.saturating_add(STACK_SIZE);
        // SAFETY: the offset lies within the pages.
        unsafe { self.pages.start().add(offset) }
    }
}

const _: () = assert!(GUARD.is_multiple_of(16) && STACK_SIZE.is_multiple_of(16));

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes around that of a page, and none at all.
    #[test]
    fn objects_are_zero_aligned_and_end_where_nothing_is() {
        for len in [0, 1, 8, 4089, 4096, 4097, 1 << 20] {
            let mut objects = ProcessMemory.objects(len).unwrap();
            let start = objects.as_ptr().addr();
            assert_eq!((objects.len(), start % ALIGN), (len, 0));
            assert!(objects.iter().all(|byte| *byte == 0));
            objects.fill(7);
            assert!(objects.iter().all(|byte| *byte == 7));
            let end = start + len.next_multiple_of(ALIGN);
            assert_eq!(end % rustix::param::page_size(), 0);
        }
        assert!(ProcessMemory.objects(usize::MAX).is_none());
        assert!(ProcessMemory.objects(usize::MAX / 2).is_none());
    }

    #[test]
    fn frames_can_be_used_from_end_to_end() {
        let stack = ProcessMemory.stack().unwrap();
        let top = stack.top();
        assert_eq!(top.as_ptr().addr() % 16, 0);
        for offset in [1, STACK_SIZE] {
            // SAFETY: within the frames.
            let place = unsafe { top.sub(offset) };
            // SAFETY: the frames can be written, and nobody else uses them.
            unsafe { place.write(7) };
            // SAFETY: just written.
            assert_eq!(unsafe { place.read() }, 7);
        }
    }
}
