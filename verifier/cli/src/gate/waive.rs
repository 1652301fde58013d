//! Exceptions of a policy.

use std::path::{Path, PathBuf};

use bpf_statement::UnixTime;
use time::OffsetDateTime;

use crate::error::{CliError, codes};
use crate::policy::{Day, PolicyFile, Waiver};
use crate::report::{ObjectReport, Problem, Waived};
use crate::show::text;

/// Marks what is excepted. Gives a problem for each exception that is over and would be needed.
pub(super) fn apply(
    file: &PolicyFile,
    paths: &[PathBuf],
    objects: &mut [ObjectReport],
    now: UnixTime,
) -> Vec<Problem> {
    let today = day(now);
    let mut over = Vec::new();
    for waiver in &file.policy.waivers {
        let of = paths.iter().zip(objects.iter_mut());
        let mut needed = false;
        for (_, object) in of.filter(|(path, _)| is_for(waiver, file.folder(), path)) {
            let problems = object.problems.iter_mut();
            for problem in problems.filter(|problem| problem.code == waiver.code.0.id) {
                needed = true;
                if today <= Some(waiver.expires) && today.is_some() {
                    problem.waived = Some(Waived {
                        reason: text::visible(&waiver.reason.0),
                        expires: waiver.expires.to_string(),
                    });
                }
            }
        }
        if needed && today.is_none_or(|today| today > waiver.expires) {
            over.push(expired(waiver));
        }
    }
    over
}

fn expired(waiver: &Waiver) -> Problem {
    let message = format!(
        "the exception from {} for {} ended with {}",
        waiver.code.0.id,
        text::path(&waiver.path),
        waiver.expires
    );
    let error = CliError::message(codes::WAIVER, message);
    Problem::new(error.code, &error.message)
}

/// Whether the object is the waiver's file, or in its folder.
fn is_for(waiver: &Waiver, folder: &Path, object: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().ok();
    match (whole(&folder.join(&waiver.path)), whole(object)) {
        (Some(waived), Some(object)) => object.starts_with(waived),
        _ => false,
    }
}

fn day(now: UnixTime) -> Option<Day> {
    let seconds = i64::try_from(now.as_secs()).ok()?;
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    Some(Day(time.date()))
}
