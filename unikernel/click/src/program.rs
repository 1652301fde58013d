//! Programs of elements: where they come from, and the proof that they may run.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::error::Error;

use bpf_jit::{JitError, MachineCode, MachineMemory};
use bpf_loader::{Admission, AdmittedObject, Expectation, Refusal};
use bpf_object::Image;
use bpf_runtime::{LoadError, MapsError};
use bpf_statement::{ExitRange, Name, Symbol};
use platform_click::{Code, Digest, ProgramKind};

use crate::codes;
use crate::executor::{Executor, Jit};
use crate::host::HostError;
use crate::limits;

/// What an element asks of a [`ProgramSource`].
#[derive(Clone, Debug)]
pub struct ProgramRequest {
    /// The object file.
    pub file: String,
    /// The bundle file.
    pub signature: String,
    /// The names, kind and outputs that are acceptable.
    pub expectation: Expectation,
    /// Whether the program is to become machine code.
    pub jit: Jit,
    /// Where the machine code goes as text, if anywhere.
    pub dump: Option<String>,
}

/// Where programs come from: files and a state in a process, messages in a machine.
///
/// A router calls [`Self::admit`] for all its elements before it calls [`Self::commit`] for the
/// first, so that nothing is committed for a configuration that is then refused.
pub trait ProgramSource {
    /// Reads object and bundle, once, and runs every check. Changes nothing.
    ///
    /// # Errors
    /// Something cannot be read, or is refused.
    fn admit(&mut self, request: &ProgramRequest) -> Result<Admission, ProgramError>;

    /// Commits what was admitted.
    ///
    /// # Errors
    /// The state cannot be written, or has moved on; the program must not run.
    fn commit(&mut self, admission: Admission) -> Result<AdmittedObject, ProgramError>;

    /// A number that nobody outside knows: it keeps hash maps and addresses from being guessed.
    fn secret(&mut self) -> [u64; 2];

    /// Where machine code can be put; nowhere by default, so that programs are interpreted.
    fn machine_memory(&mut self) -> Option<&mut dyn MachineMemory> {
        None
    }
}

/// Why an element gets no program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The process was not told whom to trust.
    #[error("the process has no trust bundle or no state directory")]
    NoTrust,
    /// A file cannot be read.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The loader refuses the object.
    #[error("`{file}` is refused")]
    Refused {
        /// The object file.
        file: String,
        /// Why.
        #[source]
        refusal: Box<Refusal>,
    },
    /// What was admitted cannot be committed.
    #[error("the admission cannot be committed")]
    Commit {
        /// The diagnostic of the reason.
        code: Code,
        /// Why.
        #[source]
        reason: Box<dyn Error + Send + Sync>,
    },
    /// The program's maps cannot be made.
    #[error("the maps of `{program}` cannot be made")]
    Maps {
        /// The program.
        program: Symbol,
        /// Why.
        #[source]
        error: MapsError,
    },
    /// The program cannot become machine code, and the configuration asks for it.
    #[error("`{program}` cannot be compiled")]
    Compile {
        /// The program.
        program: Symbol,
        /// Why.
        #[source]
        error: JitError,
    },
    /// The runtime does not take the image.
    #[error("`{program}` cannot be loaded")]
    Load {
        /// The program.
        program: Symbol,
        /// Why.
        #[source]
        error: LoadError,
    },
}

impl ProgramError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NoTrust => codes::NO_TRUST,
            Self::Host(error) => error.code(),
            Self::Refused { refusal, .. } => refusal.code(),
            Self::Commit { code, .. } => *code,
            Self::Maps { error, .. } => error.code(),
            Self::Compile { error, .. } => error.code(),
            Self::Load { error, .. } => error.code(),
        }
    }
}

/// A program that was admitted and is ready to run. Nothing outside has changed yet.
#[derive(Debug)]
pub(crate) struct Prepared {
    admission: Admission,
    executor: Executor,
    /// Why it did not become machine code although that was preferred.
    interpreted: Option<JitError>,
}

impl Prepared {
    /// Compiles the program of an admission, or prepares it for the interpreter.
    ///
    /// # Errors
    /// There is no memory, or it cannot be compiled and has to be.
    pub(crate) fn new(
        request: &ProgramRequest,
        admission: Admission,
        programs: &mut dyn ProgramSource,
    ) -> Result<Self, ProgramError> {
        let secret = programs.secret();
        let memory = programs.machine_memory();
        let made = Executor::new(admission.program(), request.jit, secret, memory);
        let (executor, interpreted) = made?;
        Ok(Self {
            admission,
            executor,
            interpreted,
        })
    }

    /// The machine code that is wanted as text, with its image and the file's name.
    pub(crate) fn dump<'a>(
        &'a self,
        request: &'a ProgramRequest,
    ) -> Option<(&'a str, &'a Image, &'a MachineCode)> {
        let image = self.admission.program().image();
        Some((request.dump.as_deref()?, image, self.executor.code()?))
    }

    /// What people should know, in lines.
    pub(crate) fn notes(&self, request: &ProgramRequest) -> Vec<String> {
        let mut notes = warnings(&self.admission, request);
        if let Some(why) = &self.interpreted {
            notes.push(format!("note: `{}` is interpreted: {why}", request.file));
        }
        notes
    }

    /// Commits the admission.
    ///
    /// # Errors
    /// It cannot be committed; the program must not run.
    pub(crate) fn commit(
        self,
        programs: &mut dyn ProgramSource,
    ) -> Result<Installed, ProgramError> {
        let signer = self.admission.signer();
        let signer = format!("{} ({})", signer.subject(), signer.key().digest());
        let object = programs.commit(self.admission)?;
        Ok(Installed::new(&object, signer, self.executor))
    }
}

/// What an admitted object leaves to be desired, in lines.
pub(crate) fn warnings(admission: &Admission, request: &ProgramRequest) -> Vec<String> {
    let warnings = admission.warnings().iter();
    let line = |warning| format!("note: `{}`: {warning}", request.file);
    warnings.map(line).collect()
}

/// A program that may run in an element. It is made of an [`AdmittedObject`], which only a committed
/// admission gives; there is no other way to one.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) executor: Executor,
    pub(crate) facts: Facts,
}

/// What was signed about a program, as far as its element needs it.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) statement: Name,
    pub(crate) counter: u64,
    pub(crate) object: Digest,
    /// Who signed, and the digest of his key.
    pub(crate) signer: String,
    /// The platform, and the digest of the part of it that is used.
    pub(crate) platform: String,
    pub(crate) program: Symbol,
    /// The values that were proved to be all that it returns.
    pub(crate) exit: ExitRange,
    /// The highest output that it names, for a classifier that does not always drop.
    pub(crate) highest_output: Option<u8>,
    /// The most instructions of a run, where that was proved.
    pub(crate) worst_case: Option<u64>,
}

impl Facts {
    /// Whether the program was proved to return nothing but values like this one.
    pub(crate) fn allow(&self, value: u64) -> bool {
        let in_range = (self.exit.min..=self.exit.max).contains(&value);
        let is_output = |highest: u8| value <= highest.into();
        let drops = value == ProgramKind::CLASSIFIER_DROP;
        in_range && (drops || self.highest_output.is_none_or(is_output))
    }
}

impl Installed {
    /// Puts what runs the selected program of a committed object together with what was signed about
    /// it.
    fn new(object: &AdmittedObject, signer: String, executor: Executor) -> Self {
        let claims = object.statement().claims();
        let program = object.program().claims();
        let facts = Facts {
            statement: claims.name.clone(),
            counter: claims.counter,
            object: claims.object,
            signer,
            platform: format!("{} ({})", claims.platform, claims.slice),
            program: program.name.clone(),
            exit: program.exit,
            highest_output: program.highest_output,
            worst_case: program.worst_case_instructions,
        };
        Self { executor, facts }
    }

    /// An installed program without an admission, for tests of this crate.
    #[cfg(test)]
    pub(crate) fn for_test(image: &Image, facts: Facts) -> Self {
        let executor = Executor::interpret(image, &facts.program, [1, 2]).unwrap();
        Self { executor, facts }
    }

    /// Whether it is machine code, as a handler says it.
    pub(crate) fn is_machine_code(&self) -> String {
        self.executor.code().is_some().to_string()
    }

    /// The instructions that a run may take: as many as were proved to be enough, but no more than
    /// any program gets; `configured` where nothing was proved.
    pub(crate) fn fuel(&self, configured: u64) -> u64 {
        let worst_case = self.facts.worst_case.unwrap_or(configured);
        worst_case.min(limits::FUEL)
    }

    /// Whether it was proved that [`Self::fuel`] is enough.
    pub(crate) fn fuel_is_enough(&self) -> bool {
        let worst_case = self.facts.worst_case;
        worst_case.is_some_and(|worst_case| worst_case <= limits::FUEL)
    }
}
