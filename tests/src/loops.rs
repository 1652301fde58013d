//! The programs in `tests/loops/`, with what is true of them whatever a verifier says.

use std::fs;
use std::path::{Path, PathBuf};

use platform_click::ProgramKind;

use crate::comment::{Comment, sources};

/// A program with loops, as its source describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopProgram {
    /// The file's stem.
    pub name: String,
    /// What kind of program it is.
    pub kind: ProgramKind,
    /// Whether it is safe.
    pub truth: Truth,
    /// What it does, in a sentence; of an unsafe one, what is wrong.
    pub summary: String,
}

/// What is true of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// Every run ends without a fault.
    Safe,
    /// There is a run that does this.
    Unsafe(Violation),
}

/// What a run of an unsafe program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// It accesses what lies beside an object.
    OutOfBounds,
    /// It uses what was never written.
    Uninitialised,
    /// It accesses memory through a null pointer.
    Null,
    /// It accesses the packet where it was before it moved.
    Stale,
    /// It does not end.
    Endless,
}

impl LoopProgram {
    /// Its object below `folder`: that of the corpus, or one that it was compiled into.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn bytes_in(&self, folder: &Path) -> Vec<u8> {
        let path = folder.join(format!("{}.o", self.name));
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The committed object, compiled for `-mcpu=v3` with `-O2`.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_in(&directory())
    }
}

/// The folder `tests/loops/`.
fn directory() -> PathBuf {
    crate::root().join("tests/loops")
}

/// Every program of the corpus, by name.
///
/// # Panics
/// When the folder cannot be read, or a source does not start with the comment that
/// `tests/loops/README.md` describes.
#[must_use]
pub fn loop_programs() -> Vec<LoopProgram> {
    let names = sources(&directory(), ".c").into_iter();
    names
        .map(|name| {
            let path = directory().join(format!("{name}.c"));
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            parse(name, &text)
                .unwrap_or_else(|| panic!("{}: its first comment has another form", path.display()))
        })
        .collect()
}

fn parse(name: String, text: &str) -> Option<LoopProgram> {
    let comment = Comment::parse(text)?;
    let truth = match (comment.verdict, comment.cause) {
        ("safe", "-") => Truth::Safe,
        ("unsafe", cause) => Truth::Unsafe(match cause {
            "out-of-bounds" => Violation::OutOfBounds,
            "uninitialised" => Violation::Uninitialised,
            "null" => Violation::Null,
            "stale" => Violation::Stale,
            "endless" => Violation::Endless,
            _ => return None,
        }),
        _ => return None,
    };
    Some(LoopProgram {
        name,
        kind: comment.kind,
        truth,
        summary: comment.summary,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMENT: &str = "/* SPDX */\n/*\n * kind: filter\n * verdict: unsafe\n * cause: stale\n *\n * Reads on.\n */\nint x;\n";

    #[test]
    fn a_comment_of_the_form_is_read() {
        let program = parse("x".into(), COMMENT).unwrap();
        assert_eq!(program.truth, Truth::Unsafe(Violation::Stale));
        assert_eq!(program.summary, "Reads on.");
    }

    #[test]
    fn every_other_form_is_refused() {
        for (from, to) in [
            ("unsafe", "reject"),
            ("unsafe", "safe"),
            ("cause: stale", "cause: -"),
            ("cause: stale", "cause: BPF-V012"),
        ] {
            let text = COMMENT.replacen(from, to, 1);
            assert_ne!(text, COMMENT);
            assert_eq!(parse("x".into(), &text), None, "{text}");
        }
    }
}
