//! Libraries: configurations that others require.

use alloc::string::String;
use core::fmt;

use crate::host::HostError;

/// A library that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// What messages call it, and what tells it from others: its path.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Finds what `require(library …)` names.
pub trait Libraries: fmt::Debug {
    /// The library `name`, required by the file called `from`.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    fn open(&mut self, name: &str, from: &str) -> Result<Library, HostError>;
}

/// No libraries.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLibraries;

impl Libraries for NoLibraries {
    fn open(&mut self, name: &str, _from: &str) -> Result<Library, HostError> {
        Err(HostError::Unreadable {
            name: name.into(),
            reason: "there are no libraries here".into(),
        })
    }
}
