//! Who decides whether a signature counts.

use bpf_statement::{Sign1, UnixTime};
use bpf_trust::{ChainCache, Role, TrustBundle, TrustError, VerifiedSigner};

/// Decides whether a control message is an operator's.
pub trait Authority {
    /// The operator who signed the message: one with a valid chain for the role operator or
    /// break-glass, whose key made the signature.
    ///
    /// # Errors
    /// There is none; it is not said to anybody.
    fn authenticate(&mut self, message: &Sign1<'_>) -> Result<VerifiedSigner, TrustError>;

    /// How late it is.
    fn now(&self) -> UnixTime;
}

/// Decides by a trust bundle.
#[derive(Debug)]
pub struct TrustAuthority<'a> {
    /// Whom to trust.
    pub trust: &'a TrustBundle,
    /// How late it is.
    pub now: UnixTime,
    /// Chains that were valid before.
    pub chains: &'a mut ChainCache,
}

impl Authority for TrustAuthority<'_> {
    fn authenticate(&mut self, message: &Sign1<'_>) -> Result<VerifiedSigner, TrustError> {
        let chain = message.chain();
        let mut verify = |role| {
            self.chains
                .verify(self.trust, chain.leaf, chain.ca, self.now, role)
        };
        // A certificate has one role, so that the second is asked for only where the first is not it.
        let signer = verify(Role::Operator).or_else(|error| match verify(Role::BreakGlass) {
            Err(TrustError::Profile { .. }) => Err(error),
            other => other,
        })?;
        signer.verify(&message.to_be_signed(), message.signature())?;
        Ok(signer)
    }

    fn now(&self) -> UnixTime {
        self.now
    }
}
