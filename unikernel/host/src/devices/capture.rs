//! Captures as devices.

use click_graph::HostError;
use click_graph::host::{Device, DumpReader, DumpWriter, Frame, Record};

use super::packet_type;

/// A capture that is received.
#[derive(Debug)]
pub(super) struct Input {
    /// Until its end.
    reader: Option<Box<dyn DumpReader>>,
}

impl Input {
    pub(super) const fn new(reader: Option<Box<dyn DumpReader>>) -> Self {
        Self { reader }
    }
}

impl Device for Input {
    fn receive(&mut self, _: u64) -> Result<Option<Frame<'_>>, HostError> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let record = reader.next_record()?;
        Ok(record.map(|record| Frame {
            bytes: record.bytes,
            time_ns: record.timestamp_ns,
            packet_type: packet_type(record.bytes),
        }))
    }

    fn next_ns(&self) -> Option<u64> {
        None
    }

    fn send(&mut self, _: &[u8], _: u64) -> Result<bool, HostError> {
        Ok(false)
    }

    fn flush(&mut self, _: u64) -> Result<Option<u64>, HostError> {
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), HostError> {
        Ok(())
    }
}

/// A capture of what is sent.
#[derive(Debug)]
pub(super) struct Output {
    /// Until it is complete.
    writer: Option<Box<dyn DumpWriter>>,
}

impl Output {
    pub(super) const fn new(writer: Option<Box<dyn DumpWriter>>) -> Self {
        Self { writer }
    }
}

impl Device for Output {
    fn receive(&mut self, _: u64) -> Result<Option<Frame<'_>>, HostError> {
        Ok(None)
    }

    fn next_ns(&self) -> Option<u64> {
        None
    }

    /// Where nothing is written, everything is sent.
    fn send(&mut self, frame: &[u8], now_ns: u64) -> Result<bool, HostError> {
        if let Some(writer) = &mut self.writer {
            writer.write_record(Record {
                timestamp_ns: now_ns,
                original_len: frame.len(),
                bytes: frame,
            })?;
        }
        Ok(true)
    }

    fn flush(&mut self, _: u64) -> Result<Option<u64>, HostError> {
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), HostError> {
        match self.writer.take() {
            Some(mut writer) => writer.finish(),
            None => Ok(()),
        }
    }
}
