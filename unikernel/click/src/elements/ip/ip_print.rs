//! IPPrint.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::Notes;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::icmp;
use crate::headers::ipv4::{self, Ipv4};
use crate::headers::transport::{
    ACK, DESTINATION_PORT, FIN, PSH, RST, SOURCE_PORT, SYN, TCP_FLAGS, UDP_LEN, UDP_LENGTH,
    tcp_header_len, u16_at, u32_at,
};
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_boolean};
use crate::names::tables;
use crate::packet::Packet;
use crate::render::seconds;

manual! {
    /// Prints IP packets, as tcpdump does.
    ///
    /// The IP header is where another element has noted it; packets of which nothing was noted are
    /// not printed. Packets pass unchanged.
    ///
    /// # Configuration
    /// `IPPrint([LABEL, keywords])`
    /// - LABEL: text in front of each line. None by default.
    /// - CONTENTS: whether bytes of the packet are printed too: `NONE`, `HEX` or `ASCII`. `NONE` by
    ///   default.
    /// - PAYLOAD: the same of its payload alone; one of the two at most.
    /// - MAXLENGTH: the most bytes that are printed; a negative number prints all. 1500 by default.
    /// - ID: whether the identification is printed. False by default, as are the next six.
    /// - TTL: whether the time to live is printed.
    /// - TOS: whether the type of service is printed.
    /// - LENGTH: whether the length of the IP packet is printed.
    /// - AGGREGATE: whether the number of the packet's aggregate is printed.
    /// - PAINT: whether its colour is printed.
    /// - TIMESTAMP: whether its time is printed, in seconds. True by default.
    /// - SWAP: whether identifier and sequence number of ICMP are in network order. True by default.
    /// - ACTIVE: whether anything is printed. True by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `active` (read, write): ACTIVE.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 1, STOP true) -> UDPIPEncap(10.0.0.1, 1, 10.0.0.2, 2)
    ///     -> IPPrint(ok, TIMESTAMP false) -> Discard;
    /// // ok: 10.0.0.1.1 > 10.0.0.2.2: udp 72
    /// ```
    pub(crate) struct IpPrint {
        label: String,
        contents: Contents,
        payload_only: bool,
        /// The most bytes printed; `None` for all.
        max_length: Option<u64>,
        fields: Fields,
        active: bool,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contents {
    None,
    Hex,
    Ascii,
}

/// What is printed beside addresses and transport.
#[derive(Clone, Copy, Debug)]
struct Fields {
    id: bool,
    ttl: bool,
    tos: bool,
    length: bool,
    aggregate: bool,
    paint: bool,
    timestamp: bool,
    network_order: bool,
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "IPPrint",
    manual: IpPrint::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &[
        "LABEL",
        "CONTENTS",
        "PAYLOAD",
        "MAXLENGTH",
        "ID",
        "TTL",
        "TOS",
        "LENGTH",
        "AGGREGATE",
        "PAINT",
        "TIMESTAMP",
        "SWAP",
        "ACTIVE",
    ],
    handlers: &[Handler::read_write("active")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    const DEFAULT_MAX_LENGTH: u64 = 1500;
    let label = arguments.positional("LABEL")?;
    let contents = arguments.keyword("CONTENTS")?;
    let payload = arguments.keyword("PAYLOAD")?;
    let max_length = arguments.keyword("MAXLENGTH")?;
    let whole = contents.map_or(Ok(Contents::None), read_contents)?;
    let part = payload.map_or(Ok(Contents::None), read_contents)?;
    let payload_only = part != Contents::None;
    if let Some(payload) = payload.filter(|_| payload_only && whole != Contents::None) {
        return Err(payload.refuse("absent where CONTENTS is given"));
    }
    Ok(Box::new(IpPrint {
        label: label.map_or_else(|| Ok(String::new()), Value::string)?,
        contents: if payload_only { part } else { whole },
        payload_only,
        max_length: max_length.map_or(Ok(Some(DEFAULT_MAX_LENGTH)), Value::limit)?,
        fields: Fields {
            id: arguments.boolean("ID", false)?,
            ttl: arguments.boolean("TTL", false)?,
            tos: arguments.boolean("TOS", false)?,
            length: arguments.boolean("LENGTH", false)?,
            aggregate: arguments.boolean("AGGREGATE", false)?,
            paint: arguments.boolean("PAINT", false)?,
            timestamp: arguments.boolean("TIMESTAMP", true)?,
            network_order: arguments.boolean("SWAP", true)?,
        },
        active: arguments.boolean("ACTIVE", true)?,
    }))
}

/// A name in any case, or a truth value.
fn read_contents(value: Value<'_>) -> Result<Contents, ConfigError> {
    match value.string()?.to_ascii_uppercase().as_str() {
        "NONE" | "NO" | "FALSE" | "0" => Ok(Contents::None),
        "HEX" | "YES" | "TRUE" | "1" => Ok(Contents::Hex),
        "ASCII" => Ok(Contents::Ascii),
        _ => Err(value.refuse("HEX, ASCII or NONE")),
    }
}

impl IpPrint {
    fn line(&self, packet: &Packet) -> Option<String> {
        let at = packet.network_header()?;
        let mut line = self.head(packet);
        let Some(header) = packet.bytes().get(at..).and_then(Ipv4::new) else {
            line.push_str("truncated-ip");
            return Some(line);
        };
        for (wanted, name, value) in [
            (self.fields.id, "id", usize::from(header.id())),
            (self.fields.ttl, "ttl", usize::from(header.ttl())),
            (self.fields.tos, "tos", usize::from(header.tos())),
            (self.fields.length, "length", header.total_len()),
        ] {
            if wanted {
                line.push_str(&format!("{name} {value} "));
            }
        }
        line.push_str(&match header.protocol() {
            ipv4::TCP => tcp(&header, packet.len()),
            ipv4::UDP => udp(&header),
            ipv4::ICMP => self.icmp(&header),
            other => format!("{}: ip-proto-{other}", addresses(&header)),
        });
        if header.is_fragment() {
            line.push_str(&fragment(&header));
        }
        self.print_contents(&mut line, packet, &header);
        Some(line)
    }

    /// What stands in front of the packet itself.
    fn head(&self, packet: &Packet) -> String {
        let mut line = String::new();
        if !self.label.is_empty() {
            line.push_str(&format!("{}: ", self.label));
        }
        if self.fields.timestamp {
            let time = seconds(packet.annotations.rx_time_ns);
            line.push_str(&format!("{time}: "));
        }
        let aggregate = packet.notes.address(Notes::AGGREGATE).unwrap_or_default();
        let aggregate = u32::from_ne_bytes(aggregate);
        let paint = packet.notes.paint();
        line.push_str(&match (self.fields.aggregate, self.fields.paint) {
            (true, true) => format!("#{aggregate}.{paint}: "),
            (true, false) => format!("#{aggregate}: "),
            (false, true) => format!("paint {paint}: "),
            (false, false) => String::new(),
        });
        line
    }

    fn icmp(&self, header: &Ipv4<&[u8]>) -> String {
        let message = header.payload();
        let what = match message {
            _ if !header.is_first_fragment() => "icmp".into(),
            [kind @ (icmp::ECHO | icmp::ECHO_REPLY), ..] => self.echo(*kind, message),
            [icmp::UNREACHABLE, code, ..] => unreachable_message(*code, message),
            [kind, code, ..] => other_message(*kind, *code),
            _ => "truncated-icmp".into(),
        };
        format!("{}: {what}", addresses(header))
    }

    fn echo(&self, kind: u8, message: &[u8]) -> String {
        let name = tables::icmp_type_name(kind).unwrap_or_default();
        let order = |number: u16| {
            if self.fields.network_order {
                number
            } else {
                number.swap_bytes()
            }
        };
        match (u16_at(message, 4), u16_at(message, 6)) {
            (Some(id), Some(sequence)) => {
                format!("icmp {name} ({}, {})", order(id), order(sequence))
            }
            _ => format!("icmp {name} truncated-icmp"),
        }
    }

    /// Bytes of the packet, or of its payload.
    fn print_contents(&self, line: &mut String, packet: &Packet, header: &Ipv4<&[u8]>) {
        let data = if self.payload_only {
            let at = packet.transport_header();
            let transport = at
                .and_then(|at| packet.bytes().get(at..))
                .unwrap_or_default();
            let len = match header.protocol() {
                ipv4::TCP if header.is_first_fragment() => tcp_header_len(transport).unwrap_or(0),
                ipv4::UDP if header.is_first_fragment() => UDP_LEN,
                _ => 0,
            };
            transport.get(len..).unwrap_or_default()
        } else {
            packet.bytes()
        };
        let most = self.max_length.and_then(|most| usize::try_from(most).ok());
        let shown = data.iter().take(most.unwrap_or(usize::MAX)).enumerate();
        // Bytes of a line, and of a group within it.
        let (row, group): (usize, usize) = match self.contents {
            Contents::None => return,
            Contents::Hex => (24, 4),
            Contents::Ascii => (48, 8),
        };
        for (index, byte) in shown {
            if index.is_multiple_of(row) {
                line.push_str("\n  ");
            } else if index.is_multiple_of(group) {
                line.push(' ');
            }
            match self.contents {
                Contents::Hex => line.push_str(&format!("{byte:02x}")),
                _ if byte.is_ascii_graphic() || *byte == b' ' => line.push(char::from(*byte)),
                _ => line.push('.'),
            }
        }
    }
}

fn addresses(header: &Ipv4<&[u8]>) -> String {
    format!("{} > {}", header.source(), header.destination())
}

/// Addresses with ports, or without if there are none, behind which stands why.
fn endpoints(header: &Ipv4<&[u8]>, protocol: &str) -> Result<String, String> {
    let payload = header.payload();
    let ports = u16_at(payload, SOURCE_PORT).zip(u16_at(payload, DESTINATION_PORT));
    match ports {
        _ if !header.is_first_fragment() => Err(format!("{}: {protocol}", addresses(header))),
        None => Err(format!("{}: truncated-{protocol}", addresses(header))),
        Some((from, to)) => Ok(format!(
            "{}.{from} > {}.{to}: ",
            header.source(),
            header.destination()
        )),
    }
}

fn tcp(header: &Ipv4<&[u8]>, packet_len: usize) -> String {
    let mut line = match endpoints(header, "tcp") {
        Ok(line) => line,
        Err(line) => return line,
    };
    let segment = header.payload();
    let numbers = u32_at(segment, 4).zip(u32_at(segment, 8));
    let flags = segment.get(TCP_FLAGS).copied();
    let (Some((sequence, acknowledged)), Some(flags)) = (numbers, flags) else {
        return format!("{line}truncated-tcp");
    };
    let letters = [(SYN, 'S'), (FIN, 'F'), (RST, 'R'), (PSH, 'P')];
    let set = letters.iter().filter(|(flag, _)| flags & flag != 0);
    let before = line.len();
    line.extend(set.map(|(_, letter)| letter));
    if line.len() == before {
        line.push('.');
    }
    let len = i64::try_from(header.total_len()).unwrap_or_default();
    let headers = header
        .header_len()
        .saturating_add(tcp_header_len(segment).unwrap_or(0));
    let headers = i64::try_from(headers).unwrap_or_default();
    let numbered = i64::from(flags & SYN != 0).saturating_add(i64::from(flags & FIN != 0));
    // Negative where lengths contradict each other.
    let data = len.saturating_sub(headers).saturating_add(numbered);
    // Sequence numbers are counted modulo 2^32.
    let end = i64::from(sequence).saturating_add(data).rem_euclid(1 << 32);
    line.push_str(&format!(
        " {sequence}:{end}({data},{packet_len},{})",
        header.total_len()
    ));
    if flags & ACK != 0 {
        line.push_str(&format!(" ack {acknowledged}"));
    }
    match u16_at(segment, 14) {
        Some(window) => format!("{line} win {window}"),
        None => format!("{line}truncated-tcp"),
    }
}

fn udp(header: &Ipv4<&[u8]>) -> String {
    let line = match endpoints(header, "udp") {
        Ok(line) => line,
        Err(line) => return line,
    };
    let datagram = header.payload();
    let len = u16_at(datagram, UDP_LENGTH).filter(|_| datagram.len() >= UDP_LEN);
    match len {
        Some(len) => format!("{line}udp {len}"),
        None => format!("{line}truncated-udp"),
    }
}

fn fragment(header: &Ipv4<&[u8]>) -> String {
    let len = header.total_len().saturating_sub(header.header_len());
    let more = header.fragment() & ipv4::MORE_FRAGMENTS != 0;
    format!(
        " (frag {}:{len}@{}{})",
        header.id(),
        header.fragment_offset(),
        if more { "+" } else { "" }
    )
}

/// A message `unreachable`, with what it says of the packet that it is about.
fn unreachable_message(code: u8, message: &[u8]) -> String {
    let name = tables::icmp_code_name(icmp::UNREACHABLE, code);
    let name = name.map_or_else(|| format!("code {code}"), Into::into);
    let quoted = message.get(icmp::LEN..).and_then(Ipv4::new);
    let Some(quoted) = quoted else {
        return format!("icmp unreachable {name} truncated-icmp");
    };
    let line = format!("icmp {} unreachable {name}", quoted.destination());
    let protocol = tables::protocol_name(quoted.protocol());
    match name.as_str() {
        "protocol" => {
            let protocol = protocol.map_or_else(|| format!("{}", quoted.protocol()), Into::into);
            format!("{line} {protocol}")
        }
        "port" => {
            let number = || format!("protocol {}", quoted.protocol());
            let protocol = protocol.map_or_else(number, Into::into);
            match u16_at(quoted.payload(), DESTINATION_PORT) {
                Some(port) => format!("{line} {protocol}/{port}"),
                None => format!("{line} {protocol}truncated-icmp"),
            }
        }
        "needfrag" => match u16_at(message, 6) {
            Some(mtu) if mtu > 0 => format!("{line} (mtu {mtu})"),
            _ => line,
        },
        _ => line,
    }
}

fn other_message(kind: u8, code: u8) -> String {
    let name = tables::icmp_type_name(kind);
    let name = name.map_or_else(|| format!("type {kind}"), Into::into);
    match tables::icmp_code_name(kind, code) {
        Some(code) => format!("icmp {name} {code}"),
        None if code != 0 => format!("icmp {name} code {code}"),
        None => format!("icmp {name}"),
    }
}

impl Element for IpPrint {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if self.active
            && let Some(line) = self.line(&packet)
        {
            context.host.message(&line);
        }
        context.push(0, packet);
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "active").then(|| format!("{}", self.active))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "active" {
            return None;
        }
        self.active = parse_boolean(value)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    /// What is printed of data behind an IP header.
    fn printed(encapsulation: &str, arguments: &str, data: &[u8]) -> String {
        let mut host = MemoryHost::new(&[data]);
        let text = alloc::format!(
            "FromDump(in.pcap) -> {encapsulation} -> IPPrint(TIMESTAMP no{arguments}) -> Discard"
        );
        run(&text, &mut host);
        host.messages.concat()
    }
    use alloc::string::String;

    #[test]
    fn each_protocol() {
        let tcp = "IPEncap(tcp, 1.0.0.1, 2.0.0.2)";
        let segment = b"\0\x0a\0\x14\0\0\0\x05\0\0\0\x09\x50\x12\x01\x00\0\0\0\0data";
        let start = "1.0.0.1.10 > 2.0.0.2.20: ";
        for (len, line) in [
            (24, "S 5:10(5,44,44) ack 9 win 256"),
            (20, "S 5:6(1,40,40) ack 9 win 256"),
            (15, "S 5:1(-4,35,35) ack 9truncated-tcp"),
            (13, "truncated-tcp"),
        ] {
            assert_eq!(
                printed(tcp, "", &segment[..len]),
                alloc::format!("{start}{line}")
            );
        }
        assert_eq!(
            printed(tcp, "", &segment[..3]),
            "1.0.0.1 > 2.0.0.2: truncated-tcp"
        );
        let udp = "UDPIPEncap(1.0.0.1, 10, 2.0.0.2, 20)";
        assert_eq!(printed(udp, "", b"abc"), alloc::format!("{start}udp 11"));
        let plain = "IPEncap(99, 1.0.0.1, 2.0.0.2)";
        assert_eq!(printed(plain, "", b"abc"), "1.0.0.1 > 2.0.0.2: ip-proto-99");
        let icmp = "IPEncap(icmp, 1.0.0.1, 2.0.0.2)";
        let quoted = [
            &b"\x03\x03\0\0\0\0\0\0\x45\0\0\x1c\0\0\0\0\x09\x11\0\0"[..],
            b"\x03\0\0\x03\x04\0\0\x04\0\x01\0\x35\0\0\0\0",
        ]
        .concat();
        for (message, line) in [
            (&b"\x08\0\0\0\0\x07\0\x08"[..], "icmp echo (7, 8)"),
            (b"\x08\0\0\0", "icmp echo truncated-icmp"),
            (b"\x0b\0", "icmp timeexceeded transit"),
            (b"\x2a\x01", "icmp type 42 code 1"),
            (b"\x03", "truncated-icmp"),
            (
                b"\x03\x01\0\0\0\0\0\0",
                "icmp unreachable host truncated-icmp",
            ),
            (&quoted, "icmp 4.0.0.4 unreachable port udp/53"),
        ] {
            let printed = printed(icmp, "", message);
            assert_eq!(printed, alloc::format!("1.0.0.1 > 2.0.0.2: {line}"));
        }
    }

    #[test]
    fn fields_and_contents() {
        let plain = "IPEncap(99, 1.0.0.1, 2.0.0.2, TOS 3, TTL 4) -> Paint(5)";
        assert_eq!(
            printed(
                plain,
                ", ID y, TTL y, TOS y, LENGTH y, PAINT y, LABEL x",
                b"abc"
            ),
            "x: paint 5: id 0 ttl 4 tos 3 length 23 1.0.0.1 > 2.0.0.2: ip-proto-99"
        );
        let udp = "UDPIPEncap(1.0.0.1, 10, 2.0.0.2, 20)";
        let end = |arguments| {
            let printed = printed(udp, arguments, b"0123456789\n");
            printed.split_once('\n').unwrap().1.into()
        };
        let ascii: String = end(", PAYLOAD ascii");
        assert_eq!(ascii, "  01234567 89.");
        let hex: String = end(", PAYLOAD hex, MAXLENGTH 5");
        assert_eq!(hex, "  30313233 34");
        let all: String = end(", CONTENTS hex, MAXLENGTH 25");
        assert_eq!(all.lines().count(), 2);
    }
}
