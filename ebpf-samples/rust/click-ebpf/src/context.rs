//! What a program gets in its first argument.

use core::mem::size_of;

use crate::Plain;

/// The context as the runtime lays it out; `bpfsign platform show` prints the same.
#[doc(hidden)]
#[repr(C)]
pub struct RawContext {
    data: u64,
    data_end: u64,
    port: u32,
    mark: u32,
    rx_time_ns: u64,
    delay_ns: u64,
}

/// A packet, and what it came with.
pub struct Context(*mut RawContext);

impl Context {
    /// # Safety
    /// `raw` is the context of a run, and this is the only one made of it.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn new(raw: *mut RawContext) -> Self {
        Self(raw)
    }

    /// The input port that the packet came through.
    #[inline(always)]
    pub fn port(&self) -> u32 {
        // SAFETY: the context lives as long as the run.
        unsafe { (*self.0).port }
    }

    /// Sets the mark that elements hand on.
    #[inline(always)]
    pub fn set_mark(&self, mark: u32) {
        // SAFETY: the context lives as long as the run, and nothing else refers to this field.
        unsafe { (*self.0).mark = mark }
    }

    /// The value at an offset of the packet, in the packet's byte order; none where the packet is shorter.
    #[inline(always)]
    pub fn load<T: Plain>(&self, offset: usize) -> Option<T> {
        let at = self.at::<T>(offset)?;
        // SAFETY: `at` is followed by a whole value within the packet, any bytes of which are one.
        Some(unsafe { at.read_unaligned() })
    }

    /// Sets the value at an offset of the packet; none, and nothing is changed, where the packet is shorter.
    #[inline(always)]
    pub fn store<T: Plain>(&self, offset: usize, value: T) -> Option<()> {
        let at = self.at::<T>(offset)?;
        // SAFETY: `at` is followed by a whole value within the packet.
        unsafe { at.write_unaligned(value) };
        Some(())
    }

    /// Where a value is that lies within the packet. Both ends are loaded each time: a packet may have moved.
    #[inline(always)]
    fn at<T>(&self, offset: usize) -> Option<*mut T> {
        // SAFETY: the context lives as long as the run.
        let (data, end) = unsafe { ((*self.0).data as usize, (*self.0).data_end as usize) };
        let at = data + offset;
        if at + size_of::<T>() > end {
            return None;
        }
        Some(at as *mut T)
    }
}
