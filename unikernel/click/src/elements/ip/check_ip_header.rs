//! CheckIPHeader and CheckIPHeader2.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use platform_click::limits::MAX_PACKET_SIZE;

use super::super::rejections::{self, Rejections};
use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4::{self, Ipv4};
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, Value};
use crate::names::Scope;
use crate::packet::Packet;

manual! {
    /// Checks IP headers, and notes where they are.
    ///
    /// Version, lengths, checksum and source of the header must be right. What stands behind the end
    /// that the header gives is cut off, and the destination is noted as the next hop.
    /// `CheckIPHeader2` is the same without the checksum.
    ///
    /// # Configuration
    /// `CheckIPHeader([BADSRC, OFFSET, keywords INTERFACES, GOODDST, CHECKSUM, VERBOSE, DETAILS])`
    /// - BADSRC: addresses that are no sources. Where this stands without its keyword, 0.0.0.0 and
    ///   255.255.255.255 are among them; a number alone is OFFSET.
    /// - OFFSET: bytes in front of the header. 0 by default.
    /// - INTERFACES: this router's addresses with their networks: the address of all hosts of each, and
    ///   0.0.0.0 and 255.255.255.255, are no sources, except in packets for one of the addresses.
    /// - GOODDST: destinations of packets whose source does not matter.
    /// - CHECKSUM: whether the checksum is checked. True by default.
    /// - VERBOSE: whether every bad packet is reported, not the first alone. False by default.
    /// - DETAILS: understood for Click's sake; reasons are always counted.
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic; a second one, push, gets what would be dropped
    /// otherwise.
    ///
    /// # Handlers
    /// - `drops` (read): bad packets.
    /// - `drop_details` (read): their number for each reason.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> t :: Tee;
    /// t [0] -> CheckIPHeader(OFFSET 14) -> Discard;
    /// t [1] -> Strip(14) -> CheckIPHeader2(INTERFACES 10.0.0.1/24) -> Discard;
    /// ```
    pub(crate) struct CheckIpHeader {
        rules: HeaderRules,
        offset: usize,
        rejections: Rejections<6>,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "CheckIPHeader",
    manual: CheckIpHeader::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &[
        "BADSRC",
        "OFFSET",
        "INTERFACES",
        "GOODDST",
        "CHECKSUM",
        "VERBOSE",
        "DETAILS",
    ],
    handlers: rejections::HANDLERS,
    configure: |arguments, _| configure(arguments, true),
};

/// The class that does not check the checksum.
pub(crate) const WITHOUT_CHECKSUM: ElementClass = ElementClass {
    name: "CheckIPHeader2",
    configure: |arguments, _| configure(arguments, false),
    ..CLASS
};

/// What is asked of a header.
#[derive(Debug)]
pub(super) struct HeaderRules {
    bad_sources: Vec<Ipv4Addr>,
    good_destinations: Vec<Ipv4Addr>,
    checksum: bool,
}

/// What can be wrong, as Click says it.
pub(super) const REASONS: &[&str; 6] = &[
    "tiny packet",
    "bad IP version",
    "bad IP header length",
    "bad IP length",
    "bad IP checksum",
    "bad source address",
];

const TINY: usize = 0;
const VERSION: usize = 1;
const HEADER_LENGTH: usize = 2;
const LENGTH: usize = 3;
const CHECKSUM: usize = 4;
const SOURCE: usize = 5;

fn configure(
    arguments: &mut Arguments<'_>,
    checksum: bool,
) -> Result<Box<dyn Element>, ConfigError> {
    let first = arguments.positional("BADSRC")?;
    let (bad, offset) = match first {
        Some(value) if value.unsigned().is_ok() => (None, first),
        _ => (first, arguments.positional("OFFSET")?),
    };
    let mut rules = HeaderRules::read(arguments, bad)?;
    rules.checksum = arguments.boolean("CHECKSUM", checksum)?;
    let offset = offset.map(|value| value.at_most(MAX_PACKET_SIZE, "within a packet"));
    Ok(Box::new(CheckIpHeader {
        rules,
        offset: offset.unwrap_or(Ok(0))?,
        rejections: Rejections::configure("IP", REASONS, arguments)?,
    }))
}

/// The addresses that an argument lists.
fn addresses(value: Value<'_>, scope: &Scope) -> Result<Vec<Ipv4Addr>, ConfigError> {
    let words = value.text().split_ascii_whitespace();
    words
        .map(|word| scope.address(word))
        .collect::<Option<_>>()
        .ok_or_else(|| value.refuse("IP addresses"))
}

impl HeaderRules {
    /// Reads INTERFACES and GOODDST; `bad` is BADSRC.
    pub(super) fn read(
        arguments: &mut Arguments<'_>,
        bad: Option<Value<'_>>,
    ) -> Result<Self, ConfigError> {
        let interfaces = arguments.keyword("INTERFACES")?;
        let good = arguments.keyword("GOODDST")?;
        let scope = arguments.scope();
        let never = [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST];
        let mut rules = Self {
            bad_sources: Vec::new(),
            good_destinations: Vec::new(),
            checksum: true,
        };
        if let Some(bad) = bad {
            rules.bad_sources = addresses(bad, scope)?;
            rules.bad_sources.extend(never);
        }
        if let Some(interfaces) = interfaces {
            for word in interfaces.text().split_ascii_whitespace() {
                let prefix = scope.prefix(word).or_else(|| scope.prefix_or_address(word));
                let prefix =
                    prefix.ok_or_else(|| interfaces.refuse("addresses with their networks"))?;
                rules.bad_sources.push(prefix.broadcast());
                rules.good_destinations.push(prefix.host_address());
            }
            rules.bad_sources.extend(never);
        }
        if let Some(good) = good {
            rules.good_destinations.extend(addresses(good, scope)?);
        }
        Ok(rules)
    }

    /// Checks the header `offset` bytes into a packet, notes where it is, and cuts off what follows
    /// the IP packet.
    ///
    /// # Errors
    /// An index of [`REASONS`].
    pub(super) fn apply(&self, packet: &mut Packet, offset: usize) -> Result<(), usize> {
        let bytes = packet.bytes().get(offset..).unwrap_or_default();
        if bytes.len() < ipv4::MIN_LEN {
            return Err(TINY);
        }
        if bytes.first().is_some_and(|first| first >> 4 != 4) {
            return Err(VERSION);
        }
        let header = Ipv4::new(bytes).ok_or(HEADER_LENGTH)?;
        let (header_len, total_len) = (header.header_len(), header.total_len());
        if total_len > bytes.len() || total_len < header_len {
            return Err(LENGTH);
        }
        if self.checksum && !header.has_valid_checksum() {
            return Err(CHECKSUM);
        }
        let destination = header.destination();
        if self.bad_sources.contains(&header.source())
            && !self.good_destinations.contains(&destination)
        {
            return Err(SOURCE);
        }
        let behind = bytes.len().saturating_sub(total_len);
        packet.take(behind).map_err(|_| LENGTH)?;
        packet.set_network_header(offset, header_len);
        packet.notes.destination = destination.octets();
        Ok(())
    }
}

impl InPlace for CheckIpHeader {
    fn handle(
        &mut self,
        _: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        let checked = self.rules.apply(packet, self.offset);
        Some(self.rejections.output(checked, context))
    }
}

impl Element for CheckIpHeader {
    in_place!(but takes_batches);

    fn takes_batches(&self) -> bool {
        !self.rejections.says_all()
    }

    fn read(&self, handler: &str) -> Option<String> {
        self.rejections.read(handler)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::ipv4::NewHeader;
    use crate::testing::{MemoryHost, run};

    fn packet(source: [u8; 4], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let header = NewHeader {
            tos: 0,
            total_len: 24,
            id: 1,
            fragment: 0,
            ttl: 9,
            protocol: 99,
            source: source.into(),
            destination: Ipv4Addr::new(10, 0, 0, 1),
        };
        let mut bytes = [&header.bytes()[..], b"datapadding"].concat();
        change(&mut bytes);
        bytes
    }

    #[test]
    fn each_field_is_checked() {
        let good = [10, 0, 0, 9];
        let packets = [
            packet(good, |_| ()),
            packet(good, |_| ())[..19].to_vec(),
            packet(good, |bytes| bytes[0] = 0x65),
            packet(good, |bytes| bytes[0] = 0x44),
            packet(good, |bytes| bytes[0] = 0x4f),
            packet(good, |bytes| bytes[3] = 19),
            packet(good, |bytes| bytes[3] = 200),
            packet(good, |bytes| bytes[8] = 10),
            packet([255; 4], |_| ()),
            packet([10, 0, 0, 255], |_| ()),
        ];
        let packets: Vec<&[u8]> = packets.iter().map(|packet| &packet[..]).collect();
        for (arguments, details, passed) in [
            ("", "1\n1\n2\n2\n1\n0\n", 3),
            ("INTERFACES 10.0.1.1/24", "1\n1\n2\n2\n1\n1\n", 2),
            ("10.0.0.255", "1\n1\n2\n2\n1\n2\n", 1),
            ("10.0.0.255, CHECKSUM no", "1\n1\n2\n2\n0\n2\n", 2),
            (
                "BADSRC 10.0.0.255, GOODDST 10.0.0.1",
                "1\n1\n2\n2\n1\n0\n",
                3,
            ),
        ] {
            let mut host = MemoryHost::new(&packets);
            let text = alloc::format!(
                "FromDump(in.pcap) -> c :: CheckIPHeader({arguments}) -> ToDump(good);
                c [1] -> ToDump(bad)"
            );
            let router = run(&text, &mut host);
            let found = router.read_handler("c.drop_details").unwrap();
            let found: String = found
                .lines()
                .map(|line| alloc::format!("{}\n", line.split('\t').next().unwrap()))
                .collect();
            assert_eq!(found, details, "{arguments}");
            assert_eq!(host.written("good").len(), passed);
            assert_eq!(host.written("bad").len(), packets.len() - passed);
            assert_eq!(host.written("good")[0].len(), 24, "what follows is cut off");
            assert_eq!(host.messages, ["c: IP header check failed: tiny packet"]);
        }
    }
}
