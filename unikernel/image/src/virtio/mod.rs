//! Devices of virtio: where they are, and what `virtio-drivers` needs to know of the machine.

pub(crate) mod net;
pub(crate) mod pci;

use alloc::alloc::dealloc;
use alloc::vec::Vec;
use core::ptr::NonNull;

use click_guest::settings::DeviceRange;
use virtio_drivers::device::rng::VirtIORng;
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_drivers::transport::{DeviceType, SomeTransport, Transport as _};
use virtio_drivers::{BufferDirection, Hal, PhysAddr};

use crate::memory;
use crate::serial::say;

/// How a device is spoken to.
pub(crate) type Transport = SomeTransport<'static>;

/// The machine, as `virtio-drivers` sees it: devices see all of its memory at physical addresses.
pub(crate) struct Machine;

// SAFETY: `dma_alloc` gives pages of zeros on the heap that nobody else has, and their physical address;
// registers are mapped where nothing else is, and never unmapped; `share` gives the physical address of
// memory of the heap or the image, which is contiguous in both.
unsafe impl Hal for Machine {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let memory = memory::allocate_pages(pages);
        (memory::physical(memory), memory)
    }

    unsafe fn dma_dealloc(_: PhysAddr, memory: NonNull<u8>, pages: usize) -> i32 {
        // SAFETY: the caller's promise is that `dma_alloc` gave this, for so many pages.
        unsafe { dealloc(memory.as_ptr(), memory::page_layout(pages)) };
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, size: usize) -> NonNull<u8> {
        memory::registers(address, u64::try_from(size).unwrap_or(u64::MAX))
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        memory::physical(buffer.cast())
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}

/// The devices of the machine: those that the loader names, and those of the PCI bus. The order is the
/// same whenever the machine is the same.
pub(crate) fn find(named: &[DeviceRange]) -> Vec<Transport> {
    let on_bus = pci::find();
    let mut ranges = named.to_vec();
    if ranges.is_empty() && on_bus.is_none() {
        ranges.extend(microvm());
    }
    ranges.sort_unstable_by_key(|range| range.address);
    let mut found: Vec<Transport> = ranges.into_iter().filter_map(in_memory).collect();
    found.extend(on_bus.unwrap_or_default());
    found
}

/// Where QEMU's `microvm` has devices. It has no bus that could be asked, and says so in ACPI tables only,
/// unless those are switched off.
fn microvm() -> impl Iterator<Item = DeviceRange> {
    (0..24).map(|number| DeviceRange {
        address: 0xfeb0_0000 + number * 512,
        size: 512,
    })
}

/// A device whose registers lie in memory; nothing where none is plugged in.
fn in_memory(range: DeviceRange) -> Option<Transport> {
    let registers = memory::registers(range.address, range.size);
    let size = usize::try_from(range.size).ok()?;
    // SAFETY: the registers are mapped for good, and this is the only transport that uses them.
    let transport = unsafe { MmioTransport::new(registers.cast::<VirtIOHeader>(), size) };
    transport.ok().map(SomeTransport::Mmio)
}

/// Takes out the devices of a type.
pub(crate) fn take(devices: &mut Vec<Transport>, wanted: DeviceType) -> Vec<Transport> {
    let (found, rest) = core::mem::take(devices)
        .into_iter()
        .partition(|device| device.device_type() == wanted);
    *devices = rest;
    found
}

/// Random bytes from a device.
pub(crate) fn entropy(device: Transport, bytes: &mut [u8]) -> bool {
    let device = VirtIORng::<Machine, _>::new(device);
    let mut device = match device {
        Ok(device) => device,
        Err(error) => {
            say!("the device for random numbers does not work: {error}");
            return false;
        }
    };
    let mut filled = 0;
    // A device may give less than it is asked for.
    for _ in 0..bytes.len() {
        let Some(rest @ [_, ..]) = bytes.get_mut(filled..) else {
            break;
        };
        match device.request_entropy(rest) {
            Ok(count) if count > 0 => filled = filled.saturating_add(count),
            _ => return false,
        }
    }
    filled >= bytes.len()
}
