//! Classifier.

use alloc::boxed::Box;
use alloc::vec::Vec;

use platform_click::limits::MAX_PACKET_SIZE;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Sends packets to the output of the first pattern that they match.
    ///
    /// A pattern is a list of clauses, all of which must hold. A clause is an offset in bytes, a
    /// slash, and the bytes that must be there in hexadecimal digits, of which `?` is any; bytes
    /// behind a `%` are a mask. An exclamation mark in front turns a clause round. A packet that ends
    /// before the bytes of a clause does not have them. The pattern `-` matches every packet. What
    /// matches no pattern is dropped.
    ///
    /// # Configuration
    /// `Classifier(PATTERN, ...)`
    /// - PATTERN: one for each output.
    ///
    /// # Ports
    /// One push input, a push output for each pattern.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// // ARP requests, IPv4 that is not TCP, and the rest.
    /// FromDump(in.pcap, STOP true) -> c :: Classifier(12/0806 20/0001, 12/0800 !23/06, -);
    /// c [0] -> Discard; c [1] -> Discard; c [2] -> Discard;
    /// ```
    pub(crate) struct Classifier {
        patterns: Vec<Pattern>,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Classifier",
    manual: Classifier::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::at_least(1, Processing::Push),
    keywords: &["PATTERN"],
    handlers: &[],
    configure,
};

/// Clauses that must all hold.
type Pattern = Vec<Clause>;

/// Bytes that a packet must have, or must not have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Clause {
    offset: usize,
    /// Masks and values of the bytes.
    bytes: Vec<(u8, u8)>,
    negated: bool,
}

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let patterns = arguments.every();
    if let Some(first) = patterns.first().filter(|_| patterns.len() != outputs) {
        return Err(first.refuse("one pattern for each connected output"));
    }
    let patterns = patterns
        .into_iter()
        .map(|value| parse(value.text()).ok_or_else(|| value.refuse(PATTERN)))
        .collect::<Result<Vec<_>, _>>()?;
    if patterns.is_empty() {
        arguments.mandatory("PATTERN")?;
    }
    Ok(Box::new(Classifier { patterns }))
}

const PATTERN: &str = "`-`, or clauses such as `12/0800`, `!23/06` and `14/40%f0`";

/// Reads a pattern.
fn parse(text: &str) -> Option<Pattern> {
    if text == "-" {
        return Some(Vec::new());
    }
    let mut clauses = Vec::new();
    let mut negated = false;
    for word in text.split_ascii_whitespace() {
        // The mark may stand apart from its clause.
        let (mark, clause) = match word.strip_prefix('!') {
            Some(clause) => (true, clause),
            None => (false, word),
        };
        if mark && negated {
            return None;
        }
        negated |= mark;
        if !clause.is_empty() {
            clauses.push(parse_clause(clause, negated)?);
            negated = false;
        }
    }
    (!negated && !clauses.is_empty()).then_some(clauses)
}

fn parse_clause(text: &str, negated: bool) -> Option<Clause> {
    let (offset, rest) = text.split_once('/')?;
    let is_number = !offset.is_empty() && offset.chars().all(|c| c.is_ascii_digit());
    let offset = offset
        .parse()
        .ok()
        .filter(|offset| is_number && *offset <= MAX_PACKET_SIZE)?;
    let (value, mask) = match rest.split_once('%') {
        Some((value, mask)) => (value, Some(mask)),
        None => (rest, None),
    };
    let mut bytes = digits(value)?;
    if let Some(mask) = mask {
        let masks = digits(mask)?;
        if masks.len() != bytes.len() {
            return None;
        }
        for (byte, (known, mask)) in bytes.iter_mut().zip(masks) {
            byte.0 &= known & mask;
        }
    }
    for (mask, value) in &mut bytes {
        *value &= *mask;
    }
    Some(Clause {
        offset,
        bytes,
        negated,
    })
}

/// Masks and values of hexadecimal digits, of which `?` is unknown.
fn digits(text: &str) -> Option<Vec<(u8, u8)>> {
    let digit = |c: char| match c {
        '?' => Some((0, 0)),
        _ => Some((0xf, u8::try_from(c.to_digit(16)?).ok()?)),
    };
    let digits = text.chars().map(digit).collect::<Option<Vec<(u8, u8)>>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |[high, low]: &[(u8, u8); 2]| (high.0 << 4 | low.0, high.1 << 4 | low.1);
    (rest.is_empty() && !pairs.is_empty()).then(|| pairs.iter().map(byte).collect())
}

impl Clause {
    fn holds(&self, packet: &[u8]) -> bool {
        let end = self.offset.saturating_add(self.bytes.len());
        let found = packet.get(self.offset..end).is_some_and(|found| {
            let pairs = found.iter().zip(&self.bytes);
            pairs
                .into_iter()
                .all(|(byte, (mask, value))| byte & mask == *value)
        });
        found != self.negated
    }
}

impl InPlace for Classifier {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let bytes = packet.bytes();
        let matches = |pattern: &Pattern| pattern.iter().all(|clause| clause.holds(bytes));
        self.patterns.iter().position(matches)
    }
}

impl Element for Classifier {
    in_place!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_click_reads_them() {
        let packet = b"\x00\x12\x34\x56";
        for (pattern, matches) in [
            ("-", true),
            ("1/12", true),
            ("1/1234", true),
            ("1/1235", false),
            ("1/1?", true),
            ("1/?3", false),
            ("1/1f%f0", true),
            ("2/3456%00ff", true),
            ("2/34 !3/57", true),
            ("2/34 ! 3/56", false),
            ("3/56ff", false),
            ("!3/56ff", true),
            ("9/00", false),
            ("!9/00", true),
        ] {
            let parsed = parse(pattern).unwrap_or_else(|| panic!("{pattern}"));
            let holds = parsed.iter().all(|clause| clause.holds(packet));
            assert_eq!(holds, matches, "{pattern}");
        }
        for wrong in [
            "",
            "x",
            "1",
            "1/",
            "1/1",
            "1/123",
            "1/12%1",
            "1/12%1234",
            "/12",
            "+1/12",
            "!",
            "1/12 !",
            "!!1/12",
            "1/1g",
            "-1/12",
            "99999/12",
            "- 1/12",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
