//! The audit log: one line for each change of the state, each bound to all lines before it.
//!
//! A line is `NUMBER TIME EVENT chain=HASH`, where HASH is the SHA-256 of the hash before (32 bytes,
//! zeros at first) and the line up to the blank before `chain=`. The state holds the hash of the
//! last line and the length of the log, so that a line that is changed, removed or added is noticed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bpf_statement::UnixTime;
use platform_click::Digest;

/// Bytes of a line at most, its end included: an admission takes about 500.
pub const MAX_LINE: usize = 1024;

/// Where the log ends, as the state knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Lines.
    pub lines: u64,
    /// Bytes. What the file has beyond them was written for a change that did not come about.
    pub bytes: u64,
    /// The hash of the last line.
    pub hash: Digest,
}

impl AuditHead {
    /// The end of an empty log.
    pub const EMPTY: Self = Self {
        lines: 0,
        bytes: 0,
        hash: Digest::from_bytes([0; 32]),
    };

    /// The next line, with the line end, and the head after it.
    #[must_use]
    pub fn append(&self, time: UnixTime, event: &dyn fmt::Display) -> (Self, String) {
        let text = format!("{} {time} {event}", self.lines.saturating_add(1));
        let hash = chain(&self.hash, &text);
        let line = format!("{text}{CHAIN}{hash}\n");
        (self.after(&line, hash), line)
    }

    /// The head after `line`, which ends with a line end; `None` when it does not follow.
    #[must_use]
    pub fn follow(&self, line: &str) -> Option<Self> {
        let (text, hash) = line.strip_suffix('\n')?.rsplit_once(CHAIN)?;
        let number = self.lines.checked_add(1)?;
        let is_next = text.split_once(' ')?.0.parse() == Ok(number);
        let expected = chain(&self.hash, text);
        (is_next && hash.parse() == Ok(expected)).then(|| self.after(line, expected))
    }

    fn after(&self, line: &str, hash: Digest) -> Self {
        let len = u64::try_from(line.len()).unwrap_or(u64::MAX);
        Self {
            lines: self.lines.saturating_add(1),
            bytes: self.bytes.saturating_add(len),
            hash,
        }
    }
}

const CHAIN: &str = " chain=";

fn chain(before: &Digest, text: &str) -> Digest {
    let mut input = Vec::from(before.as_bytes());
    input.extend_from_slice(text.as_bytes());
    Digest::of(&input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (AuditHead, [String; 3]) {
        let mut head = AuditHead::EMPTY;
        let lines = ["a", "b", "c"].map(|event| {
            let (next, line) = head.append(UnixTime::EPOCH, &event);
            head = next;
            line
        });
        (head, lines)
    }

    fn replay(lines: &[&str]) -> Option<AuditHead> {
        let empty = Some(AuditHead::EMPTY);
        lines.iter().fold(empty, |head, line| head?.follow(line))
    }

    #[test]
    fn a_log_replays_to_its_head() {
        let (head, [a, b, c]) = log();
        assert_eq!(replay(&[&a, &b, &c]), Some(head));
        assert!(a.starts_with("1 1970-01-01T00:00:00Z a chain="));
        assert_eq!(Ok(head.bytes), [a, b, c].concat().len().try_into());
    }

    #[test]
    fn a_changed_log_does_not() {
        let (head, [a, b, c]) = log();
        assert_eq!(replay(&[&b, &a, &c]), None, "reordered");
        assert_eq!(replay(&[&a, &c]), None, "removed");
        assert_eq!(replay(&[&a, &b.replace(" b ", " x "), &c]), None, "changed");
        assert_ne!(replay(&[&a, &b]), Some(head), "cut");
        let forged = c.replace("3 ", "4 ");
        assert_eq!(replay(&[&a, &b, &forged]), None, "renumbered");
        assert_eq!(replay(&[a.trim_end()]), None, "without a line end");
        assert_eq!(replay(&["x"]), None, "no line at all");
    }
}
