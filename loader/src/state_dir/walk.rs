//! The walk from one trust bundle to the next, however long a loader was away.

use std::vec::Vec;

use bpf_statement::UnixTime;
use bpf_trust::{TrustBundle, UnverifiedTrustBundle};

use super::{StateDir, StateError, TRUST, TRUST_NEXT, files};
use crate::Snapshot;
use crate::snapshot::TrustUse;
use crate::store::{CommitError, RollbackStore, Update};

/// Trust bundles that one walk takes: one for every month of five years, and a few.
pub const MAX_WALK: usize = 64;

impl StateDir {
    /// Takes over newer trust bundles, each exactly one version after the one before and signed by
    /// enough of its root keys. From then on the root keys of the last decide. Files of versions that
    /// are known are passed over, so that a loader can be given all there are.
    ///
    /// What each bundle sets anew takes effect, as if the loader had been there.
    ///
    /// # Errors
    /// [`StateError::Trust`] for the first that does not follow; then nothing was changed.
    /// [`StateError::Refused`] when another of a version was in use.
    pub fn update_trust(
        &mut self,
        trust_files: &[Vec<u8>],
        clock: Option<UnixTime>,
    ) -> Result<&TrustBundle, StateError> {
        let newer = self.newer(trust_files)?;
        let (Some((last, file)), steps) = (newer.last(), newer.as_slice()) else {
            return Ok(&self.pinned);
        };
        let dir = self.path.clone();
        files::replace(&dir.join(TRUST_NEXT), file)?;
        self.update(|state| change(state, steps, last, clock))
            .map_err(|error| match error {
                CommitError::Refused(refusal) => StateError::Refused(refusal.into()),
                CommitError::Store(error) => error,
            })?;
        // A loss of power before this is made good by `open`.
        files::rename(&dir.join(TRUST_NEXT), &dir.join(TRUST))?;
        let pinned = super::provision(file).map_err(StateError::Trust)?;
        self.pinned = pinned;
        Ok(&self.pinned)
    }

    /// The bundles after the present one, each held against the one before.
    fn newer<'a>(
        &self,
        trust_files: &'a [Vec<u8>],
    ) -> Result<Vec<(TrustBundle, &'a [u8])>, StateError> {
        let mut bundles = Vec::new();
        for file in trust_files.iter().take(MAX_WALK) {
            let bundle = UnverifiedTrustBundle::parse(file).map_err(StateError::Trust)?;
            if bundle.contents().version > self.pinned.version() {
                bundles.push((bundle, file.as_slice()));
            }
        }
        bundles.sort_by_key(|(bundle, _)| bundle.contents().version);
        bundles.dedup_by_key(|(bundle, _)| bundle.contents().version);
        let mut newer: Vec<(TrustBundle, &[u8])> = Vec::new();
        for (bundle, file) in bundles {
            let before = newer.last().map_or(&self.pinned, |(bundle, _)| bundle);
            let next = before.successor(bundle).map_err(StateError::Trust)?;
            newer.push((next, file));
        }
        Ok(newer)
    }
}

/// The state after the walk, and the line that says so.
fn change(
    state: &Snapshot,
    steps: &[(TrustBundle, &[u8])],
    last: &TrustBundle,
    clock: Option<UnixTime>,
) -> Result<Update, crate::Refusal> {
    let mut next = state.clone();
    for (step, _) in steps {
        // One that was in use without having been taken over has had its effect.
        if step.version() >= next.trust.version {
            next = next.with_trust(&TrustUse::of(step))?;
        }
    }
    next.pinned = last.root_keys().digest();
    let event = std::format!(
        "trust version={} sha256={} root-keys={}",
        last.version(),
        last.digest(),
        next.pinned
    );
    let (audit, line) = next.audit.append(next.now(clock), &event);
    next.audit = audit;
    next.generation = next.generation.saturating_add(1);
    Ok(Update { next, line })
}
