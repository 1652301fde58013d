//! Files of a PKI directory: read whole and bounded, written whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bpf_trust::limits::MAX_TRUST_BUNDLE_SIZE;
use bpf_trust::{TrustBundle, UnverifiedTrustBundle};

use crate::{ChainFile, PkiError};

/// Files of a directory at most: certificates for every day of twenty years.
const MAX_FILES: usize = 10_000;

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, PkiError> {
    let unreadable = |error| PkiError::Read {
        path: path.to_owned(),
        error,
    };
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(one_more)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > limit {
        let message = format!("it is longer than {limit} bytes");
        return Err(unreadable(io::Error::other(message)));
    }
    Ok(bytes)
}

/// The first certificate of a file, in DER.
pub(super) fn read_certificate(path: &Path) -> Result<Vec<u8>, PkiError> {
    let (_, certificates) = ChainFile::load(path)?.into_parts();
    let first = certificates.into_iter().next();
    first.ok_or_else(|| crate::KeyFault::NoChain.of(&path.display()))
}

/// A trust bundle that is signed by enough of its own keys.
pub(super) fn read_trust(path: &Path) -> Result<TrustBundle, PkiError> {
    let bytes = read(path, MAX_TRUST_BUNDLE_SIZE)?;
    Ok(UnverifiedTrustBundle::parse(&bytes)?.provision()?)
}

/// The files of a directory; none if there is no directory.
pub(super) fn list(directory: &Path) -> Result<Vec<PathBuf>, PkiError> {
    let unreadable = |error| PkiError::Read {
        path: directory.to_owned(),
        error,
    };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let entries = entries.take(MAX_FILES);
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    paths.map_err(unreadable)
}

/// Makes a directory that its owner alone may enter, if it is not there.
pub(super) fn make_dir(path: &Path) -> Result<(), PkiError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(PkiError::Write {
            path: path.to_owned(),
            error,
        }),
        _ => Ok(()),
    }
}

/// Writes a file that must not exist, with these permissions.
///
/// # Errors
/// [`PkiError::Exists`] or [`PkiError::Write`].
pub fn create_file(path: &Path, mode: u32, content: &[u8]) -> Result<(), PkiError> {
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => PkiError::Exists(path.to_owned()),
        _ => PkiError::Write {
            path: path.to_owned(),
            error,
        },
    })
}

/// Writes a file as a whole: a reader sees the old content or the new one, never a part.
pub(crate) fn replace(path: &Path, mode: u32, content: &[u8]) -> Result<(), PkiError> {
    let write = || -> io::Result<()> {
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mut file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(directory)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| PkiError::Write {
        path: path.to_owned(),
        error,
    })
}
