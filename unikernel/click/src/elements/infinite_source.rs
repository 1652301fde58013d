//! InfiniteSource.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use platform_click::limits::MAX_PACKET_SIZE;

use super::limit::Limit;
use super::storage::Storage;
use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::handlers::Refusal;
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_unsigned};
use crate::packet::Packet;

manual! {
    /// Makes packets whenever the router has time, and there is room for them.
    ///
    /// It waits while the queues that its packets go to are all full.
    ///
    /// # Configuration
    /// `InfiniteSource([DATA, LIMIT, BURST, ACTIVE, keywords TIMESTAMP, LENGTH, STOP, END_CALL])`
    /// - DATA: the bytes of each packet. 64 bytes by default.
    /// - LIMIT: how many packets are made; a negative number means no end. -1 by default.
    /// - BURST: how many are made in a row before other sources have their turn. 1 by default.
    /// - ACTIVE: whether packets are made. True by default.
    /// - TIMESTAMP: whether packets carry the time at which they were made. True by default.
    /// - LENGTH: the length of each packet; DATA is cut or repeated. That of DATA by default.
    /// - STOP: whether the router stops when LIMIT is reached. False by default.
    /// - END_CALL: a handler, and a value, that is written to it when LIMIT is reached.
    ///
    /// # Ports
    /// One push output.
    ///
    /// # Handlers
    /// - `count` (read): packets made since the start or the last reset.
    /// - `reset` (write): sets it to 0, so that LIMIT more packets are made.
    /// - `limit`, `burst`, `active` (read, write): LIMIT, BURST, ACTIVE.
    /// - `scheduled` (read): whether it makes packets now.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(DATA \<ffffffffffff 020000000001 0800>, LIMIT 100, STOP true) -> Discard;
    /// ```
    pub(crate) struct InfiniteSource {
        packet: Packet,
        limit: Limit,
        burst: u64,
        timestamp: bool,
        storage: Storage,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "InfiniteSource",
    manual: InfiniteSource::MANUAL,
    inputs: Side::NONE,
    outputs: Side::exactly(1, Processing::Push),
    keywords: &[
        "DATA",
        "LIMIT",
        "BURST",
        "ACTIVE",
        "TIMESTAMP",
        "LENGTH",
        "STOP",
        "END_CALL",
    ],
    handlers: &[
        Handler::read("count"),
        Handler::write("reset"),
        Handler::read_write("limit"),
        Handler::read_write("burst"),
        Handler::read_write("active"),
        Handler::read("scheduled"),
    ],
    configure,
};

/// The packet's bytes where the configuration gives none: the shortest Ethernet frame.
const DEFAULT_DATA: &[u8; 64] = &[0; 64];

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let data = arguments.positional("DATA")?;
    let limit = arguments.positional("LIMIT")?;
    let burst = arguments.positional("BURST")?;
    let active = arguments.positional("ACTIVE")?;
    Ok(Box::new(InfiniteSource {
        packet: packet(data, arguments.keyword("LENGTH")?)?,
        limit: Limit::new(limit, active)?.with_end(arguments)?,
        burst: burst.map_or(Ok(1), Value::positive)?,
        timestamp: arguments.boolean("TIMESTAMP", true)?,
        storage: Storage::default(),
    }))
}

/// The packet that a source with these arguments makes.
pub(super) fn packet(
    data: Option<Value<'_>>,
    length: Option<Value<'_>>,
) -> Result<Packet, ConfigError> {
    const TOO_LONG: &str = "no longer than a packet may be";
    let bytes = data.map_or_else(|| Ok(DEFAULT_DATA.to_vec()), Value::bytes)?;
    let bytes = match length {
        None => bytes,
        Some(length) => {
            let wanted = usize::try_from(length.unsigned()?).ok();
            let wanted = wanted.filter(|wanted| *wanted <= MAX_PACKET_SIZE);
            let wanted = wanted.ok_or_else(|| length.refuse(TOO_LONG))?;
            let repeated: Vec<u8> = bytes.iter().copied().cycle().take(wanted).collect();
            if repeated.len() < wanted {
                return Err(length.refuse("0 where DATA is empty"));
            }
            repeated
        }
    };
    match (Packet::new(&bytes), data.or(length)) {
        (Err(_), Some(value)) => Err(value.refuse(TOO_LONG)),
        (packet, _) => Ok(packet.unwrap_or_else(|_| Packet::empty())),
    }
}

impl InfiniteSource {
    fn stamp(&self, packet: &mut Packet, context: &mut Context<'_>) {
        if self.timestamp {
            packet.annotations.rx_time_ns = context.host.clock_ns();
        }
    }
}

impl Element for InfiniteSource {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn start(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        self.storage = Storage::behind(context);
        self.limit.start(context)
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
        let room = u64::try_from(self.storage.room(context)).unwrap_or(u64::MAX);
        let count = most.min(self.limit.left()).min(room);
        if count == 0 {
            return Ok((1, Activity::Idle));
        }
        self.limit.count_many(count);
        if count == 1 {
            let mut packet = context.copy(&self.packet);
            self.stamp(&mut packet, context);
            context.push(0, packet);
        } else {
            let mut batch = context.copies(&self.packet, usize::try_from(count).unwrap_or(1));
            for packet in &mut batch {
                self.stamp(packet, context);
            }
            context.push_batch(0, batch);
        }
        Ok((count, Activity::Working))
    }

    fn burst(&self) -> u64 {
        self.burst
    }

    fn read_in(
        &mut self,
        handler: &str,
        _: &str,
        context: &mut Context<'_>,
    ) -> Result<String, Refusal> {
        if handler == "scheduled" {
            let scheduled = !self.limit.is_reached() && !self.storage.is_full(context);
            return Ok(format!("{scheduled}"));
        }
        self.read(handler).ok_or(Refusal::Value)
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
