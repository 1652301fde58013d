//! What is asked of the loader.

use alloc::vec::Vec;

use bpf_object::MapDef;
use bpf_statement::{Name, Symbol, UnixTime};
use bpf_trust::TrustBundle;
use platform_click::ProgramKind;

use crate::Snapshot;

/// An object to be admitted, and everything that the decision depends on.
///
/// The caller has read each file once, into memory of its own: what is checked is what will run.
#[derive(Clone, Copy, Debug)]
pub struct AdmitRequest<'a> {
    /// The object file.
    pub object: &'a [u8],
    /// The bundle file; `None` when there is none.
    pub bundle: Option<&'a [u8]>,
    /// What the object is to be.
    pub expectation: &'a Expectation,
    /// Whom to trust.
    pub trust: &'a TrustBundle,
    /// What was admitted before.
    pub state: &'a Snapshot,
    /// What the clock shows, if there is one. It may be wrong: see [`Snapshot::now`].
    pub clock: Option<UnixTime>,
}

/// What an object is to be: the part of a configuration that admission depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The names that the statement may have.
    pub names: Vec<Name>,
    /// The program that is to run; `None` to ask about the object as a whole.
    pub program: Option<ProgramExpectation>,
    /// Maps of a running instance that the program would take over by name.
    pub running_maps: Vec<MapDef>,
    /// Bytes that keys and values of the program's maps may take; `None`: each map within the
    /// platform's limits.
    pub map_memory: Option<u64>,
}

/// Which program is to run, and what the element that takes it is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramExpectation {
    /// The kind that the element takes.
    pub kind: ProgramKind,
    /// The name of the program; `None` when the object has to have just one.
    pub name: Option<Symbol>,
    /// How many outputs an element for classifiers has; `None` where it does not matter.
    pub outputs: Option<u32>,
    /// Instructions that no run may exceed, by proof; `None` where it does not matter.
    pub max_instructions: Option<u64>,
}

impl Expectation {
    /// Asks about the object as a whole, signed under one of `names`.
    #[must_use]
    pub const fn object(names: Vec<Name>) -> Self {
        Self {
            names,
            program: None,
            running_maps: Vec::new(),
            map_memory: None,
        }
    }

    /// Asks for a program for an element.
    #[must_use]
    pub const fn program(names: Vec<Name>, program: ProgramExpectation) -> Self {
        Self {
            names,
            program: Some(program),
            running_maps: Vec::new(),
            map_memory: None,
        }
    }
}
