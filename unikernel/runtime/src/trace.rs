//! The text of `bpf_trace_printk`.
//!
//! The directives are those that the platform names: `%d %u %x`, the same with `l` and `ll`, and
//! `%%`. Everything else (flags, widths, `%s`, `%p`) is refused, as are bytes that are not printable
//! ASCII: a trace goes to a terminal or a log.

use core::fmt::{self, Write as _};

use crate::number::low32;

/// Bytes of a format, its terminating zero included (Linux: `BPF_TRACE_PRINTK_SIZE`).
pub(crate) const MAX_FORMAT: usize = 1024;

/// Bytes of a text: a directive of two bytes becomes at most 20, and there are three.
const MAX_TEXT: usize = MAX_FORMAT + 3 * 20;

/// A text of bounded length.
#[derive(Debug)]
pub(crate) struct Text {
    bytes: [u8; MAX_TEXT],
    len: usize,
}

impl Text {
    /// Formats `format`, which is ended by a zero, with `arguments`; `None` when it is not ended,
    /// has a directive that is not allowed, or more directives than arguments.
    pub(crate) fn format(format: &[u8], arguments: [u64; 3]) -> Option<Self> {
        let end = format.iter().position(|byte| *byte == 0)?;
        let mut rest = format.get(..end)?;
        let mut arguments = arguments.into_iter();
        let mut text = Self {
            bytes: [0; MAX_TEXT],
            len: 0,
        };
        while let [byte, tail @ ..] = rest {
            rest = tail;
            if *byte == b'%' {
                rest = text.directive(rest, &mut arguments).ok()??;
            } else if matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r') {
                text.write_char(char::from(*byte)).ok()?;
            } else {
                return None;
            }
        }
        Some(text)
    }

    /// Formats the directive at the start of `rest` and gives what follows it.
    fn directive<'a>(
        &mut self,
        rest: &'a [u8],
        arguments: &mut impl Iterator<Item = u64>,
    ) -> Result<Option<&'a [u8]>, fmt::Error> {
        if let [b'%', rest @ ..] = rest {
            self.write_char('%')?;
            return Ok(Some(rest));
        }
        let (long, rest) = match rest {
            [b'l', b'l', rest @ ..] | [b'l', rest @ ..] => (true, rest),
            _ => (false, rest),
        };
        let ([conversion, rest @ ..], Some(value)) = (rest, arguments.next()) else {
            return Ok(None);
        };
        match (conversion, long) {
            (b'd', false) => write!(self, "{}", low32(value).cast_signed())?,
            (b'u', false) => write!(self, "{}", low32(value))?,
            (b'x', false) => write!(self, "{:x}", low32(value))?,
            (b'd', true) => write!(self, "{}", value.cast_signed())?,
            (b'u', true) => write!(self, "{value}")?,
            (b'x', true) => write!(self, "{value:x}")?,
            _ => return Ok(None),
        }
        Ok(Some(rest))
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
        Text::format(format.as_bytes(), arguments).map(|text| text.as_str().into())
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
    fn the_longest_text_fits() {
        let mut long = vec![b'a'; MAX_FORMAT];
        long[MAX_FORMAT - 1] = 0;
        for at in [0, 4, 8] {
            long[at..at + 4].copy_from_slice(b"%lld");
        }
        let text = Text::format(&long, [1 << 63; 3]).unwrap();
        assert_eq!(text.as_str().len(), MAX_FORMAT - 1 - 12 + 60);
    }
}
