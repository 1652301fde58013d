//! Pages that are mapped for one purpose.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use rustix::io::Result;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// Private pages of zeros, unmapped on drop. At first they cannot be accessed.
#[derive(Debug)]
pub(crate) struct Pages {
    start: NonNull<c_void>,
    /// Bytes, a multiple of the page size.
    len: usize,
    /// The bytes from the start that can be written.
    writable: usize,
}

// SAFETY: the pages belong to this value alone, and are mapped for the process, not for a thread.
unsafe impl Send for Pages {}

impl Pages {
    /// At least `len` bytes.
    pub(crate) fn new(len: usize) -> Result<Self> {
        let len = len.max(1).next_multiple_of(rustix::param::page_size());
        // SAFETY: the system chooses a place where there is nothing.
        let start =
            unsafe { mmap_anonymous(ptr::null_mut(), len, ProtFlags::empty(), MapFlags::PRIVATE)? };
        let start = NonNull::new(start).ok_or(rustix::io::Errno::NOMEM)?;
        Ok(Self {
            start,
            len,
            writable: 0,
        })
    }

    pub(crate) const fn start(&self) -> NonNull<u8> {
        self.start.cast()
    }

    /// Makes the pages of these bytes readable and writable; `offset` is a multiple of the page size.
    pub(crate) fn make_writable(&mut self, offset: usize, len: usize) -> Result<()> {
        let end = offset.checked_add(len).filter(|end| *end <= self.len);
        if end.is_none() {
            return Err(rustix::io::Errno::INVAL);
        }
        // SAFETY: the offset lies within the pages.
        let start = unsafe { self.start.byte_add(offset) };
        // SAFETY: the pages are ours, nothing refers to them yet, and there is no code in them.
        unsafe {
            mprotect(
                start.as_ptr(),
                len,
                MprotectFlags::READ | MprotectFlags::WRITE,
            )?;
        }
        if offset == 0 {
            self.writable = len;
        }
        Ok(())
    }

    /// Copies bytes to the start, as far as that can be written.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let len = bytes.len().min(self.writable);
        // SAFETY: so many bytes at the start are ours and can be written; a slice of this process
        // does not overlap pages that no slice refers to.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start().as_ptr(), len) };
    }

    /// Makes all pages readable and executable, and none writable ever again.
    pub(crate) fn seal(&mut self) -> Result<()> {
        self.writable = 0;
        // SAFETY: the pages are ours, and nothing writes them any more.
        unsafe {
            mprotect(
                self.start.as_ptr(),
                self.len,
                MprotectFlags::READ | MprotectFlags::EXEC,
            )
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the pages are ours and whole, and whoever could refer to them is being dropped. It
        // fails for other arguments only.
        let _ = unsafe { munmap(self.start.as_ptr(), self.len) };
    }
}
