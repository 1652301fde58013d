//! RatedSource.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::infinite_source::packet;
use super::limit::Limit;
use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_unsigned};
use crate::packet::Packet;

manual! {
    /// Makes packets at a rate.
    ///
    /// A source that was kept from its turn makes up for at most one second.
    ///
    /// # Configuration
    /// `RatedSource([DATA, RATE, LIMIT, ACTIVE, LENGTH, STOP, END_CALL])`
    /// - DATA: the bytes of each packet; 64 bytes of zeros by default.
    /// - RATE: packets in a second; 10 by default.
    /// - LIMIT: packets in all; without limit by default and if negative.
    /// - ACTIVE: whether it makes packets; true by default.
    /// - LENGTH: makes packets of this many bytes, repeating or cutting DATA.
    /// - STOP: whether the router stops when LIMIT is reached; false by default.
    /// - END_CALL: a handler, and a value, that is written to it when LIMIT is reached.
    ///
    /// # Ports
    /// One push output.
    ///
    /// # Handlers
    /// - `count` (read): packets since the start or the last reset.
    /// - `reset` (write): sets it to 0.
    /// - `rate` (read, write): RATE.
    /// - `limit` (read, write): LIMIT.
    /// - `active` (read, write): ACTIVE.
    ///
    /// # Example
    /// ```click
    /// RatedSource(RATE 1000, LIMIT 5, STOP true) -> Discard;
    /// ```
    pub(crate) struct RatedSource {
        packet: Packet,
        rate: u64,
        limit: Limit,
        /// When the next packet is due, in nanoseconds; nothing before the first.
        next_ns: Option<u64>,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "RatedSource",
    manual: RatedSource::MANUAL,
    inputs: Side::NONE,
    outputs: Side::exactly(1, Processing::Push),
    keywords: &[
        "DATA", "RATE", "LIMIT", "ACTIVE", "LENGTH", "STOP", "END_CALL",
    ],
    handlers: &[
        Handler::read("count"),
        Handler::write("reset"),
        Handler::read_write("rate"),
        Handler::read_write("limit"),
        Handler::read_write("active"),
    ],
    configure,
};

const SECOND_NS: u64 = 1_000_000_000;

/// Packets in a second where the configuration does not say, as in Click.
const DEFAULT_RATE: u64 = 10;

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let data = arguments.positional("DATA")?;
    let rate = arguments.positional("RATE")?;
    let limit = arguments.positional("LIMIT")?;
    let active = arguments.positional("ACTIVE")?;
    Ok(Box::new(RatedSource {
        packet: packet(data, arguments.keyword("LENGTH")?)?,
        rate: rate.map_or(Ok(DEFAULT_RATE), read_rate)?,
        limit: Limit::new(limit, active)?.with_end(arguments)?,
        next_ns: None,
    }))
}

/// A rate: what is faster than the clock's tick cannot be kept.
fn read_rate(value: Value<'_>) -> Result<u64, ConfigError> {
    let rate = value.positive()?;
    let possible = (rate <= SECOND_NS).then_some(rate);
    possible.ok_or_else(|| value.refuse("a number of packets in a second up to 1000000000"))
}

impl Element for RatedSource {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn start(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        self.limit.start(context)
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        if let Some(activity) = self.limit.instead(context) {
            return Ok(activity);
        }
        let now = context.host.clock_ns();
        let due = self
            .next_ns
            .unwrap_or(now)
            .max(now.saturating_sub(SECOND_NS));
        if due > now {
            self.next_ns = Some(due);
            return Ok(Activity::Waiting(due));
        }
        let gap = SECOND_NS.checked_div(self.rate).unwrap_or(SECOND_NS);
        self.next_ns = Some(due.saturating_add(gap));
        let mut packet = context.copy(&self.packet);
        packet.annotations.rx_time_ns = now;
        self.limit.count();
        context.push(0, packet);
        Ok(Activity::Working)
    }

    fn burst(&self) -> u64 {
        1
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "rate" => Some(format!("{}", self.rate)),
            _ => self.limit.read(handler),
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler == "rate" {
            let rate = parse_unsigned(value)?;
            self.rate = (1..=SECOND_NS).contains(&rate).then_some(rate)?;
            return Some(());
        }
        self.limit.write(handler, value)?;
        if handler == "active" {
            self.next_ns = None;
        }
        Some(())
    }
}
