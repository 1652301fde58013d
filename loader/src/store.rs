//! Where states are kept.

use alloc::string::String;

use crate::{Refusal, Snapshot};

/// A change of a state: what it becomes, and the line that says so in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The state after the change.
    pub next: Snapshot,
    /// The line, with its end; `next.audit` is the head after it.
    pub line: String,
}

/// Keeps one state and its audit log: a directory, a disk, memory.
pub trait RollbackStore {
    /// Why it cannot be read or written.
    type Error;

    /// Changes the state to what `change` makes of it, or leaves it as it is.
    ///
    /// An implementation passes the state as it is *now*, keeps others from changing it meanwhile,
    /// and returns only when line and state are where a loss of power cannot undo them, the line
    /// first. When it returns an error, the state is the old one or the new one, nothing between.
    ///
    /// # Errors
    /// [`CommitError::Refused`] when `change` refuses; then nothing was written.
    /// [`CommitError::Store`] when reading or writing failed.
    fn update(
        &mut self,
        change: impl FnOnce(&Snapshot) -> Result<Update, Refusal>,
    ) -> Result<(), CommitError<Self::Error>>;
}

/// Why an admission was not committed. The program must not go live.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError<E> {
    /// The state has changed since, and does not allow the admission any more.
    #[error(transparent)]
    Refused(Refusal),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(E),
}

/// A state in memory: it knows nothing after a restart, so it stops no rollback across one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryStore {
    state: Snapshot,
    log: String,
}

impl MemoryStore {
    /// A store that holds `state`.
    #[must_use]
    pub const fn new(state: Snapshot) -> Self {
        let log = String::new();
        Self { state, log }
    }

    /// The state.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.state
    }

    /// The lines of the audit log since the store was made.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }
}

impl RollbackStore for MemoryStore {
    type Error = core::convert::Infallible;

    fn update(
        &mut self,
        change: impl FnOnce(&Snapshot) -> Result<Update, Refusal>,
    ) -> Result<(), CommitError<Self::Error>> {
        let Update { next, line } = change(&self.state).map_err(CommitError::Refused)?;
        self.log.push_str(&line);
        self.state = next;
        Ok(())
    }
}
