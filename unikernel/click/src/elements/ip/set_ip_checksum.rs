//! SetIPChecksum.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::Packet;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4;
use crate::host::HostError;
use crate::language::Arguments;

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

impl Element for SetIPChecksum {
    fn push(
        &mut self,
        _: usize,
        mut packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        match ipv4::of_mut(&mut packet) {
            Some(mut header) => {
                header.fill_checksum();
                context.push(0, packet);
            }
            None => self.drops = self.drops.saturating_add(1),
        }
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "drops").then(|| format!("{}", self.drops))
    }
}
