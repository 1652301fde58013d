//! A device whose frames are written to a capture, too.

use click_graph::HostError;
use click_graph::host::{Device, DumpWriter, Frame, Record};

/// A device with a capture of what passes.
#[derive(Debug)]
pub(super) struct Traced {
    inner: Box<dyn Device>,
    /// Until it is complete.
    writer: Option<Box<dyn DumpWriter>>,
}

impl Traced {
    pub(super) const fn new(inner: Box<dyn Device>, writer: Box<dyn DumpWriter>) -> Self {
        Self {
            inner,
            writer: Some(writer),
        }
    }
}

fn write(
    writer: &mut Option<Box<dyn DumpWriter>>,
    bytes: &[u8],
    timestamp_ns: u64,
) -> Result<(), HostError> {
    match writer {
        Some(writer) => writer.write_record(Record {
            timestamp_ns,
            original_len: bytes.len(),
            bytes,
        }),
        None => Ok(()),
    }
}

impl Device for Traced {
    fn receive(&mut self, now_ns: u64) -> Result<Option<Frame<'_>>, HostError> {
        let frame = self.inner.receive(now_ns)?;
        if let Some(frame) = &frame {
            write(&mut self.writer, frame.bytes, frame.time_ns)?;
        }
        Ok(frame)
    }

    fn next_ns(&self) -> Option<u64> {
        self.inner.next_ns()
    }

    fn send(&mut self, frame: &[u8], now_ns: u64) -> Result<bool, HostError> {
        let sent = self.inner.send(frame, now_ns)?;
        if sent {
            write(&mut self.writer, frame, now_ns)?;
        }
        Ok(sent)
    }

    fn flush(&mut self, now_ns: u64) -> Result<Option<u64>, HostError> {
        self.inner.flush(now_ns)
    }

    /// Both are finished, whatever the first says. An element that receives does not call this; its
    /// capture is completed when it is dropped.
    fn finish(&mut self) -> Result<(), HostError> {
        let inner = self.inner.finish();
        let own = match self.writer.take() {
            Some(mut writer) => writer.finish(),
            None => Ok(()),
        };
        inner.and(own)
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // Whoever wants to know of errors calls `finish`.
        let _ = self.finish();
    }
}
