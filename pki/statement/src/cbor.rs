//! Strict CBOR: what is not the deterministic encoding (RFC 8949, 4.2.1) is refused.
//!
//! [`Reader`] reads items of a fixed shape. It alone does not notice an integer that is longer than
//! it has to be; so whoever decodes a message encodes the result with [`Writer`] and hands both to
//! [`expect_same`]. There is then exactly one byte string for each value, whatever the decoder
//! tolerates.

use alloc::vec::Vec;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use platform_click::{Code, Digest};

use crate::codes;

/// Bytes that are not the CBOR expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CborError {
    /// An item is of another type, out of range, of indefinite length, or cut off.
    #[error("byte {offset}: expected {expected}")]
    Item {
        /// Where the item starts.
        offset: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// A list or map has another number of items, or more than it may.
    #[error("byte {offset}: {found} items instead of {expected}")]
    Count {
        /// Where the list or map starts.
        offset: usize,
        /// How many it should have, or may have at most.
        expected: u64,
        /// How many it has.
        found: u64,
    },
    /// A map has another key here: one is missing, unknown, repeated or out of order.
    #[error("byte {offset}: key {found} instead of {expected}")]
    Key {
        /// Where the key starts.
        offset: usize,
        /// The key that should be there.
        expected: i64,
        /// The key that is there.
        found: i64,
    },
    /// Bytes follow the message.
    #[error("byte {offset}: the message ends here, but the input does not")]
    Trailing {
        /// Where the message ends.
        offset: usize,
    },
    /// The values are right, but not encoded in the one way that is allowed.
    #[error("byte {offset}: not the deterministic encoding")]
    NotDeterministic {
        /// The first byte that should be another.
        offset: usize,
    },
}

impl CborError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        codes::ENCODING
    }
}

/// Reads items one after another; every error carries the offset of its item.
#[derive(Clone, Debug)]
pub struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Decoder::new(bytes))
    }

    /// The offset of the next item.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.position()
    }

    fn item<T>(
        &mut self,
        expected: &'static str,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<T, minicbor::decode::Error>,
    ) -> Result<T, CborError> {
        let offset = self.offset();
        read(&mut self.0).map_err(|_| CborError::Item { offset, expected })
    }

    /// An unsigned integer below 2^8.
    ///
    /// # Errors
    /// [`CborError::Item`]; so do all methods that read one item.
    pub fn u8(&mut self) -> Result<u8, CborError> {
        self.item("an integer of 8 bits", Decoder::u8)
    }

    /// An unsigned integer below 2^32.
    ///
    /// # Errors
    /// As [`Self::u8`].
    pub fn u32(&mut self) -> Result<u32, CborError> {
        self.item("an integer of 32 bits", Decoder::u32)
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// As [`Self::u8`].
    pub fn u64(&mut self) -> Result<u64, CborError> {
        self.item("an integer of 64 bits", Decoder::u64)
    }

    /// A signed integer.
    ///
    /// # Errors
    /// As [`Self::u8`].
    pub fn i64(&mut self) -> Result<i64, CborError> {
        self.item("a signed integer", Decoder::i64)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// As [`Self::u8`].
    pub fn bool(&mut self) -> Result<bool, CborError> {
        self.item("true or false", Decoder::bool)
    }

    /// A byte string.
    ///
    /// # Errors
    /// As [`Self::u8`].
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        self.item("a byte string", Decoder::bytes)
    }

    /// A text.
    ///
    /// # Errors
    /// As [`Self::u8`].
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        self.item("a text", Decoder::str)
    }

    /// A byte string of 32 bytes.
    ///
    /// # Errors
    /// As [`Self::u8`].
    pub fn digest(&mut self) -> Result<Digest, CborError> {
        self.exactly("a byte string of 32 bytes")
            .map(Digest::from_bytes)
    }

    /// `null`, or what `read` reads.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn optional<T, E: From<CborError>>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        if matches!(self.0.datatype(), Ok(Type::Null)) {
            self.item("null", Decoder::null)?;
            return Ok(None);
        }
        read(self).map(Some)
    }

    /// This tag.
    ///
    /// # Errors
    /// [`CborError::Item`] with `expected`, which should name the tag.
    pub fn tag(&mut self, number: u64, expected: &'static str) -> Result<(), CborError> {
        let offset = self.offset();
        let tag = self.item(expected, Decoder::tag)?;
        if tag.as_u64() != number {
            return Err(CborError::Item { offset, expected });
        }
        Ok(())
    }

    /// The head of an array of exactly `count` items.
    ///
    /// # Errors
    /// [`CborError::Item`] or [`CborError::Count`].
    pub fn array(&mut self, count: u64) -> Result<(), CborError> {
        let offset = self.offset();
        let found = self.array_head()?;
        same_count(offset, count, found)
    }

    /// The head of a map of exactly `count` entries.
    ///
    /// # Errors
    /// [`CborError::Item`] or [`CborError::Count`].
    pub fn map(&mut self, count: u64) -> Result<(), CborError> {
        let offset = self.offset();
        let found = self.map_head()?;
        same_count(offset, count, found)
    }

    /// The head of a map; its number of entries is not bounded by anything but 64 bits.
    ///
    /// # Errors
    /// [`CborError::Item`].
    pub fn map_head(&mut self) -> Result<u64, CborError> {
        let offset = self.offset();
        let expected = "a map of definite length";
        self.item(expected, Decoder::map)?
            .ok_or(CborError::Item { offset, expected })
    }

    /// The key `expected` of a map.
    ///
    /// # Errors
    /// [`CborError::Item`] or [`CborError::Key`].
    pub fn key(&mut self, expected: i64) -> Result<(), CborError> {
        let offset = self.offset();
        let found = self.i64()?;
        if found != expected {
            return Err(CborError::Key {
                offset,
                expected,
                found,
            });
        }
        Ok(())
    }

    /// A byte string of this many bytes.
    ///
    /// # Errors
    /// As [`Self::u8`].
    pub fn exactly<const N: usize>(
        &mut self,
        expected: &'static str,
    ) -> Result<[u8; N], CborError> {
        let offset = self.offset();
        let bytes = self.bytes()?;
        bytes
            .try_into()
            .map_err(|_| CborError::Item { offset, expected })
    }

    /// An array of at most `max` items, each read by `read`.
    ///
    /// # Errors
    /// [`CborError::Item`], [`CborError::Count`], or those of `read`.
    pub fn list<T, E: From<CborError>>(
        &mut self,
        max: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let offset = self.offset();
        let found = self.array_head()?;
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        if found > max {
            let expected = max;
            return Err(CborError::Count {
                offset,
                expected,
                found,
            }
            .into());
        }
        (0..found).map(|_| read(self)).collect()
    }

    /// The head of an array; its number of items is not bounded by anything but 64 bits.
    ///
    /// # Errors
    /// [`CborError::Item`].
    pub fn array_head(&mut self) -> Result<u64, CborError> {
        let offset = self.offset();
        let expected = "an array of definite length";
        self.item(expected, Decoder::array)?
            .ok_or(CborError::Item { offset, expected })
    }

    /// The end of the input.
    ///
    /// # Errors
    /// [`CborError::Trailing`].
    pub fn end(&self) -> Result<(), CborError> {
        let offset = self.offset();
        if offset != self.0.input().len() {
            return Err(CborError::Trailing { offset });
        }
        Ok(())
    }
}

fn same_count(offset: usize, expected: u64, found: u64) -> Result<(), CborError> {
    if found != expected {
        return Err(CborError::Count {
            offset,
            expected,
            found,
        });
    }
    Ok(())
}

/// Compares an input with the encoding of what was read from it.
///
/// # Errors
/// [`CborError::NotDeterministic`] with the first difference.
pub fn expect_same(input: &[u8], encoded: &[u8]) -> Result<(), CborError> {
    if input == encoded {
        return Ok(());
    }
    let offset = input.iter().zip(encoded).take_while(|(a, b)| a == b);
    Err(CborError::NotDeterministic {
        offset: offset.count(),
    })
}

/// Writes items one after another, each in its shortest form.
///
/// The caller sees to it that maps and arrays get as many items as announced, and that map keys
/// ascend.
#[derive(Clone, Debug)]
pub struct Writer(Encoder<Vec<u8>>);

impl Default for Writer {
    fn default() -> Self {
        Self(Encoder::new(Vec::new()))
    }
}

/// Writing to a vector cannot fail: the results below are dropped for that reason.
impl Writer {
    /// The bytes written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_writer()
    }

    /// An unsigned integer.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        let _ = self.0.u64(value);
        self
    }

    /// A signed integer.
    pub fn i64(&mut self, value: i64) -> &mut Self {
        let _ = self.0.i64(value);
        self
    }

    /// `true` or `false`.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        let _ = self.0.bool(value);
        self
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        let _ = self.0.bytes(value);
        self
    }

    /// A text.
    pub fn text(&mut self, value: &str) -> &mut Self {
        let _ = self.0.str(value);
        self
    }

    /// A byte string of 32 bytes.
    pub fn digest(&mut self, value: &Digest) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// `null`, or what `write` writes.
    pub fn optional<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        match value {
            Some(value) => write(self, value),
            None => {
                let _ = self.0.null();
                self
            }
        }
    }

    /// A tag.
    pub fn tag(&mut self, number: u64) -> &mut Self {
        let _ = self.0.tag(minicbor::data::Tag::new(number));
        self
    }

    /// The head of an array.
    pub fn array(&mut self, count: u64) -> &mut Self {
        let _ = self.0.array(count);
        self
    }

    /// The head of a map.
    pub fn map(&mut self, count: u64) -> &mut Self {
        let _ = self.0.map(count);
        self
    }

    /// An array of `items`, each written by `write`.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.array(u64::try_from(items.len()).unwrap_or(u64::MAX));
        for item in items {
            write(self, item);
        }
        self
    }
}
