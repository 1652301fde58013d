//! TAP interfaces: Ethernet frames of an interface that the process makes (`linux/if_tun.h`).

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use click_graph::HostError;
use click_graph::host::{Device, Frame};
use platform_click::limits::MAX_PACKET_SIZE;
use rustix::fs::OFlags;

use super::{WHEN_THE_SYSTEM_SAYS, failure, packet_type, ring};

/// A TAP interface. It goes away with the last descriptor, unless it was made persistent.
#[derive(Debug)]
pub(super) struct Tap {
    name: String,
    file: File,
    /// The frame that was received last.
    buffer: Vec<u8>,
}

impl Tap {
    /// Makes the interface, or takes one that was made before.
    pub(super) fn open(name: &str) -> io::Result<Self> {
        let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags.bits().cast_signed())
            .open("/dev/net/tun")?;
        ring::attach_tap(file.as_fd(), name)?;
        Ok(Self::new(name, file))
    }

    /// The same interface for another element.
    pub(super) fn another(&self) -> io::Result<Self> {
        Ok(Self::new(&self.name, self.file.try_clone()?))
    }

    fn new(name: &str, file: File) -> Self {
        Self {
            name: name.into(),
            file,
            // A frame that is longer is cut off by the system; one byte more shows that.
            buffer: vec![0; MAX_PACKET_SIZE.saturating_add(1)],
        }
    }

    /// What can be waited for.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Device for Tap {
    fn receive(&mut self, now_ns: u64) -> Result<Option<Frame<'_>>, HostError> {
        let len = match self.file.read(&mut self.buffer) {
            Ok(len) => len,
            Err(error) if is_nothing(&error) => return Ok(None),
            Err(error) => return Err(failure(&self.name, error)),
        };
        let bytes = self.buffer.get(..len).unwrap_or_default();
        Ok(Some(Frame {
            bytes,
            time_ns: now_ns,
            packet_type: packet_type(bytes),
        }))
    }

    fn next_ns(&self) -> Option<u64> {
        Some(WHEN_THE_SYSTEM_SAYS)
    }

    fn send(&mut self, frame: &[u8], _: u64) -> Result<bool, HostError> {
        match self.file.write(frame) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            // What the interface does not take, it drops: it is down, or the frame is too short.
            Err(error) if is_nothing(&error) || error.kind() == ErrorKind::InvalidInput => Ok(true),
            Err(error) => Err(failure(&self.name, error)),
        }
    }

    fn flush(&mut self, _: u64) -> Result<Option<u64>, HostError> {
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), HostError> {
        Ok(())
    }
}

/// Whether there is just nothing to read: no frame, or the interface is down (`EIO` in
/// `drivers/net/tun.c`), which may change.
fn is_nothing(error: &io::Error) -> bool {
    let down = rustix::io::Errno::IO.raw_os_error();
    error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(down)
}
