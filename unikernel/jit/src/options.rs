//! How a program is compiled.

use core::fmt;

/// How a program is compiled; [`Options::default`] is for programs of which nothing more is known.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// What was proved to be out of reach. It is compiled to code that stops the program.
    pub reach: &'a dyn Reach,
    /// A secret with which constants of the program are hidden in its code, so that whoever writes a
    /// program does not choose byte sequences of the code. Each costs one or two instructions.
    pub blinding: Option<u64>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            reach: &Everywhere,
            blinding: None,
        }
    }
}

/// What a proof says about where runs may come to.
pub trait Reach: fmt::Debug {
    /// Whether a run may come to the instruction in `slot`.
    fn reachable(&self, slot: u32) -> bool;

    /// Whether the conditional jump in `slot` may be taken.
    fn taken(&self, slot: u32) -> bool;

    /// Whether the conditional jump in `slot` may be passed.
    fn passed(&self, slot: u32) -> bool;
}

/// Nothing is out of reach.
#[derive(Clone, Copy, Debug, Default)]
pub struct Everywhere;

impl Reach for Everywhere {
    fn reachable(&self, _: u32) -> bool {
        true
    }

    fn taken(&self, _: u32) -> bool {
        true
    }

    fn passed(&self, _: u32) -> bool {
        true
    }
}
