//! What a field says about a packet.

use alloc::format;
use alloc::string::{String, ToString};
use core::net::Ipv4Addr;

use bpf_runtime::Notes;

use super::field::{Column, Field};
use super::{
    DONT_FRAGMENT, ICMP, ICMP_LEN, IP_LEN, MORE_FRAGMENTS, OFFSET_MASK, TCP, TCP_FLAGS, TCP_LEN,
    UDP, UDP_LEN, icmp,
};
use crate::language::quote;
use crate::packet::Packet;
use crate::render::seconds;

/// A packet with its headers.
pub(super) struct Described<'p> {
    packet: &'p Packet,
    /// From the IP header on, if there is one.
    ip: &'p [u8],
    /// From the transport header on, if there is one.
    transport: &'p [u8],
}

const MICROSECOND_NS: u64 = 1000;
const SECOND_NS: u64 = 1_000_000_000;

impl<'p> Described<'p> {
    pub(super) fn new(packet: &'p Packet) -> Self {
        let bytes = packet.bytes();
        let from = |offset: Option<usize>| offset.and_then(|at| bytes.get(at..));
        let ip = from(packet.network_header()).unwrap_or_default();
        let header = ip.first().map_or(0, |byte| usize::from(byte & 0xf) << 2);
        Self {
            packet,
            ip,
            transport: ip.get(header..).unwrap_or_default(),
        }
    }

    /// The text of a field; nothing if the packet has no such field.
    pub(super) fn text(&self, column: Column) -> Option<String> {
        let annotations = &self.packet.annotations;
        let notes = &self.packet.notes;
        let time = annotations.rx_time_ns;
        Some(match column.field {
            Field::Timestamp => seconds(time),
            Field::Seconds => (time / SECOND_NS).to_string(),
            Field::Microseconds => (time % SECOND_NS / MICROSECOND_NS).to_string(),
            Field::Paint => notes.paint().to_string(),
            Field::Direction => match notes.paint() {
                0 => ">".into(),
                1 => "<".into(),
                paint => paint.to_string(),
            },
            Field::Aggregate => u32::from_ne_bytes(notes.address(Notes::AGGREGATE)?).to_string(),
            Field::WireLen => self.packet.len().to_string(),
            Field::Payload => {
                let payload = self.payload();
                let text: String = payload.iter().copied().map(char::from).collect();
                format!("\"{}\"", quote(&text))
            }
            Field::PayloadLen => self.payload_len().to_string(),
            Field::IpLen if self.ip.is_empty() => self.packet.len().to_string(),
            Field::CaptureLen => {
                let all = if self.ip.is_empty() {
                    self.packet.bytes()
                } else {
                    self.ip
                };
                let said = u16_at(self.ip, 2).map_or(all.len(), usize::from);
                all.len().min(said).to_string()
            }
            _ => return self.of_ip(column),
        })
    }

    fn of_ip(&self, column: Column) -> Option<String> {
        let ip = self.ip;
        let byte = |at: usize| ip.get(at).copied();
        Some(match column.field {
            Field::Source => address_at(ip, 12)?.to_string(),
            Field::Destination => address_at(ip, 16)?.to_string(),
            Field::Tos => byte(1)?.to_string(),
            Field::Dscp => (byte(1)? >> 2).to_string(),
            Field::Ecn => {
                let names = ["no", "ect1", "ect2", "ce"];
                (*names.get(usize::from(byte(1)? & 3))?).into()
            }
            Field::Ttl => byte(8)?.to_string(),
            Field::Fragment => fragment(u16_at(ip, 6)?).into(),
            Field::FragmentOffset => fragment_offset(u16_at(ip, 6)?),
            Field::Id => u16_at(ip, 4)?.to_string(),
            Field::Checksum => u16_at(ip, 10)?.to_string(),
            Field::Protocol => match byte(9)? {
                TCP => "T".into(),
                UDP => "U".into(),
                ICMP => "I".into(),
                other => other.to_string(),
            },
            Field::HeaderLen => (u16::from(byte(0)? & 0xf) << 2).to_string(),
            Field::IpLen => u16_at(ip, 2)?.to_string(),
            _ => return self.of_transport(column),
        })
    }

    fn of_transport(&self, column: Column) -> Option<String> {
        let protocol = self.protocol()?;
        let header = self.transport;
        let of = |wanted: u8| (protocol == wanted).then_some(header);
        let ports = || matches!(protocol, TCP | UDP).then_some(header);
        Some(match column.field {
            Field::SourcePort => u16_at(ports()?, 0)?.to_string(),
            Field::DestinationPort => u16_at(ports()?, 2)?.to_string(),
            Field::TcpSequence => u32_at(of(TCP)?, 4)?.to_string(),
            Field::TcpAcknowledgement => u32_at(of(TCP)?, 8)?.to_string(),
            Field::TcpOffset => (u16::from(of(TCP)?.get(12)? >> 4) << 2).to_string(),
            Field::TcpFlags => tcp_flags(u16_at(of(TCP)?, 12)?),
            Field::TcpWindow => u16_at(of(TCP)?, 14)?.to_string(),
            Field::TcpUrgent => u16_at(of(TCP)?, 18)?.to_string(),
            Field::UdpLen => u16_at(of(UDP)?, 4)?.to_string(),
            Field::IcmpType => {
                let number = *of(ICMP)?.first()?;
                icmp_name(column.named, icmp::name(number), number)
            }
            Field::IcmpCode => of(ICMP)?.get(1)?.to_string(),
            Field::IcmpFlow => u16_at(of(ICMP)?.get(..ICMP_LEN)?, 4)?.to_string(),
            Field::IcmpSequence => u16_at(of(ICMP)?.get(..ICMP_LEN)?, 6)?.to_string(),
            _ => return None,
        })
    }

    /// The protocol of what follows the IP header, if that is the first fragment.
    fn protocol(&self) -> Option<u8> {
        let first = u16_at(self.ip, 6)? & OFFSET_MASK == 0;
        self.ip.get(9).copied().filter(|_| first)
    }

    /// Bytes of the headers before the payload.
    fn headers_len(&self) -> usize {
        let ip = self.ip.len().saturating_sub(self.transport.len());
        let transport = match self.protocol() {
            Some(TCP) => {
                let offset = self.transport.get(12).map_or(0, |byte| byte >> 4);
                (usize::from(offset) << 2).max(TCP_LEN)
            }
            Some(UDP) => UDP_LEN,
            _ => 0,
        };
        ip.saturating_add(transport)
    }

    /// Bytes of the payload, as the IP header says.
    fn payload_len(&self) -> usize {
        match u16_at(self.ip, 2) {
            Some(len) => usize::from(len).saturating_sub(self.headers_len()),
            None => self.packet.len(),
        }
    }

    /// The bytes of the payload that are there.
    fn payload(&self) -> &'p [u8] {
        if self.ip.len() < IP_LEN {
            return self.packet.bytes();
        }
        let payload = self.ip.get(self.headers_len()..).unwrap_or_default();
        let len = payload.len().min(self.payload_len());
        payload.get(..len).unwrap_or_default()
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .copied()
        .map(u16::from_be_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .copied()
        .map(u32::from_be_bytes)
}

fn address_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    let bytes: [u8; 4] = bytes.get(at..)?.first_chunk().copied()?;
    Some(bytes.into())
}

fn fragment(bits: u16) -> &'static str {
    match (
        bits & OFFSET_MASK,
        bits & MORE_FRAGMENTS,
        bits & DONT_FRAGMENT,
    ) {
        (0, 0, 0) => ".",
        (0, 0, _) => "!",
        (0, _, _) => "F",
        (_, _, _) => "f",
    }
}

fn fragment_offset(bits: u16) -> String {
    let offset = u32::from(bits & OFFSET_MASK) << 3;
    let more = if bits & MORE_FRAGMENTS == 0 { "" } else { "+" };
    let whole = if bits & DONT_FRAGMENT == 0 { "" } else { "!" };
    format!("{offset}{more}{whole}")
}

fn tcp_flags(bits: u16) -> String {
    let set = TCP_FLAGS.chars().zip(0_u32..);
    let set = set.filter(|(_, bit)| bits >> bit & 1 == 1);
    let letters: String = set.map(|(letter, _)| letter).collect();
    if letters.is_empty() {
        ".".into()
    } else {
        letters
    }
}

fn icmp_name(named: bool, name: Option<&'static str>, number: u8) -> String {
    name.filter(|_| named)
        .map_or_else(|| number.to_string(), Into::into)
}
