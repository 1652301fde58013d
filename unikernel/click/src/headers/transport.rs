//! TCP (RFC 793) and UDP (RFC 768): ports and checksums.

use bpf_runtime::checksum;

use super::ipv4::{self, Ipv4};
use super::{get, set};

/// Bytes of a TCP header without options.
pub(crate) const TCP_LEN: usize = 20;
/// Bytes of a UDP header.
pub(crate) const UDP_LEN: usize = 8;

/// Where the source port stands.
pub(crate) const SOURCE_PORT: usize = 0;
/// Where the destination port stands.
pub(crate) const DESTINATION_PORT: usize = 2;
/// Where UDP's length stands.
pub(crate) const UDP_LENGTH: usize = 4;
/// Where UDP's checksum stands.
pub(crate) const UDP_CHECKSUM: usize = 6;
/// Where TCP's flags stand.
pub(crate) const TCP_FLAGS: usize = 13;

/// Where TCP's checksum stands.
pub(crate) const TCP_CHECKSUM: usize = 16;

/// TCP's flag for the end of a direction.
pub(crate) const FIN: u8 = 0x01;
/// TCP's flag for the first segment.
pub(crate) const SYN: u8 = 0x02;
/// TCP's flag for a connection that is given up.
pub(crate) const RST: u8 = 0x04;
/// TCP's flag for data to be handed on at once.
pub(crate) const PSH: u8 = 0x08;
/// TCP's flag for an acknowledgement.
pub(crate) const ACK: u8 = 0x10;

/// The 16-bit number at an offset.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    get(bytes, at).map(u16::from_be_bytes)
}

/// The 32-bit number at an offset.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    get(bytes, at).map(u32::from_be_bytes)
}

/// Bytes of a TCP header, as it says.
pub(crate) fn tcp_header_len(segment: &[u8]) -> Option<usize> {
    let offset = segment.get(12)? >> 4;
    Some(usize::from(offset).saturating_mul(4))
}

/// Whether a TCP or UDP checksum, over the payload as it is, is right. UDP's 0 stands for none.
pub(crate) fn has_valid_checksum<B: AsRef<[u8]>>(header: &Ipv4<B>, payload: &[u8]) -> bool {
    let none = header.protocol() == ipv4::UDP && u16_at(payload, UDP_CHECKSUM) == Some(0);
    let sum = checksum::partial(payload, header.pseudo_sum(payload.len()));
    none || checksum::fold(sum) == u16::MAX
}

/// Computes a UDP checksum anew; where the sum is 0, its other form is written (RFC 768).
pub(crate) fn fill_udp_checksum(pseudo_sum: u32, datagram: &mut [u8]) {
    set(datagram, UDP_CHECKSUM, [0; 2]);
    let checksum = match checksum::field(checksum::partial(datagram, pseudo_sum)) {
        [0, 0] => [0xff; 2],
        checksum => checksum,
    };
    set(datagram, UDP_CHECKSUM, checksum);
}
