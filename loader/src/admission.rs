//! What was admitted, and the commit that lets it run.

use alloc::vec::Vec;
use core::fmt;

use bpf_object::Image;
use bpf_statement::{Name, Program, SandboxClass, Statement, UnixTime};
use bpf_trust::VerifiedSigner;
use platform_click::Digest;

use crate::record::Record;
use crate::snapshot::{Snapshot, TrustUse};
use crate::store::{CommitError, RollbackStore, Update};
use crate::{Refusal, TrustId};

/// An object that passed every check; made by [`admit`](crate::admit) alone. It may be looked at and
/// compiled. To run, it has to be committed.
#[derive(Clone, Debug)]
pub struct Admission {
    pub(crate) object: AdmittedObject,
    pub(crate) statement_digest: Digest,
    pub(crate) signer: VerifiedSigner,
    pub(crate) trust: TrustUse,
    pub(crate) now: UnixTime,
    pub(crate) warnings: Vec<Warning>,
}

/// An object whose admission is committed: its programs may run. Made by [`Admission::commit`]
/// alone.
#[derive(Clone, Debug)]
pub struct AdmittedObject {
    pub(crate) statement: Statement,
    /// In the order of the statement; not empty, since the statement's are not.
    pub(crate) programs: Vec<AdmittedProgram>,
    /// Within `programs`.
    pub(crate) selected: usize,
}

/// A program of an admitted object.
#[derive(Clone, Debug)]
pub struct AdmittedProgram {
    pub(crate) claims: Program,
    pub(crate) image: Image,
}

impl AdmittedProgram {
    /// What was signed about it.
    #[must_use]
    pub const fn claims(&self) -> &Program {
        &self.claims
    }

    /// Its image: linked here, equal to the one verified.
    #[must_use]
    pub const fn image(&self) -> &Image {
        &self.image
    }
}

impl AdmittedObject {
    /// The statement.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Every program of the object, in the order of the statement.
    #[must_use]
    pub fn programs(&self) -> &[AdmittedProgram] {
        &self.programs
    }

    /// The program that was asked for; the first of the statement when none was.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "`admit` takes the index from the statement, which has a program for each"
    )]
    pub fn program(&self) -> &AdmittedProgram {
        &self.programs[self.selected]
    }
}

/// What an admitted object leaves to be desired. It runs all the same; people should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A single engine vouched for it.
    OneEngine(Name),
    /// The engines were not shut in as they could have been.
    Sandbox(SandboxClass),
    /// It was not executed before it was signed.
    NoTrial,
    /// Fuel ends its programs, not a proof.
    Fuel,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneEngine(engine) => write!(f, "one engine alone vouched: {engine}"),
            Self::Sandbox(class) => write!(f, "the engines ran in a sandbox of class `{class}`"),
            Self::NoTrial => f.write_str("it was not executed before it was signed"),
            Self::Fuel => f.write_str("fuel ends its programs: termination is not proved"),
        }
    }
}

impl Admission {
    /// The statement.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        self.object.statement()
    }

    /// Every program of the object, in the order of the statement.
    #[must_use]
    pub fn programs(&self) -> &[AdmittedProgram] {
        self.object.programs()
    }

    /// The program that was asked for; the first of the statement when none was.
    #[must_use]
    pub fn program(&self) -> &AdmittedProgram {
        self.object.program()
    }

    /// Who signed.
    #[must_use]
    pub const fn signer(&self) -> &VerifiedSigner {
        &self.signer
    }

    /// The trust bundle by which it was admitted.
    #[must_use]
    pub const fn trust(&self) -> TrustId {
        self.trust.id
    }

    /// The time of the checks.
    #[must_use]
    pub const fn now(&self) -> UnixTime {
        self.now
    }

    /// What it leaves to be desired.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Stores counter, digests and times, and logs the admission, before the program goes live.
    ///
    /// The counter is held against the state as it is now: since [`admit`](crate::admit) looked at
    /// it, another process may have admitted something.
    ///
    /// # Errors
    /// When the state does not allow the admission any more, or cannot be written. The program must
    /// not go live then.
    pub fn commit<S: RollbackStore>(
        self,
        store: &mut S,
    ) -> Result<AdmittedObject, CommitError<S::Error>> {
        store.update(|state| self.update(state))?;
        Ok(self.object)
    }

    fn update(&self, state: &Snapshot) -> Result<Update, Refusal> {
        let claims = self.statement().claims();
        let mut next = state.with_trust(&self.trust)?.with_record(
            Record::of(claims),
            &self.trust,
            claims.issued_at,
        )?;
        // 21. The line of the audit log.
        let (audit, line) = next.audit.append(self.now, &Event(self));
        next.audit = audit;
        // 22. The counter; the store writes both.
        next.generation = next.generation.saturating_add(1);
        Ok(Update { next, line })
    }
}

/// An admission as the audit log has it. Every value is free of blanks.
struct Event<'a>(&'a Admission);

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(admission) = self;
        let claims = admission.statement().claims();
        write!(f, "admit name={} counter={}", claims.name, claims.counter)?;
        write!(f, " program={}", admission.program().claims.name)?;
        write!(f, " object={}", claims.object)?;
        write!(f, " statement={}", admission.statement_digest)?;
        write!(f, " signer={}", admission.signer.key().digest())?;
        let TrustId { version, digest } = admission.trust.id;
        write!(f, " trust={version}:{digest}")
    }
}
