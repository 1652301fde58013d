//! The Click dataplane as a bootable image: `boot.s` calls [`start_kernel`].
//!
//! One processor, no interrupts: devices are asked. Memory below is safe by page tables that `memory` makes;
//! what can be decided without a machine is in `click-guest`.
#![no_std]
#![no_main]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

extern crate alloc;

mod clock;
mod code_memory;
mod entropy;
mod exclusive;
mod exit;
mod fw_cfg;
mod heap;
mod host;
mod memory;
mod port;
mod probe;
mod serial;
mod start;
mod traps;
mod virtio;

use core::arch::global_asm;

use click_guest::layout::{MIN_HEAP, MemoryPlan};
use click_guest::start_info::{Range, StartInfo};

use crate::clock::Measurement;
use crate::memory::BootMemory;
use crate::serial::Serial;
use crate::start::Failure;

global_asm!(include_str!("boot.s"));
global_asm!(include_str!("memory.s"));

/// The first function in Rust. The loader left its information at the physical address `start_info`.
#[unsafe(no_mangle)]
extern "C" fn start_kernel(start_info: u64) -> ! {
    let measurement = Measurement::begin();
    let started = clock::ticks();
    Serial::set_up();
    let started = match start_memory(start_info) {
        Ok(info) => start::run(&info, measurement, started),
        Err(failure) => Err(failure),
    };
    match started {
        Ok(()) => exit::exit(platform_click::ExitCode::Accepted),
        Err(failure) => failure.report(),
    }
}

/// From the boot page tables to the kernel's.
fn start_memory(start_info: u64) -> Result<StartInfo, Failure> {
    // SAFETY: the boot page tables count until `take_over`; what the loader left is not written to.
    let boot = unsafe { BootMemory::new() };
    let image = memory::image_range();
    // Reading what the loader left needs a heap: where it may be is known only then. Until then, a small
    // one lies directly behind the image, where loaders put nothing else.
    let first = Range {
        start: image.end,
        end: image.end + MIN_HEAP / 64,
    };
    // SAFETY: mapped at the window by the boot page tables, and later as a part of the heap.
    unsafe { heap::start(first) };
    let info = StartInfo::read(&boot, start_info)?;
    let plan = MemoryPlan::new(&info, image)?;
    let rest = Range {
        start: first.end,
        end: plan.heap.end,
    };
    if plan.heap.start != first.start || rest.is_empty() {
        return Err(Failure::Scattered);
    }
    // SAFETY: mapped at the window before and after `take_over`; the plan says that it is free, and the
    // first part was left out.
    unsafe { heap::start(rest) };
    traps::set_up();
    // SAFETY: the heap is that of the plan, nobody has used memory for objects, and nothing but the image,
    // the stack and the heap is used from here on.
    unsafe { memory::take_over(&plan, &info.modules) }?;
    Ok(info)
}
