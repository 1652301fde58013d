//! Links every crate that does without std into one static library.
//!
//! std brings a panic handler. So does this crate, and a program has one: when a crate below pulls
//! std in, directly or through a feature of a dependency, this one does not build (E0152, "found
//! duplicate lang item `panic_impl`"). Nothing here is ever run.
#![no_std]

use bpf_checker as _;
use bpf_control as _;
use bpf_jit as _;
use bpf_loader as _;
use bpf_object as _;
use bpf_runtime as _;
use bpf_statement as _;
use bpf_trust as _;
use click_graph as _;
use click_guest as _;
use platform_click as _;

use core::alloc::{GlobalAlloc, Layout};

struct NoMemory;

// SAFETY: `alloc` reports that there is no memory, which is always allowed; so `dealloc` is never
// called with a pointer that came from here.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _at: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
