//! Queue, SimpleQueue and ThreadSafeQueue.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, parse_unsigned};
use crate::packet::{Batch, Packet};

manual! {
    /// Stores packets, first in, first out.
    ///
    /// Whoever pulls gets the packet that has been here longest. A packet that arrives when the queue
    /// is full is dropped; an InfiniteSource waits meanwhile. `FullNoteQueue` and `ThreadSafeQueue` are
    /// the same here; of `SimpleQueue` and `NotifierQueue`, no source knows that they are full.
    ///
    /// # Configuration
    /// `Queue([CAPACITY])`
    /// - CAPACITY: packets that it can hold; 1000 by default, at most 65536.
    ///
    /// # Ports
    /// One push input, one pull output.
    ///
    /// # Handlers
    /// - `length` (read): packets in the queue.
    /// - `highwater_length` (read): the most that there were at one time.
    /// - `capacity` (read, write): CAPACITY; packets beyond a new one are dropped, newest first.
    /// - `drops` (read): packets dropped because the queue was full.
    /// - `reset_counts` (write): sets `drops` to 0 and `highwater_length` to `length`.
    /// - `reset` (write): empties the queue.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5) -> Queue(10) -> Unqueue -> Discard;
    /// InfiniteSource(LIMIT 5) -> SimpleQueue -> Discard;
    /// InfiniteSource(LIMIT 5) -> ThreadSafeQueue -> Discard;
    /// InfiniteSource(LIMIT 5) -> NotifierQueue -> Unqueue -> FullNoteQueue -> Discard;
    /// ```
    pub(crate) struct Queue {
        packets: VecDeque<Packet>,
        capacity: usize,
        /// Whether those who push are told that it is full.
        tells: bool,
        /// Whether the capacity is no longer that of the configuration.
        changed: bool,
        highwater: usize,
        drops: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Queue",
    manual: Queue::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::exactly(1, Processing::Pull),
    keywords: &["CAPACITY"],
    handlers: &[
        Handler::read("length"),
        Handler::read("highwater_length"),
        Handler::read_write("capacity"),
        Handler::read("drops"),
        Handler::write("reset_counts"),
        Handler::write("reset"),
    ],
    configure: |arguments, _| configure(arguments, true),
};

/// The class under a second name: there is one thread, so every queue is safe to share.
pub(crate) const THREAD_SAFE: ElementClass = ElementClass {
    name: "ThreadSafeQueue",
    ..CLASS
};

/// The class under a third name, which tells those who push nothing. Those who pull are called again
/// and again, so that no queue need tell them about packets.
pub(crate) const SIMPLE: ElementClass = ElementClass {
    name: "SimpleQueue",
    configure: |arguments, _| configure(arguments, false),
    ..CLASS
};

/// The class under the name that it has in Click where it tells only those who pull.
pub(crate) const NOTIFIER: ElementClass = ElementClass {
    name: "NotifierQueue",
    configure: |arguments, _| configure(arguments, false),
    ..CLASS
};

/// The class under the name that it has in Click where it tells those who push, too.
pub(crate) const FULL_NOTE: ElementClass = ElementClass {
    name: "FullNoteQueue",
    ..CLASS
};

/// Packets of a queue where the configuration does not say, as in Click.
const DEFAULT_CAPACITY: usize = 1000;

/// Packets of the longest queue: with the longest packets they take 4 GiB, with ordinary ones 100 MiB.
const MAX_CAPACITY: usize = 1 << 16;

const CAPACITY: &str = "a number of packets up to 65536";

fn configure(arguments: &mut Arguments<'_>, tells: bool) -> Result<Box<dyn Element>, ConfigError> {
    let capacity = arguments.positional("CAPACITY")?;
    let capacity = capacity.map(|value| value.at_most(MAX_CAPACITY, CAPACITY));
    Ok(Box::new(Queue {
        packets: VecDeque::new(),
        capacity: capacity.unwrap_or(Ok(DEFAULT_CAPACITY))?,
        tells,
        changed: false,
        highwater: 0,
        drops: 0,
    }))
}

impl Element for Queue {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if self.packets.len() >= self.capacity {
            self.drops = self.drops.saturating_add(1);
            context.end(packet);
            return Ok(());
        }
        self.packets.push_back(packet);
        self.highwater = self.highwater.max(self.packets.len());
        Ok(())
    }

    fn takes_batches(&self) -> bool {
        true
    }

    fn pull_batch(
        &mut self,
        _: usize,
        most: usize,
        batch: &mut Batch,
        _: &mut Context<'_>,
    ) -> Result<(), HostError> {
        let count = most.min(self.packets.len());
        batch.extend(self.packets.drain(..count));
        Ok(())
    }

    fn pull(&mut self, _: usize, _: &mut Context<'_>) -> Result<Option<Packet>, HostError> {
        Ok(self.packets.pop_front())
    }

    fn room(&self) -> Option<usize> {
        let room = self.capacity.saturating_sub(self.packets.len());
        self.tells.then_some(room)
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "length" => Some(format!("{}", self.packets.len())),
            "highwater_length" => Some(format!("{}", self.highwater)),
            "capacity" => Some(format!("{}", self.capacity)),
            "config" => self.changed.then(|| format!("CAPACITY {}", self.capacity)),
            "drops" => Some(format!("{}", self.drops)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "capacity" => {
                let capacity = usize::try_from(parse_unsigned(value)?).ok();
                self.capacity = capacity.filter(|capacity| *capacity <= MAX_CAPACITY)?;
                self.changed = true;
                let kept = self.packets.len().min(self.capacity);
                let lost = self.packets.len().saturating_sub(kept);
                self.packets.truncate(kept);
                let lost = u64::try_from(lost).unwrap_or(u64::MAX);
                self.drops = self.drops.saturating_add(lost);
            }
            "reset_counts" => (self.drops, self.highwater) = (0, self.packets.len()),
            "reset" => self.packets.clear(),
            _ => return None,
        }
        Some(())
    }
}
