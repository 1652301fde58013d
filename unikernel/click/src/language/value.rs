//! Values of arguments: unquoting and types (Click's `cp_unquote`, `BoolArg`, `IntArg`).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::iter::Peekable;
use core::str::Chars;

use super::lexer::{Lexer, is_blank};
use super::source::Span;
use crate::error::{ConfigError, Problem};
use crate::render::quoted;

/// The value of one argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    keyword: &'static str,
    text: &'a str,
    span: Span,
}

impl<'a> Value<'a> {
    pub(super) const fn new(keyword: &'static str, text: &'a str, span: Span) -> Self {
        Self {
            keyword,
            text,
            span,
        }
    }

    /// Its text; quotes are still there.
    pub(crate) const fn text(self) -> &'a str {
        self.text
    }

    /// The keyword that it belongs to.
    pub(crate) const fn keyword(self) -> &'static str {
        self.keyword
    }

    /// A part of it: another text at the same place.
    pub(crate) const fn with_text(self, text: &'a str) -> Self {
        Self { text, ..self }
    }

    /// Where it stands, with its keyword.
    pub(crate) const fn span(self) -> Span {
        self.span
    }

    /// Refuses it, because it should be what `expected` says.
    pub(crate) fn refuse(self, expected: &'static str) -> ConfigError {
        Problem::Value {
            keyword: self.keyword,
            expected,
            found: quoted(self.text),
        }
        .at(self.span)
    }

    /// One word or quoted text, as bytes.
    pub(crate) fn bytes(self) -> Result<Vec<u8>, ConfigError> {
        let mut words = words(self.text).ok_or_else(|| self.refuse(BYTES))?;
        match (words.pop(), words.is_empty()) {
            (Some(word), true) => Ok(word),
            _ => Err(self.refuse("one word, or a text in quotes")),
        }
    }

    /// One word or quoted text.
    pub(crate) fn string(self) -> Result<String, ConfigError> {
        String::from_utf8(self.bytes()?).map_err(|_| self.refuse("a text in UTF-8"))
    }

    /// One or more words or quoted texts.
    pub(crate) fn strings(self) -> Result<Vec<String>, ConfigError> {
        words(self.text)
            .and_then(|words| {
                words
                    .into_iter()
                    .map(|word| String::from_utf8(word).ok())
                    .collect()
            })
            .filter(|words: &Vec<_>| !words.is_empty())
            .ok_or_else(|| self.refuse("one or more words"))
    }

    /// The name of a file. Click replaces `~` by a home directory; here it is refused.
    pub(crate) fn filename(self) -> Result<String, ConfigError> {
        let name = self.string()?;
        let legal = !name.is_empty() && !name.contains('\0') && !self.text.starts_with('~');
        legal
            .then_some(name)
            .ok_or_else(|| self.refuse("the name of a file"))
    }

    /// `true`, `false`, and what else Click takes for them.
    pub(crate) fn boolean(self) -> Result<bool, ConfigError> {
        parse_boolean(self.text).ok_or_else(|| self.refuse("true or false"))
    }

    /// A number of at least 0.
    pub(crate) fn unsigned(self) -> Result<u64, ConfigError> {
        parse_unsigned(self.text).ok_or_else(|| self.refuse("a number of at least 0"))
    }

    /// A number of at least 1.
    pub(crate) fn positive(self) -> Result<u64, ConfigError> {
        let number = self.unsigned()?;
        let positive = (number > 0).then_some(number);
        positive.ok_or_else(|| self.refuse("a number of at least 1"))
    }

    /// A number from 0 to `most`, which `expected` says in words.
    pub(crate) fn at_most(self, most: usize, expected: &'static str) -> Result<usize, ConfigError> {
        let number = usize::try_from(self.unsigned()?).ok();
        let number = number.filter(|number| *number <= most);
        number.ok_or_else(|| self.refuse(expected))
    }

    /// A time in nanoseconds: a number of seconds, or one with the unit `s`, `ms`, `us` or `ns`
    /// (Click's `IntervalArg`).
    pub(crate) fn interval_ns(self) -> Result<u64, ConfigError> {
        parse_interval_ns(self.text)
            .ok_or_else(|| self.refuse("a time such as `1.5`, `10ms` or `3 us`"))
    }

    /// A number; `None` if it is negative, which in Click often means "without limit".
    pub(crate) fn limit(self) -> Result<Option<u64>, ConfigError> {
        parse_limit(self.text).ok_or_else(|| self.refuse("a number"))
    }
}

const BYTES: &str = "a text whose `\\<…>` holds pairs of hexadecimal digits";

/// See [`Value::boolean`].
pub(crate) fn parse_boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// See [`Value::limit`].
pub(crate) fn parse_limit(text: &str) -> Option<Option<u64>> {
    match text.strip_prefix('-') {
        Some(digits) if parse_unsigned(digits)? > 0 => Some(None),
        Some(_) => None,
        None => parse_unsigned(text).map(Some),
    }
}

/// See [`Value::interval_ns`].
pub(crate) fn parse_interval_ns(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let digits = match unit.trim_start_matches(is_blank) {
        "" | "s" | "sec" => 9,
        "ms" | "msec" => 6,
        "us" | "usec" => 3,
        "ns" | "nsec" => 0,
        _ => return None,
    };
    parse_scaled(number, digits)
}

/// A decimal number times 10 to the power of `digits`. What lies behind that many digits is cut off.
fn parse_scaled(text: &str, digits: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let fraction = fraction.chars().chain(core::iter::repeat('0')).take(digits);
    let mut all = String::from(whole);
    all.extend(fraction);
    match all.as_str() {
        "" => Some(0),
        all => all.parse().ok(),
    }
}

/// Decimal, or hexadecimal behind `0x`. Leading zeros, which C reads as octal, are refused.
pub(crate) fn parse_unsigned(text: &str) -> Option<u64> {
    let digits = |text: &str, radix: u32| text.chars().all(|c| c.is_digit(radix));
    match text.strip_prefix("0x") {
        Some(hex) if digits(hex, 16) => u64::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None if text.len() > 1 && text.starts_with('0') => None,
        None if digits(text, 10) => text.parse().ok(),
        None => None,
    }
}

/// A text without its quotes (Click's `cp_unquote`): what is quoted in it stands for itself, the rest
/// stays. A `\<…>` that holds something else than pairs of digits gives nothing.
pub(crate) fn unquote(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.trim_matches(is_blank).chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\'' => single_quoted(&mut rest, &mut out),
            '"' => drop(double_quoted(&mut rest, &mut out)),
            '\\' if rest.next_if_eq(&'<').is_some() => drop(hex(&mut rest, &mut out)),
            _ => push(&mut out, character),
        }
    }
    String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The words of a text: separated by blanks that are not quoted, unquoted. `None` if a `\<…>` holds
/// something else than pairs of digits.
fn words(text: &str) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut word = None;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if is_blank(character) {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(Vec::new);
        match character {
            '\'' => single_quoted(&mut rest, word),
            '"' => double_quoted(&mut rest, word)?,
            '\\' if rest.next_if_eq(&'<').is_some() => hex(&mut rest, word)?,
            _ => push(word, character),
        }
    }
    words.extend(word);
    Some(words)
}

fn single_quoted(rest: &mut Peekable<Chars<'_>>, word: &mut Vec<u8>) {
    rest.take_while(|character| *character != '\'')
        .for_each(|character| push(word, character));
}

fn double_quoted(rest: &mut Peekable<Chars<'_>>, word: &mut Vec<u8>) -> Option<()> {
    while let Some(character) = rest.next() {
        match character {
            '"' => break,
            '\\' => escape(rest, word)?,
            _ => push(word, character),
        }
    }
    Some(())
}

/// What stands behind a backslash in double quotes.
fn escape(rest: &mut Peekable<Chars<'_>>, word: &mut Vec<u8>) -> Option<()> {
    match rest.next() {
        None => word.push(b'\\'),
        Some('<') => hex(rest, word)?,
        Some('\n') => {}
        Some('\r') => {
            rest.next_if_eq(&'\n');
        }
        Some('a') => word.push(0x07),
        Some('b') => word.push(0x08),
        Some('f') => word.push(0x0c),
        Some('n') => word.push(b'\n'),
        Some('r') => word.push(b'\r'),
        Some('t') => word.push(b'\t'),
        Some('v') => word.push(0x0b),
        Some('x') => word.push(number(rest, 16, usize::MAX, 0)),
        Some(digit @ '0'..='7') => {
            let first = digit.to_digit(8).and_then(|digit| u8::try_from(digit).ok());
            word.push(number(rest, 8, 2, first.unwrap_or(0)));
        }
        Some(character) => push(word, character),
    }
    Some(())
}

/// Up to `most` more digits of a number whose low 8 bits are wanted.
fn number(rest: &mut Peekable<Chars<'_>>, radix: u8, most: usize, first: u8) -> u8 {
    let mut value = first;
    for _ in 0..most {
        let Some(digit) = rest.next_if(|c| c.is_digit(radix.into())) else {
            break;
        };
        let digit = digit
            .to_digit(radix.into())
            .and_then(|digit| u8::try_from(digit).ok());
        value = value.wrapping_mul(radix).wrapping_add(digit.unwrap_or(0));
    }
    value
}

/// Pairs of hexadecimal digits up to `>`; blanks and comments between them do not count.
fn hex(rest: &mut Peekable<Chars<'_>>, word: &mut Vec<u8>) -> Option<()> {
    let mut high = None;
    while let Some(character) = rest.next() {
        match character {
            '>' => return high.is_none().then_some(()),
            '/' if rest.next_if_eq(&'/').is_some() => {
                rest.find(|character| matches!(character, '\n' | '\r'));
            }
            '/' if rest.next_if_eq(&'*').is_some() => {
                while rest.find(|character| *character == '*').is_some() {
                    if rest.next_if_eq(&'/').is_some() {
                        break;
                    }
                }
            }
            _ if is_blank(character) => {}
            _ => {
                let digit = u8::try_from(character.to_digit(16)?).ok()?;
                match high.take() {
                    None => high = Some(digit),
                    Some(high) => word.push((high << 4) | digit),
                }
            }
        }
    }
    None
}

fn push(word: &mut Vec<u8>, character: char) {
    word.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// What stands between double quotes to mean `text` (Click's `cp_quote`).
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        match character {
            '\\' | '"' | '$' => quoted.extend(['\\', character]),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\n' => quoted.push_str("\\n"),
            control if control.is_ascii_control() => {
                quoted.push_str(&format!("\\{:03o}", u32::from(control)));
            }
            _ => quoted.push(character),
        }
    }
    quoted
}

/// The first word of a text, quotes included, and what is behind it and the blanks that follow.
/// The word is empty where there is none, or where a quotation is not closed.
pub(crate) fn shift_word(text: &str) -> (&str, &str) {
    let mut lexer = Lexer::new(text, Span::new(0, text.len()));
    let words = |lexer: &mut Lexer<'_>| {
        lexer.skip_blanks()?;
        let start = lexer.position();
        lexer.skip_word()?;
        let end = lexer.position();
        lexer.skip_blanks()?;
        Ok::<_, ConfigError>((text.get(start..end), text.get(lexer.position()..)))
    };
    match words(&mut lexer) {
        Ok((Some(word), Some(rest))) => (word, rest),
        _ => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_shifted_with_their_quotes() {
        for (text, word, rest) in [
            ("", "", ""),
            ("  ", "", ""),
            ("a", "a", ""),
            (" $x  1 2 ", "$x", "1 2 "),
            ("'a b' /* c */ d", "'a b'", "d"),
            ("a\"b c\"d e", "a\"b c\"d", "e"),
            ("\\<00 01> x", "\\<00 01>", "x"),
            ("'open", "", ""),
        ] {
            assert_eq!(shift_word(text), (word, rest), "{text}");
        }
    }

    #[test]
    fn what_is_quoted_means_itself() {
        for text in ["", "a b", "\"\\$x\t\r\n\u{1}é", "'"] {
            let quoted = alloc::format!("\"{}\"", quote(text));
            assert_eq!(value(&quoted).string().unwrap(), text);
        }
    }

    #[test]
    fn quotes_are_taken_off() {
        for (text, expected) in [
            (" a  b ", "a  b"),
            ("\"a \\\"b\" 'c'", "a \"b c"),
            ("x\\<41>", "xA"),
            ("x\\<4>", "x"),
            ("\"\\n\"", "\n"),
        ] {
            assert_eq!(unquote(text), expected, "{text}");
        }
    }

    fn value(text: &str) -> Value<'_> {
        Value::new("X", text, Span::default())
    }

    #[test]
    fn quotes_and_escapes() {
        for (text, expected) in [
            ("abc", &b"abc"[..]),
            ("a\\b", b"a\\b"),
            ("'a b\\n'", b"a b\\n"),
            ("\"a b\\n\\t\\\"\\\\\"", b"a b\n\t\"\\"),
            ("\"\\101\\x42\\0\"", b"AB\0"),
            ("\"\\$x\\\ny\"", b"$xy"),
            ("a'b'\"c\"", b"abc"),
            ("''", b""),
            ("\\<00 01/* x */ fF // 1\n>", b"\0\x01\xff"),
            ("\"x\\<4142>\"", b"xAB"),
            ("'\\<41>'", b"\\<41>"),
            ("ä", "ä".as_bytes()),
        ] {
            assert_eq!(value(text).bytes().unwrap(), expected, "{text}");
        }
        for text in ["a b", "", "\\<0>", "\\<0g>", "\\<00", "\"\\<1>\""] {
            assert!(value(text).bytes().is_err(), "{text}");
        }
        assert!(value("\\<ff>").string().is_err());
        assert_eq!(value("a 'b c'").strings().unwrap(), ["a", "b c"]);
    }

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("0x10", Some(16)),
            ("0x", None),
            ("010", None),
            ("+1", None),
            ("-1", None),
            ("", None),
            ("1k", None),
        ] {
            assert_eq!(value(text).unsigned().ok(), expected, "{text}");
        }
        assert_eq!(value("-1").limit().unwrap(), None);
        assert_eq!(value("7").limit().unwrap(), Some(7));
        for text in ["-0", "-", "--1", "-x"] {
            assert!(value(text).limit().is_err(), "{text}");
        }
    }

    #[test]
    fn intervals() {
        for (text, expected) in [
            ("1", Some(1_000_000_000)),
            ("1.5", Some(1_500_000_000)),
            (".25 s", Some(250_000_000)),
            ("10ms", Some(10_000_000)),
            ("2.0005 us", Some(2000)),
            ("7ns", Some(7)),
            ("7.9ns", Some(7)),
            ("0", Some(0)),
            ("", None),
            (".", None),
            ("1.2.3", None),
            ("-1", None),
            ("1 h", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(value(text).interval_ns().ok(), expected, "{text}");
        }
    }

    #[test]
    fn booleans_and_filenames() {
        assert!(value("yes").boolean().unwrap() && !value("0").boolean().unwrap());
        assert!(value("TRUE").boolean().is_err());
        assert_eq!(value("'a b.o'").filename().unwrap(), "a b.o");
        for text in ["''", "~/a", "\"\\0\"", "a b"] {
            assert!(value(text).filename().is_err(), "{text}");
        }
    }
}
