//! The contents of a map, as files and control messages have them.

use alloc::string::String;
use alloc::vec::Vec;

use platform_click::{MapKind, limits};

use crate::cbor::{Reader, Writer, expect_same};
use crate::message::{MessageError, field, length, read_symbol, read_version, write_version};
use crate::text::Symbol;

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// The entries of one map, with its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapContents {
    /// The map.
    pub map: Symbol,
    /// Its kind.
    pub kind: MapKind,
    /// Bytes of a key; 0 where the kind has none.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Entries that it may have.
    pub max_entries: u32,
    /// Keys and values; ascending by key, or where keys are empty in the order in which they were
    /// pushed.
    pub entries: Vec<Entry>,
}

impl MapContents {
    /// Reads the contents of a map.
    ///
    /// # Errors
    /// The bytes are not the one encoding of such contents.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let input = &mut Reader::new(bytes);
        read_version(input, 7)?;
        let number = |input: &mut Reader<'_>| -> Result<_, MessageError> { Ok(input.u32()?) };
        let contents = Self {
            map: field(input, 2, read_symbol)?,
            kind: field(input, 3, read_kind)?,
            key_size: field(input, 4, number)?,
            value_size: field(input, 5, number)?,
            max_entries: field(input, 6, number)?,
            entries: field(input, 7, read_entries)?,
        };
        input.end()?;
        contents.check()?;
        expect_same(bytes, &contents.write())?;
        Ok(contents)
    }

    /// The one encoding, deterministic CBOR. Entries are put in order.
    ///
    /// # Errors
    /// An entry is of another size, is there twice, or there are too many.
    pub fn encode(mut self) -> Result<Vec<u8>, MessageError> {
        // A stable sort, which leaves entries without keys as they are.
        self.entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.check()?;
        Ok(self.write())
    }

    fn check(&self) -> Result<(), MessageError> {
        let sizes = (u64::from(self.key_size), u64::from(self.value_size));
        let mut entries = self.entries.iter();
        if entries.any(|(key, value)| (length(key), length(value)) != sizes) {
            return Err(MessageError::Rule("an entry is of another size"));
        }
        if self.entries.len() > usize::try_from(self.max_entries).unwrap_or(usize::MAX) {
            return Err(MessageError::Rule(
                "there are more entries than the map holds",
            ));
        }
        let ascending = self.entries.is_sorted_by(|(a, _), (b, _)| a < b);
        if self.key_size != 0 && !ascending {
            return Err(MessageError::Rule("the keys do not ascend"));
        }
        Ok(())
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Writer::default();
        write_version(&mut out, 7);
        out.i64(2).text(self.map.as_str());
        out.i64(3).u64(self.kind.number().into());
        out.i64(4).u64(self.key_size.into());
        out.i64(5).u64(self.value_size.into());
        out.i64(6).u64(self.max_entries.into());
        out.i64(7).list(&self.entries, |out, (key, value)| {
            out.array(2).bytes(key).bytes(value);
        });
        out.into_bytes()
    }
}

/// The keys that are to be deleted from a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(pub Vec<Vec<u8>>);

impl Keys {
    /// Reads keys.
    ///
    /// # Errors
    /// The bytes are not the one encoding of a list of byte strings.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let input = &mut Reader::new(bytes);
        let keys = input.list(max_entries(), |input| input.bytes().map(<[u8]>::to_vec))?;
        input.end()?;
        let keys = Self(keys);
        expect_same(bytes, &keys.encode())?;
        Ok(keys)
    }

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.list(&self.0, |out, key| {
            out.bytes(key);
        });
        out.into_bytes()
    }
}

/// Texts, such as the values of handlers: what some operations answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl Texts {
    /// Reads texts.
    ///
    /// # Errors
    /// The bytes are not the one encoding of a list of texts.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let input = &mut Reader::new(bytes);
        let texts = input.list(max_entries(), |input| input.text().map(String::from))?;
        input.end()?;
        let texts = Self(texts);
        expect_same(bytes, &texts.encode())?;
        Ok(texts)
    }

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.list(&self.0, |out, text| {
            out.text(text);
        });
        out.into_bytes()
    }
}

/// No more can be in an attachment anyway; what is listed is read item by item, so that a large number
/// alone costs nothing.
fn max_entries() -> usize {
    usize::try_from(limits::MAX_MAP_ENTRIES).unwrap_or(usize::MAX)
}

fn read_kind(input: &mut Reader<'_>) -> Result<MapKind, MessageError> {
    let number = input.u32()?;
    MapKind::from_number(number).ok_or_else(|| MessageError::Unknown {
        what: "map kind",
        number: number.into(),
    })
}

fn read_entries(input: &mut Reader<'_>) -> Result<Vec<Entry>, MessageError> {
    input.list(max_entries(), |input| {
        input.array(2)?;
        Ok((input.bytes()?.to_vec(), input.bytes()?.to_vec()))
    })
}
