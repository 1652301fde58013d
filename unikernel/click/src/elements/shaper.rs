//! Shaper and BandwidthShaper.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::token_bucket::{BURST_NS, Due, TokenBucket, parse_bandwidth, tokens_in};
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_unsigned};
use crate::packet::Packet;

manual! {
    /// Gives packets to who pulls, at no more than a rate.
    ///
    /// `Shaper` counts packets, `BandwidthShaper` bytes.
    ///
    /// # Configuration
    /// `Shaper(RATE, [BURST_DURATION | BURST_SIZE])`
    /// - RATE: packets in a second; or bytes, such as `1000`, `100kBps` or `8Mbps`.
    /// - BURST_DURATION: the time of which packets may come at once after a pause; 20ms by default.
    /// - BURST_SIZE: how many may come at once.
    /// - BURST_BYTES: how many bytes may come at once.
    ///
    /// # Ports
    /// One pull input, one pull output.
    ///
    /// # Handlers
    /// - `rate` (read, write): RATE.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5) -> Queue -> Shaper(1000) -> Unqueue -> Discard;
    /// InfiniteSource(LIMIT 5) -> Queue -> BandwidthShaper(1MBps) -> Unqueue -> Discard;
    /// ```
    pub(crate) struct Shaper {
        unit: Unit,
        bucket: TokenBucket,
    }
}

/// The class that counts packets.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Shaper",
    manual: Shaper::MANUAL,
    inputs: Side::exactly(1, Processing::Pull),
    outputs: Side::exactly(1, Processing::Pull),
    keywords: &["RATE", "BURST_DURATION", "BURST_SIZE", "BURST_BYTES"],
    handlers: &[Handler::read_write("rate")],
    configure: |arguments, _| configure(arguments, Unit::Packets),
};

/// The class that counts bytes.
pub(crate) const BANDWIDTH: ElementClass = ElementClass {
    name: "BandwidthShaper",
    configure: |arguments, _| configure(arguments, Unit::Bytes),
    ..CLASS
};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Packets,
    Bytes,
}

impl Unit {
    /// Tokens that must be there for the next packet. Of bytes, a packet whose length is not known
    /// may leave a debt behind.
    pub(super) const fn needed(self) -> u64 {
        match self {
            Self::Packets => 1,
            Self::Bytes => 0,
        }
    }

    /// Tokens that a packet costs.
    pub(super) fn cost(self, packet: &Packet) -> u64 {
        match self {
            Self::Packets => 1,
            Self::Bytes => u64::try_from(packet.len()).unwrap_or(u64::MAX),
        }
    }

    pub(super) fn parse_rate(self, text: &str) -> Option<u64> {
        match self {
            Self::Packets => parse_unsigned(text),
            Self::Bytes => parse_bandwidth(text),
        }
    }
}

/// The bucket that RATE and BURST arguments describe.
pub(super) fn read_bucket(
    arguments: &mut Arguments<'_>,
    unit: Unit,
) -> Result<TokenBucket, ConfigError> {
    let rate = arguments.mandatory("RATE")?;
    let rate = unit
        .parse_rate(rate.text())
        .ok_or_else(|| rate.refuse("a rate"))?;
    let duration = arguments.keyword("BURST_DURATION")?;
    let (size, other) = match unit {
        Unit::Packets => ("BURST_SIZE", "BURST_BYTES"),
        Unit::Bytes => ("BURST_BYTES", "BURST_SIZE"),
    };
    if let Some(value) = arguments.keyword(other)? {
        return Err(value.refuse("left out, since something else is counted"));
    }
    let size = arguments.keyword(size)?;
    let capacity = match (duration, size) {
        (Some(_), Some(size)) => return Err(size.refuse("left out beside BURST_DURATION")),
        (None, Some(size)) => size.unsigned()?,
        (duration, None) => {
            let duration = duration.map_or(Ok(BURST_NS), Value::interval_ns)?;
            tokens_in(rate, duration)
        }
    };
    Ok(TokenBucket::new(rate, capacity.max(1)))
}

fn configure(arguments: &mut Arguments<'_>, unit: Unit) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(Shaper {
        unit,
        bucket: read_bucket(arguments, unit)?,
    }))
}

impl Element for Shaper {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn pull(&mut self, _: usize, context: &mut Context<'_>) -> Result<Option<Packet>, HostError> {
        self.bucket.refill(context.host.clock_ns());
        match self.bucket.due_ns(self.unit.needed()) {
            Due::Now => {}
            Due::At(time) => {
                context.wake_at(time);
                return Ok(None);
            }
            Due::Never => return Ok(None),
        }
        let packet = context.pull(0)?;
        if let Some(packet) = &packet {
            self.bucket.take(self.unit.cost(packet));
        }
        Ok(packet)
    }

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "rate").then(|| format!("{}", self.bucket.rate()))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        (handler == "rate").then_some(())?;
        self.bucket.set_rate(self.unit.parse_rate(value)?);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, router};

    #[test]
    fn who_pulls_gets_packets_at_the_rate() {
        for element in ["Shaper(10)", "BandwidthShaper(100, BURST_BYTES 1)"] {
            let mut host = MemoryHost::new(&[]);
            let text = alloc::format!(
                "InfiniteSource(DATA \"0123456789\", LIMIT 4) -> Queue -> {element}
                    -> Unqueue -> SetTimestamp -> ToDump(out)"
            );
            router(&text, &mut host)
                .unwrap()
                .run(&mut host, || false)
                .unwrap();
            let packets = host.outputs["out"].borrow();
            assert_eq!(packets.len(), 4, "{element}");
            let last = (packets[3].0 - packets[0].0) / 1_000_000;
            assert!((290..=300).contains(&last), "{element}: {last}");
        }
    }
}
