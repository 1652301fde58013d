//! How things are shown, to people and as JSON; one place for each thing, whatever command shows it.

pub(crate) mod finding;
pub(crate) mod statement;
mod table;
pub(crate) mod text;
pub(crate) mod trust;

pub(crate) use table::Table;
