//! The words that patterns consist of.

/// Cuts a pattern into words: operators, brackets, and names, numbers and addresses.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_start();
    core::iter::from_fn(move || {
        let len = word_len(rest)?;
        let (word, behind) = rest.split_at_checked(len)?;
        rest = behind.trim_start();
        Some(word)
    })
}

/// Bytes of the first word; `None` at the end.
fn word_len(text: &str) -> Option<usize> {
    let mut characters = text.chars();
    let first = characters.next()?;
    let doubled = match first {
        '&' | '|' => characters.next() == Some(first),
        '<' | '>' | '!' | '=' => characters.next() == Some('='),
        _ => {
            let end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
            return Some(end.max(first.len_utf8()));
        }
    };
    Some(if doubled { 2 } else { 1 })
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '/' | '@' | '_' | ':')
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn words() {
        for (text, words) in [
            ("", &[][..]),
            ("  ", &[]),
            ("src 1.2.3.4/8", &["src", "1.2.3.4/8"]),
            ("a&&b||!c", &["a", "&&", "b", "||", "!", "c"]),
            (
                "ip[6:2]&0x3fff!=0",
                &["ip", "[", "6:2", "]", "&", "0x3fff", "!=", "0"],
            ),
            ("a>=1 b<2", &["a", ">=", "1", "b", "<", "2"]),
            ("(a)?b:c", &["(", "a", ")", "?", "b:c"]),
            ("a é b", &["a", "é", "b"]),
        ] {
            assert_eq!(split(text).collect::<Vec<_>>(), words, "{text}");
        }
    }
}
