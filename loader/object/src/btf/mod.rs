//! BTF: types, strings and source lines (<https://docs.kernel.org/bpf/btf.html>).
//!
//! Only what map definitions and lines need is interpreted; every other kind is stepped over by its
//! length. Each step of a walk is bounded by the section or by a constant here.

mod lines;
mod reader;
mod types;

pub(crate) use lines::Lines;
pub(crate) use types::{Member, Type, Variable};

use crate::error::BtfProblem;
use reader::Reader;
use types::Types;

const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;

/// The section `.BTF`.
#[derive(Debug)]
pub(crate) struct Btf<'a> {
    types: Types<'a>,
    strings: &'a [u8],
}

impl<'a> Btf<'a> {
    pub(crate) fn parse(section: &'a [u8]) -> Result<Self, BtfProblem> {
        let mut header = Header::parse(section, ".BTF", 24)?;
        let types = header.part("types")?;
        let strings = header.part("strings")?;
        if strings.first() != Some(&0) || strings.last() != Some(&0) {
            return Err(BtfProblem::Bounds("strings"));
        }
        Ok(Self {
            types: Types::parse(types)?,
            strings,
        })
    }

    /// The name at `offset`: printable ASCII.
    pub(crate) fn name(&self, offset: u32) -> Result<&'a str, BtfProblem> {
        crate::elf::string_at(self.strings, offset).ok_or(BtfProblem::String(offset))
    }

    pub(crate) fn types(&self) -> &Types<'a> {
        &self.types
    }
}

/// The header that `.BTF` and `.BTF.ext` begin with, and behind it pairs of offset and length that
/// count from its end.
struct Header<'a> {
    fields: Reader<'a>,
    body: &'a [u8],
}

impl<'a> Header<'a> {
    /// `name` is the section's, `min_len` the bytes of header that its first version has.
    fn parse(section: &'a [u8], name: &'static str, min_len: u32) -> Result<Self, BtfProblem> {
        let mut reader = Reader::new(section, name);
        let magic = reader.u16()?;
        let [version, flags] = reader.bytes()?;
        let len = reader.u32()?;
        if (magic, version, flags) != (MAGIC, VERSION, 0) || len < min_len {
            return Err(BtfProblem::Header(name));
        }
        let split = usize::try_from(len)
            .ok()
            .and_then(|len| section.split_at_checked(len));
        let (header, body) = split.ok_or(BtfProblem::Header(name))?;
        Ok(Self {
            fields: Reader::new(header.get(8..).unwrap_or_default(), name),
            body,
        })
    }

    /// The next pair's part of the section.
    fn part(&mut self, what: &'static str) -> Result<&'a [u8], BtfProblem> {
        let start = self.fields.usize()?;
        let len = self.fields.usize()?;
        start
            .checked_add(len)
            .and_then(|end| self.body.get(start..end))
            .ok_or(BtfProblem::Bounds(what))
    }

    /// Whether the header has no further pairs.
    fn is_done(&self) -> bool {
        self.fields.is_empty()
    }
}
