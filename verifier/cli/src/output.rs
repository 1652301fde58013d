//! Everything that is printed: results to standard output, talk to standard error.

use std::io::Write as _;

use annotate_snippets::{Group, Level, Renderer};
use platform_click::ExitCode;
use serde_json::{Value, json};

use crate::args::{Color, Format, Global};
use crate::error::CliError;

/// Where and how a command prints.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    quiet: bool,
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
        }
    }

    /// Whether results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a result: `text` for people, or `json`.
    pub(crate) fn result(&self, text: impl FnOnce() -> String, json: impl FnOnce() -> Value) {
        let text = match self.format {
            Format::Text if self.quiet => return,
            Format::Text => text(),
            Format::Json => format!("{:#}\n", json()),
        };
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
        if self.format == Format::Text {
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
        let report = error
            .hints
            .iter()
            .fold(Group::with_title(title), |group, hint| {
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
