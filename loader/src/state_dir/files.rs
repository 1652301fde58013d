//! Reading and writing the files of a state.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

use super::{Damage, StateError};
use crate::audit::{AuditHead, MAX_LINE};
use crate::slots::{STORE_SIZE, Slot};

/// Adds operation and path to an error of the system.
fn failed<'a>(operation: &'static str, path: &'a Path) -> impl Fn(io::Error) -> StateError + 'a {
    move |source| StateError::Io {
        operation,
        path: path.into(),
        source,
    }
}

fn damaged(path: &Path, damage: Damage) -> StateError {
    StateError::Damaged {
        path: path.into(),
        damage,
    }
}

/// Whether there is something of this name.
pub(super) fn exists(path: &Path) -> Result<bool, StateError> {
    path.try_exists().map_err(failed("read", path))
}

/// The whole file, which should not be longer than `max` bytes.
pub(super) fn read(path: &Path, max: usize) -> Result<Vec<u8>, StateError> {
    let file = File::open(path).map_err(failed("open", path))?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(failed("read", path))?;
    if bytes.len() > max {
        return Err(damaged(path, Damage::TooLong(max)));
    }
    Ok(bytes)
}

/// A file without which the state is not whole.
pub(super) fn read_part(path: &Path, max: usize) -> Result<Vec<u8>, StateError> {
    read(path, max).map_err(|error| missing_part(path, error))
}

fn missing_part(path: &Path, error: StateError) -> StateError {
    if error.is_not_found() {
        damaged(path, Damage::Missing)
    } else {
        error
    }
}

/// Makes these files, none of which may exist, in their order, and the directory if need be. When
/// something fails, what was made is removed.
pub(super) fn create_all(dir: &Path, contents: &[(&str, &[u8])]) -> Result<(), StateError> {
    let made_dir = create_dir(dir)?;
    let mut made = Vec::new();
    let result = contents.iter().try_for_each(|(name, bytes)| {
        let path = dir.join(name);
        create(&path, bytes, &mut made)
    });
    let result = result.and_then(|()| sync_dir(dir)).and_then(|()| {
        // An entry of a new directory is safe when its parent is.
        let parent = dir.parent().filter(|_| made_dir);
        parent.map_or(Ok(()), sync_dir)
    });
    if result.is_err() {
        // The first error is what counts; what cannot be removed is found by the next `init`.
        for path in &made {
            let _ = fs::remove_file(path);
        }
        if made_dir {
            let _ = fs::remove_dir(dir);
        }
    }
    result
}

/// Whether the directory was made here, with access for its owner alone.
fn create_dir(dir: &Path) -> Result<bool, StateError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => Ok(false),
        Err(error) => Err(failed("make", dir)(error)),
    }
}

fn create(path: &Path, bytes: &[u8], made: &mut Vec<PathBuf>) -> Result<(), StateError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed("make", path))?;
    made.push(path.into());
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(failed("write", path))
}

/// Writes a file beside the others, in place of one that was left there.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(failed("remove", path)(error));
        }
        _ => create(path, bytes, &mut Vec::new())?,
    }
    path.parent().map_or(Ok(()), sync_dir)
}

/// Has one file take the place of another.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StateError> {
    fs::rename(from, to).map_err(failed("rename", from))?;
    to.parent().map_or(Ok(()), sync_dir)
}

/// `File::sync_all` on a directory makes its entries safe.
fn sync_dir(dir: &Path) -> Result<(), StateError> {
    // The parent of a relative path without a separator is empty and means the working directory.
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed("write", dir))
}

/// The store, locked for this process until it is closed.
pub(super) struct StoreFile<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> StoreFile<'a> {
    pub(super) fn open_locked(path: &'a Path) -> Result<Self, StateError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let file = options.open(path).map_err(failed("open", path))?;
        file.lock().map_err(failed("lock", path))?;
        Ok(Self { path, file })
    }

    /// The whole store; at most one byte more than it should have.
    pub(super) fn read(&mut self) -> Result<Vec<u8>, StateError> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(STORE_SIZE).unwrap_or(u64::MAX);
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| {
                let file = &mut self.file;
                file.take(limit.saturating_add(1)).read_to_end(&mut bytes)
            })
            .map_err(failed("read", self.path))?;
        Ok(bytes)
    }

    /// Writes a slot and reads the store again.
    pub(super) fn write(&mut self, slot: Slot, bytes: &[u8]) -> Result<Vec<u8>, StateError> {
        let offset = u64::try_from(slot.offset()).unwrap_or(u64::MAX);
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.write_all(bytes))
            .and_then(|()| self.file.sync_all())
            .map_err(failed("write", self.path))?;
        self.read()
    }
}

/// The log has the lines that `head` counts, each following from those before. Bytes behind them
/// belong to a change that did not come about.
pub(super) fn check_audit(path: &Path, head: &AuditHead) -> Result<(), StateError> {
    let file = File::open(path)
        .map_err(failed("open", path))
        .map_err(|error| missing_part(path, error))?;
    let mut log = BufReader::new(file).take(head.bytes);
    let mut found = AuditHead::EMPTY;
    let max_line = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    while found.lines < head.lines {
        let mut line = String::new();
        log.by_ref()
            .take(max_line)
            .read_line(&mut line)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidData => damaged(path, Damage::AuditLine(found.lines)),
                _ => failed("read", path)(error),
            })?;
        let line_number = found.lines.saturating_add(1);
        found = found
            .follow(&line)
            .ok_or_else(|| damaged(path, Damage::AuditLine(line_number)))?;
    }
    if found != *head {
        return Err(damaged(path, Damage::AuditEnd));
    }
    Ok(())
}

/// Writes `line` where the log ends according to `head`, over what a change that did not come about
/// may have left there.
pub(super) fn append_audit(path: &Path, head: &AuditHead, line: &str) -> Result<(), StateError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let mut file = options
        .open(path)
        .map_err(failed("open", path))
        .map_err(|error| missing_part(path, error))?;
    let len = file.metadata().map_err(failed("read", path))?.len();
    if len < head.bytes {
        return Err(damaged(path, Damage::AuditEnd));
    }
    file.set_len(head.bytes)
        .and_then(|()| file.seek(SeekFrom::End(0)))
        .and_then(|_| file.write_all(line.as_bytes()))
        .and_then(|()| file.sync_all())
        .map_err(failed("write", path))
}
