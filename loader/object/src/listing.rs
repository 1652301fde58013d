//! An image as text.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;

use platform_click::HelperId;

use crate::image::Image;
use crate::insn::{Insn, Wide};

/// The disassembly of an image with the names that it refers to and its source lines; its `Display`
/// is the text.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'i> {
    image: &'i Image,
}

impl<'i> Listing<'i> {
    pub(crate) const fn new(image: &'i Image) -> Self {
        Self { image }
    }
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = None;
        for (slot, insn) in self.image.code().iter().enumerate() {
            if *insn == Insn::WideTail {
                continue;
            }
            let number = u32::try_from(slot).unwrap_or(u32::MAX);
            if let Some(name) = self.function_at(number) {
                let separator = if slot == 0 { "" } else { "\n" };
                writeln!(f, "{separator}{name}:")?;
                shown = None;
            }
            let line = self.image.lines().get(number);
            let place = line.map(|line| (&line.file, line.line));
            if let Some(line) = line.filter(|_| shown != place) {
                writeln!(f, "; {}:{}: {}", line.file, line.line, line.text.trim())?;
            }
            shown = place;
            let text = self.text(*insn);
            writeln!(f, "{slot:>6}: {text}")?;
        }
        Ok(())
    }
}

impl<'i> Listing<'i> {
    /// The instruction in `slot`, with the name of what it refers to; nothing for the second slot of a
    /// wide instruction, and behind the last.
    #[must_use]
    pub fn instruction(&self, slot: u32) -> Option<String> {
        let insn = *self.image.code().get(usize::try_from(slot).ok()?)?;
        (insn != Insn::WideTail).then(|| self.text(insn))
    }

    fn text(&self, insn: Insn) -> String {
        match self.referent(insn) {
            Some(name) => format!("{insn} ; {name}"),
            None => insn.to_string(),
        }
    }

    fn function_at(&self, slot: u32) -> Option<&'i str> {
        let functions = self.image.functions();
        let index = functions
            .binary_search_by_key(&slot, |function| function.start)
            .ok()?;
        functions.get(index).map(|function| function.name.as_str())
    }

    /// The name of what an instruction refers to.
    fn referent(&self, insn: Insn) -> Option<&'i str> {
        match insn {
            Insn::CallHelper { id } => HelperId::from_number(id).map(|helper| helper.spec().name),
            Insn::CallLocal { target } => self.function_at(target),
            Insn::Wide {
                value: Wide::Map(index),
                ..
            } => {
                let map = self.image.maps().get(usize::try_from(index).ok()?)?;
                Some(&map.name)
            }
            Insn::Wide {
                value: Wide::Data { section, .. },
                ..
            } => {
                let data = self.image.data().get(usize::try_from(section).ok()?)?;
                Some(&data.name)
            }
            _ => None,
        }
    }
}
