//! Discard.

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
    /// Drops all packets.
    ///
    /// # Configuration
    /// `Discard()`
    ///
    /// # Ports
    /// One push input.
    ///
    /// # Handlers
    /// - `count` (read): packets dropped since the start or the last reset.
    /// - `reset_counts` (write): sets it to 0.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> d :: Discard;
    /// ```
    pub(crate) struct Discard {
        packets: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Discard",
    manual: Discard::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::NONE,
    keywords: &[],
    handlers: &[Handler::read("count"), Handler::write("reset_counts")],
    configure,
};

fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(Discard { packets: 0 }))
}

impl Element for Discard {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        self.packets = self.packets.saturating_add(1);
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "count").then(|| format!("{}", self.packets))
    }

    fn write(&mut self, handler: &str, _: &str) -> Option<()> {
        (handler == "reset_counts").then(|| self.packets = 0)
    }
}
