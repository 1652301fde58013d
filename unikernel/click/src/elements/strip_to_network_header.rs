//! StripToNetworkHeader.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Removes what stands in front of the network header.
    ///
    /// Where it starts is what another element has noted; packets of which nothing was noted, or whose
    /// header was cut, pass unchanged.
    ///
    /// # Configuration
    /// `StripToNetworkHeader()`
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> MarkIPHeader(14) -> StripToNetworkHeader -> Discard;
    /// ```
    pub(crate) struct StripToNetworkHeader {
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "StripToNetworkHeader",
    manual: StripToNetworkHeader::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &[],
    handlers: &[],
    configure,
};

fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(StripToNetworkHeader {}))
}

impl InPlace for StripToNetworkHeader {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let front = packet.network_header().unwrap_or_default();
        // Removing what a packet has cannot fail.
        packet.pull(front).ok().map(|()| 0)
    }
}

impl Element for StripToNetworkHeader {
    in_place!();
}
