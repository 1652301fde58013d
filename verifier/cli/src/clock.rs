//! The clock of the machine.

use std::time::{SystemTime, UNIX_EPOCH};

use bpf_statement::UnixTime;

use crate::error::{CliError, codes};

/// What the clock shows.
///
/// # Errors
/// It shows a time before 1970 or after the year 9999.
pub(crate) fn now() -> Result<UnixTime, CliError> {
    read().ok_or_else(|| CliError::message(codes::CLOCK, "the clock shows no possible time"))
}

/// What the clock shows, if it is a possible time; loaders get along without.
pub(crate) fn read() -> Option<UnixTime> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(UnixTime::from_secs(since.as_secs()))
}
