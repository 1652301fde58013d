//! The scope of a leaf: the private extension that limits what its key may sign.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Add;

use bpf_statement::Name;
use x509_cert::der::{
    self, DecodeValue, Encode, EncodeValue, Header, Length, Reader, Sequence, Writer,
};

use crate::limits::MAX_NAME_PREFIXES;

/// What a leaf may sign: its epoch, and prefixes of the names of programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    epoch: u64,
    name_prefixes: Vec<String>,
}

/// Why a scope is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// There are too many prefixes.
    #[error("{0} name prefixes are more than the {max} of a scope", max = MAX_NAME_PREFIXES)]
    TooMany(usize),
    /// A prefix cannot start a name.
    #[error("`{0}` is no prefix of a name: 1 to {max} of the characters a-z 0-9 . _ -", max = Name::MAX_LEN)]
    Prefix(String),
}

impl Scope {
    /// A scope of this epoch and these prefixes; without prefixes, of every name.
    ///
    /// # Errors
    /// When there are too many prefixes, or one cannot start a name.
    pub fn new(epoch: u64, name_prefixes: Vec<String>) -> Result<Self, ScopeError> {
        if name_prefixes.len() > MAX_NAME_PREFIXES {
            return Err(ScopeError::TooMany(name_prefixes.len()));
        }
        match name_prefixes.iter().find(|prefix| !is_prefix(prefix)) {
            Some(prefix) => Err(ScopeError::Prefix(prefix.clone())),
            None => Ok(Self {
                epoch,
                name_prefixes,
            }),
        }
    }

    /// The epoch; a trust bundle may demand a lowest one for the leaves of a CA.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The prefixes; none means every name.
    #[must_use]
    pub fn name_prefixes(&self) -> &[String] {
        &self.name_prefixes
    }

    /// Whether a program of this name is within the scope.
    #[must_use]
    pub fn covers_name(&self, name: &str) -> bool {
        self.name_prefixes.is_empty()
            || self
                .name_prefixes
                .iter()
                .any(|prefix| name.starts_with(prefix.as_str()))
    }

    /// The value of the extension in DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        // Encoding fails above 2^28 bytes; a scope has at most 300.
        Encode::to_der(self).expect("a scope is short")
    }
}

/// Whether a name may start with `text`. (`.` is no name, but starts one.)
fn is_prefix(text: &str) -> bool {
    (1..=Name::MAX_LEN).contains(&text.len())
        && text
            .bytes()
            .all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

impl Sequence<'_> for Scope {}

impl<'a> DecodeValue<'a> for Scope {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, _: Header) -> der::Result<Self> {
        let epoch = reader.decode()?;
        let name_prefixes = reader.decode()?;
        Self::new(epoch, name_prefixes).map_err(|_| der::ErrorKind::Failed.into())
    }
}

impl EncodeValue for Scope {
    fn value_len(&self) -> der::Result<Length> {
        let prefixes = self.name_prefixes.encoded_len()?;
        self.epoch.encoded_len()?.add(prefixes)
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.epoch.encode(writer)?;
        self.name_prefixes.encode(writer)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use x509_cert::der::Decode;

    use super::*;

    #[test]
    fn a_scope_has_the_documented_encoding() {
        let scope = Scope::new(7, vec!["edge-".into()]).unwrap();
        let der = scope.to_der();
        let expected = b"\x30\x0c\x02\x01\x07\x30\x07\x0c\x05edge-";
        assert_eq!(der, expected);
        assert_eq!(Scope::from_der(&der), Ok(scope));
    }

    #[test]
    fn prefixes_limit_names_and_none_allows_all() {
        let any = Scope::new(0, vec![]).unwrap();
        assert!(any.covers_name("filter"));
        let some = Scope::new(0, vec!["edge-".into(), "lab.".into()]).unwrap();
        assert!(some.covers_name("edge-filter") && some.covers_name("lab.x"));
        assert!(!some.covers_name("core-filter") && !some.covers_name("edge"));
    }

    #[test]
    fn what_cannot_start_a_name_is_refused() {
        for prefix in [
            "",
            "Edge",
            "a/b",
            "a b",
            "ä",
            &"a".repeat(Name::MAX_LEN + 1),
        ] {
            let result = Scope::new(0, vec![prefix.into()]);
            assert_eq!(result, Err(ScopeError::Prefix(prefix.into())));
        }
        let many = vec!["a".into(); MAX_NAME_PREFIXES + 1];
        let result = Scope::new(0, many);
        assert_eq!(result, Err(ScopeError::TooMany(MAX_NAME_PREFIXES + 1)));
        assert!(Scope::new(0, vec!["a".into(); MAX_NAME_PREFIXES]).is_ok());
    }
}
