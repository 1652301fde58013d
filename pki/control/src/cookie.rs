//! Where packets come from, and the proof that they do.

use alloc::vec::Vec;

use platform_click::Digest;

use crate::limits::COOKIE_TIME_MS;

/// Where packets come from: an address, and which of several programs there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// The network address, in whatever form; budgets are by it.
    pub address: Vec<u8>,
    /// The port, or the number of a connection.
    pub port: u64,
}

/// Makes and recognises cookies: who has one receives what is sent to his address.
pub(crate) struct Cookies {
    secret: [u8; 32],
}

impl core::fmt::Debug for Cookies {
    /// Without the secret.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Cookies")
    }
}

impl Cookies {
    pub(crate) const fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    pub(crate) fn cookie(&self, peer: &Peer, at_ms: u64) -> [u8; 16] {
        self.of_period(peer, period(at_ms))
    }

    /// Whether it is the cookie of this or the last period.
    pub(crate) fn recognises(&self, cookie: [u8; 16], peer: &Peer, at_ms: u64) -> bool {
        let now = period(at_ms);
        let mut periods = [Some(now), now.checked_sub(1)].into_iter().flatten();
        periods.any(|period| same(&self.of_period(peer, period), &cookie))
    }

    /// The input begins with a secret of fixed length, every part but the last has a fixed length, and
    /// half of the digest is never shown: nothing can be appended.
    fn of_period(&self, peer: &Peer, period: u64) -> [u8; 16] {
        let mut input = Vec::from(self.secret);
        input.extend_from_slice(&period.to_le_bytes());
        input.extend_from_slice(&peer.port.to_le_bytes());
        input.extend_from_slice(&peer.address);
        let digest = Digest::of(&input);
        let (cookie, _) = digest
            .as_bytes()
            .split_first_chunk()
            .unwrap_or((&[0; 16], &[]));
        *cookie
    }
}

const fn period(at_ms: u64) -> u64 {
    at_ms / COOKIE_TIME_MS
}

/// Compares in a time that does not depend on where the first difference is.
fn same(a: &[u8; 16], b: &[u8; 16]) -> bool {
    a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_counts_for_its_peer_and_its_time() {
        let cookies = Cookies::new([7; 32]);
        let peer = |address: &[u8], port| Peer {
            address: address.into(),
            port,
        };
        let cookie = cookies.cookie(&peer(b"abcd", 1), 5);
        assert!(cookies.recognises(cookie, &peer(b"abcd", 1), 5));
        assert!(cookies.recognises(cookie, &peer(b"abcd", 1), 2 * COOKIE_TIME_MS - 1));
        assert!(!cookies.recognises(cookie, &peer(b"abcd", 1), 2 * COOKIE_TIME_MS));
        assert!(!cookies.recognises(cookie, &peer(b"abcd", 2), 5));
        assert!(!cookies.recognises(cookie, &peer(b"abce", 1), 5));
        assert!(!cookies.recognises([0; 16], &peer(b"abcd", 1), 5));
        assert!(!Cookies::new([8; 32]).recognises(cookie, &peer(b"abcd", 1), 5));
    }
}
