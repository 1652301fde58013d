//! Flows: who talks to whom.

use core::fmt;
use core::net::Ipv4Addr;

use bpf_runtime::checksum;

use crate::headers::ipv4::{self, Ipv4};
use crate::headers::transport::{
    DESTINATION_PORT, FIN, RST, SOURCE_PORT, SYN, TCP_CHECKSUM, TCP_FLAGS, UDP_CHECKSUM,
    tcp_header_len, u16_at,
};
use crate::headers::{get, icmp, set};
use crate::packet::Packet;

/// Both ends of a flow, seen from one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FlowId {
    pub(super) source: Ipv4Addr,
    pub(super) source_port: u16,
    pub(super) destination: Ipv4Addr,
    pub(super) destination_port: u16,
}

impl FlowId {
    /// The same, seen from the other end.
    pub(super) const fn reverse(self) -> Self {
        Self {
            source: self.destination,
            source_port: self.destination_port,
            destination: self.source,
            destination_port: self.source_port,
        }
    }

    /// The flow of an echo request with this identifier, or of its answer: both have one identifier,
    /// so the number of the answering end is one more.
    pub(super) const fn ping(
        source: Ipv4Addr,
        destination: Ipv4Addr,
        id: u16,
        request: bool,
    ) -> Self {
        let next = id.wrapping_add(1);
        Self {
            source,
            source_port: if request { id } else { next },
            destination,
            destination_port: if request { next } else { id },
        }
    }
}

/// As Click prints it.
impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "({}, {}, {}, {})",
            self.source, self.source_port, self.destination, self.destination_port
        )
    }
}

/// What a packet says about its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) protocol: u8,
    pub(super) id: FlowId,
    /// Whether a packet of this kind may begin a flow.
    pub(super) begins: bool,
    pub(super) tcp: TcpState,
}

/// What a TCP segment says about its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TcpState {
    pub(super) reset: bool,
    pub(super) fin: bool,
    pub(super) goes_on: bool,
    pub(super) has_data: bool,
}

/// Bytes behind the IP header without which nothing can be said.
const LEAST: usize = 8;

/// The flow of a packet of TCP or UDP. `None` for others, for fragments without ports, and for
/// packets that end before what is rewritten.
pub(super) fn of_transport(packet: &Packet) -> Option<Seen> {
    let header = ipv4::of(packet).filter(|header| header.is_first_fragment())?;
    let payload = header.payload();
    if !matches!(header.protocol(), ipv4::TCP | ipv4::UDP) || payload.len() < LEAST {
        return None;
    }
    Some(Seen {
        protocol: header.protocol(),
        id: FlowId {
            source: header.source(),
            source_port: u16_at(payload, SOURCE_PORT)?,
            destination: header.destination(),
            destination_port: u16_at(payload, DESTINATION_PORT)?,
        },
        begins: true,
        tcp: match header.protocol() {
            ipv4::TCP => tcp_state(payload),
            _ => TcpState::default(),
        },
    })
}

fn tcp_state(segment: &[u8]) -> TcpState {
    let flags = segment.get(TCP_FLAGS).copied().unwrap_or_default();
    let has_data = tcp_header_len(segment).is_some_and(|len| len < segment.len());
    let reset = flags & RST != 0;
    let fin = !reset && flags & FIN != 0;
    TcpState {
        reset,
        fin,
        goes_on: !reset && !fin && (flags & SYN != 0 || has_data),
        has_data,
    }
}

/// The flow of an echo request or answer.
pub(super) fn of_ping(packet: &Packet) -> Option<Seen> {
    let header = ipv4::of(packet).filter(|header| header.is_first_fragment())?;
    let message = header.payload();
    let request = match *message.first()? {
        icmp::ECHO => true,
        icmp::ECHO_REPLY => false,
        _ => return None,
    };
    let id = u16_at(message, PING_ID).filter(|_| header.protocol() == ipv4::ICMP)?;
    Some(Seen {
        protocol: ipv4::ICMP,
        id: FlowId::ping(header.source(), header.destination(), id, request),
        begins: request,
        tcp: TcpState::default(),
    })
}

/// Where the identifier of an echo request stands.
const PING_ID: usize = 4;

/// Writes another flow into a packet, and keeps all checksums right.
pub(super) fn rewrite(packet: &mut Packet, new: FlowId) -> Option<()> {
    let mut header = ipv4::of_mut(packet)?;
    rewrite_header(&mut header, new);
    Some(())
}

/// As [`rewrite`], of a header and what follows it.
pub(super) fn rewrite_header(header: &mut Ipv4<&mut [u8]>, new: FlowId) {
    let before = [header.source().octets(), header.destination().octets()].concat();
    header.change_source(new.source);
    header.change_destination(new.destination);
    let after = [new.source.octets(), new.destination.octets()].concat();
    let protocol = header.protocol();
    let payload = header.payload_mut();
    match protocol {
        ipv4::TCP => rewrite_ports(payload, TCP_CHECKSUM, &before, &after, new),
        // No checksum is none afterwards.
        ipv4::UDP if u16_at(payload, UDP_CHECKSUM) == Some(0) => {
            write_ports(payload, new);
        }
        ipv4::UDP => rewrite_ports(payload, UDP_CHECKSUM, &before, &after, new),
        ipv4::ICMP => rewrite_ping(payload, new),
        _ => {}
    }
}

fn write_ports(payload: &mut [u8], new: FlowId) -> [u8; 4] {
    let [a, b] = new.source_port.to_be_bytes();
    let [c, d] = new.destination_port.to_be_bytes();
    set(payload, SOURCE_PORT, [a, b, c, d]);
    [a, b, c, d]
}

fn rewrite_ports(payload: &mut [u8], at: usize, before: &[u8], after: &[u8], new: FlowId) {
    let Some(old) = get::<4>(payload, SOURCE_PORT) else {
        return;
    };
    let ports = write_ports(payload, new);
    if let Some(sum) = get::<2>(payload, at) {
        let sum = checksum::updated(sum, before, after);
        let sum = match checksum::updated(sum, &old, &ports) {
            // UDP's 0 would say that there is none.
            [0, 0] if at == UDP_CHECKSUM => [0xff; 2],
            sum => sum,
        };
        set(payload, at, sum);
    }
}

fn rewrite_ping(message: &mut [u8], new: FlowId) {
    let id = match message.first() {
        Some(&icmp::ECHO) => new.source_port,
        Some(&icmp::ECHO_REPLY) => new.destination_port,
        _ => return,
    };
    if let Some(old) = get::<2>(message, PING_ID) {
        let id = id.to_be_bytes();
        set(message, PING_ID, id);
        icmp::update_checksum(message, old, id);
    }
}
