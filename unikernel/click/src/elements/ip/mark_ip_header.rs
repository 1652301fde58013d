//! MarkIPHeader.

use alloc::boxed::Box;

use platform_click::limits::MAX_PACKET_SIZE;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4::Ipv4;
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Notes where the IP header starts, without looking at it closely.
    ///
    /// A packet that has no IP header there, not even by its length, passes with nothing noted.
    ///
    /// # Configuration
    /// `MarkIPHeader([OFFSET])`
    /// - OFFSET: bytes in front of the header. 0 by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> MarkIPHeader(14) -> Discard;
    /// ```
    pub(crate) struct MarkIPHeader {
        offset: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "MarkIPHeader",
    manual: MarkIPHeader::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["OFFSET"],
    handlers: &[],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let offset = arguments.positional("OFFSET")?;
    let offset = offset.map(|value| value.at_most(MAX_PACKET_SIZE, "within a packet"));
    Ok(Box::new(MarkIPHeader {
        offset: offset.unwrap_or(Ok(0))?,
    }))
}

impl InPlace for MarkIPHeader {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let header = packet.bytes().get(self.offset..).and_then(Ipv4::new);
        match header.map(|header| header.header_len()) {
            Some(len) => packet.set_network_header(self.offset, len),
            None => packet.clear_network_header(),
        }
        Some(0)
    }
}

impl Element for MarkIPHeader {
    in_place!();
}
