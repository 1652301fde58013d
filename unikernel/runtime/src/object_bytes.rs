//! Bytes that programs have pointers into: they are aligned and never move.

use alloc::boxed::Box;
use core::ops::{Deref, DerefMut, Range};

use crate::map::filled;
use crate::native::{ObjectMemory, ObjectMemorySource};

/// Where such bytes come from: the heap, if nobody provides them.
pub(crate) type Source<'a> = Option<&'a mut dyn ObjectMemorySource>;

/// The values of a map, or a data section.
#[derive(Debug)]
pub(crate) enum ObjectBytes {
    /// On the heap, where other things lie beside it.
    Heap {
        bytes: Box<[u8]>,
        /// Those that are aligned.
        used: Range<usize>,
    },
    /// As somebody provides it.
    Provided(Box<dyn ObjectMemory>),
}

impl ObjectBytes {
    /// The alignment in bytes.
    const ALIGN: usize = 8;

    /// So many zero bytes; `None` when there is no memory.
    pub(crate) fn new(len: usize, source: Source<'_>) -> Option<Self> {
        if let Some(source) = source {
            let memory = source.objects(len).filter(|memory| memory.len() == len);
            return memory.map(Self::Provided);
        }
        let padding = Self::ALIGN.saturating_sub(1);
        let bytes = filled(len.checked_add(padding)?, 0)?.into_boxed_slice();
        let first = bytes.as_ptr().align_offset(Self::ALIGN);
        let used = first..first.checked_add(len)?;
        Some(Self::Heap { bytes, used })
    }
}

impl Deref for ObjectBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            // The range was made within the bytes.
            Self::Heap { bytes, used } => bytes.get(used.clone()).unwrap_or_default(),
            Self::Provided(memory) => memory,
        }
    }
}

impl DerefMut for ObjectBytes {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Heap { bytes, used } => bytes.get_mut(used.clone()).unwrap_or_default(),
            Self::Provided(memory) => memory,
        }
    }
}
