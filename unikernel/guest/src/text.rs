//! What goes to the serial line: lines, of which no part can be taken for another line or move a
//! terminal's cursor.

use alloc::string::String;

/// A text with nothing but visible characters, blanks, tabs and line ends.
#[must_use]
pub fn harmless(text: &str) -> String {
    let harmless = |c: char| match c {
        '\t' | '\n' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(harmless).collect()
}

/// Lines that are shown within a second; more only cost time.
#[derive(Debug)]
pub struct Throttle {
    since_ns: u64,
    shown: u32,
}

/// Whether a line is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is.
    Yes,
    /// It is the first that is not.
    Last,
    /// It is not, and that was said.
    No,
}

impl Throttle {
    /// Lines of a second: enough to find an error, and too few to slow the machine down.
    pub const LINES: u32 = 100;

    /// One that has shown nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            since_ns: 0,
            shown: 0,
        }
    }

    /// Whether a line is shown now.
    pub const fn show(&mut self, now_ns: u64) -> Shown {
        if now_ns.saturating_sub(self.since_ns) >= 1_000_000_000 {
            (self.since_ns, self.shown) = (now_ns, 0);
        }
        self.shown = self.shown.saturating_add(1);
        match self.shown {
            shown if shown <= Self::LINES => Shown::Yes,
            shown if shown == Self::LINES.saturating_add(1) => Shown::Last,
            _ => Shown::No,
        }
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_line() {
        assert_eq!(harmless("a\tb\x1b[2J\r\nc"), "a\tb\u{fffd}[2J\u{fffd}\nc");
    }

    #[test]
    fn so_many_lines_of_a_second_are_shown() {
        let mut throttle = Throttle::new();
        let shown = |throttle: &mut Throttle, now| {
            (0..300)
                .filter(|_| throttle.show(now) == Shown::Yes)
                .count()
        };
        assert_eq!(shown(&mut throttle, 5), 100);
        assert_eq!(throttle.show(999_999_999), Shown::No);
        assert_eq!(shown(&mut throttle, 1_000_000_000), 100);
        let mut throttle = Throttle::new();
        let last = (0..300).filter(|_| throttle.show(5) == Shown::Last);
        assert_eq!(last.count(), 1);
    }
}
