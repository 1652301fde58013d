//! EtherEncap.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ethernet::Ethernet;
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, parse_unsigned};
use crate::names::EtherAddress;
use crate::packet::Packet;

manual! {
    /// Puts an Ethernet header in front of packets.
    ///
    /// A packet that would become too long is dropped.
    ///
    /// # Configuration
    /// `EtherEncap(ETHERTYPE, SRC, DST)`
    /// - ETHERTYPE: the type, such as `0x0800` for IPv4.
    /// - SRC: the source address.
    /// - DST: the destination address.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `src` (read, write): SRC.
    /// - `dst` (read, write): DST.
    /// - `ethertype` (read, write): ETHERTYPE; read in decimal digits.
    /// - `etht` (read, write): the same.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true)
    ///     -> EtherEncap(0x0800, 1:1:1:1:1:1, 2:2:2:2:2:2) -> Discard;
    /// ```
    pub(crate) struct EtherEncap {
        header: Ethernet,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "EtherEncap",
    manual: EtherEncap::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["ETHERTYPE", "SRC", "DST"],
    handlers: &[
        Handler::read_write("src"),
        Handler::read_write("dst"),
        Handler::read_write("ethertype"),
        Handler::read_write("etht"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let ether_type = arguments.mandatory("ETHERTYPE")?;
    let source = arguments.mandatory("SRC")?;
    let destination = arguments.mandatory("DST")?;
    let scope = arguments.scope();
    Ok(Box::new(EtherEncap {
        header: Ethernet {
            ether_type: parse_type(ether_type.text())
                .ok_or_else(|| ether_type.refuse("a type from 0 to 0xffff"))?,
            source: scope.read_ether(source)?,
            destination: scope.read_ether(destination)?,
        },
    }))
}

/// A type. As in Click, a leading zero that is not followed by an `x` makes it octal.
fn parse_type(text: &str) -> Option<u16> {
    let octal = text.strip_prefix('0').filter(|rest| !rest.is_empty());
    match octal.filter(|rest| rest.chars().all(|c| c.is_digit(8))) {
        Some(octal) => u16::from_str_radix(octal, 8).ok(),
        None => parse_unsigned(text)?.try_into().ok(),
    }
}

impl InPlace for EtherEncap {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        self.header.encapsulate(packet).map(|()| 0)
    }
}

impl Element for EtherEncap {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "src" => Some(format!("{}", self.header.source)),
            "dst" => Some(format!("{}", self.header.destination)),
            "ethertype" | "etht" => Some(format!("{}", self.header.ether_type)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "src" => self.header.source = EtherAddress::parse(value)?,
            "dst" => self.header.destination = EtherAddress::parse(value)?,
            "ethertype" | "etht" => self.header.ether_type = parse_type(value)?,
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    #[test]
    fn headers_come_in_front() {
        let longest = [0; platform_click::limits::MAX_PACKET_SIZE];
        let mut host = MemoryHost::new(&[b"x", b"", &longest]);
        let text = "FromDump(in.pcap)
            -> e :: EtherEncap(0x0800, 0:1:2:3:4:5, 6:7:8:9:a:b) -> ToDump(out, 0)";
        let mut router = run(text, &mut host);
        let header = b"\x06\x07\x08\x09\x0a\x0b\0\x01\x02\x03\x04\x05\x08\0";
        assert_eq!(
            host.written("out"),
            [&[&header[..], b"x"].concat()[..], header]
        );
        router.write_handler("e.ethertype", "0x0801").unwrap();
        router.write_handler("e.src", "2:2:2:2:2:2").unwrap();
        assert_eq!(router.read_handler("e.ethertype").unwrap(), "2049");
        assert_eq!(router.read_handler("e.src").unwrap(), "02-02-02-02-02-02");
        assert!(router.write_handler("e.ethertype", "0x10000").is_err());
    }
}
