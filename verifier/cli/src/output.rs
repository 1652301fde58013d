//! Everything that is printed: results to standard output, talk to standard error.

use std::io::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use platform_click::ExitCode;
use serde_json::{Value, json};

use crate::args::{Color, Format, Global};
use crate::error::CliError;

/// Where and how a command prints.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    quiet: bool,
    verbosity: u8,
}

impl Output {
    /// The output that the options ask for. Sets the colour choice of the process.
    pub(crate) fn new(global: &Global) -> Self {
        match global.color {
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        let format = if global.json {
            Format::Json
        } else {
            global.format
        };
        Self {
            format,
            quiet: global.quiet,
            verbosity: global.verbose,
        }
    }

    /// How results are printed.
    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// How much is said of each finding: 0 for the first cause, 1 for all, 2 with what the engine
    /// knows.
    pub(crate) const fn verbosity(&self) -> u8 {
        self.verbosity
    }

    /// Whether only errors and warnings are said.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a result: `text` for people, or `json`.
    pub(crate) fn result(&self, text: impl FnOnce() -> String, json: impl FnOnce() -> Value) {
        let text = match self.format {
            Format::Json => format!("{:#}\n", json()),
            _ if self.quiet => return,
            _ => text(),
        };
        self.print(&text);
    }

    /// Prints text to standard output, whatever the format.
    pub(crate) fn print(&self, text: &str) {
        // A reader that stopped reading (`| head`) has what it wanted.
        let _ = anstream::stdout().write_all(text.as_bytes());
    }

    /// Says something that is not the result.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// Says something that the user should know before relying on the result.
    pub(crate) fn warning(&self, text: &str, help: &str) {
        let group = Level::WARNING
            .primary_title(text)
            .element(Level::HELP.message(help));
        self.diagnostic(&[group]);
    }

    /// Prints a diagnostic for people; in JSON it is part of the result.
    pub(crate) fn diagnostic(&self, report: &[Group<'_>]) {
        if self.format != Format::Json {
            let text = Renderer::styled().render(report);
            let lines = text.lines().filter(|line| !is_bare_gutter(line));
            let text: String = lines.flat_map(|line| [line, "\n"]).collect();
            let _ = anstream::stderr().write_all(text.as_bytes());
        }
    }

    /// Prints the error that a command ends with, and gives its exit code.
    pub(crate) fn error(&self, error: &CliError) -> ExitCode {
        let title = Level::ERROR
            .primary_title(error.message.as_str())
            .id(error.code.id);
        let mut report = Group::with_title(title);
        if let Some(excerpt) = &error.excerpt {
            let end = excerpt.span.end.min(excerpt.source.len());
            let place = AnnotationKind::Primary.span(excerpt.span.start.min(end)..end);
            report = report.element(
                Snippet::source(excerpt.source.as_str())
                    .path(excerpt.path.as_str())
                    .annotation(place.label(excerpt.label.as_str())),
            );
        }
        let report = error.hints.iter().fold(report, |group, hint| {
            group.element(Level::HELP.message(hint))
        });
        self.diagnostic(&[report]);
        if self.is_json() {
            self.result(String::new, || {
                json!({ "error": {
                    "code": error.code.id,
                    "exit": error.code.exit.number(),
                    "title": error.code.title,
                    "message": error.message,
                    "help": error.hints,
                    "place": error.excerpt.as_ref().map(|excerpt| {
                        let (line, column) = excerpt.position();
                        json!({ "file": excerpt.path, "line": line, "column": column })
                    }),
                } })
            });
        }
        error.code.exit
    }
}

/// Whether a line holds the gutter of a report and nothing else. Without an excerpt it separates a
/// title from its help for no reason; with one, the lines around it are enough.
fn is_bare_gutter(line: &str) -> bool {
    anstream::adapter::strip_str(line).to_string().trim() == "|"
}
