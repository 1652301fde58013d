//! The Ethernet header (IEEE 802.3), and the tag of IEEE 802.1Q.

use bpf_runtime::PacketType;

use super::{get, set};
use crate::names::EtherAddress;
use crate::packet::Packet;

/// Bytes of a header.
pub(crate) const LEN: usize = 14;
/// Bytes of a tag.
pub(crate) const TAG_LEN: usize = 4;

/// The type of IPv4.
pub(crate) const IPV4: u16 = 0x0800;
/// The type of ARP.
pub(crate) const ARP: u16 = 0x0806;
/// The type that says that a tag follows.
pub(crate) const TAGGED: u16 = 0x8100;

const DESTINATION: usize = 0;
const SOURCE: usize = 6;
const TYPE: usize = 12;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ethernet {
    pub(crate) destination: EtherAddress,
    pub(crate) source: EtherAddress,
    pub(crate) ether_type: u16,
}

impl Ethernet {
    /// The header that `bytes` begin with.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            destination: EtherAddress(get(bytes, DESTINATION)?),
            source: EtherAddress(get(bytes, SOURCE)?),
            ether_type: u16::from_be_bytes(get(bytes, TYPE)?),
        })
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        set(&mut bytes, DESTINATION, self.destination.0);
        set(&mut bytes, SOURCE, self.source.0);
        set(&mut bytes, TYPE, self.ether_type.to_be_bytes());
        bytes
    }

    /// Puts it in front of a packet. `None` if that becomes too long.
    pub(crate) fn encapsulate(&self, packet: &mut Packet) -> Option<()> {
        packet.push(LEN).ok()?;
        set(packet.bytes_mut(), 0, self.bytes());
        packet.set_mac_header(0);
        Some(())
    }
}

/// Whom an address addresses.
pub(crate) fn packet_type(destination: EtherAddress) -> PacketType {
    if destination == EtherAddress::BROADCAST {
        PacketType::Broadcast
    } else if destination.is_group() {
        PacketType::Multicast
    } else {
        PacketType::Host
    }
}

/// Writes the destination of a header that a packet begins with.
pub(crate) fn set_destination(packet: &mut Packet, address: EtherAddress) {
    set(packet.bytes_mut(), DESTINATION, address.0);
}

/// Writes the source of a header that a packet begins with.
pub(crate) fn set_source(packet: &mut Packet, address: EtherAddress) {
    set(packet.bytes_mut(), SOURCE, address.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_and_written() {
        let bytes = *b"\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x06";
        let header = Ethernet::read(&bytes).unwrap();
        assert_eq!((header.ether_type, header.bytes()), (ARP, bytes));
        assert_eq!(Ethernet::read(&bytes[..13]), None);
        assert_eq!(packet_type(header.destination), PacketType::Broadcast);
        assert_eq!(packet_type(header.source), PacketType::Host);
        assert_eq!(
            packet_type(EtherAddress([1, 0, 0, 0, 0, 0])),
            PacketType::Multicast
        );
        let mut packet = Packet::new(b"x").unwrap();
        header.encapsulate(&mut packet).unwrap();
        set_destination(&mut packet, header.source);
        set_source(&mut packet, header.destination);
        let swapped = Ethernet::read(packet.bytes()).unwrap();
        assert_eq!(
            (swapped.destination, swapped.source),
            (header.source, header.destination)
        );
    }
}
