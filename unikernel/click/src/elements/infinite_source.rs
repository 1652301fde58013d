//! InfiniteSource.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bpf_runtime::Packet;
use platform_click::limits::MAX_PACKET_SIZE;

use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_boolean, parse_limit, parse_unsigned};

manual! {
    /// Makes packets whenever the router has time.
    ///
    /// # Configuration
    /// `InfiniteSource([DATA, LIMIT, BURST, ACTIVE, keywords TIMESTAMP, LENGTH, STOP])`
    /// - DATA: the bytes of each packet. 64 bytes by default.
    /// - LIMIT: how many packets are made; a negative number means no end. -1 by default.
    /// - BURST: how many are made in a row before other sources have their turn. 1 by default.
    /// - ACTIVE: whether packets are made. True by default.
    /// - TIMESTAMP: whether packets carry the time at which they were made. True by default.
    /// - LENGTH: the length of each packet; DATA is cut or repeated. That of DATA by default.
    /// - STOP: whether the router stops when LIMIT is reached. False by default.
    ///
    /// # Ports
    /// One push output.
    ///
    /// # Handlers
    /// - `count` (read): packets made since the start or the last reset.
    /// - `reset` (write): sets it to 0, so that LIMIT more packets are made.
    /// - `limit`, `burst`, `active` (read, write): LIMIT, BURST, ACTIVE.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(DATA \<ffffffffffff 020000000001 0800>, LIMIT 100, STOP true) -> Discard;
    /// ```
    pub(crate) struct InfiniteSource {
        packet: Packet,
        limit: Option<u64>,
        burst: u64,
        active: bool,
        timestamp: bool,
        stop: bool,
        count: u64,
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
    ],
    handlers: &[
        Handler::read("count"),
        Handler::write("reset"),
        Handler::read_write("limit"),
        Handler::read_write("burst"),
        Handler::read_write("active"),
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
        limit: limit.map_or(Ok(None), Value::limit)?,
        burst: burst.map_or(Ok(1), Value::positive)?,
        active: active.map_or(Ok(true), Value::boolean)?,
        timestamp: arguments.boolean("TIMESTAMP", true)?,
        stop: arguments.boolean("STOP", false)?,
        count: 0,
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

impl Element for InfiniteSource {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        if !self.active {
            return Ok(Activity::Idle);
        }
        if self.limit.is_some_and(|limit| self.count >= limit) {
            return Ok(if self.stop {
                Activity::Stop
            } else {
                Activity::Idle
            });
        }
        let mut packet = self.packet.clone();
        if self.timestamp {
            packet.annotations.rx_time_ns = context.host.clock_ns();
        }
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
            "limit" => Some(
                self.limit
                    .map_or_else(|| "-1".into(), |limit| format!("{limit}")),
            ),
            "burst" => Some(format!("{}", self.burst)),
            "active" => Some(format!("{}", self.active)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "reset" => self.count = 0,
            "limit" => self.limit = parse_limit(value)?,
            "burst" => self.burst = parse_unsigned(value).filter(|burst| *burst > 0)?,
            "active" => self.active = parse_boolean(value)?,
            _ => return None,
        }
        Some(())
    }
}
