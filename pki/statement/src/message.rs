//! What control messages, replies, evidence and map contents have in common.

use alloc::vec::Vec;

use platform_click::{Code, Digest};

use crate::cbor::{CborError, Reader, Writer};
use crate::codes;
use crate::text::{Name, Symbol, Text, TextError};
use crate::time::UnixTime;

/// Bytes of an attachment at most: two of the largest objects, or 64 full trust bundles.
pub const MAX_ATTACHMENT: u32 = 2 << 20;

/// The version of these formats.
const VERSION: u64 = 1;

/// Why bytes are not the message expected, or values do not make one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The bytes are not the CBOR expected.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// The version of the format is not known.
    #[error("version {0} instead of 1")]
    Version(u64),
    /// A name or text is not allowed in its place.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A number stands for nothing that is known here.
    #[error("{what} {number} is not known")]
    Unknown {
        /// What the number should stand for.
        what: &'static str,
        /// The number.
        number: u64,
    },
    /// A number or a length is out of its range.
    #[error("{what} {value} is not within {min}..={max}")]
    Range {
        /// What it is.
        what: &'static str,
        /// The number or length.
        value: u64,
        /// The lowest allowed.
        min: u64,
        /// The highest allowed.
        max: u64,
    },
    /// The parts do not fit together.
    #[error("{0}")]
    Rule(&'static str),
}

impl MessageError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Cbor(_) | Self::Text(_) => codes::ENCODING,
            Self::Version(_) => codes::VERSION,
            Self::Unknown { .. } => codes::UNKNOWN,
            Self::Range { .. } | Self::Rule(_) => codes::MESSAGE,
        }
    }
}

/// What tells one instance, that is, one state of a loader, from all others; random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub [u8; 16]);

/// What tells one start of an instance from all others; random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub [u8; 16]);

macro_rules! hexadecimal {
    ($($name:ident)*) => { $(
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )* };
}

hexadecimal! { InstanceId SessionId }

/// Contents that travel beside a message and are covered by its signature: length and root of a tree
/// (`docs/formats.md`, "Trees").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attachment {
    length: u32,
    root: Digest,
}

impl Attachment {
    /// An attachment of this length and root.
    ///
    /// # Errors
    /// The length is not within 1..=[`MAX_ATTACHMENT`].
    pub fn new(length: u32, root: Digest) -> Result<Self, MessageError> {
        let value = length.into();
        expect_range(
            "the length of an attachment",
            value,
            1,
            MAX_ATTACHMENT.into(),
        )?;
        Ok(Self { length, root })
    }

    /// Its bytes.
    #[must_use]
    pub const fn length(&self) -> u32 {
        self.length
    }

    /// The root of its tree.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }
}

pub(crate) fn expect_range(
    what: &'static str,
    value: u64,
    min: u64,
    max: u64,
) -> Result<(), MessageError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(MessageError::Range {
        what,
        value,
        min,
        max,
    })
}

pub(crate) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Reads the head of a map of `count` entries, and the version, which is the first of them. It comes
/// before the number of entries, since a later version may have another.
pub(crate) fn read_version(input: &mut Reader<'_>, count: u64) -> Result<(), MessageError> {
    let offset = input.offset();
    let found = input.map_head()?;
    let version = field(input, 1, |input| Ok(input.u64()?))?;
    if version != VERSION {
        return Err(MessageError::Version(version));
    }
    if found != count {
        return Err(CborError::Count {
            offset,
            expected: count,
            found,
        }
        .into());
    }
    Ok(())
}

pub(crate) fn write_version(out: &mut Writer, count: u64) -> &mut Writer {
    out.map(count).i64(1).u64(VERSION)
}

/// The entry of a map with this key.
pub(crate) fn field<'a, T>(
    input: &mut Reader<'a>,
    key: i64,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, MessageError>,
) -> Result<T, MessageError> {
    input.key(key)?;
    read(input)
}

pub(crate) fn read_name(input: &mut Reader<'_>) -> Result<Name, MessageError> {
    Ok(Name::new(input.text()?)?)
}

pub(crate) fn read_symbol(input: &mut Reader<'_>) -> Result<Symbol, MessageError> {
    Ok(Symbol::new(input.text()?)?)
}

pub(crate) fn read_text(input: &mut Reader<'_>) -> Result<Text, MessageError> {
    Ok(Text::new(input.text()?)?)
}

/// A text with at least one character.
pub(crate) fn read_label(input: &mut Reader<'_>) -> Result<Text, MessageError> {
    let text = read_text(input)?;
    if text.as_str().is_empty() {
        return Err(MessageError::Rule("a name is empty"));
    }
    Ok(text)
}

pub(crate) fn read_time(input: &mut Reader<'_>) -> Result<UnixTime, MessageError> {
    let time = input.u64()?;
    expect_range("a time", time, 0, UnixTime::YEAR_9999.as_secs())?;
    Ok(UnixTime::from_secs(time))
}

pub(crate) fn read_counter(input: &mut Reader<'_>) -> Result<u64, MessageError> {
    let counter = input.u64()?;
    expect_range("a counter", counter, 1, crate::MAX_COUNTER)?;
    Ok(counter)
}

pub(crate) fn read_instance(input: &mut Reader<'_>) -> Result<InstanceId, MessageError> {
    Ok(InstanceId(input.exactly("an instance, of 16 bytes")?))
}

pub(crate) fn read_attachment(input: &mut Reader<'_>) -> Result<Attachment, MessageError> {
    input.array(2)?;
    Attachment::new(input.u32()?, input.digest()?)
}

pub(crate) fn write_attachment<'a>(out: &'a mut Writer, attachment: &Attachment) -> &'a mut Writer {
    out.array(2)
        .u64(attachment.length.into())
        .digest(&attachment.root)
}

/// A byte string of `min` to `max` bytes.
pub(crate) fn read_bytes(
    input: &mut Reader<'_>,
    what: &'static str,
    min: u64,
    max: u64,
) -> Result<Vec<u8>, MessageError> {
    let bytes = input.bytes()?;
    expect_range(what, length(bytes), min, max)?;
    Ok(bytes.into())
}
