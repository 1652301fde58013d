//! The text of `bpf_trace_printk`, as [`platform_click::print`] takes it apart.

use core::fmt::{self, Write as _};

use platform_click::print::{self, Conversion, MAX_NUMBERS, Piece};

use crate::number::low32;

/// Bytes of a text: a directive of two bytes becomes at most 20.
const MAX_PRINTED: usize = print::MAX_TEXT + MAX_NUMBERS * 20;

/// A text of bounded length.
#[derive(Debug)]
pub(crate) struct Text {
    bytes: [u8; MAX_PRINTED],
    len: usize,
}

impl Text {
    /// Formats `format`, which is ended by a zero, with `arguments`; `None` when it is too long or not
    /// ended, has a directive that is not allowed, or more directives than arguments. An argument
    /// that is an error does not matter unless it is printed.
    pub(crate) fn format<E>(
        format: &[u8],
        arguments: [Result<u64, E>; MAX_NUMBERS],
    ) -> Result<Option<Self>, E> {
        if format.len() > print::MAX_TEXT || !format.contains(&0) {
            return Ok(None);
        }
        let mut arguments = arguments.into_iter();
        let mut text = Self {
            bytes: [0; MAX_PRINTED],
            len: 0,
        };
        for piece in print::pieces(format) {
            // There is room for the longest text.
            let _ = match piece {
                Piece::Character(byte) => text.write_char(char::from(byte)),
                Piece::Number {
                    conversion,
                    is_long,
                } => match arguments.next().transpose()? {
                    Some(value) => text.number(conversion, is_long, value),
                    None => return Ok(None),
                },
                Piece::Refused => return Ok(None),
            };
        }
        Ok(Some(text))
    }

    fn number(&mut self, conversion: Conversion, is_long: bool, value: u64) -> fmt::Result {
        let short = low32(value);
        match (conversion, is_long) {
            (Conversion::Signed, false) => write!(self, "{}", short.cast_signed()),
            (Conversion::Signed, true) => write!(self, "{}", value.cast_signed()),
            (Conversion::Unsigned, false) => write!(self, "{short}"),
            (Conversion::Unsigned, true) => write!(self, "{value}"),
            (Conversion::Hexadecimal, false) => write!(self, "{short:x}"),
            (Conversion::Hexadecimal, true) => write!(self, "{value:x}"),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        // Only ASCII was written.
        str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.saturating_add(text.len());
        let place = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;

    use super::*;

    fn format(format: &str, arguments: [u64; 3]) -> Option<String> {
        let arguments = arguments.map(Ok::<u64, ()>);
        let text = Text::format(format.as_bytes(), arguments).unwrap();
        text.map(|text| text.as_str().into())
    }

    #[test]
    fn directives() {
        const MINUS: u64 = u64::MAX - 1;
        for (text, arguments, want) in [
            ("plain\n\0", [0; 3], Some("plain\n")),
            ("\0", [0; 3], Some("")),
            ("a\0b%", [0; 3], Some("a")),
            ("100%%\0", [0; 3], Some("100%")),
            ("%d %u %x\0", [MINUS; 3], Some("-2 4294967294 fffffffe")),
            (
                "%ld %lu %lx\0",
                [MINUS; 3],
                Some("-2 18446744073709551614 fffffffffffffffe"),
            ),
            ("%lld %llu %llx\0", [1, 2, 0x30], Some("1 2 30")),
            ("%d%d%d\0", [1, 2, 3], Some("123")),
            ("%d%d%d%d\0", [1, 2, 3], None),
            ("not ended", [0; 3], None),
            ("", [0; 3], None),
            ("%\0", [0; 3], None),
            ("%l\0", [0; 3], None),
            ("%lll\0", [0; 3], None),
            ("%llld\0", [0; 3], None),
            ("%s\0", [0; 3], None),
            ("%p\0", [0; 3], None),
            ("%5d\0", [0; 3], None),
            ("%i\0", [0; 3], None),
            ("\u{1b}[2J\0", [0; 3], None),
            ("é\0", [0; 3], None),
        ] {
            assert_eq!(format(text, arguments).as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_printed_need_not_be_there() {
        let given = [Ok(1), Err("r4"), Err("r5")];
        let text = |format: &str| Text::format(format.as_bytes(), given).map(|text| text.is_some());
        assert_eq!(text("\0"), Ok(true));
        assert_eq!(text("%d %%\0"), Ok(true));
        assert_eq!(text("%d %d\0"), Err("r4"));
        assert_eq!(text("%d %s\0"), Ok(false));
    }

    #[test]
    fn the_longest_text_fits() {
        let mut long = vec![b'a'; print::MAX_TEXT];
        long[print::MAX_TEXT - 1] = 0;
        for at in [0, 4, 8] {
            long[at..at + 4].copy_from_slice(b"%lld");
        }
        let text = Text::format(&long, [Ok::<u64, ()>(1 << 63); 3]);
        let text = text.unwrap().unwrap();
        assert_eq!(text.as_str().len(), print::MAX_TEXT - 1 - 12 + 60);
    }
}
