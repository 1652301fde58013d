//! Libraries of configurations, in files.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use click_graph::HostError;
use click_graph::language::{Libraries, Library};
use click_graph::limits::MAX_CONFIG_SIZE;

use crate::files::{self, ReadError};

/// Finds libraries where Click does: beside the file that requires them, then in each folder of the
/// path and in its subfolder `conf`.
#[derive(Clone, Debug, Default)]
pub struct LibraryPath {
    folders: Vec<PathBuf>,
}

impl LibraryPath {
    /// The path in the variable `CLICKPATH`: folders separated by colons.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::new(&env::var_os("CLICKPATH").unwrap_or_default())
    }

    /// Folders separated by colons.
    #[must_use]
    pub fn new(path: &OsStr) -> Self {
        let folders = env::split_paths(path).filter(|folder| folder != Path::new(""));
        Self {
            folders: folders.collect(),
        }
    }

    /// Where a library may be, in the order in which it is looked for.
    fn candidates(&self, name: &str, from: &str) -> Vec<PathBuf> {
        let beside = Path::new(from).parent().unwrap_or_else(|| Path::new(""));
        let mut candidates = vec![beside.join(name)];
        for folder in &self.folders {
            candidates.extend([folder.join(name), folder.join("conf").join(name)]);
        }
        candidates
    }
}

impl Libraries for LibraryPath {
    fn open(&mut self, name: &str, from: &str) -> Result<Library, HostError> {
        for path in self.candidates(name, from) {
            let path = path.display().to_string();
            match files::read_regular(&path, MAX_CONFIG_SIZE) {
                Ok(bytes) => {
                    let text = files::utf8(&path, bytes)?;
                    return Ok(Library { name: path, text });
                }
                Err(ReadError::Absent(_)) => {}
                Err(ReadError::Other(error)) => return Err(error),
            }
        }
        Err(HostError::Unreadable {
            name: name.into(),
            reason: "it is neither beside the configuration nor in CLICKPATH".into(),
        })
    }
}
