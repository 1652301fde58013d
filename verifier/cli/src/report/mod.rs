//! What the gate found, as one value from which every format is made.
//!
//! Names and paths in it are shown as they are ([`crate::show::text`]): no format has to escape what
//! only a terminal or a CI server would take for a command.

mod github;
mod junit;
mod sarif;
mod text;

use platform_click::{Code, ExitCode};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) use github::github;
pub(crate) use junit::junit;
pub(crate) use sarif::sarif;
pub(crate) use text::{describe, text};

/// The version of the report's form. New fields may come without a new version.
pub(crate) const VERSION: u32 = 1;

/// What `bpfsign gate --format json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Report {
    /// The version of this form.
    pub(crate) version: u32,
    /// Name and version of the tool.
    pub(crate) tool: String,
    /// Name and version of the platform that programs are verified for.
    pub(crate) platform: String,
    /// SHA-256 of the platform's canonical text.
    pub(crate) platform_sha256: String,
    /// The policy file; null where there is none.
    pub(crate) policy: Option<String>,
    /// Whether nothing stands in the way.
    pub(crate) passed: bool,
    /// The exit code of the process: that of the problem of the highest rank.
    pub(crate) exit: u8,
    /// Each object, by path.
    pub(crate) objects: Vec<ObjectReport>,
    /// What stands in the way and is about no single object.
    pub(crate) problems: Vec<Problem>,
    /// Objects for other machines, which were passed over.
    pub(crate) passed_over: Vec<String>,
}

/// An object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ObjectReport {
    pub(crate) path: String,
    /// SHA-256 of the file; null where it could not be read.
    pub(crate) sha256: Option<String>,
    pub(crate) verdict: Verdict,
    /// The engines that accepted it.
    pub(crate) engines: Vec<String>,
    /// What was proved of its programs, when it is accepted.
    pub(crate) programs: Vec<ProgramFacts>,
    /// Who signed it, when that was asked for and found good.
    pub(crate) signature: Option<SignatureFacts>,
    pub(crate) problems: Vec<Problem>,
    /// Milliseconds that it took.
    pub(crate) milliseconds: u64,
}

/// What the verifier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Accepted,
    Rejected,
    Undecided,
    /// It was not asked: the file is no object, or could not be read.
    Unreadable,
}

impl Verdict {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Undecided => "undecided",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What was proved of a program. Figures are upper bounds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ProgramFacts {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) image_sha256: String,
    pub(crate) instruction_slots: u32,
    pub(crate) worst_case_instructions: u64,
    pub(crate) worst_case_helper_calls: u64,
    pub(crate) worst_case_map_updates: u64,
    pub(crate) max_stack_bytes: u32,
    pub(crate) max_loop_iterations: u64,
    /// Instructions of the unwound program that PREVAIL proved; null where it proved the program itself.
    pub(crate) unwound_instructions: Option<u32>,
    pub(crate) map_bytes: u64,
    pub(crate) helpers: Vec<String>,
    pub(crate) maps: Vec<String>,
}

/// Who signed an object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct SignatureFacts {
    pub(crate) name: String,
    pub(crate) counter: u64,
    pub(crate) signer: String,
    pub(crate) expires: String,
}

/// What stands in the way.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// The diagnostic: `bpfsign explain CODE`.
    pub(crate) code: String,
    /// The exit code that it asks for.
    pub(crate) exit: u8,
    /// What is wrong, without the values.
    pub(crate) title: String,
    /// What is wrong here.
    pub(crate) message: String,
    /// A way out.
    pub(crate) help: String,
    pub(crate) program: Option<String>,
    /// The instruction's slot in the program.
    pub(crate) slot: Option<u32>,
    /// Where it comes from.
    pub(crate) place: Option<Place>,
    /// What led to it, in the order in which it is passed.
    pub(crate) related: Vec<Related>,
    /// What the registers that the instruction uses may hold.
    pub(crate) registers: Vec<String>,
    /// The engine's own words.
    pub(crate) engine: Option<String>,
    /// The exception that makes it pass all the same.
    pub(crate) waived: Option<Waived>,
    #[serde(skip)]
    pub(crate) finding: Option<Box<bpf_verifier::Finding>>,
}

impl Problem {
    pub(crate) fn new(code: Code, message: &str) -> Self {
        Self {
            code: code.id.into(),
            exit: code.exit.number(),
            title: code.title.into(),
            message: crate::show::text::visible(message),
            help: code.help.into(),
            program: None,
            slot: None,
            place: None,
            related: Vec::new(),
            registers: Vec::new(),
            engine: None,
            waived: None,
            finding: None,
        }
    }

    pub(crate) fn in_program(mut self, name: &str) -> Self {
        self.program = Some(crate::show::text::visible(name));
        self
    }

    /// The exit code that it asks for; none when it is waived.
    pub(crate) fn exit(&self) -> Option<ExitCode> {
        let exit = ExitCode::ALL.iter().find(|exit| exit.number() == self.exit);
        exit.copied().filter(|_| self.waived.is_none())
    }
}

/// A place in a source file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Place {
    pub(crate) file: String,
    /// From 1.
    pub(crate) line: u32,
    /// From 1; 0 where it is not known.
    pub(crate) column: u32,
    /// The column behind the last character; 0 where it is not known.
    pub(crate) end_column: u32,
    /// The text of the line.
    pub(crate) text: String,
}

/// A place that led to a problem.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Related {
    pub(crate) slot: u32,
    pub(crate) place: Option<Place>,
    pub(crate) label: String,
}

/// An exception.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Waived {
    pub(crate) reason: String,
    /// The last day on which it counts.
    pub(crate) expires: String,
}

impl Report {
    /// Every problem with the object that it is about.
    pub(crate) fn problems(&self) -> impl Iterator<Item = (Option<&ObjectReport>, &Problem)> {
        let of_objects = self.objects.iter().flat_map(|object| {
            let problems = object.problems.iter();
            problems.map(move |problem| (Some(object), problem))
        });
        let others = self.problems.iter().map(|problem| (None, problem));
        of_objects.chain(others)
    }

    /// What the process ends with: the problem of the highest rank decides.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let exits = self.problems().filter_map(|(_, problem)| problem.exit());
        exits
            .max_by_key(|exit| exit.rank())
            .unwrap_or(ExitCode::Accepted)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The JSON Schema of a report.
pub(crate) fn schema() -> serde_json::Value {
    serde_json::to_value(schemars::schema_for!(Report)).unwrap_or_default()
}
