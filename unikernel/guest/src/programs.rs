//! Programs out of an archive, admitted against the trust bundle beside them and the state of the machine.

use alloc::boxed::Box;
use core::error::Error;

use bpf_jit::MachineMemory;
use bpf_loader::{
    Admission, AdmitRequest, AdmittedObject, CommitError, MemoryStore, RollbackStore, Snapshot,
    admit,
};
use bpf_statement::UnixTime;
use bpf_trust::{TrustBundle, TrustError, UnverifiedTrustBundle};
use click_graph::{HostError, ProgramError, ProgramRequest, ProgramSource};
use platform_click::{Code, Digest};

use crate::archive::Archive;
use crate::codes;

/// The trust bundle of an archive.
pub const TRUST: &str = "trust.bpftrust";

/// Where a machine keeps what it admitted.
pub trait State: RollbackStore<Error: Error + Send + Sync + 'static> {
    /// What was admitted until now.
    fn snapshot(&self) -> &Snapshot;
}

impl State for MemoryStore {
    fn snapshot(&self) -> &Snapshot {
        self.snapshot()
    }
}

/// Why an archive's trust bundle does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// The image was given nobody to trust.
    #[error("the image has no root keys")]
    NoRoot,
    /// The archive has no trust bundle.
    #[error("the module has no `{TRUST}`")]
    Missing,
    /// It is malformed, or not signed by its own root keys.
    #[error("`{TRUST}` does not count: {0}")]
    Bundle(#[from] TrustError),
    /// It is that of others.
    #[error("`{TRUST}` has the root keys {found}; the image trusts {trusted}")]
    OtherRoot {
        /// The digest of the root keys that the image trusts.
        trusted: Digest,
        /// That of the trust bundle's.
        found: Digest,
    },
}

impl RootError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NoRoot | Self::OtherRoot { .. } => codes::TRUST,
            Self::Missing => codes::MODULE,
            Self::Bundle(error) => error.code(),
        }
    }
}

/// The archive's trust bundle, if its root keys are those of the image.
///
/// # Errors
/// There is none, or it does not count.
pub fn trust_of(archive: &Archive<'_>, root: Option<Digest>) -> Result<TrustBundle, RootError> {
    let trusted = root.ok_or(RootError::NoRoot)?;
    let bytes = archive.file(TRUST).ok_or(RootError::Missing)?;
    let bundle = UnverifiedTrustBundle::parse(bytes)?.provision()?;
    let found = bundle.root_keys().digest();
    if found != trusted {
        return Err(RootError::OtherRoot { trusted, found });
    }
    Ok(bundle)
}

/// Programs for a router.
pub struct Programs<'a, S, M> {
    /// Objects and their bundles.
    pub archive: Archive<'a>,
    /// Whom the machine trusts, and what it admitted; nothing where no program can run.
    pub trusted: Option<Trusted<S>>,
    /// A number that nobody outside knows.
    pub secret: [u64; 2],
    /// Where machine code goes.
    pub memory: M,
    /// What the calendar shows.
    pub calendar: Box<dyn Fn() -> Option<UnixTime>>,
}

/// Whom a machine trusts, and what it admitted.
#[derive(Debug)]
pub struct Trusted<S> {
    /// The trust bundle.
    pub bundle: TrustBundle,
    /// The state.
    pub state: S,
}

impl<S: State, M: MachineMemory> ProgramSource for Programs<'_, S, M> {
    fn admit(&mut self, request: &ProgramRequest) -> Result<Admission, ProgramError> {
        let trusted = self.trusted.as_ref().ok_or(ProgramError::NoTrust)?;
        let object = self.archive.file(&request.file);
        let object = object.ok_or_else(|| HostError::Unreadable {
            name: request.file.clone(),
            reason: "the module has no such file".into(),
        })?;
        let admission = admit(&AdmitRequest {
            object,
            bundle: self.archive.file(&request.signature),
            expectation: &request.expectation,
            trust: &trusted.bundle,
            state: trusted.state.snapshot(),
            clock: (self.calendar)(),
        });
        admission.map_err(|refusal| ProgramError::Refused {
            file: request.file.clone(),
            refusal: Box::new(refusal),
        })
    }

    fn commit(&mut self, admission: Admission) -> Result<AdmittedObject, ProgramError> {
        let trusted = self.trusted.as_mut().ok_or(ProgramError::NoTrust)?;
        let committed = admission.commit(&mut trusted.state);
        committed.map_err(|error| match error {
            CommitError::Refused(refusal) => ProgramError::Commit {
                code: refusal.code(),
                reason: Box::new(refusal),
            },
            CommitError::Store(error) => ProgramError::Commit {
                code: codes::DEVICE,
                reason: Box::new(error),
            },
        })
    }

    fn secret(&mut self) -> [u64; 2] {
        self.secret
    }

    fn machine_memory(&mut self) -> Option<&mut dyn MachineMemory> {
        Some(&mut self.memory)
    }
}

impl<S, M> core::fmt::Debug for Programs<'_, S, M> {
    /// Without the secret.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Programs").finish_non_exhaustive()
    }
}
