//! Where passphrases come from.

use std::io::{self, Read};

use zeroize::Zeroizing;

/// Asks for the passphrase of the key that is named: whoever calls decides whether at a terminal, in
/// a file or not at all. It is asked for keys that have one, and for no other.
pub type AskPassphrase<'a> = dyn FnMut(&str) -> io::Result<Zeroizing<String>> + 'a;

/// Bytes of a passphrase at most.
pub const MAX_PASSPHRASE: usize = 1024;

/// There is nobody to ask.
///
/// # Errors
/// Always.
pub fn refuse_passphrase(_: &str) -> io::Result<Zeroizing<String>> {
    Err(io::Error::other("it has a passphrase, and none was given"))
}

/// The first line of a file or pipe, without its end.
///
/// # Errors
/// What reading says, and when the line is empty, too long or not text.
pub fn passphrase_from(source: impl Read) -> io::Result<Zeroizing<String>> {
    // Allocated at once: a buffer that grows leaves copies behind.
    let capacity = MAX_PASSPHRASE.saturating_add(2);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let limit = u64::try_from(capacity).unwrap_or(u64::MAX);
    source.take(limit).read_to_end(&mut bytes)?;
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || line.len() > MAX_PASSPHRASE {
        return Err(io::Error::other(format!(
            "the passphrase, the first line, has {} bytes; 1 to {MAX_PASSPHRASE} are possible",
            line.len()
        )));
    }
    match str::from_utf8(line) {
        Ok(line) => Ok(Zeroizing::new(line.to_owned())),
        Err(_) => Err(io::Error::other("the passphrase is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_passphrase() {
        for text in [
            "pass word",
            "pass word\n",
            "pass word\r\n",
            "pass word\nnext",
        ] {
            assert_eq!(*passphrase_from(text.as_bytes()).unwrap(), "pass word");
        }
        let longest = "x".repeat(MAX_PASSPHRASE);
        assert_eq!(*passphrase_from(longest.as_bytes()).unwrap(), longest);
    }

    #[test]
    fn what_is_no_passphrase_is_refused() {
        let long = "x".repeat(MAX_PASSPHRASE + 1);
        for bytes in [&b""[..], b"\n", b"\r\n", b"\xff\n", long.as_bytes()] {
            assert!(passphrase_from(bytes).is_err(), "{bytes:?}");
        }
    }
}
