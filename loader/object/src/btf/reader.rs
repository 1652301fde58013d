//! Reads numbers from the front of a slice.

use crate::error::BtfProblem;

/// What is left of a part of a section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// What the part is called in errors.
    part: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8], part: &'static str) -> Self {
        Self { rest: bytes, part }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], BtfProblem> {
        let (bytes, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(BtfProblem::Bounds(self.part))?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], BtfProblem> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(BtfProblem::Bounds(self.part))?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, BtfProblem> {
        self.bytes().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, BtfProblem> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub(super) fn usize(&mut self) -> Result<usize, BtfProblem> {
        usize::try_from(self.u32()?).map_err(|_| BtfProblem::Bounds(self.part))
    }
}
