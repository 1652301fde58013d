//! QEMU's configuration device (`docs/specs/fw_cfg.rst`): where the module is when firmware started the
//! image. QEMU's option ROM for PVH passes no modules.

use alloc::boxed::Box;
use alloc::vec;
use core::ptr::NonNull;

use crate::memory;
use crate::port::Port;

/// Items that are numbered: the signature, what the device can do, the module's size, the module.
const SIGNATURE: u16 = 0;
const FEATURES: u16 = 1;
const MODULE_SIZE: u16 = 0x0b;
const MODULE: u16 = 0x12;

/// A bit of `FEATURES`: the device writes items to memory.
const DMA: u32 = 1 << 1;

/// Bits of a transfer's control word.
const ERROR: u32 = 1;
const READ: u32 = 1 << 1;
const SELECT: u32 = 1 << 3;

// SAFETY: selects an item.
const SELECTOR: Port = unsafe { Port::new(0x510) };
// SAFETY: reads an item byte by byte.
const DATA: Port = unsafe { Port::new(0x511) };
// SAFETY: holds half of an address, and does nothing.
const ADDRESS_HIGH: Port = unsafe { Port::new(0x514) };
// SAFETY: makes the device write to memory, but only where `transfer` says, which is nobody else's.
const ADDRESS_LOW: Port = unsafe { Port::new(0x518) };

/// Bytes of a module at most: what a hundred objects of the largest size would take.
const MAX_MODULE: usize = 64 << 20;

/// A transfer, as the device reads it: big-endian.
#[repr(C, align(16))]
struct Transfer {
    control: u32,
    len: u32,
    address: u64,
}

/// The module, if QEMU has one and there is memory for it.
pub(crate) fn module() -> Option<&'static [u8]> {
    if short_item(SIGNATURE) != *b"QEMU" || u32::from_le_bytes(short_item(FEATURES)) & DMA == 0 {
        return None;
    }
    let size = usize::try_from(u32::from_le_bytes(short_item(MODULE_SIZE))).ok()?;
    let (_, free) = crate::heap::usage();
    if size == 0 || size > MAX_MODULE.min(free / 2) {
        return None;
    }
    let module = Box::leak(vec![0; size].into_boxed_slice());
    transfer(MODULE, module)?;
    Some(module)
}

/// The first bytes of an item.
fn short_item(item: u16) -> [u8; 4] {
    SELECTOR.write16(item);
    [(); 4].map(|()| DATA.read8())
}

/// Fills memory with an item.
fn transfer(item: u16, memory: &mut [u8]) -> Option<()> {
    let len = u32::try_from(memory.len()).ok()?;
    let address = memory::physical(NonNull::from(&mut *memory).cast());
    let transfer = Box::new(Transfer {
        control: (u32::from(item) << 16 | SELECT | READ).to_be(),
        len: len.to_be(),
        address: address.to_be(),
    });
    let transfer = NonNull::from(Box::leak(transfer));
    let [high, low] = {
        let [a, b, c, d, e, f, g, h] = memory::physical(transfer.cast()).to_be_bytes();
        [[a, b, c, d], [e, f, g, h]].map(u32::from_le_bytes)
    };
    ADDRESS_HIGH.write32(high);
    ADDRESS_LOW.write32(low);
    // SAFETY: the transfer is never freed; the device writes to it, so it is read as it is now.
    let control = || u32::from_be(unsafe { transfer.as_ptr().cast::<u32>().read_volatile() });
    while control() & !ERROR != 0 {
        core::hint::spin_loop();
    }
    (control() == 0).then_some(())
}
