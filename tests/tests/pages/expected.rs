//! What a page says that a command prints, against what it prints.

use regex::Regex;

/// A line of what is expected that stands for any number of lines.
const ANY_LINES: &str = "…";

/// Compares text by line; how much white space there is does not count, since columns are as wide as
/// what stands in them.
///
/// # Errors
/// The first line of `expected` that is not there.
pub(crate) fn compare(expected: &str, printed: &str) -> Result<(), String> {
    let mut printed = printed.lines().map(narrow);
    let mut skips = false;
    for line in expected.lines().map(narrow) {
        if line == ANY_LINES {
            skips = true;
            continue;
        }
        let pattern = pattern(&line);
        let found = if skips {
            printed.any(|printed| pattern.is_match(&printed))
        } else {
            printed
                .next()
                .is_some_and(|printed| pattern.is_match(&printed))
        };
        if !found {
            return Err(format!("not printed, or not there: {line}"));
        }
        skips = false;
    }
    match printed.find(|line| !skips && !line.is_empty()) {
        Some(line) => Err(format!("printed, and not expected: {line}")),
        None => Ok(()),
    }
}

fn narrow(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line in which `…` stands for anything.
fn pattern(line: &str) -> Regex {
    let parts: Vec<String> = line.split(ANY_LINES).map(regex::escape).collect();
    Regex::new(&format!("^{}$", parts.join(".*"))).unwrap()
}

#[test]
fn what_is_left_out_may_be_anything() {
    let printed = "made\n  key  4f8a  \nsigned\n\n";
    compare("made\n  key  …\nsigned", printed).unwrap();
    compare("…\nsigned", printed).unwrap();
    compare("made\n…", printed).unwrap();
    assert!(compare("made\nsigned", printed).is_err());
    assert!(compare("made\n  key  …", printed).is_err());
    assert!(compare("…\nrefused", printed).is_err());
}
