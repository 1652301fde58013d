//! One module for each command; each ends with an exit code or an error that carries one.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod disasm;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod pages;
pub(crate) mod pki;
pub(crate) mod platform;
pub(crate) mod sign;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod verify;
