//! SetIPChecksum.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4;
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Computes the checksum of the IP header anew.
    ///
    /// A packet without an IP header is refused.
    ///
    /// # Configuration
    /// `SetIPChecksum()`
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `drops` (read): packets refused, which are dropped.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> MarkIPHeader(14) -> SetIPChecksum -> Discard;
    /// ```
    pub(crate) struct SetIPChecksum {
        drops: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "SetIPChecksum",
    manual: SetIPChecksum::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &[],
    handlers: &[Handler::read("drops")],
    configure,
};

fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(SetIPChecksum { drops: 0 }))
}

impl InPlace for SetIPChecksum {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let Some(mut header) = ipv4::of_mut(packet) else {
            self.drops = self.drops.saturating_add(1);
            return None;
        };
        header.fill_checksum();
        Some(0)
    }
}

impl Element for SetIPChecksum {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "drops").then(|| format!("{}", self.drops))
    }
}
