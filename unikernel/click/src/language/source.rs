//! The text of a configuration, of the libraries that it requires, and places in it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// A piece of a configuration's text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte behind the last one.
    pub end: usize,
}

impl Span {
    /// From `start` up to, but not including, `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this piece to the end of `other`.
    #[must_use]
    pub const fn to(self, other: Self) -> Self {
        Self::new(self.start, other.end)
    }
}

/// A place as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The file.
    pub name: Cow<'a, str>,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1; a character, not a byte.
    pub column: usize,
}

/// A configuration's text with those of its libraries behind it, and the names that messages call
/// them by. A [`Span`] is a piece of all of them together, so it says which file it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    text: String,
    /// In the order of their texts; never empty.
    files: Vec<File>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    name: String,
    span: Span,
}

impl Source {
    /// `text`, called `name` (a file name, or `config` for an expression, as in Click).
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut source = Self {
            text: String::new(),
            files: Vec::new(),
        };
        source.add(name, &text.into());
        source
    }

    /// Adds the text of another file and gives its place.
    pub(super) fn add(&mut self, name: impl Into<String>, text: &str) -> Span {
        if !self.files.is_empty() {
            // A file begins a line.
            self.text.push('\n');
        }
        let start = self.text.len();
        self.text.push_str(text);
        let span = Span::new(start, self.text.len());
        let name = name.into();
        self.files.push(File { name, span });
        span
    }

    /// What messages call the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        self.files.first().map_or("", |file| &file.name)
    }

    /// The whole text, libraries included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of the configuration itself in [`Self::text`].
    pub(super) fn first(&self) -> Span {
        self.files
            .first()
            .map_or_else(Span::default, |file| file.span)
    }

    /// The text of a piece; empty if the piece is not within the text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The name of the file that holds the byte `offset`, preprocessor lines aside.
    pub(super) fn file(&self, offset: usize) -> &str {
        self.file_at(offset).map_or("", |file| &file.name)
    }

    fn file_at(&self, offset: usize) -> Option<&File> {
        let behind = self.files.partition_point(|file| file.span.start <= offset);
        self.files.get(behind.saturating_sub(1))
    }

    /// Where the byte `offset` is. A line ends with `\n`, `\r\n` or `\r`; a line such as
    /// `# 12 "file"`, as a C preprocessor leaves it, says what the next one is.
    #[must_use]
    pub fn place(&self, offset: usize) -> Place<'_> {
        let (file_name, span) = match self.file_at(offset) {
            Some(file) => (file.name.as_str(), file.span),
            None => ("", Span::default()),
        };
        let mut name = Cow::Borrowed(file_name);
        let mut line = 1_usize;
        let mut rest = self.slice(span);
        let mut start = span.start;
        loop {
            let (text, after) = split_line(rest);
            let next = start.saturating_add(rest.len().saturating_sub(after.map_or(0, str::len)));
            let Some(after) = after.filter(|_| next <= offset) else {
                let before = text.get(..offset.saturating_sub(start)).unwrap_or(text);
                let column = before.chars().count().saturating_add(1);
                return Place { name, line, column };
            };
            match Directive::parse(text) {
                Some(Directive { line: number, file }) => {
                    line = number;
                    match file {
                        Some(file) if file.is_empty() => name = Cow::Borrowed(file_name),
                        Some(file) => name = Cow::Owned(file),
                        None => {}
                    }
                }
                None => line = line.saturating_add(1),
            }
            (rest, start) = (after, next);
        }
    }

    /// The line that holds the byte `offset`, without its end, and the offset at which it starts.
    #[must_use]
    pub fn line_at(&self, offset: usize) -> (usize, &str) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let start = before
            .rfind(ends_line)
            .map_or(0, |newline| newline.saturating_add(1));
        let rest = self.text.get(start..).unwrap_or_default();
        (start, split_line(rest).0)
    }
}

/// A preprocessor line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directive {
    /// The number of the line behind it.
    line: usize,
    /// The name of the file from there on; empty for that of the configuration.
    file: Option<String>,
}

impl Directive {
    /// Reads `# 12 "file"` or `#line 12 "file"`; `None` if it is something else.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let blanks = [' ', '\t'];
        let rest = line.strip_prefix('#')?.trim_start_matches(blanks);
        let rest = rest
            .strip_prefix("line")
            .filter(|rest| rest.starts_with(blanks))
            .map_or(rest, |rest| rest.trim_start_matches(blanks));
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let (number, rest) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        let line = number.parse().ok()?;
        let file = rest.trim_start_matches(blanks).strip_prefix('"');
        let file = file.map(|file| {
            let mut characters = file.chars();
            let mut name = String::new();
            while let Some(character) = characters.next().filter(|character| *character != '"') {
                let literal = if character == '\\' {
                    characters.next()
                } else {
                    Some(character)
                };
                name.extend(literal);
            }
            name
        });
        Some(Self { line, file })
    }
}

const fn ends_line(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

/// The first line without its end, and what is behind its end, if it has one.
pub(super) fn split_line(text: &str) -> (&str, Option<&str>) {
    let Some(end) = text.find(ends_line) else {
        return (text, None);
    };
    let (line, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let after = rest.strip_prefix("\r\n");
    (line, after.or_else(|| rest.get(1..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(source: &Source, piece: &str) -> (String, usize, usize) {
        let place = source.place(source.text().find(piece).unwrap());
        (place.name.into_owned(), place.line, place.column)
    }

    #[test]
    fn every_kind_of_line_end_counts_once() {
        let source = Source::new("x", "a\nb\r\nc\rd");
        for (letter, line) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
            let at = source.text().find(letter).unwrap();
            assert_eq!(place(&source, letter), ("x".into(), line, 1));
            assert_eq!(source.line_at(at), (at, letter));
        }
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("x", "äö b");
        assert_eq!(place(&source, "b").2, 4);
        assert_eq!(source.place(1000).line, 1);
    }

    #[test]
    fn a_library_has_places_of_its_own() {
        let mut source = Source::new("main", "a\nb");
        let span = source.add("library", "c\nd");
        assert_eq!(source.slice(span), "c\nd");
        assert_eq!(source.slice(source.first()), "a\nb");
        for (piece, name, line) in [("b", "main", 2), ("c", "library", 1), ("d", "library", 2)] {
            assert_eq!(place(&source, piece), (name.into(), line, 1));
        }
        assert_eq!(source.file(0), "main");
        assert_eq!(source.file(span.start), "library");
    }

    #[test]
    fn preprocessor_lines_say_where_lines_come_from() {
        let source = Source::new(
            "main",
            "a\n# 7 \"in\\\"c\" 2\nb\nc\n#line 3\nd\n# 9 \"\"\ne\n# nothing\nf",
        );
        for (piece, name, line) in [
            ("a", "main", 1),
            ("b", "in\"c", 7),
            ("c\n", "in\"c", 8),
            ("d", "in\"c", 3),
            ("e\n#", "main", 9),
            ("f", "main", 11),
        ] {
            let at = source.text().rfind(piece).unwrap();
            let found = source.place(at);
            assert_eq!((found.name.as_ref(), found.line), (name, line), "{piece}");
        }
    }
}
