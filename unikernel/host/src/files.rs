//! Reading files: once, whole, and no more than is wanted.

use std::fs::File;
use std::io::{self, Read};

use click_graph::HostError;

/// Why a file could not be read.
pub(crate) enum ReadError {
    /// There is none of this name.
    Absent(HostError),
    /// Anything else.
    Other(HostError),
}

impl From<ReadError> for HostError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Absent(error) | ReadError::Other(error) => error,
        }
    }
}

/// The contents of a file of at most `max` bytes. What is longer is not read further, whatever its
/// length is said to be.
pub(crate) fn read(name: &str, max: usize) -> Result<Vec<u8>, ReadError> {
    let unreadable = |error: &io::Error| unreadable(name, error);
    let one_more = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(name)
        .and_then(|file| file.take(one_more).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    if bytes.len() > max {
        return Err(ReadError::Other(HostError::Unreadable {
            name: name.into(),
            reason: format!("it is longer than {max} bytes"),
        }));
    }
    Ok(bytes)
}

/// As [`read`], of a regular file only: opening a pipe would wait for somebody to write into it.
pub(crate) fn read_regular(name: &str, max: usize) -> Result<Vec<u8>, ReadError> {
    let metadata = std::fs::metadata(name).map_err(|error| unreadable(name, &error))?;
    if !metadata.is_file() {
        return Err(ReadError::Other(HostError::Unreadable {
            name: name.into(),
            reason: "it is not a regular file".into(),
        }));
    }
    read(name, max)
}

/// The text in a file.
pub(crate) fn utf8(name: &str, bytes: Vec<u8>) -> Result<String, HostError> {
    String::from_utf8(bytes).map_err(|error| HostError::Unreadable {
        name: name.into(),
        reason: format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()),
    })
}

fn unreadable(name: &str, error: &io::Error) -> ReadError {
    let host_error = HostError::Unreadable {
        name: name.into(),
        reason: error.to_string(),
    };
    match error.kind() {
        io::ErrorKind::NotFound => ReadError::Absent(host_error),
        _ => ReadError::Other(host_error),
    }
}

/// All bytes of standard input, up to a number of them.
pub(crate) fn read_stdin(most: usize) -> Result<Vec<u8>, HostError> {
    let unreadable = |reason: String| HostError::Unreadable {
        name: "<stdin>".into(),
        reason,
    };
    let one_more = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = io::stdin().take(one_more).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() > most {
        return Err(unreadable(format!("it is longer than {most} bytes")));
    }
    Ok(bytes)
}
