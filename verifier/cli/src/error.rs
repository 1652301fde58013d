//! What a command can end with, in the one form in which it is shown.

use core::error::Error;
use core::ops::Range;
use std::path::Path;

use platform_click::Code;

use crate::show::text;

/// An error with its code, its subject and ways out, ready to be printed in any format.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
    /// Where in a file that people write.
    pub(crate) excerpt: Option<Box<Excerpt>>,
}

/// A place in a file that people write.
#[derive(Debug)]
pub(crate) struct Excerpt {
    pub(crate) path: String,
    pub(crate) source: String,
    pub(crate) span: Range<usize>,
    pub(crate) label: String,
}

impl Excerpt {
    pub(crate) fn new(path: &Path, source: String, span: Range<usize>, label: String) -> Self {
        Self {
            path: text::path(path),
            source,
            span,
            label,
        }
    }

    /// Line and column of the place, from 1.
    pub(crate) fn position(&self) -> (usize, usize) {
        let before = self.source.get(..self.span.start).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.chars().rev().take_while(|c| *c != '\n').count();
        (line, column.saturating_add(1))
    }
}

impl CliError {
    /// An error of a library: its text and those of its sources, joined by colons.
    pub(crate) fn new(code: Code, error: &dyn Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Transparent variants repeat their source's text.
            if !message.ends_with(&text) {
                message = format!("{message}: {text}");
            }
            source = error.source();
        }
        Self::message(code, message)
    }

    /// An error of the command line itself.
    pub(crate) fn message(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hints: vec![code.help.to_owned()],
            excerpt: None,
        }
    }

    /// Names the file that the error is about.
    #[must_use]
    pub(crate) fn about(mut self, path: &Path) -> Self {
        self.message = format!("{}: {}", text::path(path), self.message);
        self
    }

    /// Shows the place in a file.
    #[must_use]
    pub(crate) fn at(mut self, excerpt: Excerpt) -> Self {
        let (line, column) = excerpt.position();
        self.message = format!("{}:{line}:{column}: {}", excerpt.path, self.message);
        self.excerpt = Some(Box::new(excerpt));
        self
    }

    /// Adds a way out that only this place knows.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// Diagnostics of the command line.
pub(crate) mod codes {
    platform_click::codes! {
        INTERNAL = "BPF-P900", Internal, "an internal error",
            "This is a defect of bpfsign; please report it with the command and the input.";
        UNREADABLE = "BPF-P901", Input, "the input cannot be read",
            "Pass a regular file that you may read.";
        TOO_LARGE = "BPF-P902", Input, "the input is larger than any valid file of its kind",
            "The limits are in `bpfsign platform show` and docs/formats.md.";
        UNWRITABLE = "BPF-P903", Io, "the output cannot be written",
            "Check that the directory exists, is writable and has space left; nothing was changed.";
        CHANGED = "BPF-P904", Io, "the object changed on disk while it was verified",
            "Nothing was signed. Verify again when nothing writes to the file.";
        UNKNOWN_CODE = "BPF-P905", Usage, "there is no such diagnostic",
            "`bpfsign explain` lists them all.";
        COUNTER = "BPF-P906", Usage, "the next counter cannot be derived",
            "Pass `--counter N` with a number above every one that was signed for this name.";
        NO_PROGRAM = "BPF-P908", Usage, "the object has no such program",
            "`bpfsign inspect PROG.o` lists the programs of an object.";
        CLOCK = "BPF-P909", Usage, "the clock of the machine shows no possible time",
            "Set the clock: statements and certificates carry the time at which they are made.";
        VALUE = "BPF-P910", Usage, "an option has a value that is not understood",
            "The message says what the option takes; `--help` has an example.";
        PASSPHRASE = "BPF-P911", Key, "there is no passphrase for new keys",
            "`--encrypt` asks for one at the terminal; elsewhere `--passphrase-file` or `--passphrase-fd` names where it is.";
        POLICY_FILE = "BPF-P920", Usage, "the policy is not valid",
            "`bpfsign gate --print-default` prints the format with comments.";
        POLICIES = "BPF-P921", Usage, "the paths have different policies",
            "Run the gate once for each, or name the one that counts with `--config FILE`; `--no-config` asks for none.";
        BOUND = "BPF-P922", Policy, "a program may exceed a bound of the policy",
            "Make the program smaller, or raise the bound in `[bounds]` of bpfsign.toml; one program may be excepted for a time by a `[[waiver]]`.";
        HELPER = "BPF-P923", Policy, "a program calls a helper that the policy does not allow",
            "Do without the helper, or add it to `helpers` in `[allow]` of bpfsign.toml.";
        KIND = "BPF-P924", Policy, "a program is of a kind that the policy does not allow",
            "The kind follows from the program's section. `kinds` in `[allow]` of bpfsign.toml lists those that are allowed.";
        MAPS = "BPF-P925", Policy, "the maps of a program exceed the policy's budget",
            "Use fewer or smaller maps, or raise the budget in `[maps]` of bpfsign.toml.";
        OTHER_PLATFORM = "BPF-P926", Platform, "the policy is for other platforms",
            "Use the bpfsign that the policy was written for, or add what `bpfsign platform digest` prints to `digests` in `[platform]` of bpfsign.toml after reading what changed.";
        NO_PROGRAMS = "BPF-P927", Input, "there are no programs",
            "A gate that judges nothing lets everything pass, so it fails. Build the objects first, and pass the folder that they are in.";
        NO_TRUST = "BPF-P928", Usage, "signatures are asked for and nobody is named whose they may be",
            "Name the trust bundle in `trust` in `[signature]` of bpfsign.toml: that there is a signature means nothing by itself.";
        BASE = "BPF-P929", Usage, "the commit that counters are compared with cannot be read",
            "`counters-since` in `[signature]` of bpfsign.toml is a commit of the repository that the objects are in; in CI, fetch it first (`git fetch --depth=1 origin main`).";
        WAIVER = "BPF-P930", Usage, "an exception is over",
            "Mend what it was made for, or give it a later day in bpfsign.toml.";
        FORMAT = "BPF-P931", Usage, "the command has no such output format",
            "The formats `sarif`, `junit` and `github` are those of `bpfsign gate`; other commands have `text` and `json`.";
        BASELINE = "BPF-P932", Usage, "the baseline is not what `bpfsign stats --json` prints",
            "Write one with `bpfsign stats --json PATH > baseline.json`.";
        REGRESSION = "BPF-P933", Policy, "a figure is worse than in the baseline",
            "Find what made it so, raise `--max-increase`, or write a new baseline.";
        EXISTS = "BPF-P934", Usage, "there is something already where the project would go",
            "Choose another name, or remove what is there; nothing was changed.";
        NAME = "BPF-P935", Usage, "a project cannot have this name",
            "A name starts with a letter and has letters, digits, `-` and `_`, 40 at most.";
        UNKNOWN_FILE = "BPF-P907", Input, "the file is of no kind that can be inspected",
            "Pass a bundle (.bpfsig), a trust bundle (.bpftrust) or an object (.o).";
    }
}
