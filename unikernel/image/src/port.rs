//! Ports of the processor.

use core::arch::asm;

/// A port of a device that does not access memory that is Rust's because of what is written to it, unless it
/// was given that for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port(u16);

impl Port {
    /// # Safety
    /// Nothing that is read from or written to the port makes a device access memory, but for what was
    /// lent to it.
    pub(crate) const unsafe fn new(number: u16) -> Self {
        Self(number)
    }

    pub(crate) fn read8(self) -> u8 {
        let value: u8;
        // SAFETY: reading changes nothing that is Rust's, as `new` was promised.
        unsafe { asm!("in al, dx", in("dx") self.0, out("al") value, options(nomem, nostack)) };
        value
    }

    pub(crate) fn write8(self, value: u8) {
        // SAFETY: writing changes nothing that is Rust's, as `new` was promised.
        unsafe { asm!("out dx, al", in("dx") self.0, in("al") value, options(nomem, nostack)) };
    }

    pub(crate) fn write16(self, value: u16) {
        // SAFETY: as `write8`.
        unsafe { asm!("out dx, ax", in("dx") self.0, in("ax") value, options(nostack)) };
    }

    pub(crate) fn read32(self) -> u32 {
        let value: u32;
        // SAFETY: as `read8`.
        unsafe { asm!("in eax, dx", in("dx") self.0, out("eax") value, options(nomem, nostack)) };
        value
    }

    pub(crate) fn write32(self, value: u32) {
        // SAFETY: as `write8`. Memory counts as changed: of what devices read there, nothing is held back.
        unsafe { asm!("out dx, eax", in("dx") self.0, in("eax") value, options(nostack)) };
    }
}
