//! Which policy counts.

use std::path::{Path, PathBuf};

use super::PolicyFile;
use crate::error::{CliError, codes};
use crate::show::text;

/// The name of a policy file.
const NAME: &str = "bpfsign.toml";

/// Where the policy is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Search<'a> {
    /// Nowhere: defaults count.
    Nowhere,
    /// In this file.
    File(&'a Path),
    /// In the folders of these paths and those above them.
    Above(&'a [PathBuf]),
}

/// The policy of a run. There is one, found from outside: a folder that is judged brings none of its
/// own for what is in it.
///
/// # Errors
/// It is not of the format, or the paths lead to different ones.
pub(crate) fn find(search: Search<'_>) -> Result<PolicyFile, CliError> {
    let paths = match search {
        Search::Nowhere => return Ok(PolicyFile::default()),
        Search::File(path) => return PolicyFile::read(path),
        Search::Above(paths) => paths,
    };
    let mut found: Option<Option<PathBuf>> = None;
    for path in paths {
        let nearest = nearest(path);
        match &found {
            None => found = Some(nearest),
            Some(other) if *other == nearest => {}
            Some(other) => return Err(several(other.as_deref(), nearest.as_deref())),
        }
    }
    match found.flatten() {
        Some(path) => PolicyFile::read(&path),
        None => Ok(PolicyFile::default()),
    }
}

/// The nearest policy file in the folder of `path`, or above.
fn nearest(path: &Path) -> Option<PathBuf> {
    // A path that is not there is reported where it is read.
    let whole = std::path::absolute(path).ok()?;
    let whole = whole.canonicalize().unwrap_or(whole);
    let start = if whole.is_dir() {
        Some(whole.as_path())
    } else {
        whole.parent()
    };
    let candidates = start?.ancestors().map(|folder| folder.join(NAME));
    let mut found = candidates.into_iter().filter(|file| file.exists());
    found.next()
}

fn several(one: Option<&Path>, other: Option<&Path>) -> CliError {
    let name = |path: Option<&Path>| path.map_or_else(|| "none".to_owned(), text::path);
    let message = format!(
        "the paths have different policies: {} and {}",
        name(one),
        name(other)
    );
    CliError::message(codes::POLICIES, message)
}
