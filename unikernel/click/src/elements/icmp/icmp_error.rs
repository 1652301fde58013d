//! ICMPError.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use bpf_runtime::{PacketType, checksum};
use platform_click::limits::MAX_PACKET_SIZE;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4::{self, Ipv4, NewHeader};
use crate::headers::{icmp, set};
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_unsigned};
use crate::names::{Scope, tables};
use crate::packet::Packet;

manual! {
    /// Answers IP packets with ICMP errors about them.
    ///
    /// No answer is sent about an ICMP error, a fragment that is not the first, a packet that came or
    /// goes to all or to a group, or one whose source nobody can have (RFC 1812, 4.3.2.7). A source
    /// route is reversed in the answer. The packets themselves end here.
    ///
    /// # Configuration
    /// `ICMPError(SRC, TYPE [, CODE, BADADDRS, keywords MTU, PMTU, SET_FIX_ANNO])`
    /// - SRC: the source address of the answers.
    /// - TYPE: the type, by number or name; it must be one of errors.
    /// - CODE: the code, by number or name. 0 by default.
    /// - BADADDRS: addresses of all hosts of networks.
    /// - MTU: the most bytes of an answer, which quotes as much of the packet as fits. 576 by default.
    /// - PMTU: what an answer `unreachable, needfrag` says to be the most bytes of a packet. 0 by default.
    /// - SET_FIX_ANNO: whether answers ask FixIPSrc for the address of the interface that they leave
    ///   through. True by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `src` (read, write): SRC.
    /// - `mtu` (read, write): MTU.
    /// - `pmtu` (read, write): PMTU.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader
    ///     -> ICMPError(10.0.0.1, unreachable, port) -> Discard;
    /// ```
    pub(crate) struct IcmpError {
        source: Ipv4Addr,
        icmp_type: u8,
        code: u8,
        bad_addresses: Vec<Ipv4Addr>,
        mtu: usize,
        path_mtu: u16,
        fix_source: bool,
        id: u16,
        scope: Scope,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "ICMPError",
    manual: IcmpError::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &[
        "SRC",
        "TYPE",
        "CODE",
        "BADADDRS",
        "MTU",
        "PMTU",
        "SET_FIX_ANNO",
    ],
    handlers: &[
        Handler::read_write("src"),
        Handler::read_write("mtu"),
        Handler::read_write("pmtu"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let source = arguments.mandatory("SRC")?;
    let icmp_type = arguments.mandatory("TYPE")?;
    let code = arguments.positional("CODE")?;
    let bad = arguments.positional("BADADDRS")?;
    let mtu = arguments.keyword("MTU")?;
    let path_mtu = arguments.keyword("PMTU")?;
    let fix_source = arguments.boolean("SET_FIX_ANNO", true)?;
    let scope = arguments.scope().clone();
    let number = tables::icmp_type(icmp_type.text()).or_else(|| byte(icmp_type.text()));
    let number = number.filter(|number| icmp::is_error(*number));
    let number = number.ok_or_else(|| icmp_type.refuse("an ICMP type that reports errors"))?;
    let mtu = mtu.map(|value| parse_mtu(value.text()).ok_or_else(|| value.refuse(MTU)));
    let path_mtu = path_mtu.map(|value| {
        let size = parse_path_mtu(value.text());
        size.ok_or_else(|| value.refuse("a number of bytes up to 65535"))
    });
    Ok(Box::new(IcmpError {
        source: scope.read_address(source)?,
        icmp_type: number,
        code: code.map_or(Ok(0), |code| read_code(code, number))?,
        bad_addresses: bad.map_or(Ok(Vec::new()), |bad| read_addresses(bad, &scope))?,
        mtu: mtu.unwrap_or(Ok(DEFAULT_MTU))?,
        path_mtu: path_mtu.unwrap_or(Ok(0))?,
        fix_source,
        id: 1,
        scope,
    }))
}

/// The most bytes of an answer (RFC 1812, 4.3.2.3).
const DEFAULT_MTU: usize = 576;

/// The least MTU: an IP header with a source route of nine addresses, and an ICMP header.
const MIN_MTU: usize = 68;

const MTU: &str = "a number of bytes from 68 to 65534";

/// Time to live of an answer, as in Click.
const TTL: u8 = 200;

fn byte(text: &str) -> Option<u8> {
    parse_unsigned(text)?.try_into().ok()
}

fn parse_mtu(text: &str) -> Option<usize> {
    let size = usize::try_from(parse_unsigned(text)?).ok()?;
    (MIN_MTU..=MAX_PACKET_SIZE).contains(&size).then_some(size)
}

fn parse_path_mtu(text: &str) -> Option<u16> {
    parse_unsigned(text)?.try_into().ok()
}

fn read_code(value: Value<'_>, icmp_type: u8) -> Result<u8, ConfigError> {
    let code = tables::icmp_code(icmp_type, value.text()).or_else(|| byte(value.text()));
    code.ok_or_else(|| value.refuse("a code of the type, by number or name"))
}

fn read_addresses(value: Value<'_>, scope: &Scope) -> Result<Vec<Ipv4Addr>, ConfigError> {
    let words = value.text().split_ascii_whitespace();
    let addresses = words.map(|word| scope.address(word)).collect::<Option<_>>();
    addresses.ok_or_else(|| value.refuse("IP addresses"))
}

/// The source route among options, if there is a right one: its offset, type, and the part of it that
/// was gone already, without its head.
fn source_route(options: &[u8]) -> Option<(usize, u8, &[u8])> {
    const HEAD: usize = 3;
    let mut at = 0_usize;
    loop {
        let rest = options.get(at..)?;
        let len = match rest {
            [ipv4::OPTION_NOP, ..] => 1,
            [] | [ipv4::OPTION_END, ..] | [_] => return None,
            [_, len, ..] => usize::from(*len).max(2),
        };
        let option = rest.get(..len)?;
        if let [
            kind @ (ipv4::OPTION_LOOSE_ROUTE | ipv4::OPTION_STRICT_ROUTE),
            _,
            pointer,
            ..,
        ] = option
            && *pointer >= 4
            && pointer % 4 == 0
        {
            let gone = option.get(HEAD..usize::from(*pointer).saturating_sub(1));
            if let Some(gone) = gone {
                return Some((at, *kind, gone));
            }
        }
        at = at.saturating_add(len);
    }
}

/// A source route the other way round, as an option of a multiple of four bytes.
fn reversed(kind: u8, gone: &[u8]) -> Vec<u8> {
    let (addresses, _) = gone.as_chunks::<4>();
    let len = u8::try_from(gone.len().saturating_add(3)).unwrap_or_default();
    let mut option = alloc::vec![kind, len, 4];
    option.extend(addresses.iter().rev().flatten());
    option.push(ipv4::OPTION_END);
    option
}

impl IcmpError {
    fn is_unicast(&self, address: Ipv4Addr) -> bool {
        let all = address.is_broadcast() || self.bad_addresses.contains(&address);
        !all && !address.is_multicast()
    }

    /// Whether somebody can have an address (RFC 1812, 5.3.7).
    fn is_source(&self, address: Ipv4Addr) -> bool {
        let [first, ..] = address.octets();
        self.is_unicast(address) && !matches!(first, 0 | 127 | 240..)
    }

    /// Whether an error may be reported about a packet.
    fn may_answer(&self, packet: &Packet, header: &Ipv4<&[u8]>) -> bool {
        let group = matches!(
            packet.notes.packet_type,
            PacketType::Broadcast | PacketType::Multicast
        );
        let about_error = header.protocol() == ipv4::ICMP
            && header
                .payload()
                .first()
                .is_none_or(|kind| icmp::is_error(*kind));
        !group
            && !about_error
            && header.is_first_fragment()
            && self.is_unicast(header.destination())
            && self.is_source(header.source())
    }

    /// The four bytes of the ICMP header behind its checksum.
    fn particulars(&self, packet: &Packet) -> [u8; 4] {
        match (self.icmp_type, self.code) {
            (icmp::PARAMETER_PROBLEM, 0) => [packet.notes.parameter_problem(), 0, 0, 0],
            (icmp::REDIRECT, _) => packet.notes.destination,
            (icmp::UNREACHABLE, icmp::NEEDS_FRAGMENTS) => {
                let [high, low] = self.path_mtu.to_be_bytes();
                [0, 0, high, low]
            }
            _ => [0; 4],
        }
    }

    /// The option with the source route back, if there is to be one; `None` if there is to be no
    /// answer at all.
    fn route_back(&self, packet: &Packet, header: &Ipv4<&[u8]>) -> Option<Vec<u8>> {
        let Some((at, kind, gone)) = source_route(header.options()) else {
            return Some(Vec::new());
        };
        if self.icmp_type == icmp::REDIRECT {
            return None;
        }
        let option = at..at.saturating_add(gone.len()).saturating_add(3);
        let problem = usize::from(packet.notes.parameter_problem()).checked_sub(ipv4::MIN_LEN);
        let about_it = problem.is_some_and(|problem| option.contains(&problem));
        if (self.icmp_type, self.code) == (icmp::PARAMETER_PROBLEM, 0) && about_it {
            return Some(Vec::new());
        }
        Some(reversed(kind, gone))
    }

    fn answer(&mut self, packet: &Packet, now_ns: u64) -> Option<Packet> {
        let header = ipv4::of(packet).filter(|header| self.may_answer(packet, header))?;
        let options = self.route_back(packet, &header)?;
        let header_len = ipv4::MIN_LEN.saturating_add(options.len());
        let room = self
            .mtu
            .saturating_sub(header_len)
            .saturating_sub(icmp::LEN);
        let quoted = packet.bytes().get(packet.network_header()?..)?;
        let quoted = quoted.get(..room).unwrap_or(quoted);
        let mut message = alloc::vec![self.icmp_type, self.code, 0, 0];
        message.extend(self.particulars(packet));
        message.extend_from_slice(quoted);
        let sum = checksum::field(checksum::partial(&message, 0));
        set(&mut message, 2, sum);
        let new = NewHeader {
            tos: 0,
            total_len: header_len.saturating_add(message.len()),
            id: self.id,
            fragment: 0,
            ttl: TTL,
            protocol: ipv4::ICMP,
            source: self.source,
            destination: header.source(),
        };
        self.id = self.id.wrapping_add(1);
        let mut answer = Packet::new(&[&new.bytes()[..], &options, &message].concat()).ok()?;
        *answer.bytes_mut().first_mut()? = 0x40 | u8::try_from(header_len / 4).ok()?;
        answer.set_network_header(0, header_len);
        ipv4::of_mut(&mut answer)?.fill_checksum();
        answer.notes.destination = header.source().octets();
        answer.notes.set_fix_ip_source(self.fix_source);
        answer.annotations.rx_time_ns = now_ns;
        Some(answer)
    }
}

impl Element for IcmpError {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if let Some(answer) = self.answer(&packet, context.host.clock_ns()) {
            context.push(0, answer);
        }
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "src" => Some(format!("{}", self.source)),
            "mtu" => Some(format!("{}", self.mtu)),
            "pmtu" => Some(format!("{}", self.path_mtu)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "src" => self.source = self.scope.address(value)?,
            "mtu" => self.mtu = parse_mtu(value)?,
            "pmtu" => self.path_mtu = parse_path_mtu(value)?,
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MemoryHost, run};

    #[test]
    fn routes_are_reversed() {
        let options = [1, 137, 15, 12, 128, 4, 45, 60, 128, 4, 49, 61, 1, 2, 3, 4];
        let (at, kind, gone) = source_route(&options).unwrap();
        assert_eq!((at, kind, gone.len()), (1, 137, 8));
        let back = [137, 11, 4, 128, 4, 49, 61, 128, 4, 45, 60, 0];
        assert_eq!(reversed(kind, gone), back);
        for wrong in [
            &[137, 15, 12, 0][..],
            &[137, 3, 3],
            &[137, 7, 12, 0, 0, 0, 0],
            &[0, 137],
            &[],
        ] {
            assert_eq!(source_route(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn errors_are_answered_with_errors_only_where_that_is_allowed() {
        let answers = |source: &str, protocol: &str, data: &[u8]| {
            let mut host = MemoryHost::new(&[data]);
            let text = alloc::format!(
                "FromDump(in.pcap) -> IPEncap({protocol}, {source}, 10.0.0.2)
                -> ICMPError(10.0.0.3, unreachable, port) -> c :: CheckIPHeader
                -> i :: CheckICMPHeader -> ToDump(out)"
            );
            let router = run(&text, &mut host);
            assert_eq!(router.read_handler("c.drops").unwrap(), "0");
            assert_eq!(router.read_handler("i.drops").unwrap(), "0");
            host.written("out")
        };
        let answer = &answers("10.0.0.1", "udp", &[7; 600])[0];
        assert_eq!((answer.len(), &answer[20..22]), (576, &[3, 3][..]));
        assert_eq!(answers("10.0.0.1", "icmp", b"\x08\0\0\0aaaa").len(), 1);
        for (source, protocol, data) in [
            ("10.0.0.1", "icmp", &b"\x03\0\0\0aaaa"[..]),
            ("10.0.0.1", "icmp", b""),
            ("127.0.0.1", "udp", b"12345678"),
            ("0.0.0.1", "udp", b"12345678"),
            ("224.0.0.1", "udp", b"12345678"),
            ("255.255.255.255", "udp", b"12345678"),
        ] {
            assert_eq!(
                answers(source, protocol, data).len(),
                0,
                "{source} {protocol}"
            );
        }
    }
}
