//! Tokens of the Click language (click(5), `doc/click.y` of Click's sources).

use super::source::{Directive, Span, split_line};
use crate::error::{ConfigError, Problem};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word: an element, a class or a port number.
    Word,
    /// `$name`.
    Variable,
    /// `->`.
    Arrow,
    /// `=>`.
    ThickArrow,
    /// `::`.
    Colons,
    /// `||`.
    Bars,
    /// `...`.
    Dots,
    /// `elementclass`.
    ElementClass,
    /// `define`.
    Define,
    /// `require`.
    Require,
    /// `provide`, which is reserved and has no meaning.
    Provide,
    /// A single character of the grammar.
    Mark(char),
    /// The end of the text.
    End,
}

/// Cuts a text into tokens, one at a time: what is between the parentheses behind a class is not
/// made of tokens, and only the parser knows where such a text begins.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    /// Ends where the lexer ends.
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// A lexer of a piece of `text`; its places count from the start of `text`.
    pub(super) fn new(text: &'a str, piece: Span) -> Self {
        Self {
            text: text.get(..piece.end).unwrap_or(text),
            at: piece.start,
        }
    }

    /// The byte that it reads next.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// The next token and its place.
    pub(super) fn next(&mut self) -> Result<(Token, Span), ConfigError> {
        self.skip_blanks()?;
        let start = self.at;
        let token = self.token();
        Ok((token, Span::new(start, self.at)))
    }

    /// The text up to the parenthesis that closes the one just read, which is consumed too.
    pub(super) fn arguments(&mut self, opening: Span) -> Result<Span, ConfigError> {
        let start = self.at;
        let mut depth = 1_usize;
        loop {
            let at = self.at;
            match self.peek() {
                None => return Err(unterminated("the argument list", opening)),
                Some('(') => depth = depth.saturating_add(1),
                Some(')') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        self.advance();
                        return Ok(Span::new(start, at));
                    }
                }
                _ => {}
            }
            self.skip_piece()?;
        }
    }

    /// Skips one character, or a quoted text, a `\<…>` or a comment as a whole.
    pub(super) fn skip_piece(&mut self) -> Result<(), ConfigError> {
        let opening = Span::new(self.at, self.at.saturating_add(1));
        match self.peek() {
            Some('\'') => self.skip_single_quoted(opening),
            Some('"') => self.skip_double_quoted(opening),
            Some('\\') if self.rest().starts_with("\\<") => self.skip_hex(opening),
            Some('/') if self.skip_comment()? => Ok(()),
            Some('#') if self.skip_directive()? => Ok(()),
            _ => {
                self.advance();
                Ok(())
            }
        }
    }

    /// As [`Self::skip_piece`], but stays in front of a comma.
    pub(super) fn skip_piece_before_comma(&mut self) -> Result<(), ConfigError> {
        if self.peek() == Some(',') {
            return Ok(());
        }
        self.skip_piece()
    }

    fn token(&mut self) -> Token {
        for (text, token) in [
            ("->", Token::Arrow),
            ("=>", Token::ThickArrow),
            ("::", Token::Colons),
            ("||", Token::Bars),
            ("...", Token::Dots),
        ] {
            if self.rest().starts_with(text) {
                self.at = self.at.saturating_add(text.len());
                return token;
            }
        }
        match self.peek() {
            None => Token::End,
            Some('$') => self.variable(),
            Some(character) if is_word(character) => self.word(),
            Some(character) => {
                self.advance();
                Token::Mark(character)
            }
        }
    }

    /// `$`, then letters, digits and `_`.
    fn variable(&mut self) -> Token {
        self.advance();
        while self.peek().is_some_and(is_name) {
            self.advance();
        }
        Token::Variable
    }

    /// Letters, digits, `_` and `@`, with single slashes between them.
    fn word(&mut self) -> Token {
        let start = self.at;
        while let Some(character) = self.peek() {
            let joins = character == '/' && self.second().is_some_and(is_word);
            if !is_word(character) && !joins {
                break;
            }
            self.advance();
        }
        match self.text.get(start..self.at) {
            Some("elementclass") => Token::ElementClass,
            Some("define") => Token::Define,
            Some("require") => Token::Require,
            Some("provide") => Token::Provide,
            _ => Token::Word,
        }
    }

    /// Skips everything up to the next blank or comment.
    pub(super) fn skip_word(&mut self) -> Result<(), ConfigError> {
        while self.peek().is_some_and(|character| !is_blank(character)) && !self.at_comment() {
            self.skip_piece()?;
        }
        Ok(())
    }

    fn at_comment(&self) -> bool {
        self.rest().starts_with("//") || self.rest().starts_with("/*")
    }

    pub(super) fn skip_blanks(&mut self) -> Result<(), ConfigError> {
        loop {
            if self.peek().is_some_and(is_blank) {
                self.advance();
            } else if !self.skip_comment()? && !self.skip_directive()? {
                return Ok(());
            }
        }
    }

    /// Skips a preprocessor line, if one begins here. [`super::Source`] knows what it means.
    fn skip_directive(&mut self) -> Result<bool, ConfigError> {
        if self.peek() != Some('#') || !self.at_line_start() {
            return Ok(false);
        }
        let (line, _) = split_line(self.rest());
        let span = Span::new(self.at, self.at.saturating_add(line.len()));
        if Directive::parse(line).is_none() {
            return Err(Problem::Directive.at(span));
        }
        self.at = span.end;
        Ok(true)
    }

    /// Skips a comment, if one begins here.
    fn skip_comment(&mut self) -> Result<bool, ConfigError> {
        let opening = Span::new(self.at, self.at.saturating_add(2));
        if self.rest().starts_with("//") {
            let rest = self.rest();
            let len = rest.find(['\n', '\r']).unwrap_or(rest.len());
            self.at = self.at.saturating_add(len);
            return Ok(true);
        }
        if !self.rest().starts_with("/*") {
            return Ok(false);
        }
        let body = self.rest().get(2..).unwrap_or_default();
        let len = body
            .find("*/")
            .ok_or_else(|| unterminated("the comment", opening))?;
        self.at = self.at.saturating_add(len).saturating_add(4);
        Ok(true)
    }

    /// Nothing within single quotes is special, save the quote that ends them.
    fn skip_single_quoted(&mut self, opening: Span) -> Result<(), ConfigError> {
        self.advance();
        while let Some(character) = self.advance() {
            if character == '\'' {
                return Ok(());
            }
        }
        Err(unterminated("the quoted text", opening))
    }

    fn skip_double_quoted(&mut self, opening: Span) -> Result<(), ConfigError> {
        self.advance();
        loop {
            if self.rest().starts_with("\\<") {
                self.skip_hex(opening)?;
                continue;
            }
            match self.advance() {
                None => return Err(unterminated("the quoted text", opening)),
                Some('"') => return Ok(()),
                Some('\\') => {
                    self.advance();
                }
                Some(_) => {}
            }
        }
    }

    /// `\<`, then digits, blanks and comments, then `>`.
    fn skip_hex(&mut self, opening: Span) -> Result<(), ConfigError> {
        self.at = self.at.saturating_add(2);
        loop {
            if self.skip_comment()? {
                continue;
            }
            match self.advance() {
                None => return Err(unterminated("the data in `\\<` and `>`", opening)),
                Some('>') => return Ok(()),
                Some(_) => {}
            }
        }
    }

    fn at_line_start(&self) -> bool {
        let before = self.text.get(..self.at).unwrap_or_default();
        before.is_empty() || before.ends_with(['\n', '\r'])
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    fn advance(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at = self.at.saturating_add(character.len_utf8());
        Some(character)
    }
}

/// What C's `isspace` says.
pub(super) const fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}

const fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '@')
}

/// Whether a character may be in the name of a variable.
pub(super) const fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn unterminated(what: &'static str, opening: Span) -> ConfigError {
    Problem::Unterminated { what }.at(opening)
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut lexer = Lexer::new(text, Span::new(0, text.len()));
        let mut words = Vec::new();
        loop {
            let (token, span) = lexer.next().unwrap();
            if token == Token::End {
                return words;
            }
            words.push(text[span.start..span.end].to_string());
        }
    }

    #[test]
    fn tokens_and_blanks() {
        let cases: [(&str, &[&str]); 11] = [
            ("a=>b||c...", &["a", "=>", "b", "||", "c", "..."]),
            ("$a,$ {", &["$a", ",", "$", "{"]),
            ("a\n# 3 \"x\"\nb #", &["a", "b", "#"]),
            ("a->b", &["a", "->", "b"]),
            ("a::B;c", &["a", "::", "B", ";", "c"]),
            ("a/b/c /", &["a/b/c", "/"]),
            ("a[1]", &["a", "[", "1", "]"]),
            ("// a\nb // c", &["b"]),
            ("/* a\n -> */ b /**/ c", &["b", "c"]),
            ("Print@3 _x", &["Print@3", "_x"]),
            ("a -- b : c", &["a", "-", "-", "b", ":", "c"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn argument_lists_end_at_their_own_parenthesis() {
        for text in [
            "a(b)c",
            "')'",
            "\")\\\")\"",
            "\\<20 /* ) > */ 21>",
            "x // )\n",
            "/* ) */",
            "\"\\<20 // ) \" \n>\"",
        ] {
            let whole = alloc::format!("{text}) rest");
            let mut lexer = Lexer::new(&whole, Span::new(0, whole.len()));
            let span = lexer.arguments(Span::default()).unwrap();
            assert_eq!(&whole[span.start..span.end], text);
            assert_eq!(lexer.next().unwrap().0, Token::Word);
        }
    }

    #[test]
    fn what_is_opened_must_be_closed() {
        for text in ["/*", "x", "'", "\"", "\"\\", "\\<00", "\\</*", "(", "/*)"] {
            let mut lexer = Lexer::new(text, Span::new(0, text.len()));
            let error = lexer.arguments(Span::default()).unwrap_err();
            assert!(
                matches!(error.problem, Problem::Unterminated { .. }),
                "{text}"
            );
        }
    }
}
