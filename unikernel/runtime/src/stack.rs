//! The stack: frames of 512 bytes side by side, growing downwards.
//!
//! They are contiguous because verifiers let a callee reach above its frame pointer, into the
//! frames of its callers; nothing else may lie there. What a frame has not written since it was
//! entered is undefined.

use alloc::boxed::Box;
use alloc::vec;

use platform_click::limits::{MAX_CALL_FRAMES, STACK_FRAME_SIZE};

/// Bytes of all frames.
pub(crate) const STACK_SIZE: usize = MAX_CALL_FRAMES * STACK_FRAME_SIZE;

#[derive(Debug)]
pub(crate) struct Stack {
    /// [`STACK_SIZE`] bytes.
    bytes: Box<[u8]>,
    /// Whether the byte was written since its frame was entered.
    defined: Box<[bool]>,
    /// Offset of the lowest byte of the current frame.
    frame: usize,
    /// Offset of the lowest byte accessed in this run.
    touched: usize,
}

impl Stack {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; STACK_SIZE].into(),
            defined: vec![false; STACK_SIZE].into(),
            frame: STACK_SIZE,
            touched: STACK_SIZE,
        }
    }

    /// Forgets everything but the memory itself.
    pub(crate) fn reset(&mut self) {
        self.frame = STACK_SIZE;
        self.touched = STACK_SIZE;
    }

    /// Enters a frame below the current one; `None` when there is no room for it.
    pub(crate) fn enter(&mut self) -> Option<()> {
        let lower = self.frame.checked_sub(STACK_FRAME_SIZE)?;
        if let Some(frame) = self.defined.get_mut(lower..self.frame) {
            frame.fill(false);
        }
        self.frame = lower;
        Some(())
    }

    /// Leaves the current frame.
    pub(crate) fn leave(&mut self) {
        self.frame = self.frame.saturating_add(STACK_FRAME_SIZE).min(STACK_SIZE);
    }

    /// Bytes from the highest to the lowest accessed in this run.
    pub(crate) const fn depth(&self) -> usize {
        STACK_SIZE.saturating_sub(self.touched)
    }

    /// The bytes at `offset`, if they lie in the frames in use, and whether all are defined.
    #[inline]
    pub(crate) fn read(&mut self, offset: usize, size: usize) -> Option<(&[u8], bool)> {
        let end = self.check(offset, size)?;
        let defined = self.defined.get(offset..end)?.iter().all(|byte| *byte);
        Some((self.bytes.get(offset..end)?, defined))
    }

    /// The bytes at `offset`, to be overwritten with defined bytes or with undefined ones.
    #[inline]
    pub(crate) fn write(&mut self, offset: usize, size: usize, defined: bool) -> Option<&mut [u8]> {
        let end = self.check(offset, size)?;
        self.defined.get_mut(offset..end)?.fill(defined);
        self.bytes.get_mut(offset..end)
    }

    fn check(&mut self, offset: usize, size: usize) -> Option<usize> {
        let end = offset.checked_add(size)?;
        if offset < self.frame || end > STACK_SIZE {
            return None;
        }
        self.touched = self.touched.min(offset);
        Some(end)
    }
}
