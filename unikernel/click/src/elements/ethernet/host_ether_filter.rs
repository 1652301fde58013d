//! HostEtherFilter.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::PacketType;
use platform_click::limits::MAX_PACKET_SIZE;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ethernet::{self, Ethernet};
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, Value};
use crate::names::EtherAddress;
use crate::packet::Packet;

manual! {
    /// Drops Ethernet packets for other machines, as an Ethernet device does.
    ///
    /// It notes of each packet whether it is for this host, for all, for a group, or for another host.
    /// A packet without an Ethernet header is treated as one for another host.
    ///
    /// # Configuration
    /// `HostEtherFilter(ETHER [, DROP_OWN, DROP_OTHER, keyword OFFSET])`
    /// - ETHER: the address of this host.
    /// - DROP_OWN: whether packets with ETHER as source are dropped. False by default.
    /// - DROP_OTHER: whether packets for other hosts are dropped. True by default.
    /// - OFFSET: bytes in front of the Ethernet header. 0 by default.
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic; a second one, push, gets what is dropped
    /// otherwise.
    ///
    /// # Handlers
    /// - `ether` (read, write): ETHER.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> HostEtherFilter(2:0:0:0:0:1) -> Discard;
    /// ```
    pub(crate) struct HostEtherFilter {
        address: EtherAddress,
        drop_own: bool,
        drop_other: bool,
        offset: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "HostEtherFilter",
    manual: HostEtherFilter::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &["ETHER", "DROP_OWN", "DROP_OTHER", "OFFSET"],
    handlers: &[Handler::read_write("ether")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let address = arguments.mandatory("ETHER")?;
    let drop_own = arguments.positional("DROP_OWN")?;
    let drop_other = arguments.positional("DROP_OTHER")?;
    let offset = arguments.keyword("OFFSET")?;
    let offset = offset.map(|value| value.at_most(MAX_PACKET_SIZE, "within a packet"));
    Ok(Box::new(HostEtherFilter {
        address: arguments.scope().read_ether(address)?,
        drop_own: drop_own.map_or(Ok(false), Value::boolean)?,
        drop_other: drop_other.map_or(Ok(true), Value::boolean)?,
        offset: offset.unwrap_or(Ok(0))?,
    }))
}

impl HostEtherFilter {
    /// Whom a packet is for, and whether it goes on.
    fn judge(&self, packet: &Packet) -> (PacketType, bool) {
        let header = packet.bytes().get(self.offset..).and_then(Ethernet::read);
        let Some(header) = header else {
            return (PacketType::OtherHost, !self.drop_other);
        };
        let own = header.source == self.address;
        let packet_type = match ethernet::packet_type(header.destination) {
            PacketType::Host if header.destination != self.address => PacketType::OtherHost,
            packet_type => packet_type,
        };
        let other = packet_type == PacketType::OtherHost;
        (
            packet_type,
            !(own && self.drop_own || other && self.drop_other),
        )
    }
}

impl InPlace for HostEtherFilter {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let (packet_type, passes) = self.judge(packet);
        packet.notes.packet_type = packet_type;
        Some(usize::from(!passes))
    }
}

impl Element for HostEtherFilter {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "ether").then(|| format!("{}", self.address))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "ether" {
            return None;
        }
        self.address = EtherAddress::parse(value)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    #[test]
    fn packets_of_each_kind() {
        let to = |to: &[u8; 6], from: &[u8; 6]| [&to[..], from, b"\x08\x00"].concat();
        let (me, you) = (b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02");
        let packets = [
            to(me, you),
            to(you, me),
            to(b"\xff\xff\xff\xff\xff\xff", you),
            to(b"\x01\0\0\0\0\0", me),
            me.to_vec(),
        ];
        let packets: alloc::vec::Vec<&[u8]> = packets.iter().map(|packet| &packet[..]).collect();
        for (arguments, passed, dropped, unicast) in [
            ("", 3, 2, 1),
            (", false, false", 5, 0, 3),
            (", DROP_OWN true", 2, 3, 1),
        ] {
            let mut host = MemoryHost::new(&packets);
            let text = alloc::format!(
                "FromDump(in.pcap) -> h :: HostEtherFilter(2:0:0:0:0:1{arguments})
                    -> ToDump(passed) -> DropBroadcasts -> ToDump(unicast);
                h [1] -> ToDump(dropped)"
            );
            run(&text, &mut host);
            let counts = ["passed", "dropped", "unicast"].map(|name| host.written(name).len());
            assert_eq!(counts, [passed, dropped, unicast], "{arguments}");
        }
    }
}
