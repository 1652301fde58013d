//! ARP for IPv4 over Ethernet (RFC 826).

use core::net::Ipv4Addr;

use bpf_runtime::PacketError;

use super::{ethernet, get, set};
use crate::names::EtherAddress;
use crate::packet::Packet;

/// Bytes of a message.
pub(crate) const LEN: usize = 28;

/// Who has an address?
pub(crate) const REQUEST: u16 = 1;
/// I have it.
pub(crate) const REPLY: u16 = 2;

/// The hardware Ethernet.
const HARDWARE: u16 = 1;

const SENDER: usize = 8;
const SENDER_IP: usize = 14;
const TARGET: usize = 18;
const TARGET_IP: usize = 24;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arp {
    pub(crate) operation: u16,
    pub(crate) sender: EtherAddress,
    pub(crate) sender_ip: Ipv4Addr,
    pub(crate) target: EtherAddress,
    pub(crate) target_ip: Ipv4Addr,
}

impl Arp {
    /// The message that `bytes` begin with, if it is about IPv4 over Ethernet.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let [hardware, protocol] = [0, 2].map(|at| get(bytes, at).map(u16::from_be_bytes));
        if hardware != Some(HARDWARE) || protocol != Some(ethernet::IPV4) {
            return None;
        }
        Some(Self {
            operation: u16::from_be_bytes(get(bytes, 6)?),
            sender: EtherAddress(get(bytes, SENDER)?),
            sender_ip: get::<4>(bytes, SENDER_IP)?.into(),
            target: EtherAddress(get(bytes, TARGET)?),
            target_ip: get::<4>(bytes, TARGET_IP)?.into(),
        })
    }

    /// The message behind the Ethernet header that a packet begins with.
    pub(crate) fn of(packet: &Packet) -> Option<Self> {
        let bytes = packet.bytes();
        let header = ethernet::Ethernet::read(bytes)?;
        let message = bytes.get(ethernet::LEN..)?;
        (header.ether_type == ethernet::ARP)
            .then(|| Self::read(message))
            .flatten()
    }

    /// A packet with an Ethernet header for `destination` and the message.
    ///
    /// # Errors
    /// There is no memory.
    pub(crate) fn packet(&self, destination: EtherAddress) -> Result<Packet, PacketError> {
        let mut bytes = [0; ethernet::LEN + LEN];
        let header = ethernet::Ethernet {
            destination,
            source: self.sender,
            ether_type: ethernet::ARP,
        };
        let (front, message) = bytes.split_at_mut(ethernet::LEN);
        set(front, 0, header.bytes());
        set(message, 0, HARDWARE.to_be_bytes());
        set(message, 2, ethernet::IPV4.to_be_bytes());
        set(message, 4, [6, 4]);
        set(message, 6, self.operation.to_be_bytes());
        set(message, SENDER, self.sender.0);
        set(message, SENDER_IP, self.sender_ip.octets());
        set(message, TARGET, self.target.0);
        set(message, TARGET_IP, self.target_ip.octets());
        let mut packet = Packet::new(&bytes)?;
        packet.set_mac_header(0);
        packet.set_network_header(ethernet::LEN, LEN);
        Ok(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let message = Arp {
            operation: REQUEST,
            sender: EtherAddress([2, 0, 0, 0, 0, 1]),
            sender_ip: Ipv4Addr::new(10, 0, 0, 1),
            target: EtherAddress::default(),
            target_ip: Ipv4Addr::new(10, 0, 0, 2),
        };
        let packet = message.packet(EtherAddress::BROADCAST).unwrap();
        assert_eq!((packet.len(), Arp::of(&packet)), (42, Some(message)));
        for len in 0..packet.len() {
            let cut = Packet::new(&packet.bytes()[..len]).unwrap();
            assert_eq!(Arp::of(&cut), None, "{len}");
        }
        for at in [12, 13, 14, 15, 16, 17] {
            let mut wrong = packet.clone();
            wrong.bytes_mut()[at] ^= 1;
            assert_eq!(Arp::of(&wrong), None, "{at}");
        }
    }
}
