//! A contradicted proof, kept as a report that repeats it: the object, the runs, and what is wrong.

use std::path::Path;

use bpf_object::{Object, ParseOptions};
use bpf_verifier::{Counterexample, Draws, Refusal, Step, Undecided};
use platform_click::ProgramKind;
use serde_json::{Value, json};

use crate::error::{CliError, codes};
use crate::files;
use crate::show::finding::hex;

/// Instructions of one run when its end is described.
const FUEL: u64 = 1_000_000;

/// Keeps object, runs and report in a directory, if there is a counterexample.
///
/// # Errors
/// The directory cannot be made or written.
pub(crate) fn keep(
    directory: &Path,
    object: &[u8],
    kind: ProgramKind,
    undecided: &Undecided,
) -> Result<(), CliError> {
    let Some(found) = &undecided.counterexample else {
        return Ok(());
    };
    let report = Report {
        accepted_by: "Every engine",
        program: undecided.program.as_deref().unwrap_or_default(),
        reason: &undecided.reason,
        found,
    };
    report.write(directory, object, kind)
}

/// A report about one program.
struct Report<'a> {
    accepted_by: &'a str,
    program: &'a str,
    reason: &'a str,
    found: &'a Counterexample,
}

impl Report<'_> {
    fn write(&self, directory: &Path, object: &[u8], kind: ProgramKind) -> Result<(), CliError> {
        std::fs::create_dir_all(directory).map_err(|error| {
            CliError::message(codes::UNWRITABLE, error.to_string()).about(directory)
        })?;
        let title = directory.file_name().unwrap_or_default().to_string_lossy();
        let ends = self.ends(object, kind).unwrap_or_default();
        let runs = format!("{:#}\n", self.json(&ends));
        files::write(&directory.join("object.o"), object)?;
        files::write(&directory.join("counterexample.json"), runs.as_bytes())?;
        files::write(
            &directory.join("README.md"),
            self.text(&title, &ends).as_bytes(),
        )
    }

    /// How the last run ends when nobody compares it with claims.
    fn ends(&self, object: &[u8], bpffilter: ProgramKind) -> Option<String> {
        let object = Object::parse(object, ParseOptions { bpffilter }).ok()?;
        let mut programs = object.programs().iter();
        let program = programs.find(|program| program.name() == self.program)?;
        let image = object.link(program).ok()?;
        Some(match self.found.scenario.replay(&image, FUEL)? {
            Ok(outcome) => format!("it returns {}", outcome.value),
            Err(fault) => fault.to_string(),
        })
    }

    /// For people.
    fn text(&self, title: &str, ends: &str) -> String {
        let Self {
            accepted_by,
            program,
            reason,
            found,
        } = self;
        let place = match (&found.line, found.slot) {
            (Some(line), Some(slot)) => format!(
                ", at instruction {slot}\n({}:{}: `{}`)",
                line.file,
                line.line,
                line.text.trim()
            ),
            (None, Some(slot)) => format!(", at instruction {slot}"),
            (_, None) => String::new(),
        };
        let runs = found.scenario.steps.len();
        let whole = found.run.saturating_add(1);
        let version = env!("CARGO_PKG_VERSION");
        format!(
            "# {title}\n\n\
             {accepted_by} accepts program `{program}` of `object.o`. In a trial{place}:\n\n\
             > {reason}\n\n\
             `counterexample.json` has what repeats it: {runs} of {whole} runs on one instance, the last of\n\
             which shows it. Before the first, maps are empty and data is as linked. Compared with no claim,\n\
             the last run ends like this:\n\n\
             > {ends}\n\n\
             Found by bpfsign {version} with seed {}.\n",
            found.seed
        )
    }

    /// The runs, in the form that `docs/verifier.md` describes.
    fn json(&self, ends: &str) -> Value {
        let found = self.found;
        json!({
            "program": self.program,
            "reason": self.reason,
            "slot": found.slot,
            "ends": ends,
            "seed": found.seed,
            "run": found.run,
            "steps": found.scenario.steps.iter().map(step).collect::<Vec<_>>(),
        })
    }
}

fn step(step: &Step) -> Value {
    let entries = step.entries.iter().map(|entry| {
        json!({
            "map": entry.map,
            "key": hex(&entry.key),
            "value": hex(&entry.value),
        })
    });
    let random = match step.draws {
        Draws::Constant(number) => json!({ "constant": number }),
        Draws::Seed(seed) => json!({ "seed": seed }),
    };
    json!({
        "entries": entries.collect::<Vec<_>>(),
        "packet": hex(&step.packet),
        "port": step.annotations.port,
        "mark": step.annotations.mark,
        "rx_time_ns": step.annotations.rx_time_ns,
        "delay_ns": step.annotations.delay_ns,
        "clock": { "start_ns": step.clock.start_ns, "step_ns": step.clock.step_ns },
        "random": random,
        "refusals": step.refusals.iter().map(refusal).collect::<Vec<_>>(),
        "addresses": step.addresses,
    })
}

fn refusal(refusal: &Refusal) -> Value {
    json!({
        "helper": refusal.helper.spec().name,
        "first": refusal.first,
        "count": refusal.count,
        "errno": refusal.errno.number(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bpf_verifier::engines;

    use super::*;

    /// What PREVAIL alone wrongly accepts, and how often a program is run until that is found.
    const SAMPLES: [&str; 3] = ["byte-swap", "null-arithmetic", "store-immediate"];
    const RUNS: u32 = 20_000;

    /// The trial finds it by itself, always makes the same small report of it, and the report is what
    /// is kept in `tests/findings/`. `INSTA_UPDATE=always` renews that.
    #[test]
    fn what_the_engine_wrongly_accepts_is_reported() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let renew = std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
        for name in SAMPLES {
            let object = fs::read(root.join(format!("ebpf-samples/unsound/{name}.o"))).unwrap();
            let kind = ProgramKind::Filter;
            let parsed = Object::parse(&object, ParseOptions { bpffilter: kind }).unwrap();
            let program = &parsed.programs()[0];
            let image = parsed.link(program).unwrap();
            let found = engines::contradiction_of_prevail(&image, 1, RUNS);
            let (reason, found) = found.unwrap_or_else(|| panic!("{name} is not found"));
            let report = Report {
                accepted_by: "PREVAIL 0.2.6",
                program: program.name(),
                reason: &reason,
                found: &found,
            };
            let kept = root.join(format!("tests/findings/trial-{name}"));
            if renew {
                report.write(&kept, &object, kind).unwrap();
            }
            let made = tempfile::tempdir().unwrap();
            let made = made.path().join(format!("trial-{name}"));
            report.write(&made, &object, kind).unwrap();
            for file in ["README.md", "counterexample.json", "object.o"] {
                let [kept, made] = [&kept, &made].map(|folder| fs::read(folder.join(file)));
                assert!(kept.unwrap() == made.unwrap(), "{name}/{file}");
            }
        }
    }
}
