//! What a command can end with, in the one form in which it is shown.

use core::error::Error;
use std::path::Path;

use platform_click::Code;

/// An error with its code, its subject and ways out, ready to be printed in any format.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
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
        }
    }

    /// Names the file that the error is about.
    #[must_use]
    pub(crate) fn about(mut self, path: &Path) -> Self {
        self.message = format!("{}: {}", path.display(), self.message);
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
        UNKNOWN_FILE = "BPF-P907", Input, "the file is of no kind that can be inspected",
            "Pass a bundle (.bpfsig), a trust bundle (.bpftrust) or an object (.o).";
    }
}
