//! The text of a configuration, and places in it.

use alloc::string::String;

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

/// Line and column of a place, both counted from 1; a column is a character, not a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// A configuration's text and the name that messages call it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// `text`, called `name` (a file name, or `config` for an expression, as in Click).
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a piece; empty if the piece is not within the text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// Where the byte `offset` is. A line ends with `\n`, `\r\n` or `\r`.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let mut position = Position { line: 1, column: 1 };
        let mut characters = self.text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            if at >= offset {
                break;
            }
            let before_newline = characters.peek().is_some_and(|(_, next)| *next == '\n');
            if character == '\n' || (character == '\r' && !before_newline) {
                position.line = position.line.saturating_add(1);
                position.column = 1;
            } else {
                position.column = position.column.saturating_add(1);
            }
        }
        position
    }

    /// The line that holds the byte `offset`, without its end, and the offset at which it starts.
    #[must_use]
    pub fn line_at(&self, offset: usize) -> (usize, &str) {
        let ends_line = |character| matches!(character, '\n' | '\r');
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let start = before
            .rfind(ends_line)
            .map_or(0, |newline| newline.saturating_add(1));
        let rest = self.text.get(start..).unwrap_or_default();
        let end = rest.find(ends_line).unwrap_or(rest.len());
        (start, rest.get(..end).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_counts_once() {
        let source = Source::new("x", "a\nb\r\nc\rd");
        for (letter, line) in [('a', 1), ('b', 2), ('c', 3), ('d', 4)] {
            let at = source.text().find(letter).unwrap();
            assert_eq!(source.position(at), Position { line, column: 1 });
            assert_eq!(
                source.line_at(at),
                (at, source.slice(Span::new(at, at + 1)))
            );
        }
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("x", "äö b");
        let at = source.text().find('b').unwrap();
        assert_eq!(source.position(at).column, 4);
        assert_eq!(source.position(1000).line, 1);
    }
}
