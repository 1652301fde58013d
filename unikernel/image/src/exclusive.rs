//! What exists once and is changed, without `static mut`.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// A value that one piece of code at a time can have. There is one processor and nothing interrupts it, so
/// whoever finds the value taken has taken it himself.
pub(crate) struct Exclusive<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `with` hands the value out to one piece of code at a time.
unsafe impl<T: Send> Sync for Exclusive<T> {}

impl<T> Exclusive<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            taken: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Uses the value.
    ///
    /// # Panics
    /// It is in use.
    #[inline]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        assert!(!self.taken.swap(true, Ordering::Acquire), "in use");
        // SAFETY: the flag says that nobody else has a reference, and is set until this one is gone. (A
        // panic ends the machine.)
        let result = work(unsafe { &mut *self.value.get() });
        self.taken.store(false, Ordering::Release);
        result
    }
}
