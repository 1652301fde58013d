//! Packets on their way through a router, and those that wait to be used again.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use bpf_runtime::PacketError;

use crate::limits::{MAX_BATCH, MAX_POOLED, MAX_POOLED_BATCHES, MAX_POOLED_SIZE};

/// A packet that is cheap to hand on.
#[derive(Clone, Debug)]
pub(crate) struct Packet(Box<bpf_runtime::Packet>);

/// Packets that go the same way, in their order.
pub(crate) type Batch = Vec<Packet>;

impl Packet {
    /// As [`bpf_runtime::Packet::new`], with memory of its own. Elements that make many packets use
    /// those that are left over, by [`crate::element::Context::make`].
    ///
    /// # Errors
    /// Too many bytes, or no memory.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, PacketError> {
        bpf_runtime::Packet::new(bytes).map(|packet| Self(Box::new(packet)))
    }

    /// A packet without bytes.
    pub(crate) fn empty() -> Self {
        Self(Box::new(bpf_runtime::Packet::empty()))
    }
}

impl Deref for Packet {
    type Target = bpf_runtime::Packet;

    fn deref(&self) -> &bpf_runtime::Packet {
        &self.0
    }
}

impl DerefMut for Packet {
    fn deref_mut(&mut self) -> &mut bpf_runtime::Packet {
        &mut self.0
    }
}

/// What is handed from one element to another: packets in their order.
#[derive(Debug)]
pub(crate) enum Parcel {
    One(Packet),
    Many(Batch),
}

impl Parcel {
    /// Adds a packet behind the others.
    pub(crate) fn add(&mut self, packet: Packet, pool: &mut Pool) {
        if let Self::Many(batch) = self {
            return batch.push(packet);
        }
        if let Self::One(first) = core::mem::replace(self, Self::Many(pool.batch()))
            && let Self::Many(batch) = self
        {
            batch.push(first);
            batch.push(packet);
        }
    }

    /// How many packets they are.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(batch) => batch.len(),
        }
    }
}

/// Packets that nobody needs any more, and the memory of batches, for those that come next: in a
/// running router, no packet asks for memory.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    packets: Batch,
    /// Batches that ended together, and are used again together.
    full: Vec<Batch>,
    empty: Vec<Batch>,
}

impl Pool {
    /// A packet with a copy of `bytes`.
    ///
    /// # Errors
    /// Too many bytes, or no memory.
    pub(crate) fn make(&mut self, bytes: &[u8]) -> Result<Packet, PacketError> {
        let Some(mut packet) = self.packet() else {
            return Packet::new(bytes);
        };
        packet.renew(bytes)?;
        Ok(packet)
    }

    /// A copy of a packet.
    pub(crate) fn copy(&mut self, packet: &Packet) -> Packet {
        let Some(mut copy) = self.packet() else {
            return packet.clone();
        };
        copy.0.clone_from(&packet.0);
        copy
    }

    /// As many copies of a packet.
    pub(crate) fn copies(&mut self, packet: &Packet, count: usize) -> Batch {
        let mut batch = self.full.pop().unwrap_or_else(|| self.batch());
        while batch.len() > count
            && let Some(packet) = batch.pop()
        {
            self.give(packet);
        }
        for copy in &mut batch {
            copy.0.clone_from(&packet.0);
        }
        while batch.len() < count {
            batch.push(self.copy(packet));
        }
        batch
    }

    /// A packet of which nothing is to be used but its memory.
    fn packet(&mut self) -> Option<Packet> {
        if self.packets.is_empty()
            && let Some(batch) = self.full.pop()
        {
            let empty = core::mem::replace(&mut self.packets, batch);
            self.give_batch(empty);
        }
        self.packets.pop()
    }

    /// Takes back a packet.
    pub(crate) fn give(&mut self, packet: Packet) {
        if self.packets.len() < MAX_POOLED && packet.buffer_size() <= MAX_POOLED_SIZE {
            self.packets.push(packet);
        }
    }

    /// Takes back the packets of a batch.
    pub(crate) fn give_all(&mut self, mut batch: Batch) {
        let small = |packet: &Packet| packet.buffer_size() <= MAX_POOLED_SIZE;
        if self.full.len() < MAX_POOLED_BATCHES
            && batch.len() <= MAX_BATCH
            && batch.iter().all(small)
        {
            return self.full.push(batch);
        }
        for packet in batch.drain(..) {
            self.give(packet);
        }
        self.give_batch(batch);
    }

    /// A batch without packets.
    pub(crate) fn batch(&mut self) -> Batch {
        let empty = self.empty.pop();
        empty.unwrap_or_else(|| Vec::with_capacity(MAX_BATCH))
    }

    /// Takes back an empty batch.
    pub(crate) fn give_batch(&mut self, batch: Batch) {
        if self.empty.len() < MAX_BATCH && batch.is_empty() {
            self.empty.push(batch);
        }
    }
}
