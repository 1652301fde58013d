//! The heap.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use click_guest::layout::WINDOW;
use click_guest::start_info::Range;
use talc::base::Talc;
use talc::base::binning::DefaultBinning;
use talc::source::Manual;

use crate::exclusive::Exclusive;

struct Heap(Exclusive<Talc<Manual, DefaultBinning>>);

#[global_allocator]
static HEAP: Heap = Heap(Exclusive::new(Talc::new(Manual)));

// SAFETY: `Talc` gives memory of the layout that belongs to nobody else, from what it was given by
// `start`, and takes back what it gave.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is that the layout is not empty.
        let allocated = self.0.with(|heap| unsafe { heap.allocate(layout) });
        allocated.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is that `alloc` gave this, for this layout.
        self.0.with(|heap| unsafe { heap.deallocate(memory, layout) });
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is that `alloc` gave this, for this layout, and that the new size is
        // not zero.
        let in_place =
            |heap: &mut Talc<_, _>| unsafe { heap.try_realloc_in_place(memory, layout, new_size) };
        if self.0.with(in_place) {
            return memory;
        }
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else {
            return ptr::null_mut();
        };
        // SAFETY: the layout is not empty.
        let moved = unsafe { self.alloc(new_layout) };
        if !moved.is_null() {
            let len = layout.size().min(new_size);
            // SAFETY: both are so long, and the new one belongs to nobody else.
            unsafe { ptr::copy_nonoverlapping(memory, moved, len) };
            // SAFETY: nothing uses it any more.
            unsafe { self.dealloc(memory, layout) };
        }
        moved
    }
}

/// Makes physical memory the heap.
///
/// # Safety
/// It is mapped at [`WINDOW`], to be read and written, from now on forever, and nobody else uses it.
pub(crate) unsafe fn start(physical: Range) {
    let start = usize::try_from(WINDOW.saturating_add(physical.start)).unwrap_or_default();
    let len = usize::try_from(physical.len()).unwrap_or_default();
    let start = ptr::with_exposed_provenance_mut(start);
    // SAFETY: the caller's promise.
    HEAP.0.with(|heap| unsafe { heap.claim(start, len) });
}

/// Bytes that are allocated, and bytes that are free.
pub(crate) fn usage() -> (usize, usize) {
    HEAP.0.with(|heap| {
        let counters = heap.counters();
        (counters.allocated_bytes, counters.available_bytes)
    })
}
