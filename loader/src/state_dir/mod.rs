//! A state in a directory: the files `store`, `trust` and `audit`.

mod error;
mod files;
mod walk;

use std::path::{Path, PathBuf};

use bpf_trust::{TrustBundle, TrustError, UnverifiedTrustBundle};

use crate::audit::AuditHead;
use crate::slots::{encode_slot, new_store, read_store};
use crate::store::{CommitError, RollbackStore, Update};
use crate::{InstanceId, Refusal, Snapshot};

pub use error::{Damage, StateError};
use files::StoreFile;
pub use walk::MAX_WALK;

const STORE: &str = "store";
const TRUST: &str = "trust";
const AUDIT: &str = "audit";
/// The trust bundle that takes the place of the present one when the store says so.
const TRUST_NEXT: &str = "trust.next";

/// A state directory. It was made once, on purpose, by [`StateDir::init`]; one that is absent or
/// damaged is an error and never made anew by itself.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
    pinned: TrustBundle,
    state: Snapshot,
}

impl StateDir {
    /// Provisions a directory with the trust bundle in `trust_file`: from now on its root keys decide
    /// which trust bundles count. The directory is made when there is none; its parent is not.
    ///
    /// # Errors
    /// When the trust bundle is not signed by its own root keys, when the directory holds a state or
    /// a part of one, or when something cannot be written; then what was written is removed again.
    pub fn init(path: &Path, trust_file: &[u8]) -> Result<Self, StateError> {
        let pinned = provision(trust_file).map_err(StateError::Trust)?;
        for name in [STORE, TRUST, AUDIT] {
            if files::exists(&path.join(name))? {
                return Err(StateError::Exists(path.into()));
            }
        }
        let mut state = Snapshot::new(random_id(path)?, &pinned);
        let event = std::format!(
            "init instance={} root-keys={}",
            state.instance,
            state.pinned
        );
        let (audit, line) = state.audit.append(state.now(None), &event);
        state.audit = audit;

        // The store comes last: without it there is no state.
        let contents: [(&str, &[u8]); 3] = [
            (TRUST, trust_file),
            (AUDIT, line.as_bytes()),
            (STORE, &new_store(&state)),
        ];
        files::create_all(path, &contents)?;
        Ok(Self {
            path: path.into(),
            pinned,
            state,
        })
    }

    /// Reads a directory and checks that its files belong to each other. Nothing is written, not
    /// even a lock.
    ///
    /// # Errors
    /// When there is no state, when it is damaged, or when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let store = files::read(&path.join(STORE), crate::STORE_SIZE).map_err(|error| {
            if error.is_not_found() {
                StateError::Absent(path.into())
            } else {
                error
            }
        })?;
        let damaged = |name: &str, damage| StateError::Damaged {
            path: path.join(name),
            damage,
        };
        let (state, _) = read_store(&store).map_err(|error| damaged(STORE, error.into()))?;

        let pinned = read_pinned(path, &state)?;
        files::check_audit(&path.join(AUDIT), &state.audit)?;
        Ok(Self {
            path: path.into(),
            pinned,
            state,
        })
    }

    /// The state as it was read, or as the last update through this value left it.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.state
    }

    /// The trust bundle that decides which others count: the one that the directory was provisioned
    /// with, or the last that was taken over since.
    #[must_use]
    pub const fn pinned(&self) -> &TrustBundle {
        &self.pinned
    }

    /// Reads a trust bundle that enough of the pinned root keys, and enough of its own, have signed.
    /// Whether it is new enough is for [`admit`](crate::admit) to say.
    ///
    /// # Errors
    /// When it is malformed or not signed by enough keys.
    pub fn read_trust(&self, trust_file: &[u8]) -> Result<TrustBundle, TrustError> {
        UnverifiedTrustBundle::parse(trust_file)?.verify(self.pinned.root_keys())
    }
}

impl RollbackStore for StateDir {
    type Error = StateError;

    fn update(
        &mut self,
        change: impl FnOnce(&Snapshot) -> Result<Update, Refusal>,
    ) -> Result<(), CommitError<StateError>> {
        let path = self.path.join(STORE);
        let damaged = |damage| {
            let path = path.clone();
            CommitError::Store(StateError::Damaged { path, damage })
        };
        // Others wait for the lock here; it is released when the file is closed.
        let mut store = StoreFile::open_locked(&path).map_err(CommitError::Store)?;
        let bytes = store.read().map_err(CommitError::Store)?;
        let (state, slot) = read_store(&bytes).map_err(|error| damaged(error.into()))?;
        let same = state.instance == self.state.instance && state.pinned == self.state.pinned;
        if !same || state.generation < self.state.generation {
            return Err(damaged(Damage::Exchanged));
        }

        let Update { next, line } = change(&state).map_err(CommitError::Refused)?;
        self.append(&state.audit, &line)
            .map_err(CommitError::Store)?;
        let bytes = store
            .write(slot.other(), &encode_slot(&next))
            .map_err(CommitError::Store)?;
        // What the disk has, not what was meant to be written.
        if read_store(&bytes) != Ok((next.clone(), slot.other())) {
            return Err(damaged(Damage::NotWritten));
        }
        self.state = next;
        Ok(())
    }
}

impl StateDir {
    fn append(&self, head: &AuditHead, line: &str) -> Result<(), StateError> {
        files::append_audit(&self.path.join(AUDIT), head, line)
    }
}

/// The trust bundle whose root keys are the pinned ones. After a loss of power in the middle of a walk
/// that is the one which was about to take the other's place.
fn read_pinned(path: &Path, state: &Snapshot) -> Result<TrustBundle, StateError> {
    let max = bpf_trust::limits::MAX_TRUST_BUNDLE_SIZE;
    let damaged = |damage| StateError::Damaged {
        path: path.join(TRUST),
        damage,
    };
    let trust = files::read_part(&path.join(TRUST), max)?;
    let pinned = provision(&trust).map_err(|error| damaged(Damage::Trust(error)))?;
    if pinned.root_keys().digest() == state.pinned {
        return Ok(pinned);
    }
    let next = files::read(&path.join(TRUST_NEXT), max).ok();
    let next = next.and_then(|next| provision(&next).ok());
    next.filter(|next| next.root_keys().digest() == state.pinned)
        .ok_or_else(|| damaged(Damage::NotPinned))
}

fn provision(trust_file: &[u8]) -> Result<TrustBundle, TrustError> {
    UnverifiedTrustBundle::parse(trust_file)?.provision()
}

fn random_id(path: &Path) -> Result<InstanceId, StateError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| StateError::Io {
        operation: "name",
        path: path.into(),
        source: std::io::Error::other(error),
    })?;
    Ok(InstanceId(id))
}
