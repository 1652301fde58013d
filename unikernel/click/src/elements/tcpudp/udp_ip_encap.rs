//! UDPIPEncap.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4::{self, Ipv4, NewHeader};
use crate::headers::set;
use crate::headers::transport::{
    DESTINATION_PORT, SOURCE_PORT, UDP_LEN, UDP_LENGTH, fill_udp_checksum,
};
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, Value};
use crate::names::{PortProtocol, Scope};
use crate::packet::Packet;

manual! {
    /// Puts a UDP and an IP header in front of packets.
    ///
    /// The time to live is 250; identifications count up. The destination is noted as the next hop. A
    /// packet that would become too long is dropped.
    ///
    /// # Configuration
    /// `UDPIPEncap(SRC, SPORT, DST, DPORT [, CHECKSUM])`
    /// - SRC: the source address.
    /// - SPORT: the source port, by number or name.
    /// - DST: the destination address; `DST_ANNO` stands for the next hop that was noted.
    /// - DPORT: the destination port.
    /// - CHECKSUM: whether the UDP checksum is computed. True by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `src` (read, write): SRC.
    /// - `sport` (read, write): SPORT.
    /// - `dst` (read, write): DST.
    /// - `dport` (read, write): DPORT.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> UDPIPEncap(10.0.0.1, 1234, 10.0.0.2, domain) -> Discard;
    /// ```
    pub(crate) struct UdpIpEncap {
        source: Ipv4Addr,
        source_port: u16,
        /// `None` for the next hop.
        destination: Option<Ipv4Addr>,
        destination_port: u16,
        checksum: bool,
        id: u16,
        scope: Scope,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "UDPIPEncap",
    manual: UdpIpEncap::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["SRC", "SPORT", "DST", "DPORT", "CHECKSUM"],
    handlers: &[
        Handler::read_write("src"),
        Handler::read_write("sport"),
        Handler::read_write("dst"),
        Handler::read_write("dport"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let source = arguments.mandatory("SRC")?;
    let source_port = arguments.mandatory("SPORT")?;
    let destination = arguments.mandatory("DST")?;
    let destination_port = arguments.mandatory("DPORT")?;
    let checksum = arguments.positional("CHECKSUM")?;
    let scope = arguments.scope().clone();
    Ok(Box::new(UdpIpEncap {
        source: scope.read_address(source)?,
        source_port: scope.read_port(source_port, PortProtocol::Udp)?,
        destination: match destination.text() {
            NEXT_HOP => None,
            _ => Some(scope.read_address(destination)?),
        },
        destination_port: scope.read_port(destination_port, PortProtocol::Udp)?,
        checksum: checksum.map_or(Ok(true), Value::boolean)?,
        id: 0,
        scope,
    }))
}

/// What stands for the next hop.
const NEXT_HOP: &str = "DST_ANNO";

/// Time to live, as in Click.
const TTL: u8 = 250;

impl UdpIpEncap {
    fn encapsulate(&mut self, packet: &mut Packet) -> Option<()> {
        let len = packet.len().checked_add(UDP_LEN)?;
        packet.push(ipv4::MIN_LEN.checked_add(UDP_LEN)?).ok()?;
        let destination = self.destination.map(|address| address.octets());
        let header = NewHeader {
            tos: 0,
            total_len: packet.len(),
            id: self.id,
            fragment: 0,
            ttl: TTL,
            protocol: ipv4::UDP,
            source: self.source,
            destination: destination.unwrap_or(packet.notes.destination).into(),
        };
        self.id = self.id.wrapping_add(1);
        packet.notes.destination = header.destination.octets();
        set(packet.bytes_mut(), 0, header.bytes());
        packet.set_network_header(0, ipv4::MIN_LEN);
        let sum = Ipv4::new(packet.bytes())?.pseudo_sum(len);
        let datagram = packet.bytes_mut().get_mut(ipv4::MIN_LEN..)?;
        set(datagram, SOURCE_PORT, self.source_port.to_be_bytes());
        set(
            datagram,
            DESTINATION_PORT,
            self.destination_port.to_be_bytes(),
        );
        set(datagram, UDP_LENGTH, u16::try_from(len).ok()?.to_be_bytes());
        if self.checksum {
            fill_udp_checksum(sum, datagram);
        }
        Some(())
    }
}

impl InPlace for UdpIpEncap {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        self.encapsulate(packet).map(|()| 0)
    }
}

impl Element for UdpIpEncap {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "src" => Some(format!("{}", self.source)),
            "sport" => Some(format!("{}", self.source_port)),
            "dst" => Some(
                self.destination
                    .map_or_else(|| NEXT_HOP.into(), |to| format!("{to}")),
            ),
            "dport" => Some(format!("{}", self.destination_port)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        let port = |scope: &Scope| scope.port(value, PortProtocol::Udp);
        match handler {
            "src" => self.source = self.scope.address(value)?,
            "sport" => self.source_port = port(&self.scope)?,
            "dst" if value == NEXT_HOP => self.destination = None,
            "dst" => self.destination = Some(self.scope.address(value)?),
            "dport" => self.destination_port = port(&self.scope)?,
            _ => return None,
        }
        Some(())
    }
}
