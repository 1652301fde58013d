//! The serial line: what the machine has to say.

use core::fmt::{self, Write};

use crate::port::Port;

/// Times that the line is asked whether it is ready for a byte: a line of 115,200 baud is after about
/// 90 µs. One that is not there never is.
const PATIENCE: u32 = 100_000;

// SAFETY: a UART (16550) knows no memory.
const DATA: Port = unsafe { Port::new(0x3f8) };
// SAFETY: as above.
const LINE_CONTROL: Port = unsafe { Port::new(0x3fb) };
// SAFETY: as above.
const LINE_STATUS: Port = unsafe { Port::new(0x3fd) };

/// Line status: a byte can be written.
const READY: u8 = 1 << 5;

/// The line.
pub(crate) struct Serial;

impl Serial {
    /// Eight bits, no parity, one stop bit; the speed is left as it is.
    pub(crate) fn set_up() {
        LINE_CONTROL.write8(3);
    }

    fn put(byte: u8) {
        let ready = || LINE_STATUS.read8() & READY != 0;
        let _ = (0..PATIENCE).any(|_| ready());
        DATA.write8(byte);
    }
}

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(Self::put);
        Ok(())
    }
}

/// Prints a line.
macro_rules! say {
    ($($argument:tt)*) => {{
        use core::fmt::Write as _;
        let _ = writeln!($crate::serial::Serial, $($argument)*);
    }};
}
pub(crate) use say;
