//! ICMP (RFC 792): types, sizes, and the checksum.

use bpf_runtime::checksum;

use super::{get, set};

/// Bytes of the header of most messages.
pub(crate) const LEN: usize = 8;

/// The answer to an echo request.
pub(crate) const ECHO_REPLY: u8 = 0;
/// The packet cannot be delivered.
pub(crate) const UNREACHABLE: u8 = 3;
/// Send less.
pub(crate) const SOURCE_QUENCH: u8 = 4;
/// Another router is nearer.
pub(crate) const REDIRECT: u8 = 5;
/// A request to be answered with the same data.
pub(crate) const ECHO: u8 = 8;
/// The packet met too many routers, or its fragments took too long.
pub(crate) const TIME_EXCEEDED: u8 = 11;
/// A field of the header is wrong.
pub(crate) const PARAMETER_PROBLEM: u8 = 12;
/// A request for the time.
pub(crate) const TIMESTAMP: u8 = 13;
/// The time.
pub(crate) const TIMESTAMP_REPLY: u8 = 14;
/// A request for the network.
pub(crate) const INFO_REQUEST: u8 = 15;
/// The network.
pub(crate) const INFO_REPLY: u8 = 16;

/// The code of [`UNREACHABLE`] for a packet that is too long and must not be cut.
pub(crate) const NEEDS_FRAGMENTS: u8 = 4;

/// Whether a type reports an error; nobody reports errors about those.
pub(crate) const fn is_error(icmp_type: u8) -> bool {
    matches!(
        icmp_type,
        UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM
    )
}

/// Bytes of the header of a type.
pub(crate) const fn header_len(icmp_type: u8) -> usize {
    match icmp_type {
        TIMESTAMP | TIMESTAMP_REPLY => 20,
        _ => LEN,
    }
}

/// Where the checksum of a message stands.
const CHECKSUM: usize = 2;

/// Keeps the checksum of a message right after two bytes at an even offset have changed. A message of
/// zeros alone has the checksum that is no zero.
pub(crate) fn update_checksum(message: &mut [u8], before: [u8; 2], after: [u8; 2]) {
    let Some(old) = get::<2>(message, CHECKSUM) else {
        return;
    };
    set(message, CHECKSUM, checksum::updated(old, &before, &after));
    if message.iter().all(|byte| *byte == 0) {
        set(message, CHECKSUM, [0xff; 2]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_zeros_has_a_checksum() {
        // An echo request without identifier, and its answer.
        let mut message = [8, 0, 0xf7, 0xff, 0, 0, 0, 0];
        set(&mut message, 0, [0, 0]);
        update_checksum(&mut message, [8, 0], [0, 0]);
        assert_eq!(message, [0, 0, 0xff, 0xff, 0, 0, 0, 0]);
        let sum = checksum::fold(checksum::partial(&message, 0));
        assert_eq!(sum, u16::MAX);
    }
}
