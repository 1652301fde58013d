//! Commands of GitHub's runners, which annotate a change.

use core::fmt::Write as _;

use super::{Problem, Report};

/// One line for each problem.
pub(crate) fn github(report: &Report) -> String {
    let mut lines = String::new();
    for (object, problem) in report.problems() {
        let level = if problem.waived.is_some() {
            "notice"
        } else {
            "error"
        };
        let place = match (&problem.place, object) {
            (Some(place), _) => {
                let column = match place.column {
                    0 => String::new(),
                    column => format!(",col={column}"),
                };
                let file = property(&place.file);
                format!("file={file},line={}{column},", place.line)
            }
            (None, Some(object)) => format!("file={},", property(&object.path)),
            (None, None) => String::new(),
        };
        let title = property(&format!("{}: {}", problem.code, problem.title));
        let _ = writeln!(
            lines,
            "::{level} {place}title={title}::{}",
            data(&message(problem))
        );
    }
    lines
}

fn message(problem: &Problem) -> String {
    format!("{}\n{}", problem.message, problem.help)
}

/// Text behind the command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
