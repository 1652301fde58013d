//! IPMirror.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::transport::{DESTINATION_PORT, SOURCE_PORT};
use crate::headers::{get, ipv4, set};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Swaps source and destination of IP packets, and the ports of TCP and UDP.
    ///
    /// Checksums stay right, since they do not depend on the order. The next hop becomes the new
    /// destination. A packet without an IP header is dropped.
    ///
    /// # Configuration
    /// `IPMirror([keyword DST_ANNO])`
    /// - DST_ANNO: whether the next hop is noted. True by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> IPMirror -> Discard;
    /// ```
    pub(crate) struct IPMirror {
        next_hop: bool,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "IPMirror",
    manual: IPMirror::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["DST_ANNO"],
    handlers: &[],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(IPMirror {
        next_hop: arguments.boolean("DST_ANNO", true)?,
    }))
}

impl IPMirror {
    fn mirror(&self, packet: &mut Packet) -> Option<()> {
        let mut header = ipv4::of_mut(packet)?;
        let (source, destination) = (header.source(), header.destination());
        header.change_source(destination);
        header.change_destination(source);
        let has_ports = matches!(header.protocol(), ipv4::TCP | ipv4::UDP);
        if has_ports && header.is_first_fragment() {
            let payload = header.payload_mut();
            let ports: Option<([u8; 2], [u8; 2])> =
                get(payload, SOURCE_PORT).zip(get(payload, DESTINATION_PORT));
            if let Some((from, to)) = ports {
                set(payload, SOURCE_PORT, to);
                set(payload, DESTINATION_PORT, from);
            }
        }
        if self.next_hop {
            packet.notes.destination = source.octets();
        }
        Some(())
    }
}

impl InPlace for IPMirror {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        self.mirror(packet).map(|()| 0)
    }
}

impl Element for IPMirror {
    in_place!();
}
