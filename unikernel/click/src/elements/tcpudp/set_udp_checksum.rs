//! SetUDPChecksum.

use alloc::boxed::Box;
use alloc::format;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4;
use crate::headers::transport::{UDP_LEN, UDP_LENGTH, fill_udp_checksum, u16_at};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Computes the checksum of UDP packets anew.
    ///
    /// A fragment, a packet that ends before its datagram, and one without an IP header is refused.
    ///
    /// # Configuration
    /// `SetUDPChecksum()`
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic; a second one, push, gets what would be
    /// dropped otherwise.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> UDPIPEncap(10.0.0.1, 1, 10.0.0.2, 2, false)
    ///     -> SetUDPChecksum -> Discard;
    /// ```
    pub(crate) struct SetUdpChecksum {
        reported: bool,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "SetUDPChecksum",
    manual: SetUdpChecksum::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &[],
    handlers: &[],
    configure,
};

fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(SetUdpChecksum { reported: false }))
}

fn set(packet: &mut Packet) -> Option<()> {
    let header = ipv4::of(packet).filter(|header| !header.is_fragment())?;
    let start = packet.transport_header()?;
    let len = usize::from(u16_at(packet.bytes().get(start..)?, UDP_LENGTH)?);
    let sum = header.pseudo_sum(len);
    let datagram = packet.bytes_mut().get_mut(start..)?.get_mut(..len)?;
    if datagram.len() < UDP_LEN {
        return None;
    }
    fill_udp_checksum(sum, datagram);
    Some(())
}

impl InPlace for SetUdpChecksum {
    fn handle(
        &mut self,
        _: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        let done = set(packet).is_some();
        if !done && !self.reported {
            self.reported = true;
            let line = format!("{}: fragment or short packet", context.label());
            context.host.message(&line);
        }
        Some(usize::from(!done))
    }
}

impl Element for SetUdpChecksum {
    in_place!();
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    #[test]
    fn what_is_set_is_right() {
        let mut host = MemoryHost::new(&[b"abc", b""]);
        let router = run(
            "FromDump(in.pcap) -> UDPIPEncap(10.0.0.1, 1, 10.0.0.2, domain, false) -> t :: Tee;
            t [0] -> SetUDPChecksum -> CheckIPHeader -> good :: CheckUDPHeader -> ToDump(out);
            t [1] -> Truncate(30) -> s :: SetUDPChecksum -> ToDump(short); s [1] -> ToDump(refused)",
            &mut host,
        );
        assert_eq!(router.read_handler("good.drops").unwrap(), "0");
        let counts = ["out", "short", "refused"].map(|name| host.written(name).len());
        assert_eq!(counts, [2, 1, 1]);
        assert_ne!(host.written("out")[0][26..28], [0, 0]);
    }
}
