//! What an element works with while it is called, and the packets between elements.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::any::Any;

use bpf_runtime::PacketError;

use crate::element::Element;
use crate::host::{Host, HostError};
use crate::language::{Config, Declaration, Endpoint};
use crate::packet::{Batch, Packet, Parcel, Pool};
use crate::router::{Control, Plan};

/// The elements of a router; one that is being called is not there.
pub(crate) type Elements = Vec<Option<Box<dyn Element>>>;

/// Packets on their way from element to element.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Packets under way; the last parcel moves next.
    pub(crate) under_way: Vec<(Endpoint, Parcel)>,
    /// What elements that are being called have sent on, with the output that it leaves through.
    pub(crate) sent: Vec<(usize, Parcel)>,
    /// Packets and memory that are left over.
    pub(crate) pool: Pool,
}

/// What an element works with while it is called.
pub(crate) struct Context<'a> {
    /// The world outside.
    pub(crate) host: &'a mut dyn Host,
    pub(super) traffic: &'a mut Traffic,
    pub(super) elements: &'a mut Elements,
    pub(super) plan: &'a Plan,
    pub(super) control: &'a mut Control,
    /// The element that is called; the number behind the last one stands for the router itself.
    pub(super) element: usize,
    /// How much of what was sent on belongs to elements further downstream.
    pub(super) sent_before: usize,
}

impl Context<'_> {
    /// Sends a packet on through an output. Where the output is optional and not connected, the
    /// packet ends there.
    pub(crate) fn push(&mut self, output: usize, packet: Packet) {
        let Traffic { sent, pool, .. } = &mut *self.traffic;
        if self.plan.batches
            && sent.len() > self.sent_before
            && let Some((port, parcel)) = sent.last_mut()
            && *port == output
        {
            return parcel.add(packet, pool);
        }
        sent.push((output, Parcel::One(packet)));
    }

    /// Sends packets on through an output, as [`Self::push`] does with each.
    pub(crate) fn push_batch(&mut self, output: usize, batch: Batch) {
        self.traffic.sent.push((output, Parcel::Many(batch)));
    }

    /// How many outputs the element has, if nobody can tell when packets of different outputs change
    /// places.
    pub(crate) fn outputs_apart(&self) -> Option<usize> {
        self.plan.outputs_apart(self.element)
    }

    /// A packet with a copy of `bytes`.
    ///
    /// # Errors
    /// Too many bytes, or no memory.
    pub(crate) fn make(&mut self, bytes: &[u8]) -> Result<Packet, PacketError> {
        self.traffic.pool.make(bytes)
    }

    /// A copy of a packet.
    pub(crate) fn copy(&mut self, packet: &Packet) -> Packet {
        self.traffic.pool.copy(packet)
    }

    /// As many copies of a packet.
    pub(crate) fn copies(&mut self, packet: &Packet, count: usize) -> Batch {
        self.traffic.pool.copies(packet, count)
    }

    /// Takes a packet that ends here. One that is merely dropped costs more time.
    pub(crate) fn end(&mut self, packet: Packet) {
        self.traffic.pool.give(packet);
    }

    /// Takes the packets of a batch, which end here.
    pub(crate) fn end_batch(&mut self, batch: Batch) {
        self.traffic.pool.give_all(batch);
    }

    /// An empty batch.
    pub(crate) fn batch(&mut self) -> Batch {
        self.traffic.pool.batch()
    }

    /// Takes a batch that is empty.
    pub(crate) fn give_batch(&mut self, batch: Batch) {
        self.traffic.pool.give_batch(batch);
    }

    /// Asks the element in front of a pull input for a packet.
    ///
    /// # Errors
    /// A device failed; the router stops.
    pub(crate) fn pull(&mut self, input: usize) -> Result<Option<Packet>, HostError> {
        let Some(from) = self.plan.origin(self.element, input) else {
            return Ok(None);
        };
        // The graph has no way round along which packets are pulled, so the element is there.
        self.call(from.element, |element, context| {
            element.pull(from.port, context)
        })
        .unwrap_or(Ok(None))
    }

    /// Asks the element in front of a pull input for packets, at most `most`, which are added to
    /// `batch`. There may be more if there were some.
    ///
    /// # Errors
    /// A device failed; the router stops.
    pub(crate) fn pull_batch(
        &mut self,
        input: usize,
        most: usize,
        batch: &mut Batch,
    ) -> Result<(), HostError> {
        let most = if self.plan.batches { most } else { most.min(1) };
        let Some(from) = self.plan.origin(self.element, input) else {
            return Ok(());
        };
        self.call(from.element, |element, context| {
            element.pull_batch(from.port, most, batch, context)
        })
        .unwrap_or(Ok(()))
    }

    /// Calls another element, which is taken out for that time; `None` if it is being called
    /// already. What it sends is under way afterwards.
    pub(crate) fn call<T>(
        &mut self,
        index: usize,
        work: impl FnOnce(&mut dyn Element, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let mut element = self.elements.get_mut(index).and_then(Option::take)?;
        let before = self.traffic.sent.len();
        let done = work(
            element.as_mut(),
            &mut Context {
                host: self.host,
                traffic: self.traffic,
                elements: self.elements,
                plan: self.plan,
                control: self.control,
                element: index,
                sent_before: before,
            },
        );
        if let Some(slot) = self.elements.get_mut(index) {
            *slot = Some(element);
        }
        if self.traffic.sent.len() > before {
            self.traffic.send_on(self.plan, index, before);
        }
        Some(done)
    }

    /// Another element, if it is of this type and not being called.
    #[allow(dead_code, reason = "for elements that use others")]
    pub(crate) fn other<T: Element>(&mut self, index: usize) -> Option<&mut T> {
        let element = self.elements.get_mut(index)?.as_mut()?;
        let element: &mut dyn Any = element.as_mut();
        element.downcast_mut()
    }

    /// Says that there will be something to pull at a time at which nobody else may be awake.
    pub(crate) fn wake_at(&mut self, time_ns: u64) {
        let wake = self.control.wake_ns.unwrap_or(u64::MAX).min(time_ns);
        self.control.wake_ns = Some(wake);
    }

    /// How many packets another element can still store; `None` if it stores none.
    pub(crate) fn room(&self, index: usize) -> Option<usize> {
        self.elements.get(index)?.as_ref()?.room()
    }

    /// The element that is called.
    pub(crate) const fn element(&self) -> usize {
        self.element
    }

    /// The configuration of the router.
    pub(crate) const fn config(&self) -> &Config {
        &self.plan.config
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        let declaration = self.plan.config.elements().get(self.element);
        declaration.map_or("", |declaration| declaration.name.as_str())
    }

    /// Its name and class, as messages call it.
    pub(crate) fn label(&self) -> String {
        let declaration = self.plan.config.elements().get(self.element);
        declaration.map(Declaration::label).unwrap_or_default()
    }

    /// Stops the router, unless a script or manager has something left to do.
    pub(crate) const fn stop(&mut self) {
        self.control.run_count = self.control.run_count.saturating_sub(1);
    }

    /// Takes back the first packet that the element has sent through `output`.
    pub(crate) fn take_back(&mut self, output: usize) -> Option<Packet> {
        let own = self.traffic.sent.get_mut(self.sent_before..)?;
        let at = own.iter().position(|(port, _)| *port == output)?;
        if let Some((_, Parcel::Many(batch))) = own.get_mut(at)
            && batch.len() > 1
        {
            return Some(batch.remove(0));
        }
        let at = self.sent_before.saturating_add(at);
        match self.traffic.sent.remove(at).1 {
            Parcel::One(packet) => Some(packet),
            Parcel::Many(mut batch) => batch.pop(),
        }
    }
}

impl Traffic {
    /// Moves what an element has sent, from number `before` on, to the elements behind it: as with
    /// nested calls, what was sent first arrives everywhere before what was sent second. A packet that
    /// leaves through an optional output that is not connected ends here.
    pub(crate) fn send_on(&mut self, plan: &Plan, element: usize, before: usize) {
        while self.sent.len() > before
            && let Some((port, parcel)) = self.sent.pop()
        {
            match plan.target(element, port) {
                Some(target) => self.under_way.push((target, parcel)),
                None => self.end(parcel),
            }
        }
    }

    /// Takes packets that end here.
    pub(crate) fn end(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::One(packet) => self.pool.give(packet),
            Parcel::Many(batch) => self.pool.give_all(batch),
        }
    }
}
