//! What elements of a router tell each other of a packet beside its bytes.

/// Elements' annotations of a packet (`include/click/packet_anno.hh` of Click's sources). Programs do
/// not see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// The IPv4 address that the packet is to be sent to next: the gateway's, or its destination's.
    pub destination: [u8; 4],
    /// Whom the link-layer header addresses.
    pub packet_type: PacketType,
    /// Bytes 16 to 23 of Click's annotation area, with the uses that Click has for them.
    user: [u8; Self::USER_SIZE],
}

/// Whom a packet's link-layer header addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum PacketType {
    /// This host, or nobody has looked.
    #[default]
    Host,
    /// All.
    Broadcast,
    /// A group.
    Multicast,
    /// Another host.
    OtherHost,
    /// This host sends it.
    Outgoing,
}

impl Notes {
    /// The annotations of a new packet.
    pub const NONE: Self = Self {
        destination: [0; 4],
        packet_type: PacketType::Host,
        user: [0; Self::USER_SIZE],
    };

    /// The offset in Click's annotation area of the IPv4 destination.
    pub const DESTINATION: usize = 0;
    /// The offset of a packet's colour, a byte.
    pub const PAINT: usize = 16;
    /// The offset of the byte that an ICMP parameter problem is about, a byte.
    pub const PARAMETER_PROBLEM: usize = 17;
    /// The offset of whether a router is to write its own address as source, a byte.
    pub const FIX_IP_SOURCE: usize = 19;
    /// The offset of an IEEE 802.1Q tag, two bytes in network order.
    pub const VLAN_TCI: usize = 20;
    /// The offset of the number of a packet's aggregate, four bytes of the machine's order. It shares
    /// its place with the tag, as in Click.
    pub const AGGREGATE: usize = 20;
    /// One beyond the last byte that there is of Click's annotation area.
    pub const END: usize = 24;

    const USER_START: usize = 16;
    const USER_SIZE: usize = 8;

    /// The byte at an offset of Click's annotation area: 0 to 3 are the destination, 16 to 23 free
    /// for elements. The others do not exist.
    #[must_use]
    pub fn byte(&self, offset: usize) -> Option<u8> {
        let place = match offset.checked_sub(Self::USER_START) {
            Some(at) => self.user.get(at),
            None => self.destination.get(offset),
        };
        place.copied()
    }

    /// Sets the byte at an offset of Click's annotation area; one that does not exist stays so.
    pub fn set_byte(&mut self, offset: usize, value: u8) {
        let place = match offset.checked_sub(Self::USER_START) {
            Some(at) => self.user.get_mut(at),
            None => self.destination.get_mut(offset),
        };
        if let Some(place) = place {
            *place = value;
        }
    }

    /// The four bytes at an offset of Click's annotation area.
    #[must_use]
    pub fn address(&self, offset: usize) -> Option<[u8; 4]> {
        let mut address = [0; 4];
        for (at, byte) in (offset..).zip(&mut address) {
            *byte = self.byte(at)?;
        }
        Some(address)
    }

    /// Sets the four bytes at an offset of Click's annotation area; those that do not exist stay so.
    pub fn set_address(&mut self, offset: usize, address: [u8; 4]) {
        for (at, byte) in (offset..).zip(address) {
            self.set_byte(at, byte);
        }
    }

    /// The packet's colour.
    #[must_use]
    pub fn paint(&self) -> u8 {
        self.byte(Self::PAINT).unwrap_or_default()
    }

    /// Colours the packet.
    pub fn set_paint(&mut self, colour: u8) {
        self.set_byte(Self::PAINT, colour);
    }

    /// The offset within the IP header of what an ICMP parameter problem is about.
    #[must_use]
    pub fn parameter_problem(&self) -> u8 {
        self.byte(Self::PARAMETER_PROBLEM).unwrap_or_default()
    }

    /// Sets [`Self::parameter_problem`].
    pub fn set_parameter_problem(&mut self, offset: u8) {
        self.set_byte(Self::PARAMETER_PROBLEM, offset);
    }

    /// Whether a router is to write the address of the interface that the packet leaves through as
    /// its source.
    #[must_use]
    pub fn fix_ip_source(&self) -> bool {
        self.byte(Self::FIX_IP_SOURCE)
            .is_some_and(|value| value != 0)
    }

    /// Sets [`Self::fix_ip_source`].
    pub fn set_fix_ip_source(&mut self, fix: bool) {
        self.set_byte(Self::FIX_IP_SOURCE, fix.into());
    }

    /// The tag of IEEE 802.1Q that the packet came with: priority and number of its virtual network.
    #[must_use]
    pub fn vlan_tci(&self) -> u16 {
        let [high, low] = [Self::VLAN_TCI, Self::VLAN_TCI.wrapping_add(1)]
            .map(|offset| self.byte(offset).unwrap_or_default());
        u16::from_be_bytes([high, low])
    }

    /// Sets [`Self::vlan_tci`].
    pub fn set_vlan_tci(&mut self, tag: u16) {
        let [high, low] = tag.to_be_bytes();
        self.set_byte(Self::VLAN_TCI, high);
        self.set_byte(Self::VLAN_TCI.wrapping_add(1), low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_places_that_click_gives_them() {
        let mut notes = Notes {
            destination: [1, 2, 3, 4],
            ..Notes::default()
        };
        notes.set_paint(5);
        notes.set_parameter_problem(6);
        notes.set_fix_ip_source(true);
        notes.set_vlan_tci(0x0708);
        let known = [0, 1, 2, 3, 16, 17, 18, 19, 20, 21, 22, 23];
        let bytes = known.map(|offset| notes.byte(offset).unwrap());
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 0, 1, 7, 8, 0, 0]);
        assert_eq!(notes.address(20), Some([7, 8, 0, 0]));
        for unknown in [4, 15, Notes::END, usize::MAX] {
            assert_eq!(notes.byte(unknown), None);
            let mut other = notes;
            other.set_byte(unknown, 9);
            assert_eq!(other, notes);
        }
        assert_eq!((notes.address(1), notes.address(21)), (None, None));
        notes.set_address(Notes::AGGREGATE, [9; 4]);
        assert_eq!(notes.vlan_tci(), 0x0909);
    }
}
