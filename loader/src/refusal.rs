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
    /// The trust bundle was held against other root keys than those of the state.
    #[error("the trust bundle was held against root keys {found:.16}, {pinned:.16} are pinned")]
    TrustNotPinned {
        /// The digest of the root keys in the state.
        pinned: Digest,
        /// The digest of those that the trust bundle was held against.
        found: Digest,
    },
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
    #[error("signed as `{found}`, not as {}", List(expected))]
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
    /// A run of the program may take more instructions than the element allows.
    #[error("program `{program}` may run {} instructions, the element allows {allowed}", Proved(*proved))]
    WorstCase {
        /// Which program.
        program: Symbol,
        /// What was proved; `None` when nothing was.
        proved: Option<u64>,
        /// What the element allows.
        allowed: u64,
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
            Self::TrustNotPinned { .. } => codes::TRUST_NOT_PINNED,
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
            Self::WorstCase { .. } => codes::WORST_CASE,
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

/// A proved bound, or that there is none.
struct Proved(Option<u64>);

impl fmt::Display for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(most) => write!(f, "up to {most}"),
            None => f.write_str("any number of"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use bpf_statement::Text;
    use platform_click::MapKind;

    use super::*;

    /// One of each variant. The match makes a new variant fail to build until it is listed.
    fn one_of_each() -> Vec<Refusal> {
        let name = || Name::new("n").unwrap();
        let symbol = || Symbol::new("s").unwrap();
        let digest = Digest::of(b"");
        let (stored, found, signed) = (digest, digest, digest);
        let program = symbol();
        let map = MapDef {
            name: "m".into(),
            kind: MapKind::Hash,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
        };
        let all = vec![
            Refusal::NoBundle,
            Refusal::ObjectSize(0),
            Refusal::TrustNotPinned {
                pinned: stored,
                found,
            },
            Refusal::TrustRollback {
                stored: 2,
                found: 1,
            },
            Refusal::TrustEquivocation {
                version: 1,
                stored,
                found,
            },
            Refusal::Bundle(Sign1Error::Algorithm(0)),
            Refusal::Trust(TrustError::SignatureMismatch),
            Refusal::Statement(StatementError::Version(2)),
            Refusal::StatementExpired {
                now: UnixTime::EPOCH,
                expires_at: UnixTime::EPOCH,
            },
            Refusal::ObjectDigest { signed, found },
            Refusal::Name {
                expected: vec![name()],
                found: name(),
            },
            Refusal::NoSuchProgram {
                wanted: symbol(),
                available: vec![symbol(), symbol()],
            },
            Refusal::SeveralPrograms {
                available: vec![symbol(), symbol()],
            },
            Refusal::Kind {
                program: program.clone(),
                expected: ProgramKind::Filter,
                found: ProgramKind::Rewriter,
            },
            Refusal::Outputs {
                program: program.clone(),
                highest: 2,
                outputs: 2,
            },
            Refusal::WorstCase {
                program: program.clone(),
                proved: Some(101),
                allowed: 100,
            },
            Refusal::Platform {
                found: Text::new("click/0").unwrap(),
            },
            Refusal::Slice { signed, found },
            Refusal::Profile {
                option: "strict",
                signed: 0,
                required: 1,
            },
            Refusal::Fuel,
            Refusal::MapSync {
                map: symbol(),
                sync: MapSync::Strong,
            },
            Refusal::Rollback {
                name: name(),
                stored: 2,
                found: 1,
            },
            Refusal::Jump {
                name: name(),
                stored: 1,
                found: 70_000,
            },
            Refusal::Equivocation {
                name: name(),
                counter: 1,
                stored,
                found,
            },
            Refusal::WeakerStatement {
                name: name(),
                counter: 1,
            },
            Refusal::StateFull(name()),
            Refusal::Object(ObjectError::Empty),
            Refusal::Unlisted("s".into()),
            Refusal::Missing(symbol()),
            Refusal::ImageDigest {
                program: program.clone(),
                signed,
                found,
            },
            Refusal::Fact {
                program: program.clone(),
                fact: "kind",
            },
            Refusal::Frame {
                program: program.clone(),
                slot: 1,
                offset: 0,
            },
            Refusal::RunningMap {
                running: map.clone(),
                found: map,
            },
            Refusal::MapMemory {
                program,
                needed: 2,
                available: 1,
            },
        ];
        for refusal in &all {
            match refusal {
                Refusal::NoBundle
                | Refusal::ObjectSize(_)
                | Refusal::TrustNotPinned { .. }
                | Refusal::TrustRollback { .. }
                | Refusal::TrustEquivocation { .. }
                | Refusal::Bundle(_)
                | Refusal::Trust(_)
                | Refusal::Statement(_)
                | Refusal::StatementExpired { .. }
                | Refusal::ObjectDigest { .. }
                | Refusal::Name { .. }
                | Refusal::NoSuchProgram { .. }
                | Refusal::SeveralPrograms { .. }
                | Refusal::Kind { .. }
                | Refusal::Outputs { .. }
                | Refusal::WorstCase { .. }
                | Refusal::Platform { .. }
                | Refusal::Slice { .. }
                | Refusal::Profile { .. }
                | Refusal::Fuel
                | Refusal::MapSync { .. }
                | Refusal::Rollback { .. }
                | Refusal::Jump { .. }
                | Refusal::Equivocation { .. }
                | Refusal::WeakerStatement { .. }
                | Refusal::StateFull(_)
                | Refusal::Object(_)
                | Refusal::Unlisted(_)
                | Refusal::Missing(_)
                | Refusal::ImageDigest { .. }
                | Refusal::Fact { .. }
                | Refusal::Frame { .. }
                | Refusal::RunningMap { .. }
                | Refusal::MapMemory { .. } => {}
            }
        }
        all
    }

    /// The exit codes are what scripts see: a change here is a change of the interface.
    #[test]
    fn every_refusal_has_its_diagnostic_and_exit_code() {
        let table: Vec<_> = one_of_each()
            .iter()
            .map(|refusal| (refusal.code().id, refusal.exit_code().number()))
            .collect();
        assert_eq!(
            table,
            [
                ("BPF-L001", 20),
                ("BPF-L002", 3),
                ("BPF-L026", 22),
                ("BPF-L024", 27),
                ("BPF-L025", 27),
                ("BPF-S004", 21),
                ("BPF-T018", 21),
                ("BPF-S008", 26),
                ("BPF-L016", 23),
                ("BPF-L003", 25),
                ("BPF-L004", 28),
                ("BPF-L006", 28),
                ("BPF-L006", 28),
                ("BPF-L005", 28),
                ("BPF-L007", 28),
                ("BPF-L027", 28),
                ("BPF-L008", 26),
                ("BPF-L008", 26),
                ("BPF-L009", 26),
                ("BPF-L010", 28),
                ("BPF-L011", 26),
                ("BPF-L012", 27),
                ("BPF-L015", 27),
                ("BPF-L013", 27),
                ("BPF-L014", 27),
                ("BPF-L023", 31),
                ("BPF-O004", 3),
                ("BPF-L017", 25),
                ("BPF-L017", 25),
                ("BPF-L018", 25),
                ("BPF-L019", 25),
                ("BPF-L020", 25),
                ("BPF-L021", 28),
                ("BPF-L022", 28),
            ]
        );
    }

    #[test]
    fn every_refusal_says_what_is_wrong_in_a_line() {
        for refusal in one_of_each() {
            let line = refusal.to_string();
            assert!(!line.is_empty() && !line.contains('\n') && !line.ends_with('.'));
            assert!(!line.starts_with(char::is_uppercase), "{line}");
        }
    }

    #[test]
    fn diagnostics_are_unique_and_used() {
        for (i, code) in codes::ALL.iter().enumerate() {
            assert!(codes::ALL.iter().take(i).all(|other| other.id != code.id));
            assert!(!code.title.ends_with('.') && code.help.ends_with('.'));
        }
    }
}
