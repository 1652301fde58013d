//! Why an object is not admitted.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bpf_object::{MapDef, ObjectError};
use bpf_statement::{MapSync, Name, Sign1Error, StatementError, Symbol, UnixTime};
use bpf_trust::TrustError;
use platform_click::{Code, Digest, ExitCode, Platform, ProgramKind, limits};

use crate::codes;
use crate::record::MAX_COUNTER_JUMP;
use crate::snapshot::MAX_RECORDS;

/// Why an object is not admitted. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no bundle.
    #[error("there is no bundle")]
    NoBundle,
    /// The object is empty or too large.
    #[error("an object of {0} bytes is not within 1..={max}", max = limits::MAX_OBJECT_SIZE)]
    ObjectSize(usize),
    /// A newer trust bundle was in use before.
    #[error("trust bundle {found} is older than {stored}, which was used before")]
    TrustRollback {
        /// The version in the state.
        stored: u64,
        /// The version offered.
        found: u64,
    },
    /// Another trust bundle of the same version was in use before.
    #[error("trust bundle {version} is {found:.16}, the one used before was {stored:.16}")]
    TrustEquivocation {
        /// The version of both.
        version: u64,
        /// The digest in the state.
        stored: Digest,
        /// The digest of the one offered.
        found: Digest,
    },
    /// The bundle has not the right form.
    #[error("the bundle is malformed")]
    Bundle(#[source] Sign1Error),
    /// The signer, the signature or something signed is not trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// What was signed is not a statement.
    #[error("the signed statement is malformed")]
    Statement(#[source] StatementError),
    /// The statement has expired.
    #[error("the statement expired at {expires_at}, it is {now}")]
    StatementExpired {
        /// The time of the check.
        now: UnixTime,
        /// From when on it does not count.
        expires_at: UnixTime,
    },
    /// The bundle is for another object.
    #[error("the bundle is for object {signed:.16}, this is {found:.16}")]
    ObjectDigest {
        /// The digest in the statement.
        signed: Digest,
        /// The digest of the object offered.
        found: Digest,
    },
    /// The statement has another name than those allowed.
    #[error("`{found}` is not {}", List(expected))]
    Name {
        /// The names allowed.
        expected: Vec<Name>,
        /// The name in the statement.
        found: Name,
    },
    /// The object has no program of the name asked for.
    #[error("there is no program `{wanted}`, there is {}", List(available))]
    NoSuchProgram {
        /// The name asked for.
        wanted: Symbol,
        /// The programs that there are.
        available: Vec<Symbol>,
    },
    /// The object has several programs and none was asked for.
    #[error("there are several programs, {}, and none is chosen", List(available))]
    SeveralPrograms {
        /// The programs that there are.
        available: Vec<Symbol>,
    },
    /// The program is of another kind than the element takes.
    #[error("program `{program}` is a {found}, the element takes a {expected}")]
    Kind {
        /// Which program.
        program: Symbol,
        /// What the element takes.
        expected: ProgramKind,
        /// What the program is.
        found: ProgramKind,
    },
    /// A classifier may name an output that the element does not have.
    #[error("program `{program}` may name output {highest}, the element has {outputs}")]
    Outputs {
        /// Which program.
        program: Symbol,
        /// The highest output that it may name, from 0.
        highest: u8,
        /// How many outputs the element has.
        outputs: u32,
    },
    /// The statement is about another platform.
    #[error("verified for platform `{found}`, this is `{name}`", name = Platform::NAME)]
    Platform {
        /// The platform in the statement.
        found: bpf_statement::Text,
    },
    /// What the programs use of the platform is not defined here as it was there.
    #[error("the slice of the platform is {found:.16} here, {signed:.16} where it was verified")]
    Slice {
        /// The digest in the statement.
        signed: Digest,
        /// The digest by this loader's table.
        found: Digest,
    },
    /// An option of the proof is not the platform's.
    #[error("verified with {option}={signed} instead of {required}")]
    Profile {
        /// Which option.
        option: &'static str,
        /// Its value in the statement.
        signed: u32,
        /// Its value here.
        required: u32,
    },
    /// Termination is not proved, and the trust bundle does not accept fuel instead.
    #[error("fuel is to end the programs, and the trust bundle does not accept that")]
    Fuel,
    /// A map asks for what this loader cannot give.
    #[error("map `{map}` asks for {sync} synchronisation")]
    MapSync {
        /// Which map.
        map: Symbol,
        /// What it asks for.
        sync: MapSync,
    },
    /// The counter is below the stored one.
    #[error("`{name}` has counter {found}, {stored} was admitted before")]
    Rollback {
        /// The name in the statement.
        name: Name,
        /// The counter in the state.
        stored: u64,
        /// The counter in the statement.
        found: u64,
    },
    /// The counter rises too far.
    #[error("`{name}` has counter {found}, more than {MAX_COUNTER_JUMP} above {stored}")]
    Jump {
        /// The name in the statement.
        name: Name,
        /// The counter in the state.
        stored: u64,
        /// The counter in the statement.
        found: u64,
    },
    /// Another object was admitted with the same counter.
    #[error("`{name}` with counter {counter} was object {stored:.16}, this is {found:.16}")]
    Equivocation {
        /// The name in the statement.
        name: Name,
        /// The counter of both.
        counter: u64,
        /// The digest in the state.
        stored: Digest,
        /// The digest of the object offered.
        found: Digest,
    },
    /// The same object was admitted with the same counter and another statement.
    #[error("`{name}` with counter {counter} was admitted with other claims about the same object")]
    WeakerStatement {
        /// The name in the statement.
        name: Name,
        /// The counter of both.
        counter: u64,
    },
    /// The state has no room for another name.
    #[error("the state has no room for `{0}` besides its {MAX_RECORDS} names")]
    StateFull(Name),
    /// The object cannot be read or linked.
    #[error("the object cannot be linked")]
    Object(#[source] ObjectError),
    /// The object has a program that was not verified.
    #[error("the bundle says nothing about program `{0}`")]
    Unlisted(String),
    /// The object lacks a program that was verified.
    #[error("the object has no program `{0}`, which the bundle lists")]
    Missing(Symbol),
    /// The program links to another image.
    #[error("program `{program}` links to image {found:.16}, {signed:.16} was verified")]
    ImageDigest {
        /// Which program.
        program: Symbol,
        /// The digest in the statement.
        signed: Digest,
        /// The digest of the image linked here.
        found: Digest,
    },
    /// A fact in the statement is not what the image shows.
    #[error("the bundle has another {fact} of program `{program}` than its image")]
    Fact {
        /// Which program.
        program: Symbol,
        /// What was compared.
        fact: &'static str,
    },
    /// An instruction reads or writes outside of its stack frame.
    #[error("program `{program}`, slot {slot}: offset {offset} from r10 is outside of the frame")]
    Frame {
        /// Which program.
        program: Symbol,
        /// The instruction.
        slot: usize,
        /// Its offset from the frame pointer.
        offset: i16,
    },
    /// A map of the program has the name, but not the shape, of one that is running.
    #[error("map `{}` is running with another shape", .running.name)]
    RunningMap {
        /// The running map.
        running: MapDef,
        /// The program's.
        found: MapDef,
    },
    /// The maps take more memory than there is for them.
    #[error("the maps of program `{program}` take {needed} bytes, there are {available}")]
    MapMemory {
        /// Which program.
        program: Symbol,
        /// Bytes of keys and values.
        needed: u64,
        /// Bytes that there are.
        available: u64,
    },
}

impl Refusal {
    /// The diagnostic: of this crate, or of the part that refused.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NoBundle => codes::NO_BUNDLE,
            Self::ObjectSize(_) => codes::OBJECT_SIZE,
            Self::TrustRollback { .. } => codes::TRUST_ROLLBACK,
            Self::TrustEquivocation { .. } => codes::TRUST_EQUIVOCATION,
            Self::Bundle(error) => error.code(),
            Self::Trust(error) => error.code(),
            Self::Statement(error) => error.code(),
            Self::StatementExpired { .. } => codes::STATEMENT_EXPIRED,
            Self::ObjectDigest { .. } => codes::OBJECT_DIGEST,
            Self::Name { .. } => codes::NAME,
            Self::NoSuchProgram { .. } | Self::SeveralPrograms { .. } => codes::PROGRAM,
            Self::Kind { .. } => codes::KIND,
            Self::Outputs { .. } => codes::OUTPUTS,
            Self::Platform { .. } | Self::Slice { .. } => codes::PLATFORM,
            Self::Profile { .. } => codes::PROFILE,
            Self::Fuel => codes::FUEL,
            Self::MapSync { .. } => codes::MAP_SYNC,
            Self::Rollback { .. } => codes::ROLLBACK,
            Self::Jump { .. } => codes::JUMP,
            Self::Equivocation { .. } => codes::EQUIVOCATION,
            Self::WeakerStatement { .. } => codes::WEAKER_STATEMENT,
            Self::StateFull(_) => codes::STATE_FULL,
            Self::Object(error) => error.code(),
            Self::Unlisted(_) | Self::Missing(_) => codes::PROGRAM_SET,
            Self::ImageDigest { .. } => codes::IMAGE_DIGEST,
            Self::Fact { .. } => codes::FACTS,
            Self::Frame { .. } => codes::FRAME,
            Self::RunningMap { .. } => codes::RUNNING_MAP,
            Self::MapMemory { .. } => codes::MAP_MEMORY,
        }
    }

    /// How a command that ends with this refusal exits.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        self.code().exit
    }
}

/// Names, in backquotes, with commas between.
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            write!(f, "{}`{name}`", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
