//! Discard.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_boolean, parse_unsigned};
use crate::packet::{Batch, Packet};

manual! {
    /// Drops all packets.
    ///
    /// Behind an element that stores packets, it pulls them.
    ///
    /// # Configuration
    /// `Discard([ACTIVE, BURST])`
    /// - ACTIVE: whether it pulls; true by default.
    /// - BURST: packets that it pulls in a row; 1 by default.
    ///
    /// # Ports
    /// One agnostic input.
    ///
    /// # Handlers
    /// - `count` (read): packets dropped since the start or the last reset.
    /// - `reset_counts` (write): sets it to 0.
    /// - `active` (read, write): ACTIVE.
    /// - `burst` (read, write): BURST.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> d :: Discard;
    /// ```
    pub(crate) struct Discard {
        pulls: bool,
        active: bool,
        burst: u64,
        packets: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Discard",
    manual: Discard::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::NONE,
    keywords: &["ACTIVE", "BURST"],
    handlers: &[
        Handler::read("count"),
        Handler::write("reset_counts"),
        Handler::read_write("active"),
        Handler::read_write("burst"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let active = arguments.positional("ACTIVE")?;
    let burst = arguments.positional("BURST")?;
    Ok(Box::new(Discard {
        pulls: false,
        active: active.map_or(Ok(true), Value::boolean)?,
        burst: burst.map_or(Ok(1), Value::positive)?,
        packets: 0,
    }))
}

impl Discard {
    /// Drops packets, and says how many there were.
    fn end(&mut self, batch: Batch, context: &mut Context<'_>) -> u64 {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.packets = self.packets.saturating_add(count);
        context.end_batch(batch);
        count
    }
}

impl Element for Discard {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        self.packets = self.packets.saturating_add(1);
        context.end(packet);
        Ok(())
    }

    fn push_batch(
        &mut self,
        _: usize,
        batch: Batch,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        self.end(batch, context);
        Ok(())
    }

    fn takes_batches(&self) -> bool {
        true
    }

    fn connect(&mut self, inputs: &[Processing], _: &[Processing]) {
        self.pulls = inputs.contains(&Processing::Pull);
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        self.run_many(1, context).map(|(_, activity)| activity)
    }

    fn run_many(
        &mut self,
        most: u64,
        context: &mut Context<'_>,
    ) -> Result<(u64, Activity), HostError> {
        if !self.pulls || !self.active {
            return Ok((1, Activity::Idle));
        }
        let mut batch = context.batch();
        context.pull_batch(0, usize::try_from(most).unwrap_or(1), &mut batch)?;
        let done = self.end(batch, context);
        Ok(match done {
            0 => (1, Activity::Idle),
            done => (done, Activity::Working),
        })
    }

    fn burst(&self) -> u64 {
        if self.pulls { self.burst } else { 0 }
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "count" => Some(format!("{}", self.packets)),
            "active" => Some(format!("{}", self.active)),
            "burst" => Some(format!("{}", self.burst)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "reset_counts" => self.packets = 0,
            "active" => self.active = parse_boolean(value)?,
            "burst" => self.burst = parse_unsigned(value).filter(|burst| *burst > 0)?,
            _ => return None,
        }
        Some(())
    }
}
