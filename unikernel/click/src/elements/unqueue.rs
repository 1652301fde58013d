//! Unqueue.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::Packet;

use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_boolean, parse_limit, parse_unsigned};

manual! {
    /// Pulls packets and pushes them on.
    ///
    /// # Configuration
    /// `Unqueue([BURST, ACTIVE, LIMIT])`
    /// - BURST: packets in a row; 1 by default.
    /// - ACTIVE: whether it pulls; true by default.
    /// - LIMIT: packets until it stops pulling; without limit by default and if negative.
    ///
    /// # Ports
    /// One pull input, one push output.
    ///
    /// # Handlers
    /// - `count` (read): packets since the start or the last reset.
    /// - `reset` (write): sets it to 0.
    /// - `active` (read, write): ACTIVE.
    /// - `burst` (read, write): BURST.
    /// - `limit` (read, write): LIMIT.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5) -> Queue -> Unqueue -> Discard;
    /// ```
    pub(crate) struct Unqueue {
        burst: u64,
        active: bool,
        limit: Option<u64>,
        count: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Unqueue",
    manual: Unqueue::MANUAL,
    inputs: Side::exactly(1, Processing::Pull),
    outputs: Side::exactly(1, Processing::Push),
    keywords: &["BURST", "ACTIVE", "LIMIT"],
    handlers: &[
        Handler::read("count"),
        Handler::write("reset"),
        Handler::read_write("active"),
        Handler::read_write("burst"),
        Handler::read_write("limit"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let burst = arguments.positional("BURST")?;
    Ok(Box::new(Unqueue {
        burst: burst.map_or(Ok(1), Value::positive)?,
        active: arguments.boolean("ACTIVE", true)?,
        limit: arguments.keyword("LIMIT")?.map_or(Ok(None), Value::limit)?,
        count: 0,
    }))
}

impl Element for Unqueue {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        context.push(0, packet);
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        if !self.active || self.limit.is_some_and(|limit| self.count >= limit) {
            return Ok(Activity::Idle);
        }
        let Some(packet) = context.pull(0)? else {
            return Ok(Activity::Idle);
        };
        self.count = self.count.saturating_add(1);
        context.push(0, packet);
        Ok(Activity::Working)
    }

    fn burst(&self) -> u64 {
        self.burst
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "count" => Some(format!("{}", self.count)),
            "active" => Some(format!("{}", self.active)),
            "burst" => Some(format!("{}", self.burst)),
            "limit" => Some(
                self.limit
                    .map_or_else(|| "-1".into(), |limit| format!("{limit}")),
            ),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "reset" => self.count = 0,
            "active" => self.active = parse_boolean(value)?,
            "burst" => self.burst = parse_unsigned(value).filter(|burst| *burst > 0)?,
            "limit" => self.limit = parse_limit(value)?,
            _ => return None,
        }
        Some(())
    }
}
