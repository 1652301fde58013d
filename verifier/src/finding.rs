//! What is wrong with a program, in the words of the person who wrote it.

use std::collections::BTreeSet;

use bpf_object::{Image, Line};
use platform_click::Code;

/// One reason why a program is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The diagnostic.
    pub code: Code,
    /// Name of the program in the object.
    pub program: String,
    /// Slot of the instruction in the program's image.
    pub slot: u32,
    /// Where that instruction comes from, when the object was compiled with `-g`.
    pub line: Option<Line>,
    /// What is wrong there, in a sentence without a period.
    pub cause: String,
    /// The engine's message, verbatim, when an engine found it.
    pub engine: Option<String>,
    /// Places that led to it, in the order in which they are passed.
    pub related: Vec<Related>,
    /// What the registers that the instruction uses may hold, one each: `r2: packet pointer +14,
    /// checked up to +14`. Empty where it is not known.
    pub registers: Vec<String>,
    /// What the engine knows before the instruction, in its own notation; empty where none refused it.
    pub facts: Vec<String>,
    /// The instructions around the one that is wrong and around those that led to it.
    pub listing: Vec<Listed>,
}

/// An instruction as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Its slot.
    pub slot: u32,
    /// The instruction, with the name of what it refers to.
    pub text: String,
}

/// Instructions that are listed before and after one that matters.
const AROUND: u32 = 3;

/// A place that led to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Related {
    /// Slot of the instruction in the program's image.
    pub slot: u32,
    /// Where it comes from.
    pub line: Option<Line>,
    /// What happens there, in a few words.
    pub label: String,
}

impl Finding {
    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        self.code.help
    }
}

/// A finding before names and source lines are attached. The verifying process sends these; the
/// names and lines come from the image that the parent linked itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) code: Code,
    pub(crate) slot: u32,
    pub(crate) cause: String,
    pub(crate) engine: Option<String>,
    pub(crate) related: Vec<(u32, String)>,
    pub(crate) registers: Vec<String>,
    pub(crate) facts: Vec<String>,
}

impl Report {
    pub(crate) fn new(code: Code, slot: u32, cause: impl Into<String>) -> Self {
        Self {
            code,
            slot,
            cause: cause.into(),
            engine: None,
            related: Vec::new(),
            registers: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// Adds a place that led to it.
    pub(crate) fn with(mut self, slot: u32, label: impl Into<String>) -> Self {
        self.related.push((slot, label.into()));
        self
    }

    /// Attaches the program's name and the lines of its image.
    pub(crate) fn locate(self, program: &str, image: &Image) -> Finding {
        let lines = image.lines();
        let listing = self.listing(image);
        Finding {
            code: self.code,
            program: program.into(),
            slot: self.slot,
            line: lines.get(self.slot).cloned(),
            cause: self.cause,
            engine: self.engine,
            related: self
                .related
                .into_iter()
                .map(|(slot, label)| Related {
                    slot,
                    line: lines.get(slot).cloned(),
                    label,
                })
                .collect(),
            registers: self.registers,
            facts: self.facts,
            listing,
        }
    }

    fn listing(&self, image: &Image) -> Vec<Listed> {
        let places = core::iter::once(self.slot).chain(self.related.iter().map(|(slot, _)| *slot));
        let slots: BTreeSet<u32> = places
            .flat_map(|slot| slot.saturating_sub(AROUND)..=slot.saturating_add(AROUND))
            .collect();
        let listed = slots.into_iter().filter_map(|slot| {
            let text = image.listing().instruction(slot)?;
            Some(Listed { slot, text })
        });
        listed.collect()
    }
}
