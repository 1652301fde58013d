//! Discard.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::Packet;

use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_boolean, parse_unsigned};

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

impl Element for Discard {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        self.packets = self.packets.saturating_add(1);
        Ok(())
    }

    fn connect(&mut self, inputs: &[Processing], _: &[Processing]) {
        self.pulls = inputs.contains(&Processing::Pull);
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        if !self.pulls || !self.active || context.pull(0)?.is_none() {
            return Ok(Activity::Idle);
        }
        self.packets = self.packets.saturating_add(1);
        Ok(Activity::Working)
    }

    fn burst(&self) -> u64 {
        self.burst
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
