//! AverageCounter.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::token_bucket::per_second;
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, Value};
use crate::packet::Packet;

manual! {
    /// Counts packets and their bytes, and how many come in a second.
    ///
    /// Packets pass unchanged. Time runs from the first packet to the last.
    ///
    /// # Configuration
    /// `AverageCounter([IGNORE])`
    /// - IGNORE: a time after the first packet in which nothing is counted, in seconds; 0 by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `count`, `byte_count` (read): packets, and their bytes.
    /// - `rate`, `byte_rate` (read): the same in a second.
    /// - `reset` (write): begins anew.
    ///
    /// # Example
    /// ```click
    /// RatedSource(RATE 1000, LIMIT 5, STOP true) -> a :: AverageCounter -> Discard;
    /// ```
    pub(crate) struct AverageCounter {
        ignored_ns: u64,
        packets: u64,
        bytes: u64,
        first_ns: Option<u64>,
        last_ns: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "AverageCounter",
    manual: AverageCounter::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["IGNORE"],
    handlers: &[
        Handler::read("count"),
        Handler::read("byte_count"),
        Handler::read("rate"),
        Handler::read("byte_rate"),
        Handler::write("reset"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let ignored = arguments.positional("IGNORE")?;
    Ok(Box::new(AverageCounter {
        ignored_ns: ignored.map_or(Ok(0), Value::interval_ns)?,
        packets: 0,
        bytes: 0,
        first_ns: None,
        last_ns: 0,
    }))
}

impl AverageCounter {
    /// The time in which packets were counted.
    fn time_ns(&self) -> u64 {
        let first = self.first_ns.unwrap_or(self.last_ns);
        let passed = self.last_ns.saturating_sub(first);
        passed.saturating_sub(self.ignored_ns)
    }
}

impl InPlace for AverageCounter {
    fn handle(
        &mut self,
        _: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        self.last_ns = context.host.clock_ns();
        let first = *self.first_ns.get_or_insert(self.last_ns);
        if self.last_ns.saturating_sub(first) >= self.ignored_ns {
            let len = u64::try_from(packet.len()).unwrap_or(u64::MAX);
            self.packets = self.packets.saturating_add(1);
            self.bytes = self.bytes.saturating_add(len);
        }
        Some(0)
    }
}

impl Element for AverageCounter {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        let number = match handler {
            "count" => self.packets,
            "byte_count" => self.bytes,
            "rate" => per_second(self.packets, self.time_ns()),
            "byte_rate" => per_second(self.bytes, self.time_ns()),
            _ => return None,
        };
        Some(format!("{number}"))
    }

    fn write(&mut self, handler: &str, _: &str) -> Option<()> {
        (handler == "reset").then_some(())?;
        (self.packets, self.bytes, self.first_ns) = (0, 0, None);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    #[test]
    fn packets_in_a_second_are_counted_between_the_first_and_the_last() {
        for (ignored, count) in [("", 11), ("0.5", 6)] {
            let mut host = MemoryHost::new(&[]);
            let text = alloc::format!(
                "RatedSource(DATA \"0123456789\", RATE 10, LIMIT 11) -> a :: AverageCounter({ignored}) -> Discard"
            );
            let router = run(&text, &mut host);
            let read = |name: &str| -> u64 { router.read_handler(name).unwrap().parse().unwrap() };
            assert_eq!(read("a.count"), count);
            let rate = read("a.rate");
            assert!((10..=12).contains(&rate), "{rate}");
            assert!((100..=120).contains(&read("a.byte_rate")));
        }
    }
}
