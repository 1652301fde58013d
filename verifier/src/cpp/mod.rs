//! PREVAIL's C++ original, where it is built in (feature `prevail-cpp`).

#[cfg(feature = "prevail-cpp")]
mod linked;
#[cfg(not(feature = "prevail-cpp"))]
mod missing;

#[cfg(feature = "prevail-cpp")]
pub(crate) use linked::{alone, judge, prove_as};
#[cfg(not(feature = "prevail-cpp"))]
pub(crate) use missing::{judge, prove_as};

use crate::finding::Report;
use crate::verdict::Engine;

/// Whether it can be asked.
pub(crate) const BUILT_IN: bool = cfg!(feature = "prevail-cpp");

/// The engine as statements name it.
pub(crate) const ENGINE: Engine = Engine {
    name: "prevail-cpp",
    version: (0, 2, 6),
};

/// What it says of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "prevail-cpp", test)),
    expect(dead_code, reason = "it has no opinion where it is not built in")
)]
pub(crate) enum Judgement {
    /// It is safe, and returns what its kind may.
    Accepts,
    /// It is not, or not shown to be, for these reasons; at least one.
    Refuses(Vec<Report>),
    /// There is no answer, for this reason.
    Silent(String),
}
