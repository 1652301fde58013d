//! Views of protocol headers: their fields, where they are, in packets that may be cut off anywhere.
//!
//! A view exists only where its header does, so that reading a field of it cannot fail.

pub(crate) mod arp;
pub(crate) mod ethernet;
pub(crate) mod icmp;
pub(crate) mod ipv4;
pub(crate) mod transport;

/// `N` bytes at an offset.
pub(crate) fn get<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Writes `N` bytes at an offset; nothing if they are not there.
pub(crate) fn set<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = value;
    }
}
