//! Comparing what a test wrote with what it should write, as `clicktest(1)` does.

use regex::Regex;

use super::format::{Expected, Ignored, Mode, Test};

/// Compares the text of a file with its alternatives.
pub(crate) fn compare(test: &Test, file: &str, text: &str) -> Result<(), String> {
    let alternatives = test
        .expected
        .iter()
        .filter(|expected| expected.file == file);
    let mut difference = Ok(());
    for expected in alternatives {
        difference = compare_one(expected, &test.ignored, text);
        if difference.is_ok() {
            break;
        }
    }
    difference
}

fn compare_one(expected: &Expected, ignored: &[Ignored], text: &str) -> Result<(), String> {
    if text == expected.text {
        return Ok(());
    }
    let file = &expected.file;
    if expected.mode == Mode::Verbatim {
        return Err(differs(file, &expected.text, text));
    }
    let ignores = |line: &&str| {
        let of_file = ignored
            .iter()
            .filter(|ignored| ignored.file == *file || ignored.file == "all");
        of_file.into_iter().any(|ignored| ignored.matches(line))
    };
    let blank = |line: &&str| line.trim().is_empty();
    let mut found = text.lines().filter(|line| !blank(line) && !ignores(line));
    let mut wanted = expected.text.lines().filter(|line| !blank(line));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Ok(()),
            (Some(wanted), Some(found)) if expected.matches(wanted, found) => {}
            (wanted, found) => {
                let end = "<end of file>";
                return Err(differs(file, wanted.unwrap_or(end), found.unwrap_or(end)));
            }
        }
    }
}

fn differs(file: &str, wanted: &str, found: &str) -> String {
    format!("{file}: expected\n  {wanted}\nbut got\n  {found}")
}

impl Expected {
    fn matches(&self, wanted: &str, found: &str) -> bool {
        let (mut wanted, mut found) = (wanted.trim_end().to_string(), found.trim_end().to_string());
        if self.no_blanks {
            found.retain(|c| !c.is_whitespace());
            wanted = without_blanks(&wanted);
        }
        wanted == found || matches(&wanted, self.mode, &found)
    }
}

impl Ignored {
    fn matches(&self, line: &str) -> bool {
        let mut line = line.trim_end().to_string();
        if self.no_blanks {
            line.retain(|c| !c.is_whitespace());
        }
        let patterns = self.text.lines().filter(|text| !text.trim().is_empty());
        patterns.into_iter().any(|text| match self.no_blanks {
            true => matches(&without_blanks(text), self.mode, &line),
            false => matches(text.trim_end(), self.mode, &line),
        })
    }
}

fn matches(wanted: &str, mode: Mode, line: &str) -> bool {
    pattern(wanted, mode).is_some_and(|pattern| pattern.is_match(line))
}

/// The whole line as a regular expression.
fn pattern(line: &str, mode: Mode) -> Option<Regex> {
    let literal = |text: &str| match mode {
        Mode::Pattern => text.to_string(),
        Mode::Text | Mode::Verbatim => regex::escape(text),
    };
    let mut out = String::new();
    let mut rest = match mode {
        Mode::Verbatim => None,
        Mode::Text | Mode::Pattern => Some(without_comments(line)),
    };
    let mut last = rest.is_none().then(|| line.to_string());
    while let Some(text) = rest.take() {
        let inner = text.split_once("{{").and_then(|(before, inner)| {
            let (inner, after) = inner.split_once("}}")?;
            Some((before.to_string(), inner.to_string(), after.to_string()))
        });
        match inner {
            Some((before, inner, after)) => {
                out.push_str(&format!("{}(?:{inner})", literal(&before)));
                rest = Some(after);
            }
            None => last = Some(text),
        }
    }
    out.push_str(&literal(&last.unwrap_or_default()));
    // What needs more than these expressions can do, such as looking ahead, matches nothing; tests
    // have it only to leave out what other tools say.
    Regex::new(&format!("^(?:{out})$")).ok()
}

/// A line without `{{?…}}` and the blanks around it.
fn without_comments(line: &str) -> String {
    let mut line = line.to_string();
    while let Some((before, (_, after))) = line
        .split_once("{{?")
        .and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
    {
        line = format!("{}{}", before.trim_end(), after.trim_start());
    }
    line
}

/// A line without blanks, save those in `{{…}}`.
fn without_blanks(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, inner)) = rest.split_once("{{") {
        let (inner, after) = inner.split_once("}}").unwrap_or((inner, ""));
        out.extend(before.chars().filter(|c| !c.is_whitespace()));
        out.push_str(&format!("{{{{{inner}}}}}"));
        rest = after;
    }
    out.extend(rest.chars().filter(|c| !c.is_whitespace()));
    out
}
