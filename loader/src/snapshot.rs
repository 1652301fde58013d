//! The state of a loader: what admissions leave behind and what later ones are held against.

use alloc::vec::Vec;

use bpf_statement::{InstanceId, Name, UnixTime};
use bpf_trust::TrustBundle;
use platform_click::Digest;

use crate::audit::AuditHead;
use crate::record::Record;
use crate::{RELEASE_TIME, Refusal};

/// Names whose counters a state keeps: with their digests they fit one slot of 4 KiB, and an
/// element graph with more different programs has not been seen.
pub const MAX_RECORDS: usize = 32;

/// A trust bundle by version and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustId {
    /// Its version.
    pub version: u64,
    /// SHA-256 of its file.
    pub digest: Digest,
}

/// The state at one point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Which state this is.
    pub instance: InstanceId,
    /// Rises by one with each change.
    pub generation: u64,
    /// The digest of the root keys that the state was provisioned with
    /// ([`bpf_trust::RootKeys::digest`]): a trust bundle that was held against others does not count.
    pub pinned: Digest,
    /// The newest trust bundle with which something was admitted; at first that of provisioning.
    pub trust: TrustId,
    /// It is at least this late: the latest signed time, never the clock's.
    pub time_floor: UnixTime,
    /// Where the audit log ends.
    pub audit: AuditHead,
    /// The names known, ascending; at most [`MAX_RECORDS`].
    pub records: Vec<Record>,
}

impl Snapshot {
    /// A state without records, provisioned with `trust`.
    #[must_use]
    pub fn new(instance: InstanceId, trust: &TrustBundle) -> Self {
        Self {
            instance,
            generation: 1,
            pinned: trust.root_keys().digest(),
            trust: trust_id(trust),
            time_floor: trust.contents().issued,
            audit: AuditHead::EMPTY,
            records: Vec::new(),
        }
    }

    /// The record of this name.
    #[must_use]
    pub fn record(&self, name: &Name) -> Option<&Record> {
        let found = self.position(name).ok()?;
        self.records.get(found)
    }

    /// How late it is at least, given what the clock shows: a clock that is behind counts for
    /// nothing. What it shows is never stored, so that one that was ahead does no lasting harm.
    #[must_use]
    pub fn now(&self, clock: Option<UnixTime>) -> UnixTime {
        let clock = clock.unwrap_or(UnixTime::EPOCH);
        RELEASE_TIME.max(self.time_floor).max(clock)
    }

    /// The state after `trust` came into use. The first time that a version is used, the counters
    /// and the time floor that it sets anew take effect.
    ///
    /// # Errors
    /// When the trust bundle was held against other root keys than the pinned ones, or when a newer
    /// one, or another one of the same version, was in use before.
    pub(crate) fn with_trust(&self, trust: &TrustUse) -> Result<Self, Refusal> {
        if trust.pinned != self.pinned {
            return Err(Refusal::TrustNotPinned {
                pinned: self.pinned,
                found: trust.pinned,
            });
        }
        let (stored, found) = (self.trust, trust.id);
        if found.version < stored.version {
            return Err(Refusal::TrustRollback {
                stored: stored.version,
                found: found.version,
            });
        }
        if found.version == stored.version && found.digest != stored.digest {
            return Err(Refusal::TrustEquivocation {
                version: found.version,
                stored: stored.digest,
                found: found.digest,
            });
        }
        let mut next = self.clone();
        if found.version > stored.version {
            next.trust = found;
            next.time_floor = trust.set_time_floor.unwrap_or(next.time_floor);
            for record in &mut next.records {
                if let Some(counter) = trust.set_counter(&record.name) {
                    record.counter = counter;
                    record.admitted = None;
                }
            }
        }
        next.time_floor = next.time_floor.max(trust.issued);
        Ok(next)
    }

    /// The state after an admission that leaves `record`, signed at `signed`.
    ///
    /// # Errors
    /// When the record may not follow the one there is, or there is no room for it.
    pub(crate) fn with_record(
        mut self,
        record: Record,
        trust: &TrustUse,
        signed: UnixTime,
    ) -> Result<Self, Refusal> {
        match self.position(&record.name) {
            Ok(found) => {
                if let Some(present) = self.records.get_mut(found) {
                    present.precedes(&record)?;
                    *present = record;
                }
            }
            Err(place) => {
                let counter = trust.set_counter(&record.name).unwrap_or(0);
                let name = record.name.clone();
                let admitted = None;
                let start = Record {
                    name,
                    counter,
                    admitted,
                };
                start.precedes(&record)?;
                if self.records.len() >= MAX_RECORDS {
                    return Err(Refusal::StateFull(record.name));
                }
                self.records.insert(place, record);
            }
        }
        self.time_floor = self.time_floor.max(signed);
        Ok(self)
    }

    fn position(&self, name: &Name) -> Result<usize, usize> {
        self.records
            .binary_search_by(|record| record.name.cmp(name))
    }
}

/// What of a trust bundle concerns the state.
#[derive(Clone, Debug)]
pub(crate) struct TrustUse {
    pub(crate) id: TrustId,
    pinned: Digest,
    issued: UnixTime,
    set_time_floor: Option<UnixTime>,
    set_counters: Vec<(Name, u64)>,
}

impl TrustUse {
    pub(crate) fn of(trust: &TrustBundle) -> Self {
        let contents = trust.contents();
        let resets = contents.counter_resets.iter();
        Self {
            id: trust_id(trust),
            pinned: trust.pinned(),
            issued: contents.issued,
            set_time_floor: contents.time_floor,
            set_counters: resets.map(|reset| (reset.name.clone(), reset.to)).collect(),
        }
    }

    fn set_counter(&self, name: &Name) -> Option<u64> {
        let mut all = self.set_counters.iter();
        all.find(|(other, _)| other == name).map(|(_, to)| *to)
    }
}

fn trust_id(trust: &TrustBundle) -> TrustId {
    TrustId {
        version: trust.contents().version,
        digest: trust.digest(),
    }
}
