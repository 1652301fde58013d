//! IPEncap.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4::{self, NewHeader};
use crate::headers::set;
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, Value};
use crate::names::{Scope, tables};
use crate::packet::Packet;

manual! {
    /// Puts an IP header in front of packets.
    ///
    /// Identifications count up. The destination is noted as the next hop. A packet that would become
    /// too long is dropped.
    ///
    /// # Configuration
    /// `IPEncap(PROTO, SRC, DST [, keywords])`
    /// - PROTO: the protocol of the packets, by number or name.
    /// - SRC: the source address.
    /// - DST: the destination address; `DST_ANNO` stands for the next hop that was noted.
    /// - TOS: type of service; 0 by default. It excludes the next three.
    /// - DSCP: the upper six bits of it.
    /// - ECT: whether ECN is understood: a truth value, or `2` for the other code that says so.
    /// - CE: whether congestion was experienced. False by default.
    /// - TTL: time to live; 250 by default.
    /// - DF: whether fragments are forbidden. False by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `src` (read, write): SRC.
    /// - `dst` (read, write): DST.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> IPEncap(tcp, 10.0.0.1, 10.0.0.2) -> Discard;
    /// ```
    pub(crate) struct IpEncap {
        header: NewHeader,
        /// Whether the destination is the next hop.
        next_hop: bool,
        scope: Scope,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "IPEncap",
    manual: IpEncap::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &[
        "PROTO", "SRC", "DST", "TOS", "DSCP", "ECT", "CE", "TTL", "DF",
    ],
    handlers: &[Handler::read_write("src"), Handler::read_write("dst")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let protocol = arguments.mandatory("PROTO")?;
    let source = arguments.mandatory("SRC")?;
    let destination = arguments.mandatory("DST")?;
    let tos = read_tos(arguments)?;
    let ttl = arguments.keyword("TTL")?;
    let ttl = ttl.map(|value| byte(value, 255));
    let fragment = if arguments.boolean("DF", false)? {
        ipv4::DONT_FRAGMENT
    } else {
        0
    };
    let scope = arguments.scope().clone();
    let next_hop = destination.text() == NEXT_HOP;
    Ok(Box::new(IpEncap {
        header: NewHeader {
            tos,
            total_len: 0,
            id: 0,
            fragment,
            ttl: ttl.unwrap_or(Ok(DEFAULT_TTL))?,
            protocol: match tables::protocol(protocol.text()) {
                Some(known) => known,
                None => byte(protocol, 255)?,
            },
            source: scope.read_address(source)?,
            destination: if next_hop {
                Ipv4Addr::UNSPECIFIED
            } else {
                scope.read_address(destination)?
            },
        },
        next_hop,
        scope,
    }))
}

/// What stands for the next hop.
const NEXT_HOP: &str = "DST_ANNO";

const DEFAULT_TTL: u8 = 250;

/// A number up to `most`, which is at most 255.
fn byte(value: Value<'_>, most: u64) -> Result<u8, ConfigError> {
    let number = value.unsigned()?;
    let number = u8::try_from(number).ok().filter(|_| number <= most);
    number.ok_or_else(|| value.refuse("a number that fits its field"))
}

/// Type of service, from TOS or from DSCP, ECT and CE.
fn read_tos(arguments: &mut Arguments<'_>) -> Result<u8, ConfigError> {
    const CONGESTION: u8 = 3;
    let tos = arguments.keyword("TOS")?;
    let parts = [
        arguments.keyword("DSCP")?,
        arguments.keyword("ECT")?,
        arguments.keyword("CE")?,
    ];
    if let (Some(_), Some(part)) = (tos, parts.into_iter().flatten().next()) {
        return Err(part.refuse("absent where TOS is given"));
    }
    let [dscp, ect, ce] = parts;
    let dscp = dscp.map_or(Ok(0), |value| byte(value, 63))?;
    let ect = match ect {
        Some(value) if value.text() == "2" => 2,
        Some(value) => u8::from(value.boolean()?),
        None => 0,
    };
    let congestion = match ce {
        Some(value) if value.boolean()? && ect != 0 => {
            return Err(value.refuse("absent where ECT is given"));
        }
        Some(value) if value.boolean()? => CONGESTION,
        _ => 0,
    };
    tos.map_or(Ok((dscp << 2) | ect | congestion), |value| byte(value, 255))
}

impl IpEncap {
    fn encapsulate(&mut self, packet: &mut Packet) -> Option<()> {
        packet.push(ipv4::MIN_LEN).ok()?;
        let mut header = self.header;
        header.total_len = packet.len();
        if self.next_hop {
            header.destination = packet.notes.destination.into();
        }
        self.header.id = self.header.id.wrapping_add(1);
        packet.notes.destination = header.destination.octets();
        set(packet.bytes_mut(), 0, header.bytes());
        packet.set_network_header(0, ipv4::MIN_LEN);
        Some(())
    }
}

impl InPlace for IpEncap {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        self.encapsulate(packet).map(|()| 0)
    }
}

impl Element for IpEncap {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "src" => Some(format!("{}", self.header.source)),
            "dst" if self.next_hop => Some(NEXT_HOP.into()),
            "dst" => Some(format!("{}", self.header.destination)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "src" => self.header.source = self.scope.address(value)?,
            "dst" => {
                self.next_hop = value == NEXT_HOP;
                if !self.next_hop {
                    self.header.destination = self.scope.address(value)?;
                }
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, router, run};

    #[test]
    fn headers_are_right() {
        let mut host = MemoryHost::new(&[b"abcd"]);
        let router = run(
            "FromDump(in.pcap) -> t :: Tee;
            t [0] -> IPEncap(udp, 10.0.0.1, 10.0.0.2, TOS 7, TTL 9, DF true) -> c :: CheckIPHeader
                -> ToDump(one);
            t [1] -> SetIPAddress(1.2.3.4) -> e :: IPEncap(99, 10.0.0.1, DST_ANNO, DSCP 1, ECT 2)
                -> c",
            &mut host,
        );
        assert_eq!(router.read_handler("c.drops").unwrap(), "0");
        assert_eq!(router.read_handler("e.dst").unwrap(), "DST_ANNO");
        let start = |name| host.written(name)[0][..10].to_vec();
        // Both go through one element, and to its first output.
        assert_eq!(start("one"), [0x45, 7, 0, 24, 0, 0, 0x40, 0, 9, 17]);
        assert_eq!(
            host.written("one")[1][..10],
            [0x45, 6, 0, 24, 0, 0, 0, 0, 250, 99]
        );
        assert_eq!(host.written("one")[1][16..20], [1, 2, 3, 4]);
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for arguments in [
            "xyz, 1.1.1.1, 2.2.2.2",
            "256, 1.1.1.1, 2.2.2.2",
            "tcp, 1.1.1.1, 2.2.2.2, TOS 1, DSCP 1",
            "tcp, 1.1.1.1, 2.2.2.2, DSCP 64",
            "tcp, 1.1.1.1, 2.2.2.2, ECT 1, CE 1",
            "tcp, 1.1.1.1",
        ] {
            let text = alloc::format!("InfiniteSource -> IPEncap({arguments}) -> Discard");
            router(&text, &mut MemoryHost::new(&[])).unwrap_err();
        }
    }
}
