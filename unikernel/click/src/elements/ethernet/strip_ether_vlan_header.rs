//! StripEtherVLANHeader.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ethernet::{self, Ethernet};
use crate::headers::transport::u16_at;
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, Value};
use crate::packet::Packet;

manual! {
    /// Removes the Ethernet header, with its IEEE 802.1Q tag if it has one.
    ///
    /// The tag is noted of the packet. A packet that is shorter than its header is treated as one
    /// that is refused.
    ///
    /// # Configuration
    /// `StripEtherVLANHeader([NATIVE_VLAN])`
    /// - NATIVE_VLAN: what is noted of packets without a tag; 0 by default. With a negative number
    ///   they are refused.
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic; a second one, push, gets what is refused and
    /// would be dropped otherwise.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> StripEtherVLANHeader -> Discard;
    /// ```
    pub(crate) struct StripEtherVlanHeader {
        /// `None` if packets without a tag are refused.
        native: Option<u16>,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "StripEtherVLANHeader",
    manual: StripEtherVlanHeader::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &["NATIVE_VLAN"],
    handlers: &[],
    configure,
};

/// One more than the highest number of a virtual network.
const VLANS: u64 = 4096;

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let native = arguments.positional("NATIVE_VLAN")?;
    Ok(Box::new(StripEtherVlanHeader {
        native: native.map_or(Ok(Some(0)), read_native)?,
    }))
}

fn read_native(value: Value<'_>) -> Result<Option<u16>, ConfigError> {
    match value.limit()? {
        None => Ok(None),
        Some(number) => u16::try_from(number)
            .ok()
            .filter(|_| number < VLANS)
            .map(Some)
            .ok_or_else(|| value.refuse("less than 4096")),
    }
}

impl StripEtherVlanHeader {
    /// Bytes of the header of a packet, and the tag to be noted.
    fn header(&self, packet: &Packet) -> Option<(usize, u16)> {
        let header = Ethernet::read(packet.bytes())?;
        if header.ether_type != ethernet::TAGGED {
            return Some((ethernet::LEN, self.native?));
        }
        let tag = u16_at(packet.bytes(), ethernet::LEN)?;
        Some((ethernet::LEN.saturating_add(ethernet::TAG_LEN), tag))
    }
}

impl InPlace for StripEtherVlanHeader {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let header = self.header(packet);
        let header = header.filter(|(len, _)| packet.pull(*len).is_ok());
        if let Some((_, tag)) = header {
            packet.notes.set_vlan_tci(tag);
        }
        Some(usize::from(header.is_none()))
    }
}

impl Element for StripEtherVlanHeader {
    in_place!();
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    #[test]
    fn tagged_untagged_and_short() {
        let tagged = b"abcdefABCDEF\x81\0\x20\x07\x08\0x";
        let packets: [&[u8]; 4] = [tagged, b"abcdefABCDEF\x08\0y", &tagged[..17], b"short"];
        for (native, passed) in [("", &[&b"x"[..], b"y"][..]), ("-1", &[b"x"])] {
            let mut host = MemoryHost::new(&packets);
            let text = alloc::format!(
                "FromDump(in.pcap) -> s :: StripEtherVLANHeader({native}) -> ToDump(passed);
                s [1] -> ToDump(refused)"
            );
            run(&text, &mut host);
            assert_eq!(host.written("passed"), passed, "{native}");
            assert_eq!(host.written("refused").len(), 4 - passed.len());
        }
    }
}
