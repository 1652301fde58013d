//! Interfaces of the system, by packet sockets with rings in memory (`Documentation/networking/
//! packet_mmap.rst` of Linux).

use std::io;
use std::os::fd::BorrowedFd;

use click_graph::HostError;
use click_graph::host::{Device, DeviceUse, Frame};

use super::ring::{Received, RxRing, TxRing};
use super::{WHEN_THE_SYSTEM_SAYS, failure, packet_type};

/// An interface, for one use.
#[derive(Debug)]
pub(super) struct Interface {
    name: String,
    end: End,
}

#[derive(Debug)]
enum End {
    Receive(RxRing),
    Send(TxRing),
}

impl Interface {
    pub(super) fn open(name: &str, usage: DeviceUse) -> io::Result<Self> {
        let end = match usage {
            DeviceUse::Receive {
                promiscuous,
                fanout,
            } => End::Receive(RxRing::open(name, promiscuous, fanout)?),
            DeviceUse::Send => End::Send(TxRing::open(name)?),
        };
        Ok(Self {
            name: name.into(),
            end,
        })
    }

    /// What can be waited for: frames that arrive.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match &self.end {
            End::Receive(ring) => ring.fd(),
            End::Send(ring) => ring.fd(),
        }
    }
}

impl Device for Interface {
    fn receive(&mut self, _: u64) -> Result<Option<Frame<'_>>, HostError> {
        let End::Receive(ring) = &mut self.end else {
            return Ok(None);
        };
        let frame = ring.receive().map(|Received { bytes, time_ns, to }| Frame {
            bytes,
            time_ns,
            packet_type: to.unwrap_or_else(|| packet_type(bytes)),
        });
        Ok(frame)
    }

    fn next_ns(&self) -> Option<u64> {
        matches!(self.end, End::Receive(_)).then_some(WHEN_THE_SYSTEM_SAYS)
    }

    fn send(&mut self, frame: &[u8], _: u64) -> Result<bool, HostError> {
        let End::Send(ring) = &mut self.end else {
            return Ok(false);
        };
        let sent = ring.send(frame);
        sent.map_err(|error| failure(&self.name, error))
    }

    fn flush(&mut self, _: u64) -> Result<Option<u64>, HostError> {
        if let End::Send(ring) = &mut self.end {
            ring.kick().map_err(|error| failure(&self.name, error))?;
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), HostError> {
        self.flush(0).map(drop)
    }
}
