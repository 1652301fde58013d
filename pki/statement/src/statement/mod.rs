//! The statement: what a signer says about one object.

mod check;
mod codec;
mod unreached;

use alloc::vec::Vec;

use platform_click::{
    Code, Digest, HelperId, MapKind, MapShapeError, ProgramKind, VerifierProfile,
};

use crate::cbor::CborError;
use crate::codes;
use crate::text::{Name, Symbol, Text, TextError};
use crate::time::UnixTime;
use crate::version::{ParseVersionError, Version};

pub use unreached::{MAX_UNREACHED, SlotRange, Unreached, Way};

/// The highest counter: 2^53 − 1, which JSON readers still hold exactly.
pub const MAX_COUNTER: u64 = (1 << 53) - 1;

/// Engines that one statement lists: two proofs, a third voice, and one to spare.
pub const MAX_ENGINES: usize = 4;

/// Loops that are recorded of one program; with more, a statement records none.
pub const MAX_LOOPS: usize = 64;

/// What a statement says; see [`Statement`] for the rules that hold between the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// What elements and counters know the object by.
    pub name: Name,
    /// Rises with each change of the object; 1..=[`MAX_COUNTER`].
    pub counter: u64,
    /// SHA-256 of the object file.
    pub object: Digest,
    /// Name and version of the platform.
    pub platform: Text,
    /// Digest of the slice of the platform that the programs use.
    pub slice: Digest,
    /// What the engines were told to prove.
    pub profile: VerifierProfile,
    /// The engines that accepted every program, in the order in which they ran.
    pub engines: Vec<Engine>,
    /// What the engines were shut into.
    pub sandbox: SandboxClass,
    /// Why the programs end.
    pub termination: Termination,
    /// What was executed before signing.
    pub trial: Trial,
    /// Every program of the object, ascending by name.
    pub programs: Vec<Program>,
    /// When the statement was made.
    pub issued_at: UnixTime,
    /// From when on it does not count any more.
    pub expires_at: UnixTime,
    /// The signing tool and its version.
    pub tool: Text,
    /// The commit that the source is from; empty when not known.
    pub source_commit: Text,
    /// The compiler and its version; empty when not known.
    pub compiler: Text,
    /// SHA-256 of a software bill of materials.
    pub sbom: Option<Digest>,
}

/// What is claimed of one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The ELF symbol of its entry.
    pub name: Symbol,
    /// What it is for.
    pub kind: ProgramKind,
    /// Digest of its image.
    pub image: Digest,
    /// Instruction slots of its image.
    pub instructions: u32,
    /// Bytes of stack that it uses, all frames together.
    pub max_stack: u32,
    /// The highest count of any loop, 0 without loops; `None` when not proved.
    pub max_loop_count: Option<u64>,
    /// The values that it may return.
    pub exit: ExitRange,
    /// The highest output that a classifier may name; `None` for other kinds, and for a classifier
    /// that always drops.
    pub highest_output: Option<u8>,
    /// The helpers that it calls, ascending.
    pub helpers: Vec<HelperId>,
    /// The maps that it refers to, in the order of its image.
    pub maps: Vec<Map>,
    /// Its loops, ascending by slot; empty when not recorded.
    pub loops: Vec<Loop>,
    /// The number of instructions that no execution exceeds.
    pub worst_case_instructions: Option<u64>,
    /// Digest of a proof that a loader could check; no such proof is defined yet.
    pub proof: Option<Digest>,
    /// What none of its proofs reaches.
    pub unreached: Unreached,
    /// The number of calls of helpers that no execution exceeds.
    pub worst_case_helper_calls: Option<u64>,
    /// The number of those that insert, replace or delete an entry of a map.
    pub worst_case_map_updates: Option<u64>,
}

/// A closed interval of return values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitRange {
    /// The lowest.
    pub min: u64,
    /// The highest.
    pub max: u64,
}

/// An engine that accepted the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Its name, such as `prevail`.
    pub name: Name,
    /// Its version; trust bundles may ask for a minimum.
    pub version: Version,
}

/// What was executed before signing; all zeros when nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// Executions.
    pub runs: u64,
    /// Executed instructions.
    pub instructions: u64,
    /// What the packets and map contents were generated from.
    pub seed: u64,
    /// Directions of branches that were taken.
    pub branches_taken: u64,
    /// Directions of branches that the proofs leave open.
    pub branches: u64,
    /// Executions of each program that there might have been; there are fewer where more find
    /// nothing new.
    pub max_runs: u64,
    /// Milliseconds that there were for all programs together.
    pub max_time_ms: u64,
}

/// A map, as proofs took it for granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Its name.
    pub name: Symbol,
    /// Its kind.
    pub kind: MapKind,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of entries.
    pub max_entries: u32,
    /// How its copies in several instances agree.
    pub sync: MapSync,
}

/// A loop and its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop {
    /// The slot of its first instruction.
    pub slot: u32,
    /// How often the first instruction is executed each time the loop is entered, at most; 0 for
    /// [`LoopMethod::Fuel`] and only then.
    pub bound: u64,
    /// Where the bound is from.
    pub method: LoopMethod,
}

/// Defines an enum that statements carry as a small number.
macro_rules! numbered {
    ($( #[doc = $doc:literal] $name:ident { $( #[doc = $vdoc:literal] $variant:ident = $number:literal $text:literal, )* } )*) => { $(
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $( #[doc = $vdoc] $variant = $number, )* }

        impl $name {
            /// Every value, in ascending order of its number.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The value with this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $( $number => Some(Self::$variant), )* _ => None }
            }

            /// Its number in statements.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $( Self::$variant => $number, )* }
            }

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.name())
            }
        }
    )* };
}

pub(crate) use numbered;

numbered! {
    /// What the engines were shut into; each class holds what the one before it does.
    SandboxClass {
        /// Nothing.
        None = 0 "none",
        /// A process of its own with limits of time and memory.
        Limits = 1 "limits",
        /// And a filter of system calls.
        Seccomp = 2 "limits+seccomp",
        /// And no access to files.
        LandlockSeccomp = 3 "limits+seccomp+landlock",
    }
    /// Why the programs of an object end.
    Termination {
        /// It was proved.
        Proved = 1 "proved",
        /// The runtime's fuel ends them.
        Fuel = 2 "fuel",
    }
    /// How the copies of a map in several instances agree.
    MapSync {
        /// They do not.
        None = 0 "none",
        /// Some time after the last change.
        Eventual = 1 "eventual",
        /// Always.
        Strong = 2 "strong",
    }
    /// Where the bound of a loop is from.
    LoopMethod {
        /// The engine counted the loop in its fixpoint.
        Fixpoint = 1 "fixpoint",
        /// The loop was unwound and its end proved.
        Unwound = 2 "unwound",
        /// There is none; the runtime's fuel ends the loop.
        Fuel = 3 "fuel",
    }
}

/// Why claims do not make a statement, or bytes are not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The bytes are not the CBOR expected.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// The version of the format is not known.
    #[error("statement version {0} instead of 1")]
    Version(u64),
    /// A name or text is not allowed in its place.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The version of an engine is not one.
    #[error("version of an engine")]
    EngineVersion(#[from] ParseVersionError),
    /// A number stands for nothing that this platform has.
    #[error("{what} {number} is not known")]
    Unknown {
        /// What the number should stand for.
        what: &'static str,
        /// The number.
        number: u64,
    },
    /// A number is out of its range.
    #[error("{what} {value} is not within {min}..={max}")]
    Range {
        /// What the number is.
        what: &'static str,
        /// The number.
        value: u64,
        /// The lowest allowed.
        min: u64,
        /// The highest allowed.
        max: u64,
    },
    /// A list holds something twice.
    #[error("{what} `{name}` is listed twice")]
    Twice {
        /// What is listed.
        what: &'static str,
        /// Which.
        name: Text,
    },
    /// Two programs name one map, with different shapes.
    #[error("map `{0}` has two shapes")]
    MapConflict(Symbol),
    /// A map of a shape that the platform does not take.
    #[error("map `{name}`")]
    MapShape {
        /// Which.
        name: Symbol,
        /// What is out of bounds.
        source: MapShapeError,
    },
    /// A program calls a helper that its kind may not.
    #[error("program `{program}` is a {kind} and may not call helper {helper}")]
    HelperKind {
        /// Which program.
        program: Symbol,
        /// Its kind.
        kind: ProgramKind,
        /// The number of the helper.
        helper: u32,
    },
    /// What is said of one program does not fit together.
    #[error("program `{program}`: {rule}")]
    Program {
        /// Which.
        program: Symbol,
        /// The rule that does not hold.
        rule: &'static str,
    },
    /// The statement expires before it is issued.
    #[error("it expires at {expires_at}, not later than it was issued, {issued_at}")]
    Lifetime {
        /// When it was issued.
        issued_at: UnixTime,
        /// When it expires.
        expires_at: UnixTime,
    },
    /// The profile proves termination and the statement says that fuel ends the programs, or the
    /// reverse.
    #[error("check-termination is {check} in the profile, but termination is by {termination}")]
    Termination {
        /// Whether the profile asks for a proof of termination.
        check: bool,
        /// What the statement says.
        termination: Termination,
    },
}

impl StatementError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Cbor(_) | Self::Text(_) | Self::EngineVersion(_) => codes::ENCODING,
            Self::Version(_) => codes::VERSION,
            Self::Unknown { .. } => codes::UNKNOWN,
            _ => codes::CLAIMS,
        }
    }
}

/// [`Claims`] that keep every rule of `docs/formats.md`, "Statement".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement(Claims);

impl Statement {
    /// A statement of these claims. Programs are put in ascending order of their names, helpers and
    /// loops in ascending order of their numbers; everything else stays as it is.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn new(mut claims: Claims) -> Result<Self, StatementError> {
        claims.programs.sort_by(|a, b| a.name.cmp(&b.name));
        for program in &mut claims.programs {
            program.helpers.sort_unstable();
            program.loops.sort_by_key(|a| a.slot);
        }
        check::check(&claims)?;
        Ok(Self(claims))
    }

    /// Reads a statement. The bytes should be the payload of a bundle whose signature is verified.
    ///
    /// # Errors
    /// When the bytes are not the one encoding of a statement.
    pub fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        let statement = Self::new(codec::read(bytes)?)?;
        crate::cbor::expect_same(bytes, &statement.encode())?;
        Ok(statement)
    }

    /// The one encoding of the statement, deterministic CBOR.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::write(&self.0)
    }

    /// What it says.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.0
    }

    /// What elements and counters know the object by.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.0.name
    }

    /// The programs, ascending by name; at least one.
    #[must_use]
    pub fn programs(&self) -> &[Program] {
        &self.0.programs
    }

    /// The program of this name.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<&Program> {
        let programs = self.programs();
        programs
            .iter()
            .find(|program| program.name.as_str() == name)
    }
}
