//! What texts of `bpf_trace_printk` consist of: the runtime prints them, verifiers count their
//! numbers.
//!
//! The directives are those that the platform names: `%d %u %x`, the same with `l` and `ll`, and
//! `%%`. Everything else (flags, widths, `%s`, `%p`) is refused, as are bytes that are not printable
//! ASCII: a trace goes to a terminal or a log.

/// Bytes of a text, its terminating zero included (Linux: `BPF_TRACE_PRINTK_SIZE`).
pub const MAX_TEXT: usize = 1024;

/// Numbers that one call prints: what registers are left for.
pub const MAX_NUMBERS: usize = 3;

/// How a number is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// `%d`: decimal, signed.
    Signed,
    /// `%u`: decimal.
    Unsigned,
    /// `%x`: hexadecimal.
    Hexadecimal,
}

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A character of ASCII.
    Character(u8),
    /// A number: its lower 32 bits, or all 64 of a long one.
    Number {
        /// How it is printed.
        conversion: Conversion,
        /// Whether all of its bits are.
        is_long: bool,
    },
    /// Something else: the text is refused here, and nothing follows.
    Refused,
}

/// The pieces of a text, up to its terminating zero; a text without one is refused at its end.
pub fn pieces(text: &[u8]) -> impl Iterator<Item = Piece> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let (piece, after) = match rest {
            [0, ..] => return None,
            [b'%', b'%', after @ ..] => (Piece::Character(b'%'), after),
            [b'%', after @ ..] => number(after).unwrap_or((Piece::Refused, END)),
            [byte @ (b' '..=b'~' | b'\t' | b'\n' | b'\r'), after @ ..] => {
                (Piece::Character(*byte), after)
            }
            _ => (Piece::Refused, END),
        };
        rest = after;
        Some(piece)
    })
}

/// Numbers that a call with this text looks at, at most [`MAX_NUMBERS`].
#[must_use]
pub fn numbers(text: &[u8]) -> usize {
    let is_number = |piece: &Piece| matches!(piece, Piece::Number { .. });
    pieces(text).filter(is_number).take(MAX_NUMBERS).count()
}

/// The end of a text.
const END: &[u8] = &[0];

/// The directive behind a percent sign, and what follows it.
fn number(directive: &[u8]) -> Option<(Piece, &[u8])> {
    let (is_long, rest) = match directive {
        [b'l', b'l', rest @ ..] | [b'l', rest @ ..] => (true, rest),
        _ => (false, directive),
    };
    let (letter, rest) = rest.split_first()?;
    let conversion = match letter {
        b'd' => Conversion::Signed,
        b'u' => Conversion::Unsigned,
        b'x' => Conversion::Hexadecimal,
        _ => return None,
    };
    let piece = Piece::Number {
        conversion,
        is_long,
    };
    Some((piece, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_up_to_what_is_refused() {
        for (text, want) in [
            (&b"\0%d"[..], 0),
            (b"plain %%\n\0", 0),
            (b"%d\0", 1),
            (b"%lu and %llx\0", 2),
            (b"%d%u%x\0", 3),
            (b"%d%d%d%d\0", 3),
            (b"%d%s%d\0", 1),
            (b"%d\x1b%d\0", 1),
            (b"%d", 1),
            (b"%", 0),
            (b"%l", 0),
            (b"", 0),
        ] {
            assert_eq!(numbers(text), want, "{text:?}");
        }
    }

    #[test]
    fn a_text_ends_where_it_is_refused() {
        assert!(pieces(b"a%5d\0").eq([Piece::Character(b'a'), Piece::Refused]));
        assert!(pieces(b"a").eq([Piece::Character(b'a'), Piece::Refused]));
        assert!(pieces(b"\0").eq([]));
    }
}
