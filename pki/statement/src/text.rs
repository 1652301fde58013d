//! Names and texts that are safe to print, to log and to put into a file name.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use platform_click::{Code, limits};

use crate::codes;

/// A text that is not what its place allows. It is not repeated here: it may hold anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} has {rule}")]
pub struct TextError {
    what: &'static str,
    rule: &'static str,
}

impl TextError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        codes::NAME
    }
}

/// Defines a text type by the rule that its values keep.
macro_rules! text {
    ($( $( #[doc = $doc:literal] )+ $name:ident, $what:literal, $rule:literal, |$text:ident| $test:expr; )*) => { $(
        $( #[doc = $doc] )+
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text, when it keeps the rule.
            ///
            /// # Errors
            #[doc = concat!("When it does not: ", $what, " has ", $rule, ".")]
            pub fn new($text: &str) -> Result<Self, TextError> {
                if $test {
                    Ok(Self($text.into()))
                } else {
                    Err(TextError { what: $what, rule: $rule })
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )* };
}

text! {
    /// The name of a statement: what elements, counters and certificate scopes know an object by.
    /// It may become part of a path, so it has no separator and is neither `.` nor `..`.
    Name, "a statement's name",
        "1 to 31 characters of a-z, 0-9, `.`, `_` and `-`, and is neither `.` nor `..`",
        |text| (1..=Name::MAX_LEN).contains(&text.len())
            && text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
            && text != "." && text != "..";
    /// The name of a program or map: a symbol of the object.
    Symbol, "a program's or map's name", "1 to 63 characters of A-Z, a-z, 0-9, `.`, `_` and `-`",
        |text| (1..=limits::MAX_NAME).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'));
    /// Any other text, possibly empty.
    Text, "a text", "at most 127 printable ASCII characters",
        |text| text.len() <= Text::MAX_LEN && text.bytes().all(|c| matches!(c, b' '..=b'~'));
}

impl Name {
    /// Bytes of a name at most: with its length it fills half a cache line in the counter store.
    pub const MAX_LEN: usize = 31;
}

/// The empty text.
impl Default for Text {
    fn default() -> Self {
        Self(String::new())
    }
}

impl Text {
    /// Bytes of a text at most: a compiler's version line with a distribution's suffix has about
    /// 60, a commit of SHA-256 has 64.
    pub const MAX_LEN: usize = 127;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_and_over_the_rule() {
        let longest = "n".repeat(Name::MAX_LEN);
        for good in ["a", "target-port", "v1.2_x", ".x", "...", &longest] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        let too_long = "n".repeat(Name::MAX_LEN + 1);
        for bad in [
            "", ".", "..", "A", "a b", "a/b", "a,b", "é", "a\n", &too_long,
        ] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn symbols_and_texts_at_and_over_their_rules() {
        assert!(Symbol::new(&"S".repeat(63)).is_ok());
        assert!(Symbol::new(&"S".repeat(64)).is_err());
        assert!(Symbol::new("").is_err() && Symbol::new("a$b").is_err());
        assert!(Text::new("").is_ok() && Text::new(&"~".repeat(127)).is_ok());
        assert!(Text::new(&"~".repeat(128)).is_err());
        assert!(Text::new("two\nlines").is_err() && Text::new("\u{7f}").is_err());
    }
}
