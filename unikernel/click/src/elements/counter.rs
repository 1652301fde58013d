//! Counter.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::Packet;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::Arguments;

manual! {
    /// Counts packets and their bytes.
    ///
    /// Packets pass unchanged.
    ///
    /// # Configuration
    /// `Counter()`
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `count` (read): packets since the start or the last reset.
    /// - `byte_count` (read): their bytes.
    /// - `reset_counts`, `reset` (write): sets both to 0.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> c :: Counter -> Discard;
    /// ```
    pub(crate) struct Counter {
        packets: u64,
        bytes: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Counter",
    manual: Counter::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &[],
    handlers: &[
        Handler::read("count"),
        Handler::read("byte_count"),
        Handler::write("reset_counts"),
        Handler::write("reset"),
    ],
    configure,
};

fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(Counter {
        packets: 0,
        bytes: 0,
    }))
}

impl Element for Counter {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        let len = u64::try_from(packet.len()).unwrap_or(u64::MAX);
        self.packets = self.packets.saturating_add(1);
        self.bytes = self.bytes.saturating_add(len);
        context.push(0, packet);
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "count" => Some(format!("{}", self.packets)),
            "byte_count" => Some(format!("{}", self.bytes)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, _: &str) -> Option<()> {
        match handler {
            "reset_counts" | "reset" => (self.packets, self.bytes) = (0, 0),
            _ => return None,
        }
        Some(())
    }
}
