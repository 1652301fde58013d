//! GetIPAddress.

use alloc::boxed::Box;

use bpf_runtime::Notes;
use platform_click::limits::MAX_PACKET_SIZE;

use super::super::annotation;
use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::{get, ipv4};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Notes an IP address of the packet as its next hop.
    ///
    /// A packet that ends before the address passes unchanged.
    ///
    /// # Configuration
    /// `GetIPAddress(OFFSET [, ANNO])`, or `GetIPAddress(IP src)`, or `GetIPAddress(IP dst)`
    /// - OFFSET: where the address stands: 16 is the destination of an IP header at the front.
    /// - ANNO: the annotation, four bytes, that the address is written to. DST_IP by default.
    /// - IP: `src` or `dst`: an address of the IP header that was noted.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> GetIPAddress(16) -> Discard;
    /// ```
    pub(crate) struct GetIPAddress {
        place: Place,
        annotation: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "GetIPAddress",
    manual: GetIPAddress::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["OFFSET", "ANNO", "IP"],
    handlers: &[],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let offset = arguments.positional("OFFSET")?;
    let annotation = annotation::argument(arguments, 4, Notes::DESTINATION)?;
    let field = arguments.keyword("IP")?;
    let place = match (offset, field) {
        (Some(offset), None) => Place::Offset(offset.at_most(MAX_PACKET_SIZE, "within a packet")?),
        (None, Some(field)) => match field.text() {
            "src" => Place::Source,
            "dst" => Place::Destination,
            _ => return Err(field.refuse("src or dst")),
        },
        (Some(_), Some(field)) => return Err(field.refuse("absent where OFFSET is given")),
        (None, None) => Place::Offset(arguments.mandatory("OFFSET").map(|_| 0)?),
    };
    Ok(Box::new(GetIPAddress { place, annotation }))
}

/// Where an address stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    Offset(usize),
    Source,
    Destination,
}

impl InPlace for GetIPAddress {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let address = match self.place {
            Place::Offset(offset) => get(packet.bytes(), offset),
            Place::Source => ipv4::of(packet).map(|ip| ip.source().octets()),
            Place::Destination => ipv4::of(packet).map(|ip| ip.destination().octets()),
        };
        if let Some(address) = address {
            packet.notes.set_address(self.annotation, address);
        }
        Some(0)
    }
}

impl Element for GetIPAddress {
    in_place!();
}
