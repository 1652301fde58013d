//! The IPv4 header (RFC 791).

use core::net::Ipv4Addr;

use bpf_runtime::checksum;

use super::{get, set};
use crate::packet::Packet;

/// Bytes of a header without options.
pub(crate) const MIN_LEN: usize = 20;

/// The protocol ICMP.
pub(crate) const ICMP: u8 = 1;
/// The protocol TCP.
pub(crate) const TCP: u8 = 6;
/// The protocol UDP.
pub(crate) const UDP: u8 = 17;

/// The flag that forbids fragments.
pub(crate) const DONT_FRAGMENT: u16 = 0x4000;
/// The flag of every fragment but the last.
pub(crate) const MORE_FRAGMENTS: u16 = 0x2000;
/// The offset of a fragment, in units of eight bytes.
pub(crate) const OFFSET_MASK: u16 = 0x1fff;

/// The option that ends all options.
pub(crate) const OPTION_END: u8 = 0;
/// The option that is one byte of nothing.
pub(crate) const OPTION_NOP: u8 = 1;
/// The option that collects the addresses of routers.
pub(crate) const OPTION_RECORD_ROUTE: u8 = 7;
/// The option that collects times.
pub(crate) const OPTION_TIMESTAMP: u8 = 68;
/// The option for a route of which only some routers are given.
pub(crate) const OPTION_LOOSE_ROUTE: u8 = 131;
/// The option for a route that is given in whole.
pub(crate) const OPTION_STRICT_ROUTE: u8 = 137;

const VERSION_AND_LENGTH: usize = 0;
const TOS: usize = 1;
const TOTAL_LENGTH: usize = 2;
const ID: usize = 4;
const FRAGMENT: usize = 6;
const TTL: usize = 8;
const PROTOCOL: usize = 9;
const CHECKSUM: usize = 10;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;

/// A header and what follows it. Its bytes are there in whole, as many as it says it has, and those
/// are [`MIN_LEN`] at least.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ipv4<B>(B);

impl<B: AsRef<[u8]>> Ipv4<B> {
    /// The header that `bytes` begin with, whatever its version and total length.
    pub(crate) fn new(bytes: B) -> Option<Self> {
        let all = bytes.as_ref();
        let header_len = usize::from(all.first()? & 0xf).saturating_mul(4);
        let whole = header_len >= MIN_LEN && header_len <= all.len();
        whole.then_some(Self(bytes))
    }

    fn u8(&self, at: usize) -> u8 {
        self.0.as_ref().get(at).copied().unwrap_or_default()
    }

    fn u16(&self, at: usize) -> u16 {
        get(self.0.as_ref(), at).map_or(0, u16::from_be_bytes)
    }

    /// Bytes of the header.
    pub(crate) fn header_len(&self) -> usize {
        usize::from(self.u8(VERSION_AND_LENGTH) & 0xf).saturating_mul(4)
    }

    /// Type of service: DSCP and ECN.
    pub(crate) fn tos(&self) -> u8 {
        self.u8(TOS)
    }

    /// Bytes of header and payload, as the header says.
    pub(crate) fn total_len(&self) -> usize {
        self.u16(TOTAL_LENGTH).into()
    }

    /// What fragments of one packet have in common.
    pub(crate) fn id(&self) -> u16 {
        self.u16(ID)
    }

    /// Flags, and the offset in units of eight bytes.
    pub(crate) fn fragment(&self) -> u16 {
        self.u16(FRAGMENT)
    }

    /// Where the payload stands in that of the whole packet, in bytes.
    pub(crate) fn fragment_offset(&self) -> usize {
        usize::from(self.fragment() & OFFSET_MASK).saturating_mul(8)
    }

    /// Whether the payload begins with that of the whole packet.
    pub(crate) fn is_first_fragment(&self) -> bool {
        self.fragment() & OFFSET_MASK == 0
    }

    /// Whether it is not a whole packet.
    pub(crate) fn is_fragment(&self) -> bool {
        self.fragment() & (OFFSET_MASK | MORE_FRAGMENTS) != 0
    }

    /// How many routers it may still meet.
    pub(crate) fn ttl(&self) -> u8 {
        self.u8(TTL)
    }

    /// The protocol of the payload.
    pub(crate) fn protocol(&self) -> u8 {
        self.u8(PROTOCOL)
    }

    /// The checksum, as it stands there.
    pub(crate) fn checksum(&self) -> [u8; 2] {
        get(self.0.as_ref(), CHECKSUM).unwrap_or_default()
    }

    /// Who sent it.
    pub(crate) fn source(&self) -> Ipv4Addr {
        get(self.0.as_ref(), SOURCE).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from)
    }

    /// Whom it is for.
    pub(crate) fn destination(&self) -> Ipv4Addr {
        get(self.0.as_ref(), DESTINATION).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from)
    }

    /// The bytes of the header.
    pub(crate) fn header(&self) -> &[u8] {
        let header = self.0.as_ref().get(..self.header_len());
        header.unwrap_or_default()
    }

    /// The bytes of the options.
    pub(crate) fn options(&self) -> &[u8] {
        self.header().get(MIN_LEN..).unwrap_or_default()
    }

    /// All bytes behind the header, up to the end of the packet if that comes before the end that the
    /// header gives.
    pub(crate) fn payload(&self) -> &[u8] {
        let all = self.0.as_ref();
        let end = self.total_len().min(all.len());
        let payload = all.get(self.header_len()..end);
        payload.unwrap_or_default()
    }

    /// Whether the header sums up to what its checksum says.
    pub(crate) fn has_valid_checksum(&self) -> bool {
        checksum::fold(checksum::partial(self.header(), 0)) == u16::MAX
    }

    /// The sum of the pseudo-header that TCP and UDP have under their checksums (RFC 793, 3.1), for a
    /// payload of `len` bytes.
    pub(crate) fn pseudo_sum(&self, len: usize) -> u32 {
        let [high, low] = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
        let rest = [0, self.protocol(), high, low];
        let sum = checksum::partial(&self.source().octets(), 0);
        let sum = checksum::partial(&self.destination().octets(), sum);
        checksum::partial(&rest, sum)
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Ipv4<B> {
    /// Sets a 16-bit field and keeps the checksum right if it was.
    fn change_u16(&mut self, at: usize, value: u16) {
        let before: [u8; 2] = get(self.0.as_ref(), at).unwrap_or_default();
        let after = value.to_be_bytes();
        let checksum = checksum::updated(self.checksum(), &before, &after);
        set(self.0.as_mut(), at, after);
        self.set_checksum(checksum);
    }

    fn change_address(&mut self, at: usize, address: Ipv4Addr) {
        let before: [u8; 4] = get(self.0.as_ref(), at).unwrap_or_default();
        let after = address.octets();
        let checksum = checksum::updated(self.checksum(), &before, &after);
        set(self.0.as_mut(), at, after);
        self.set_checksum(checksum);
    }

    /// Sets the checksum.
    pub(crate) fn set_checksum(&mut self, checksum: [u8; 2]) {
        set(self.0.as_mut(), CHECKSUM, checksum);
    }

    /// Computes the checksum anew.
    pub(crate) fn fill_checksum(&mut self) {
        self.set_checksum([0; 2]);
        let checksum = checksum::field(checksum::partial(self.header(), 0));
        self.set_checksum(checksum);
    }

    /// Sets the source and keeps the checksum right.
    pub(crate) fn change_source(&mut self, address: Ipv4Addr) {
        self.change_address(SOURCE, address);
    }

    /// Sets the destination and keeps the checksum right.
    pub(crate) fn change_destination(&mut self, address: Ipv4Addr) {
        self.change_address(DESTINATION, address);
    }

    /// Takes one off the time to live, which must not be 0, and keeps the checksum right.
    pub(crate) fn decrease_ttl(&mut self) {
        self.change_ttl(self.ttl().saturating_sub(1));
    }

    /// Sets the time to live and keeps the checksum right.
    pub(crate) fn change_ttl(&mut self, ttl: u8) {
        let protocol = self.protocol();
        self.change_u16(TTL, u16::from_be_bytes([ttl, protocol]));
    }

    /// Sets flags and offset and keeps the checksum right.
    pub(crate) fn change_fragment(&mut self, fragment: u16) {
        self.change_u16(FRAGMENT, fragment);
    }

    /// Sets the identification; the checksum stays as it was.
    pub(crate) fn set_id(&mut self, id: u16) {
        set(self.0.as_mut(), ID, id.to_be_bytes());
    }

    /// Sets the total length; the checksum stays as it was.
    pub(crate) fn set_total_len(&mut self, len: usize) {
        let len = u16::try_from(len).unwrap_or(u16::MAX);
        set(self.0.as_mut(), TOTAL_LENGTH, len.to_be_bytes());
    }

    /// Sets flags and offset; the checksum stays as it was.
    pub(crate) fn set_fragment(&mut self, fragment: u16) {
        set(self.0.as_mut(), FRAGMENT, fragment.to_be_bytes());
    }

    /// The bytes of the options.
    pub(crate) fn options_mut(&mut self) -> &mut [u8] {
        let end = self.header_len();
        self.0.as_mut().get_mut(MIN_LEN..end).unwrap_or_default()
    }

    /// All bytes behind the header, as [`Self::payload`].
    pub(crate) fn payload_mut(&mut self) -> &mut [u8] {
        let start = self.header_len();
        let all = self.0.as_mut();
        let end = get(all, TOTAL_LENGTH).map_or(0, u16::from_be_bytes);
        let end = usize::from(end).min(all.len());
        all.get_mut(start..end).unwrap_or_default()
    }
}

/// A header that is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewHeader {
    pub(crate) tos: u8,
    pub(crate) total_len: usize,
    pub(crate) id: u16,
    pub(crate) fragment: u16,
    pub(crate) ttl: u8,
    pub(crate) protocol: u8,
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
}

impl NewHeader {
    /// Its bytes, without options and with its checksum.
    pub(crate) fn bytes(&self) -> [u8; MIN_LEN] {
        let mut bytes = [0; MIN_LEN];
        let len = u16::try_from(self.total_len).unwrap_or(u16::MAX);
        set(&mut bytes, VERSION_AND_LENGTH, [0x45, self.tos]);
        set(&mut bytes, TOTAL_LENGTH, len.to_be_bytes());
        set(&mut bytes, ID, self.id.to_be_bytes());
        set(&mut bytes, FRAGMENT, self.fragment.to_be_bytes());
        set(&mut bytes, TTL, [self.ttl, self.protocol]);
        set(&mut bytes, SOURCE, self.source.octets());
        set(&mut bytes, DESTINATION, self.destination.octets());
        let checksum = checksum::field(checksum::partial(&bytes, 0));
        set(&mut bytes, CHECKSUM, checksum);
        bytes
    }
}

/// The IP header of a packet, where an element has noted that it starts.
pub(crate) fn of(packet: &Packet) -> Option<Ipv4<&[u8]>> {
    Ipv4::new(packet.bytes().get(packet.network_header()?..)?)
}

/// The IP header of a packet, to change it.
pub(crate) fn of_mut(packet: &mut Packet) -> Option<Ipv4<&mut [u8]>> {
    let at = packet.network_header()?;
    Ipv4::new(packet.bytes_mut().get_mut(at..)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of RFC 1071's kind: its checksum is known (`b861`).
    const HEADER: [u8; 20] = [
        0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 192, 168, 0, 1, 192, 168, 0, 199,
    ];

    #[test]
    fn fields() {
        let header = Ipv4::new(&HEADER).unwrap();
        assert_eq!((header.header_len(), header.total_len()), (20, 0x73));
        assert_eq!(
            (header.fragment(), header.ttl(), header.protocol()),
            (DONT_FRAGMENT, 64, UDP)
        );
        assert_eq!(header.destination(), Ipv4Addr::new(192, 168, 0, 199));
        assert!(header.has_valid_checksum() && !header.is_fragment());
        assert!(header.payload().is_empty() && header.options().is_empty());
        let new = NewHeader {
            tos: 0,
            total_len: 0x73,
            id: 0,
            fragment: DONT_FRAGMENT,
            ttl: 64,
            protocol: UDP,
            source: header.source(),
            destination: header.destination(),
        };
        assert_eq!(new.bytes(), HEADER);
    }

    #[test]
    fn headers_that_are_cut_off_are_none() {
        for len in 0..HEADER.len() {
            assert!(Ipv4::new(&HEADER[..len]).is_none());
        }
        for first in [0x40, 0x44, 0x46] {
            let mut bytes = HEADER;
            bytes[0] = first;
            assert!(Ipv4::new(bytes).is_none(), "{first:x}");
        }
    }

    #[test]
    fn changes_keep_the_checksum_right() {
        let mut header = Ipv4::new(HEADER).unwrap();
        header.change_source(Ipv4Addr::BROADCAST);
        header.change_destination(Ipv4Addr::UNSPECIFIED);
        for _ in 0..300 {
            header.decrease_ttl();
            assert!(header.has_valid_checksum());
        }
        assert_eq!(header.ttl(), 0);
    }

    #[test]
    fn the_payload_ends_with_the_packet() {
        let mut bytes = [0; 40];
        bytes[..20].copy_from_slice(&HEADER);
        for (total_len, payload) in [(0, 0), (19, 0), (20, 0), (30, 10), (40, 20), (99, 20)] {
            let mut header = Ipv4::new(&mut bytes[..]).unwrap();
            header.set_total_len(total_len);
            assert_eq!(header.payload().len(), payload);
            assert_eq!(header.payload_mut().len(), payload);
        }
    }
}
