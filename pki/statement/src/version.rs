//! Versions of engines, ordered.

use core::fmt;
use core::str::FromStr;

/// A version of three numbers, ordered from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// Changes when something becomes incompatible.
    pub major: u32,
    /// Changes when something is added.
    pub minor: u32,
    /// Changes when something is repaired.
    pub patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The text is not three decimal numbers separated by dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version is three numbers separated by dots, such as 0.2.6")]
pub struct ParseVersionError;

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let mut parts = text.split('.').map(|part| {
            // `parse` takes a sign and leading zeros; a version has neither.
            let digits = part.bytes().all(|c| c.is_ascii_digit());
            let shortest = part == "0" || !part.starts_with('0');
            part.parse().ok().filter(|_| digits && shortest)
        });
        let mut next = || parts.next().flatten().ok_or(ParseVersionError);
        let version = Self {
            major: next()?,
            minor: next()?,
            patch: next()?,
        };
        match parts.next() {
            None => Ok(version),
            Some(_) => Err(ParseVersionError),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn versions_are_read_printed_and_ordered_by_number() {
        let version: Version = "0.10.6".parse().unwrap();
        assert_eq!(version.to_string(), "0.10.6");
        assert!(version > "0.9.7".parse().unwrap());
        assert!(version < "1.0.0".parse().unwrap());
        for bad in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "1.2.x",
            "+1.2.3",
            "1..3",
            "01.2.3",
            "1.2.4294967296",
        ] {
            assert_eq!(bad.parse::<Version>(), Err(ParseVersionError), "{bad}");
        }
    }
}
