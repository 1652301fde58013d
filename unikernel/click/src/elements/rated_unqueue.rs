//! RatedUnqueue and BandwidthRatedUnqueue.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::shaper::{Unit, read_bucket};
use super::token_bucket::{Due, TokenBucket};
use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, parse_boolean};
use crate::packet::Packet;

manual! {
    /// Pulls packets at a rate and pushes them on.
    ///
    /// `RatedUnqueue` counts packets, `BandwidthRatedUnqueue` bytes.
    ///
    /// # Configuration
    /// `RatedUnqueue(RATE, [BURST_DURATION | BURST_SIZE, ACTIVE])`
    /// - RATE: packets in a second; or bytes, such as `1000`, `100kBps` or `8Mbps`.
    /// - BURST_DURATION: the time of which packets may come at once after a pause; 20ms by default.
    /// - BURST_SIZE: how many may come at once.
    /// - BURST_BYTES: how many bytes may come at once.
    /// - ACTIVE: whether it pulls; true by default.
    ///
    /// # Ports
    /// One pull input, one push output.
    ///
    /// # Handlers
    /// - `rate` (read, write): RATE.
    /// - `active` (read, write): ACTIVE.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5) -> Queue -> RatedUnqueue(1000) -> Discard;
    /// InfiniteSource(LIMIT 5) -> Queue -> BandwidthRatedUnqueue(1MBps) -> Discard;
    /// ```
    pub(crate) struct RatedUnqueue {
        unit: Unit,
        bucket: TokenBucket,
        active: bool,
    }
}

/// The class that counts packets.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "RatedUnqueue",
    manual: RatedUnqueue::MANUAL,
    inputs: Side::exactly(1, Processing::Pull),
    outputs: Side::exactly(1, Processing::Push),
    keywords: &[
        "RATE",
        "BURST_DURATION",
        "BURST_SIZE",
        "BURST_BYTES",
        "ACTIVE",
    ],
    handlers: &[Handler::read_write("rate"), Handler::read_write("active")],
    configure: |arguments, _| configure(arguments, Unit::Packets),
};

/// The class that counts bytes.
pub(crate) const BANDWIDTH: ElementClass = ElementClass {
    name: "BandwidthRatedUnqueue",
    configure: |arguments, _| configure(arguments, Unit::Bytes),
    ..CLASS
};

fn configure(arguments: &mut Arguments<'_>, unit: Unit) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(RatedUnqueue {
        unit,
        bucket: read_bucket(arguments, unit)?,
        active: arguments.boolean("ACTIVE", true)?,
    }))
}

impl Element for RatedUnqueue {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        if !self.active {
            return Ok(Activity::Idle);
        }
        self.bucket.refill(context.host.clock_ns());
        match self.bucket.due_ns(self.unit.needed()) {
            Due::Now => {}
            Due::At(time) => return Ok(Activity::Waiting(time)),
            Due::Never => return Ok(Activity::Idle),
        }
        let Some(packet) = context.pull(0)? else {
            return Ok(Activity::Idle);
        };
        self.bucket.take(self.unit.cost(&packet));
        context.push(0, packet);
        Ok(Activity::Working)
    }

    fn burst(&self) -> u64 {
        1
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "rate" => Some(format!("{}", self.bucket.rate())),
            "active" => Some(format!("{}", self.active)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "rate" => self.bucket.set_rate(self.unit.parse_rate(value)?),
            "active" => self.active = parse_boolean(value)?,
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, router};

    #[test]
    fn packets_come_at_the_rate() {
        for (element, times) in [
            ("RatedUnqueue(10, BURST_SIZE 1)", [0, 100, 200, 300]),
            ("RatedUnqueue(10, BURST_SIZE 2)", [0, 0, 100, 200]),
            (
                "RatedUnqueue(RATE 10, BURST_DURATION 0.2)",
                [0, 0, 100, 200],
            ),
            (
                "BandwidthRatedUnqueue(100, BURST_BYTES 5)",
                [0, 50, 150, 250],
            ),
            (
                "BandwidthRatedUnqueue(800bps, BURST_BYTES 20)",
                [0, 0, 0, 100],
            ),
        ] {
            let mut host = MemoryHost::new(&[]);
            let text = alloc::format!(
                "InfiniteSource(DATA \"0123456789\", LIMIT 4) -> Queue -> {element}
                    -> SetTimestamp -> ToDump(out)"
            );
            router(&text, &mut host)
                .unwrap()
                .run(&mut host, || false)
                .unwrap();
            let packets = host.outputs["out"].borrow();
            let first = packets[0].0;
            for (packet, expected) in packets.iter().zip(times) {
                assert_eq!((packet.0 - first) / 1_000_000, expected, "{element}");
            }
        }
    }

    #[test]
    fn wrong_rates_are_refused() {
        for element in [
            "RatedUnqueue",
            "RatedUnqueue(x)",
            "RatedUnqueue(10kBps)",
            "RatedUnqueue(10, BURST_SIZE 1, BURST_DURATION 1)",
            "RatedUnqueue(10, BURST_BYTES 1)",
            "BandwidthRatedUnqueue(10, BURST_SIZE 1)",
        ] {
            let text = alloc::format!("Idle -> {element} -> Discard");
            assert!(
                router(&text, &mut MemoryHost::new(&[])).is_err(),
                "{element}"
            );
        }
    }
}
