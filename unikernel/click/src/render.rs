//! Showing an error: as text, with the line that it is in.

use alloc::format;
use alloc::string::String;
use core::error::Error;

use crate::error::{ConfigError, Problem};
use crate::language::{Source, Span};

impl Problem {
    /// What to do about it: a guess at what was meant, or the help of the diagnostic.
    fn help(&self) -> String {
        let nearest = match self {
            Self::UnknownArgument { nearest, .. } => *nearest,
            Self::UnknownClass { nearest, .. }
            | Self::Undeclared { nearest, .. }
            | Self::NoElement { nearest, .. } => nearest.as_deref(),
            _ => None,
        };
        nearest.map_or_else(
            || self.code().help.into(),
            |nearest| format!("did you mean `{nearest}`?"),
        )
    }
}

impl ConfigError {
    /// The error with its place in `source`, as several lines of plain text without a final
    /// newline: `file:line:column`, the code, what is wrong, the line with carets below the place,
    /// and what to do.
    #[must_use]
    pub fn render(&self, source: &Source) -> String {
        self.render_as("error", source)
    }

    /// As [`Self::render`], of something that is only odd.
    #[must_use]
    pub fn render_warning(&self, source: &Source) -> String {
        self.render_as("warning", source)
    }

    fn render_as(&self, severity: &str, source: &Source) -> String {
        let place = source.place(self.span.start);
        let mut out = format!(
            "{}:{}:{}: {severity}[{}]: {}",
            place.name,
            place.line,
            place.column,
            self.code(),
            with_causes(self),
        );
        let number = format!("{}", place.line);
        let margin = " ".repeat(number.len());
        let (text, carets) = excerpt(source, self.span);
        out.push_str(&format!(
            "\n{margin} |\n{number} | {text}\n{margin} | {carets}"
        ));
        out.push_str(&format!("\n{margin} = help: {}", self.problem.help()));
        out
    }
}

/// An error and all its causes, on one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut out = format!("{error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        out.push_str(&format!(": {error}"));
        cause = error.source();
    }
    out
}

/// Characters of a line that are shown before and behind the start of an error.
const EXCERPT: usize = 80;

/// The line of a place and, for the line below, the carets under it. Of a long line a piece is
/// shown; control characters, which could rewrite a terminal, are not.
fn excerpt(source: &Source, span: Span) -> (String, String) {
    let (line_start, line) = source.line_at(span.start);
    let before = span.start.saturating_sub(line_start);
    let marked = span.end.saturating_sub(span.start);
    let (head, rest) = line.split_at_checked(before).unwrap_or((line, ""));
    let marked = rest.get(..marked).unwrap_or(rest);
    let skipped = head.chars().count().saturating_sub(EXCERPT);
    let head = head.chars().skip(skipped).map(printable);

    let ellipsis = if skipped > 0 { "..." } else { "" };
    let mut text = String::from(ellipsis);
    text.extend(head.clone());
    text.extend(rest.chars().take(EXCERPT).map(printable));
    if rest.chars().nth(EXCERPT).is_some() {
        text.push_str("...");
    }
    let mut carets = " ".repeat(ellipsis.len());
    carets.extend(head.map(|character| if character == '\t' { '\t' } else { ' ' }));
    let width = marked.chars().count().clamp(1, EXCERPT);
    carets.push_str(&"^".repeat(width));
    (text, carets)
}

fn printable(character: char) -> char {
    if character.is_control() && character != '\t' {
        char::REPLACEMENT_CHARACTER
    } else {
        character
    }
}

/// A time in seconds, as Click prints it: with microseconds if that is exact, or else nanoseconds.
pub(crate) fn seconds(time_ns: u64) -> String {
    const SECOND_NS: u64 = 1_000_000_000;
    let (seconds, rest) = (time_ns / SECOND_NS, time_ns % SECOND_NS);
    match rest % 1000 {
        0 => format!("{seconds}.{:06}", rest / 1000),
        _ => format!("{seconds}.{rest:09}"),
    }
}

/// A piece of a configuration as an error message quotes it: short and without control characters.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut out: String = text.chars().take(LONGEST).map(printable).collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push_str("...");
    }
    out.replace('\t', " ")
}
