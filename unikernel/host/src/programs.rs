//! Programs from files, admitted against a trust bundle and a state directory.

use std::path::Path;
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

/// Programs for a router. Without [`Trust`] it has none.
pub(crate) struct Programs {
    trust: Option<Trust>,
    secret: [u64; 2],
    memory: ProcessMemory,
    /// What admitted objects leave to be desired, in words.
    pub(crate) warnings: Vec<String>,
}

impl Programs {
    pub(crate) fn new(trust: Option<Trust>) -> Result<Self, getrandom::Error> {
        Ok(Self {
            trust,
            secret: [getrandom::u64()?, getrandom::u64()?],
            memory: ProcessMemory,
            warnings: Vec::new(),
        })
    }
}

impl ProgramSource for Programs {
    fn admit(&mut self, request: &ProgramRequest) -> Result<Admission, ProgramError> {
        let trust = self.trust.as_ref().ok_or(ProgramError::NoTrust)?;
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
        let admission = admission.map_err(|refusal| ProgramError::Refused {
            file: request.file.clone(),
            refusal: Box::new(refusal),
        })?;
        let warnings = admission.warnings().iter();
        self.warnings
            .extend(warnings.map(|warning| format!("note: `{}`: {warning}", request.file)));
        Ok(admission)
    }

    fn commit(&mut self, admission: Admission) -> Result<AdmittedObject, ProgramError> {
        let trust = self.trust.as_mut().ok_or(ProgramError::NoTrust)?;
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
