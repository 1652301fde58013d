//! The programs in `ebpf-samples/`, with what their first comments say.

use std::fs;
use std::path::{Path, PathBuf};

use platform_click::ProgramKind;

use crate::comment::{Comment, sources};

/// Folders below `ebpf-samples/` that hold programs.
const FOLDERS: [&str; 5] = ["accept", "reject", "corpus", "unsound", RUST];

/// The folder of those in Rust.
const RUST: &str = "rust";

/// A sample, as its source describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// The folder below `ebpf-samples/`.
    pub folder: &'static str,
    /// The file's stem.
    pub name: String,
    /// What kind of program it is.
    pub kind: ProgramKind,
    /// The verdict that it must get.
    pub expected: Expected,
    /// What it does, in a sentence.
    pub summary: String,
}

/// The verdict that a sample must get.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// It is proved safe.
    Accept,
    /// It is refused with this diagnostic.
    Reject(String),
    /// The verifier gives up with this diagnostic.
    Undecided(String),
}

impl Sample {
    /// Its source, relative to `ebpf-samples/`.
    #[must_use]
    pub fn source(&self) -> PathBuf {
        source(self.folder, &self.name)
    }

    /// Its object, relative to `ebpf-samples/`.
    #[must_use]
    pub fn object(&self) -> PathBuf {
        let folder = if self.folder == RUST {
            Path::new("rust/objects")
        } else {
            Path::new(self.folder)
        };
        folder.join(format!("{}.o", self.name))
    }

    /// The committed object.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let path = directory().join(self.object());
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// The source of a sample, relative to `ebpf-samples/`.
fn source(folder: &str, name: &str) -> PathBuf {
    if folder == RUST {
        Path::new("rust/programs/src/bin").join(format!("{name}.rs"))
    } else {
        Path::new(folder).join(format!("{name}.c"))
    }
}

/// The folder `ebpf-samples/`.
fn directory() -> PathBuf {
    crate::root().join("ebpf-samples")
}

/// Every sample, by folder and name.
///
/// # Panics
/// When a folder cannot be read, or a source does not start with the comment that
/// `ebpf-samples/README.md` describes.
#[must_use]
pub fn samples() -> Vec<Sample> {
    FOLDERS
        .iter()
        .flat_map(|folder| {
            let mut first = source(folder, "");
            let ending = if *folder == RUST { ".rs" } else { ".c" };
            first.pop();
            let names = sources(&directory().join(first), ending);
            names.into_iter().map(|name| read(folder, name))
        })
        .collect()
}

fn read(folder: &'static str, name: String) -> Sample {
    let path = directory().join(source(folder, &name));
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(folder, name, &text)
        .unwrap_or_else(|| panic!("{}: its first comment has another form", path.display()))
}

/// Reads the first comment; three forms of verdict are those of samples.
fn parse(folder: &'static str, name: String, text: &str) -> Option<Sample> {
    let comment = Comment::parse(text)?;
    let expected = match (comment.verdict, comment.cause) {
        ("accept", "-") => Expected::Accept,
        ("reject", code) if code.starts_with("BPF-") => Expected::Reject(code.into()),
        ("undecided", code) if code.starts_with("BPF-") => Expected::Undecided(code.into()),
        _ => return None,
    };
    Some(Sample {
        folder,
        name,
        kind: comment.kind,
        expected,
        summary: comment.summary,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMENT: &str = "/* SPDX */\n/*\n * kind: filter\n * verdict: reject\n * cause: BPF-V001\n *\n * Reads\n * too far.\n *\n * More.\n */\nint x;\n";

    #[test]
    fn a_comment_of_the_form_is_read() {
        let sample = parse("reject", "x".into(), COMMENT).unwrap();
        assert_eq!(sample.kind, ProgramKind::Filter);
        assert_eq!(sample.expected, Expected::Reject("BPF-V001".into()));
        assert_eq!(sample.summary, "Reads too far.");
    }

    #[test]
    fn every_other_form_is_refused() {
        for (from, to) in [
            ("kind: filter", "kind: xdp"),
            ("verdict: reject", "verdict: accept"),
            ("verdict: reject", "verdict: perhaps"),
            ("cause: BPF-V001", "cause: bounds"),
            ("cause: BPF-V001\n *\n", "cause: BPF-V001\n"),
            (" * kind: filter\n", ""),
            ("too far.", "too far"),
        ] {
            let text = COMMENT.replacen(from, to, 1);
            assert_ne!(text, COMMENT);
            assert_eq!(parse("reject", "x".into(), &text), None, "{text}");
        }
    }
}
