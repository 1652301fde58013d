//! Source lines (`.BTF.ext`).

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::reader::Reader;
use super::{Btf, Header};
use crate::error::BtfProblem;
use crate::insn::RawInsn;
use crate::lines::Line;

/// Bytes of one record of a line that are read: offset, file, text, line and column.
const RECORD: usize = 16;

/// Source lines by section name; each is a byte offset in the section and a line.
#[derive(Debug, Default)]
pub(crate) struct Lines(BTreeMap<String, Vec<(u32, Line)>>);

impl Lines {
    /// Reads `.BTF.ext`, whose strings are those of `btf`. `code_size` gives the size in bytes of a
    /// section with code by its name.
    pub(crate) fn parse(
        section: &[u8],
        btf: &Btf<'_>,
        code_size: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, BtfProblem> {
        let mut header = Header::parse(section, ".BTF.ext", 24)?;
        header.part("function records")?;
        let lines = header.part("line records")?;
        // The first version of the header ends here.
        if !header.is_done() && !header.part("relocation records")?.is_empty() {
            return Err(BtfProblem::CoRe);
        }
        let mut texts = Texts::new(btf.strings);
        let mut table = Self::default();
        if lines.is_empty() {
            return Ok(table);
        }
        let mut reader = Reader::new(lines, "line records");
        let record_size = reader.usize()?;
        if record_size < RECORD {
            return Err(BtfProblem::Header("line records"));
        }
        while !reader.is_empty() {
            let name = btf.name(reader.u32()?)?;
            let count = reader.u32()?;
            let size = code_size(name).ok_or_else(|| BtfProblem::LineSection(name.to_string()))?;
            let section_lines = table.0.entry(name.to_string()).or_default();
            for _ in 0..count {
                let mut record = Reader::new(reader.take(record_size)?, "line records");
                section_lines.push(parse_line(&mut record, &mut texts, name, size)?);
            }
        }
        for lines in table.0.values_mut() {
            lines.sort_by_key(|(offset, _)| *offset);
        }
        Ok(table)
    }

    /// The lines of a section: byte offset and line, by offset and then in the order of the file.
    pub(crate) fn of_section(&self, name: &str) -> &[(u32, Line)] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

fn parse_line(
    record: &mut Reader<'_>,
    texts: &mut Texts<'_>,
    section: &str,
    section_size: usize,
) -> Result<(u32, Line), BtfProblem> {
    let offset = record.u32()?;
    let is_slot = usize::try_from(offset)
        .is_ok_and(|offset| offset < section_size && offset.checked_rem(RawInsn::SIZE) == Some(0));
    if !is_slot {
        return Err(BtfProblem::LineOffset {
            section: section.to_string(),
            offset,
        });
    }
    let file = texts.get(record.u32()?)?;
    let text = texts.get(record.u32()?)?;
    let position = record.u32()?;
    Ok((
        offset,
        Line {
            file,
            text,
            line: position >> 10,
            column: position & 0x3ff,
        },
    ))
}

/// Texts of the string table, each held once however many lines refer to it.
struct Texts<'a> {
    strings: &'a [u8],
    known: BTreeMap<u32, Arc<str>>,
    /// Bytes that further texts may take. Texts of a compiler do not overlap, so together they are
    /// not longer than the table; offsets into the middle of one long text would make them so.
    budget: usize,
}

impl<'a> Texts<'a> {
    fn new(strings: &'a [u8]) -> Self {
        Self {
            strings,
            known: BTreeMap::new(),
            budget: strings.len(),
        }
    }

    fn get(&mut self, offset: u32) -> Result<Arc<str>, BtfProblem> {
        if let Some(text) = self.known.get(&offset) {
            return Ok(text.clone());
        }
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.strings.get(offset..));
        let bytes = rest
            .and_then(|rest| rest.split(|byte| *byte == 0).next())
            .ok_or(BtfProblem::String(offset))?;
        self.budget = self
            .budget
            .checked_sub(bytes.len())
            .ok_or(BtfProblem::LineTexts)?;
        let text: Arc<str> = printable(bytes).into();
        self.known.insert(offset, text.clone());
        Ok(text)
    }
}

/// Source text as it may be shown: what is not UTF-8, every control character but the tab, and what
/// changes the direction of text becomes U+FFFD, so that an object can neither write escape
/// sequences to a terminal nor make a line look like another.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| {
            let direction = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if direction || (c.is_control() && c != '\t') {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}
