//! Reading and writing files: bounded, once, and all or nothing.

use std::fs::{File, Metadata, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{CliError, codes};

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// The file is absent, not a regular file, not readable, or larger than `limit`.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, CliError> {
    let unreadable =
        |error: std::io::Error| CliError::message(codes::UNREADABLE, error.to_string()).about(path);
    // To open a pipe without a writer would wait for one; and the path may lead elsewhere after that.
    expect_regular(path, &path.metadata().map_err(unreadable)?)?;
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    expect_regular(path, &metadata)?;
    let too_large = |size: String| {
        let message = format!("{size} bytes are more than the {limit} that it may have");
        CliError::message(codes::TOO_LARGE, message).about(path)
    };
    let limit_u64 = u64::try_from(limit).unwrap_or(u64::MAX);
    if metadata.len() > limit_u64 {
        return Err(too_large(metadata.len().to_string()));
    }
    let mut bytes = Vec::new();
    // The file may grow while it is read: one byte more than the limit tells.
    file.take(limit_u64.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > limit {
        return Err(too_large(format!("more than {limit}")));
    }
    Ok(bytes)
}

fn expect_regular(path: &Path, metadata: &Metadata) -> Result<(), CliError> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = if metadata.is_dir() {
        "is a directory"
    } else {
        "is not a regular file"
    };
    Err(CliError::message(codes::UNREADABLE, what).about(path))
}

/// What is written here is for everybody to read, as far as the umask allows.
const MODE: u32 = 0o644;

/// Writes a file as a whole: a reader sees the old contents or the new ones, never a part.
///
/// # Errors
/// The directory cannot be written; the old file is untouched.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let unwritable =
        |error: std::io::Error| CliError::message(codes::UNWRITABLE, error.to_string()).about(path);
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    if !directory.metadata().map_err(unwritable)?.is_dir() {
        return Err(unwritable(ErrorKind::NotADirectory.into()));
    }
    // The error would name the temporary file; its kind is what matters.
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(directory)
        .map_err(|error| unwritable(error.kind().into()))?;
    file.write_all(bytes).map_err(unwritable)?;
    file.as_file().sync_all().map_err(unwritable)?;
    file.persist(path)
        .map_err(|error| unwritable(error.error))?;
    Ok(())
}

/// `prog.o` with `.bpfsig` behind it.
pub(crate) fn default_bundle(object: &Path) -> PathBuf {
    let mut name = object.as_os_str().to_owned();
    name.push(".bpfsig");
    PathBuf::from(name)
}

/// The file's name without directory and extension: the default name of a statement.
pub(crate) fn stem(object: &Path) -> String {
    object
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}
