//! Unqueue.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::limit::Limit;
use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_unsigned};
use crate::packet::Packet;

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
        limit: Limit,
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
    let active = arguments.keyword("ACTIVE")?;
    let limit = arguments.keyword("LIMIT")?;
    Ok(Box::new(Unqueue {
        burst: burst.map_or(Ok(1), Value::positive)?,
        limit: Limit::new(limit, active)?,
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
        self.run_many(1, context).map(|(_, activity)| activity)
    }

    fn run_many(
        &mut self,
        most: u64,
        context: &mut Context<'_>,
    ) -> Result<(u64, Activity), HostError> {
        if let Some(activity) = self.limit.instead(context) {
            return Ok((1, activity));
        }
        let most = usize::try_from(most.min(self.limit.left())).unwrap_or(1);
        let mut batch = context.batch();
        context.pull_batch(0, most, &mut batch)?;
        if batch.is_empty() {
            context.give_batch(batch);
            return Ok((1, Activity::Idle));
        }
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.limit.count_many(count);
        context.push_batch(0, batch);
        Ok((count, Activity::Working))
    }

    fn burst(&self) -> u64 {
        self.burst
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "burst" => Some(format!("{}", self.burst)),
            _ => self.limit.read(handler),
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "burst" => self.burst = parse_unsigned(value).filter(|burst| *burst > 0)?,
            _ => self.limit.write(handler, value)?,
        }
        Some(())
    }
}
