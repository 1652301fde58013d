//! Chains that were valid before.

use alloc::collections::VecDeque;

use platform_click::Digest;

use crate::{Role, TrustBundle, TrustError, UnixTime, VerifiedSigner, verify_chain};

/// Chains that are remembered: signers and operators that are at work in the same weeks.
const MAX_CHAINS: usize = 16;

/// Remembers valid chains, so that a signer who is known costs one verification instead of three.
///
/// What a chain is worth follows from its certificates, the role, the trust bundle and the time. The
/// first three are compared; the time is looked at anew for each use.
#[derive(Clone, Debug, Default)]
pub struct ChainCache {
    known: VecDeque<(Known, VerifiedSigner)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    leaf: Digest,
    ca: Digest,
    role: Role,
    trust: Digest,
}

impl ChainCache {
    /// As [`verify_chain`], with the same answer.
    ///
    /// # Errors
    /// As there.
    pub fn verify(
        &mut self,
        bundle: &TrustBundle,
        leaf: &[u8],
        ca: &[u8],
        now: UnixTime,
        role: Role,
    ) -> Result<VerifiedSigner, TrustError> {
        let key = Known {
            leaf: Digest::of(leaf),
            ca: Digest::of(ca),
            role,
            trust: bundle.digest(),
        };
        let known = self.known.iter().find(|(known, _)| *known == key);
        if let Some((_, signer)) = known
            && bundle.check_time(now).is_ok()
            && signer.check_signed_time(now).is_ok()
        {
            return Ok(signer.clone());
        }
        let signer = verify_chain(bundle, leaf, ca, now, role)?;
        self.known.retain(|(known, _)| *known != key);
        if self.known.len() >= MAX_CHAINS {
            self.known.pop_front();
        }
        self.known.push_back((key, signer.clone()));
        Ok(signer)
    }
}
