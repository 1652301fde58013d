//! What a trust bundle says, and the rules that its content follows.

use alloc::vec::Vec;

use bpf_statement::{MAX_COUNTER, Name, Text, Version};
use platform_click::Digest;

use crate::contents_error::{ContentsError, check_ascending, check_count};
use crate::limits::{
    MAX_ANCHORS, MAX_COUNTER_RESETS, MAX_ENGINES, MAX_MIN_EPOCHS, MAX_PLATFORMS, MAX_REVOKED,
};
use crate::{Anchor, PublicKey, RootKeys, UnixTime};

/// The content of a trust bundle. Public fields: before it is signed anybody may write it, and what
/// was only read or written is trusted by nobody; see [`TrustBundle`](crate::TrustBundle).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustContents {
    /// Rises by one with each bundle, from 1.
    pub version: u64,
    /// From when on it is valid.
    pub issued: UnixTime,
    /// Until when it is valid; later than `issued`.
    pub expires: UnixTime,
    /// The keys that sign trust bundles, and how many of them must.
    pub root_keys: RootKeys,
    /// X.509 roots, at least one.
    pub anchors: Vec<Anchor>,
    /// Lowest epochs of the leaves of CAs.
    pub min_epochs: Vec<MinEpoch>,
    /// Digests of revoked keys, of leaves or CAs ([`PublicKey::digest`]).
    pub revoked: Vec<Digest>,
    /// Platforms allowed, by name and version as in `platform_click::Platform::NAME`; at least one.
    pub platforms: Vec<Text>,
    /// Lowest versions of verifier engines; an engine that is not here may have any.
    pub min_engines: Vec<MinEngine>,
    /// Counters that loaders set anew.
    pub counter_resets: Vec<CounterReset>,
    /// Whether programs are accepted whose end is enforced by fuel and not proved.
    pub accepts_fuel: bool,
    /// What loaders set their time floor to, after it was driven too far ahead.
    pub time_floor: Option<UnixTime>,
}

/// The lowest epoch accepted in leaves of one CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinEpoch {
    /// The CA's key ([`PublicKey::digest`]).
    pub ca: Digest,
    /// The lowest epoch.
    pub epoch: u64,
}

/// The lowest version accepted of one verifier engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinEngine {
    /// The engine's name.
    pub name: Name,
    /// Its lowest version.
    pub version: Version,
}

/// A counter that loaders set anew, after a signer drove it too far ahead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CounterReset {
    /// The statement's name.
    pub name: Name,
    /// What the counter is set to; 1..=[`MAX_COUNTER`].
    pub to: u64,
    /// Why, for people; not empty.
    pub reason: Text,
}

impl TrustContents {
    /// Brings every list into the order of the format.
    pub(crate) fn sort(&mut self) {
        self.anchors
            .sort_by(|a, b| anchor_order(a).cmp(&anchor_order(b)));
        self.min_epochs.sort_unstable();
        self.revoked.sort_unstable();
        self.platforms.sort();
        self.min_engines.sort();
        self.counter_resets.sort();
    }

    /// Every rule of the format that concerns content.
    pub(crate) fn check(&self) -> Result<(), ContentsError> {
        if self.version == 0 {
            return Err(ContentsError::Version);
        }
        if self.issued >= self.expires {
            return Err(ContentsError::Validity {
                issued: self.issued,
                expires: self.expires,
            });
        }
        let latest = self
            .time_floor
            .map_or(self.expires, |floor| floor.max(self.expires));
        if latest > UnixTime::YEAR_9999 {
            return Err(ContentsError::Time(latest));
        }
        self.check_counts()?;
        self.check_order()?;
        self.check_keys()?;
        self.check_texts()
    }

    fn check_counts(&self) -> Result<(), ContentsError> {
        for (list, count, min, max) in [
            ("anchors", self.anchors.len(), 1, MAX_ANCHORS),
            ("lowest epochs", self.min_epochs.len(), 0, MAX_MIN_EPOCHS),
            ("revoked keys", self.revoked.len(), 0, MAX_REVOKED),
            ("platforms", self.platforms.len(), 1, MAX_PLATFORMS),
            ("verifier engines", self.min_engines.len(), 0, MAX_ENGINES),
            (
                "counter resets",
                self.counter_resets.len(),
                0,
                MAX_COUNTER_RESETS,
            ),
        ] {
            check_count(list, count, min, max)?;
        }
        Ok(())
    }

    /// Order also means that nothing has two entries, of which a reader would have to choose one.
    fn check_order(&self) -> Result<(), ContentsError> {
        let anchors: Vec<_> = self.anchors.iter().map(anchor_order).collect();
        let epochs: Vec<_> = self.min_epochs.iter().map(|entry| entry.ca).collect();
        let engines: Vec<_> = self.min_engines.iter().map(|entry| &entry.name).collect();
        let resets: Vec<_> = self
            .counter_resets
            .iter()
            .map(|entry| &entry.name)
            .collect();
        check_ascending("anchors", &anchors)?;
        check_ascending("lowest epochs", &epochs)?;
        check_ascending("revoked keys", &self.revoked)?;
        check_ascending("platforms", &self.platforms)?;
        check_ascending("verifier engines", &engines)?;
        check_ascending("counter resets", &resets)
    }

    fn check_keys(&self) -> Result<(), ContentsError> {
        for anchor in &self.anchors {
            if self.root_keys.keys().contains(anchor.key()) {
                return Err(ContentsError::SharedKey(anchor.key().digest()));
            }
        }
        let anchors = self.anchors.iter().map(Anchor::key);
        for key in self.root_keys.keys().iter().chain(anchors) {
            if self.revoked.contains(&key.digest()) {
                return Err(ContentsError::RevokedRoot(key.digest()));
            }
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), ContentsError> {
        let reasons = self.counter_resets.iter().map(|reset| &reset.reason);
        if self
            .platforms
            .iter()
            .chain(reasons)
            .any(|text| text.as_str().is_empty())
        {
            return Err(ContentsError::EmptyText);
        }
        let mut counters = self.counter_resets.iter().map(|reset| reset.to);
        match counters.find(|to| !(1..=MAX_COUNTER).contains(to)) {
            Some(to) => Err(ContentsError::Counter(to)),
            None => Ok(()),
        }
    }
}

fn anchor_order(anchor: &Anchor) -> (&[u8], &PublicKey) {
    (anchor.name_der(), anchor.key())
}
