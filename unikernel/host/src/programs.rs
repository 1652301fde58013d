//! Programs from files, admitted against a trust bundle and a state directory.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bpf_jit::MachineMemory;
use bpf_loader::{
    Admission, AdmitRequest, AdmittedObject, CommitError, StateDir, StateError, admit,
};
use bpf_statement::{Purpose, UnixTime};
use bpf_trust::TrustBundle;
use bpf_trust::limits::MAX_TRUST_BUNDLE_SIZE;
use click_graph::{HostError, ProgramError, ProgramRequest, ProgramSource};
use code_memory::ProcessMemory;
use platform_click::limits::MAX_OBJECT_SIZE;

use crate::Error;
use crate::files::{self, ReadError};

/// Whom the process trusts, and what it admitted before.
pub(crate) struct Trust {
    bundle: TrustBundle,
    state: StateDir,
}

impl Trust {
    /// Opens a state directory, and reads a trust bundle that its root keys have signed. Changes
    /// nothing.
    pub(crate) fn open(trust: &Path, state: &Path) -> Result<Self, Error> {
        let state = StateDir::open(state).map_err(Error::State)?;
        let name = trust.display().to_string();
        let bytes = files::read_regular(&name, MAX_TRUST_BUNDLE_SIZE).map_err(HostError::from)?;
        let bundle = state.read_trust(&bytes);
        let bundle = bundle.map_err(|error| Error::Trust { name, error })?;
        Ok(Self { bundle, state })
    }
}

/// Programs for a router. Without [`Trust`] it has none. Copies share what they trust and remember, so
/// that threads have one each.
#[derive(Clone)]
pub(crate) struct Programs {
    trust: Option<Arc<Mutex<Trust>>>,
    secret: [u64; 2],
    memory: ProcessMemory,
}

impl core::fmt::Debug for Programs {
    /// Without the secret.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Programs").finish_non_exhaustive()
    }
}

impl Programs {
    pub(crate) fn new(trust: Option<Trust>) -> Result<Self, getrandom::Error> {
        Ok(Self {
            trust: trust.map(|trust| Arc::new(Mutex::new(trust))),
            secret: [getrandom::u64()?, getrandom::u64()?],
            memory: ProcessMemory,
        })
    }

    /// Whom the process trusts. A thread that came to grief while it held it has changed nothing in
    /// memory that is not in the state directory too.
    fn trust(&self) -> Result<MutexGuard<'_, Trust>, ProgramError> {
        let trust = self.trust.as_ref().ok_or(ProgramError::NoTrust)?;
        Ok(trust.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ProgramSource for Programs {
    fn admit(&mut self, request: &ProgramRequest) -> Result<Admission, ProgramError> {
        let trust = self.trust()?;
        let object =
            files::read_regular(&request.file, MAX_OBJECT_SIZE).map_err(HostError::from)?;
        let bundle = match files::read_regular(&request.signature, Purpose::Statement.max_size()) {
            Ok(bundle) => Some(bundle),
            // Whether an object may be unsigned is for the loader to say. (It may not.)
            Err(ReadError::Absent(_)) => None,
            Err(ReadError::Other(error)) => return Err(error.into()),
        };
        let admission = admit(&AdmitRequest {
            object: &object,
            bundle: bundle.as_deref(),
            expectation: &request.expectation,
            trust: &trust.bundle,
            state: trust.state.snapshot(),
            clock: clock(),
        });
        admission.map_err(|refusal| ProgramError::Refused {
            file: request.file.clone(),
            refusal: Box::new(refusal),
        })
    }

    fn commit(&mut self, admission: Admission) -> Result<AdmittedObject, ProgramError> {
        let mut trust = self.trust()?;
        let committed = admission.commit(&mut trust.state);
        committed.map_err(|error| match error {
            CommitError::Refused(refusal) => ProgramError::Commit {
                code: refusal.code(),
                reason: Box::new(refusal),
            },
            CommitError::Store(error) => store_error(error),
        })
    }

    /// Wherever there is a compiler.
    fn machine_memory(&mut self) -> Option<&mut dyn MachineMemory> {
        cfg!(target_arch = "x86_64").then_some(&mut self.memory)
    }

    fn secret(&mut self) -> [u64; 2] {
        self.secret
    }
}

fn store_error(error: StateError) -> ProgramError {
    ProgramError::Commit {
        code: error.code(),
        reason: Box::new(error),
    }
}

/// What the system's clock shows; nothing if that is before 1970.
fn clock() -> Option<UnixTime> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(UnixTime::from_secs(since_1970.as_secs()))
}
