//! Names and paths as text that can be shown anywhere.
//!
//! Names in objects and file names are made by others. A control character would move the cursor, a
//! line break would begin a command of a CI server, a mark of direction would reorder what is read:
//! all are written as escapes.

use core::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The text with everything escaped that is not shown as itself.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut shown, c);
    }
    shown
}

/// The path; bytes that are not UTF-8 become `\xNN`.
pub(crate) fn path(path: &Path) -> String {
    let mut shown = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        chunk.valid().chars().for_each(|c| push(&mut shown, c));
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

fn push(shown: &mut String, c: char) {
    if c.is_control() || is_mark_of_direction(c) || matches!(c, '\u{2028}' | '\u{2029}') {
        shown.extend(c.escape_default());
    } else {
        shown.push(c);
    }
}

/// Marks that change the order in which text is shown (CVE-2021-42574).
const fn is_mark_of_direction(c: char) -> bool {
    matches!(
        c,
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn what_is_not_shown_as_itself_is_escaped() {
        for (text, want) in [
            ("plain é ü", "plain é ü"),
            ("a\x1b[31mb", "a\\u{1b}[31mb"),
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{9b}b", "a\\u{9b}b"),
        ] {
            assert_eq!(visible(text), want);
        }
    }

    #[test]
    fn bytes_of_paths_that_are_no_text_are_shown() {
        let name = OsStr::from_bytes(b"a\xff/b\x1b.o");
        assert_eq!(path(Path::new(name)), "a\\xff/b\\u{1b}.o");
    }
}
