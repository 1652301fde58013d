//! The first comment of a source in C or Rust, in which it describes itself.

use std::fs;
use std::path::Path;

use platform_click::ProgramKind;

/// What a source says of itself; what a verdict and its cause may be depends on the collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment<'a> {
    pub(crate) kind: ProgramKind,
    pub(crate) verdict: &'a str,
    pub(crate) cause: &'a str,
    /// A sentence with its period.
    pub(crate) summary: String,
}

impl<'a> Comment<'a> {
    /// Three keys in this order, an empty line, the summary, and perhaps an empty line and more.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (lines, mark) = if text.starts_with("//!") {
            (text.split_once("\n#!")?.0, "//!")
        } else {
            (text.split_once("\n/*\n")?.1.split_once("\n */\n")?.0, " *")
        };
        let mut lines = lines
            .lines()
            .map(|line| line.strip_prefix(mark).map(str::trim));
        let mut value = |key: &str| lines.next()??.strip_prefix(key)?.strip_prefix(": ");
        let kind = ProgramKind::from_name(value("kind")?)?;
        let (verdict, cause) = (value("verdict")?, value("cause")?);
        if !lines.next()??.is_empty() {
            return None;
        }
        let summary: Vec<&str> = lines
            .map_while(|line| line.filter(|line| !line.is_empty()))
            .collect();
        let summary = summary.join(" ");
        summary.ends_with('.').then_some(Self {
            kind,
            verdict,
            cause,
            summary,
        })
    }
}

/// Stems of the sources in a folder that end so, sorted.
///
/// # Panics
/// When the folder cannot be read.
pub(crate) fn sources(folder: &Path, ending: &str) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let file = entry.ok()?.file_name().into_string().ok()?;
            Some(file.strip_suffix(ending)?.to_owned())
        })
        .collect();
    names.sort();
    names
}
