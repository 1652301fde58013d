//! Memory of a Linux process for machine code and its stack.
//!
//! Code is written into pages that can be written and not executed, which are then sealed: they can
//! be executed and never be written again. Frames lie between areas that cannot be accessed at all.
//! Both are given back to the system when they are dropped. An access of machine code that the system
//! refuses stops the program and not the process.
#![deny(missing_docs)]

mod pages;
#[cfg(target_arch = "x86_64")]
mod trap;

use core::ptr::NonNull;

use bpf_jit::{MachineCode, MachineMemory, MemoryError, SealedCode};
use bpf_runtime::native::{STACK_SIZE, StackMemory};

use pages::Pages;

/// Bytes on each side of the frames that cannot be accessed: more than the largest value plus the
/// largest offset of an instruction, so that an access that misses the frames by as much as that hits
/// nothing.
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
