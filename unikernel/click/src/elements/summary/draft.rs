//! A packet that is made of what fields say.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use bpf_runtime::{Notes, checksum};
use platform_click::limits::MAX_PACKET_SIZE;

use super::field::{Column, Field};
use super::{
    DONT_FRAGMENT, ICMP, ICMP_LEN, IP_LEN, MORE_FRAGMENTS, OFFSET_MASK, TCP, TCP_FLAGS, TCP_LEN,
    UDP, UDP_LEN, icmp,
};
use crate::language::{parse_interval_ns, parse_unsigned, unquote};
use crate::packet::Packet;

/// What is known of a packet; everything else has the value of [`Defaults`], or is 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    time_ns: u64,
    paint: u8,
    aggregate: Option<u32>,
    /// Whether any field is one of an IP packet.
    is_ip: bool,
    source: Option<Ipv4Addr>,
    destination: Option<Ipv4Addr>,
    tos: u8,
    ttl: Option<u8>,
    fragment: u16,
    id: u16,
    checksum: u16,
    protocol: Option<u8>,
    /// Bytes of the whole packet, and of its header.
    len: Option<u16>,
    header_len: u8,
    source_port: Option<u16>,
    destination_port: Option<u16>,
    sequence: u32,
    acknowledgement: u32,
    tcp_header_len: u8,
    flags: u16,
    window: u16,
    urgent: u16,
    udp_len: u16,
    icmp: [u8; ICMP_LEN],
    is_icmp: bool,
    payload: Vec<u8>,
    payload_len: Option<u16>,
}

/// What packets have where a summary does not say.
#[derive(Clone, Debug)]
pub(super) struct Defaults {
    pub(super) protocol: u8,
    /// Whether checksums are right, and all bytes there that the IP header counts.
    pub(super) complete: bool,
    pub(super) flow: Option<Flow>,
    pub(super) aggregate: Option<u32>,
}

/// Addresses and ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub(super) source: (Ipv4Addr, u16),
    pub(super) destination: (Ipv4Addr, u16),
}

/// The time to live of packets where a summary does not say, as in Click.
const TTL: u8 = 100;

impl Draft {
    /// Takes over what a field says. `None` if that does not fit.
    pub(super) fn set(&mut self, column: Column, text: &str) -> Option<()> {
        match column.field {
            Field::Timestamp => self.time_ns = parse_interval_ns(text)?,
            Field::Seconds => {
                let seconds = parse_unsigned(text)?;
                self.time_ns = self
                    .time_ns
                    .checked_add(seconds.checked_mul(1_000_000_000)?)?;
            }
            Field::Microseconds => {
                let microseconds = parse_unsigned(text)?;
                self.time_ns = self.time_ns.checked_add(microseconds.checked_mul(1000)?)?;
            }
            Field::Paint | Field::Direction => {
                self.paint = match text {
                    ">" | "L" => 0,
                    "<" | "R" | "X" => 1,
                    _ => number(text)?,
                };
            }
            Field::Aggregate => self.aggregate = Some(number(text)?),
            Field::WireLen | Field::CaptureLen => {}
            Field::Payload => {
                self.is_ip = true;
                self.payload = unquote(text)
                    .chars()
                    .flat_map(|character| match u8::try_from(character) {
                        Ok(byte) => Vec::from([byte]),
                        Err(_) => String::from(character).into_bytes(),
                    })
                    .collect();
            }
            Field::PayloadLen => {
                self.is_ip = true;
                self.payload_len = Some(number(text)?);
            }
            _ => {
                self.set_ip(column, text)?;
                self.is_ip = true;
            }
        }
        Some(())
    }

    fn set_ip(&mut self, column: Column, text: &str) -> Option<()> {
        match column.field {
            Field::Source => self.source = Some(text.parse().ok()?),
            Field::Destination => self.destination = Some(text.parse().ok()?),
            Field::Tos => self.tos = number(text)?,
            Field::Dscp => self.tos = (self.tos & 3) | number::<u8>(text)?.checked_mul(4)?,
            Field::Ecn => {
                let ecn = match text {
                    "no" => 0,
                    "ect1" | "ECT(1)" => 1,
                    "ect2" | "ECT(0)" => 2,
                    "ce" | "CE" => 3,
                    _ => number::<u8>(text).filter(|ecn| *ecn < 4)?,
                };
                self.tos = (self.tos & !3) | ecn;
            }
            Field::Ttl => self.ttl = Some(number(text)?),
            Field::Fragment | Field::FragmentOffset => self.fragment = fragment(text)?,
            Field::Id => self.id = number(text)?,
            Field::Checksum => self.checksum = number(text)?,
            Field::Protocol => self.protocol = Some(protocol(text)?),
            Field::HeaderLen => self.header_len = number(text)?,
            Field::IpLen => self.len = Some(number(text)?),
            Field::SourcePort => self.source_port = Some(number(text)?),
            Field::DestinationPort => self.destination_port = Some(number(text)?),
            Field::TcpSequence => self.sequence = number(text)?,
            Field::TcpAcknowledgement => self.acknowledgement = number(text)?,
            Field::TcpOffset => self.tcp_header_len = number(text)?,
            Field::TcpFlags => self.flags = tcp_flags(text)?,
            Field::TcpWindow => self.window = number(text)?,
            Field::TcpUrgent => self.urgent = number(text)?,
            Field::UdpLen => self.udp_len = number(text)?,
            _ => self.set_icmp(column, text)?,
        }
        Some(())
    }

    fn set_icmp(&mut self, column: Column, text: &str) -> Option<()> {
        let [kind, code, _, _, flow @ .., high, low] = &mut self.icmp;
        match column.field {
            Field::IcmpType => *kind = number(text).or_else(|| icmp::number(text))?,
            Field::IcmpCode => *code = number(text)?,
            Field::IcmpFlow => *flow = number::<u16>(text)?.to_be_bytes(),
            Field::IcmpSequence => [*high, *low] = number::<u16>(text)?.to_be_bytes(),
            _ => return None,
        }
        self.is_icmp = true;
        Some(())
    }

    /// The packet; `None` if it is longer than packets may be.
    pub(super) fn packet(&self, defaults: &Defaults) -> Option<Packet> {
        let is_ip = self.is_ip || defaults.flow.is_some();
        let (bytes, header_len) = match is_ip {
            true => self.ip_packet(defaults)?,
            false => (Vec::new(), 0),
        };
        let mut packet = Packet::new(&bytes).ok()?;
        packet.annotations.rx_time_ns = self.time_ns;
        packet.notes.set_paint(self.paint);
        if let Some(aggregate) = self.aggregate.or(defaults.aggregate) {
            packet
                .notes
                .set_address(Notes::AGGREGATE, aggregate.to_ne_bytes());
        }
        if is_ip {
            packet.set_network_header(0, header_len);
            packet.notes.destination = *bytes.get(16..)?.first_chunk()?;
        }
        Some(packet)
    }

    /// The bytes of an IP packet, and those of its header.
    fn ip_packet(&self, defaults: &Defaults) -> Option<(Vec<u8>, usize)> {
        let protocol = match (self.protocol, self.is_icmp) {
            (Some(protocol), _) => protocol,
            (None, true) => ICMP,
            (None, false) => defaults.protocol,
        };
        let header_len = usize::from(self.header_len)
            .next_multiple_of(4)
            .clamp(IP_LEN, 60);
        let mut bytes = self.ip_header(header_len, protocol, defaults.flow);
        if self.fragment & OFFSET_MASK == 0 {
            self.put_transport(&mut bytes, protocol, defaults.flow);
        }
        let payload_at = bytes.len();
        bytes.extend_from_slice(&self.payload);
        let said = self
            .payload_len
            .map(|len| payload_at.saturating_add(len.into()));
        let said = said.and_then(|len| u16::try_from(len).ok());
        let len = self.len.or(said);
        if let Some(len) = len {
            // What the header counts less than is there was not captured.
            bytes.truncate(usize::from(len).max(header_len.min(bytes.len())));
        }
        let len = match len {
            Some(len) => len,
            None => u16::try_from(bytes.len()).ok()?,
        };
        put(&mut bytes, 2, &len.to_be_bytes());
        if protocol == UDP && self.fragment & OFFSET_MASK == 0 && self.udp_len == 0 {
            let len = usize::from(len).saturating_sub(header_len);
            let len = u16::try_from(len).unwrap_or(u16::MAX);
            put(&mut bytes, header_len.saturating_add(4), &len.to_be_bytes());
        }
        if defaults.complete {
            let whole = bytes.len().max(len.into());
            bytes.resize(whole.min(MAX_PACKET_SIZE), 0);
            fill_checksums(&mut bytes, header_len, protocol);
        }
        Some((bytes, header_len))
    }

    fn ip_header(&self, header_len: usize, protocol: u8, flow: Option<Flow>) -> Vec<u8> {
        let words = u8::try_from(header_len / 4).unwrap_or(5);
        let mut bytes = Vec::from([0x40 | words, self.tos, 0, 0]);
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.fragment.to_be_bytes());
        bytes.extend([self.ttl.unwrap_or(TTL), protocol]);
        bytes.extend(self.checksum.to_be_bytes());
        let unset = Ipv4Addr::UNSPECIFIED;
        let (source, destination) =
            flow.map_or((unset, unset), |flow| (flow.source.0, flow.destination.0));
        bytes.extend(self.source.unwrap_or(source).octets());
        bytes.extend(self.destination.unwrap_or(destination).octets());
        bytes.resize(header_len, 0);
        bytes
    }

    fn put_transport(&self, bytes: &mut Vec<u8>, protocol: u8, flow: Option<Flow>) {
        let ports = || {
            let given = flow.map_or((0, 0), |flow| (flow.source.1, flow.destination.1));
            let source = self.source_port.unwrap_or(given.0).to_be_bytes();
            let destination = self.destination_port.unwrap_or(given.1).to_be_bytes();
            [source, destination].into_iter().flatten()
        };
        match protocol {
            TCP => {
                let start = bytes.len();
                let len = usize::from(self.tcp_header_len)
                    .next_multiple_of(4)
                    .clamp(TCP_LEN, 60);
                let words = u16::try_from(len / 4).unwrap_or(5);
                bytes.extend(ports());
                bytes.extend(self.sequence.to_be_bytes());
                bytes.extend(self.acknowledgement.to_be_bytes());
                bytes.extend((words << 12 | self.flags).to_be_bytes());
                bytes.extend(self.window.to_be_bytes());
                bytes.extend([0, 0]);
                bytes.extend(self.urgent.to_be_bytes());
                bytes.resize(start.saturating_add(len), 0);
            }
            UDP => {
                bytes.extend(ports());
                bytes.extend(self.udp_len.to_be_bytes());
                bytes.extend([0, 0]);
            }
            ICMP => bytes.extend(self.icmp),
            _ => {}
        }
    }
}

/// Writes over bytes that are there.
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    for (place, byte) in bytes.iter_mut().skip(at).zip(value) {
        *place = *byte;
    }
}

fn fill_checksums(bytes: &mut [u8], header_len: usize, protocol: u8) {
    let Some((ip, transport)) = bytes.split_at_mut_checked(header_len) else {
        return;
    };
    put(ip, 10, &[0, 0]);
    let sum = checksum::field(checksum::partial(ip, 0));
    put(ip, 10, &sum);
    let whole = super::describe::u16_at(ip, 6)
        .is_some_and(|bits| bits & (OFFSET_MASK | MORE_FRAGMENTS) == 0);
    let at = match protocol {
        TCP => 16,
        UDP => 6,
        ICMP => 2,
        _ => return,
    };
    if !whole || transport.len() < UDP_LEN {
        return;
    }
    put(transport, at, &[0, 0]);
    let seed = match protocol {
        ICMP => 0,
        _ => {
            let [high, low] = u16::try_from(transport.len()).unwrap_or(0).to_be_bytes();
            let addresses = ip.get(12..20).unwrap_or_default();
            checksum::partial(addresses, checksum::partial(&[0, protocol, high, low], 0))
        }
    };
    let sum = checksum::field(checksum::partial(transport, seed));
    put(transport, at, &sum);
}

fn number<T: TryFrom<u64>>(text: &str) -> Option<T> {
    T::try_from(parse_unsigned(text)?).ok()
}

pub(super) fn protocol(text: &str) -> Option<u8> {
    match text {
        "T" | "tcp" => Some(TCP),
        "U" | "udp" => Some(UDP),
        "I" | "icmp" => Some(ICMP),
        _ => number(text),
    }
}

/// `.`, `!`, `F`, `f`, or an offset in bytes with `+` for more fragments and `!` for none.
fn fragment(text: &str) -> Option<u16> {
    match text {
        "." => return Some(0),
        "!" => return Some(DONT_FRAGMENT),
        "F" => return Some(MORE_FRAGMENTS),
        // Any offset but 0.
        "f" => return Some(100),
        _ => {}
    }
    let digits = text.trim_end_matches(['+', '!']);
    let flags = text.get(digits.len()..)?;
    let offset = number::<u16>(digits)? >> 3;
    let more = if flags.contains('+') {
        MORE_FRAGMENTS
    } else {
        0
    };
    let whole = if flags.contains('!') {
        DONT_FRAGMENT
    } else {
        0
    };
    Some(offset | more | whole)
}

/// Letters, or a number.
fn tcp_flags(text: &str) -> Option<u16> {
    if text == "." {
        return Some(0);
    }
    if let Some(bits) = number::<u16>(text) {
        return (bits < 0x200).then_some(bits);
    }
    let bit = |letter: char| {
        let letter = match letter {
            'W' | 'Y' => 'C',
            'X' => 'E',
            letter => letter,
        };
        let at = TCP_FLAGS.find(letter)?;
        Some(1_u16 << at)
    };
    text.chars()
        .try_fold(0, |bits, letter| Some(bits | bit(letter)?))
}
