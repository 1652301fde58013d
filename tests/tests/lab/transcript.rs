//! What commands printed, for snapshots.

use super::Ended;

/// Commands with what they printed and how they ended, each under what it shows.
#[derive(Default)]
pub struct Transcript(String);

impl Transcript {
    pub fn add(&mut self, what: &str, ended: &Ended) {
        let gap = if self.0.is_empty() { "" } else { "\n\n" };
        self.0.push_str(&format!("{gap}## {what}\n{ended}"));
    }

    /// The text, without what differs from run to run.
    pub fn text(&self) -> String {
        redact(&self.0)
    }
}

/// Puts words for digests and other long numbers in base 16, and for times.
pub fn redact(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let run = run(rest, |c| c.is_ascii_alphanumeric());
        let is_hex = run.len() >= 16 && run.len() % 2 == 0 && run.chars().all(is_lower_hex);
        let (replacement, length) = if is_time(rest) {
            ("[time]", TIME.len())
        } else if is_hex {
            ("[hex]", run.len())
        } else {
            let length = run.len().max(next.len_utf8());
            (&rest[..length], length)
        };
        out.push_str(replacement);
        rest = &rest[length..];
    }
    out
}

fn run(text: &str, is_part: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    &text[..end]
}

fn is_lower_hex(c: char) -> bool {
    c.is_ascii_digit() || ('a'..='f').contains(&c)
}

/// A time as everything here prints it; 0 stands for a digit.
const TIME: &str = "0000-00-00T00:00:00Z";

fn is_time(text: &str) -> bool {
    let same = |(c, form): (u8, u8)| {
        if form == b'0' {
            c.is_ascii_digit()
        } else {
            c == form
        }
    };
    text.len() >= TIME.len() && text.bytes().zip(TIME.bytes()).all(same)
}
