//! The end of the machine.

use core::arch::asm;
use core::panic::PanicInfo;

use platform_click::ExitCode;

use crate::port::Port;
use crate::serial::say;

/// After a panic.
const PANIC: u8 = 0x7f;
/// After a trap.
pub(crate) const TRAP: u8 = 0x7e;

// SAFETY: QEMU's `isa-debug-exit` ends the process and knows no memory.
const DEBUG_EXIT: Port = unsafe { Port::new(0xf4) };
// SAFETY: a keyboard controller (i8042) knows no memory.
const KEYBOARD: Port = unsafe { Port::new(0x64) };

/// Ends the machine as a program ends that has this exit code. QEMU ends with twice the number and one.
pub(crate) fn exit(code: ExitCode) -> ! {
    exit_with(code.number())
}

/// The same with a number that is no program's.
pub(crate) fn exit_with(number: u8) -> ! {
    DEBUG_EXIT.write32(number.into());
    // Without that device: what PCs are reset with, and Firecracker takes for the end.
    KEYBOARD.write8(0xfe);
    loop {
        // SAFETY: the processor stops, since nothing interrupts it.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say!("panic: {info}");
    exit_with(PANIC)
}

// The core library was compiled to unwind, which never happens here: a panic ends the machine.

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> ! {
    exit_with(PANIC)
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    exit_with(PANIC)
}
