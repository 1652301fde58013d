//! The folder `tests/findings/`: a folder for each finding, with a program, what everyone says about it,
//! and a text for people.
//!
//! `program.asm` starts with lines `# key: value`: what each engine says, how a run ends, the seed of
//! its inputs. Tests ask and run again and compare.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bpf_object::{Image, Insn, RawInsn};

use crate::judge::Charge;
use crate::question::{Answer, Case, Engine, Ran, Saying};

/// A finding as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of its folder.
    pub id: String,
    /// What it is, in a line.
    pub title: String,
    /// By the name of an engine, or `verdict`, or `run`: what is expected.
    pub expected: BTreeMap<String, String>,
    /// The program, as `bpf_programs` reads it.
    pub text: String,
    /// Of the inputs on which it is run.
    pub seed: u64,
}

/// The folder of all findings.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/findings")
}

/// Every finding in a folder, by name. A folder without a `program.asm` is one of another kind.
///
/// # Errors
/// The folder cannot be read, or one of its findings is malformed.
pub fn findings(folder: &Path) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.join(PROGRAM).exists() {
            found.push(read(&path).with_context(|| path.display().to_string())?);
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

const PROGRAM: &str = "program.asm";

fn read(path: &Path) -> Result<Finding> {
    let all = fs::read_to_string(path.join(PROGRAM))?;
    let (head, text): (Vec<&str>, Vec<&str>) = all.lines().partition(|line| line.starts_with("# "));
    let mut expected = BTreeMap::new();
    for line in head {
        let pair = line.trim_start_matches("# ").split_once(": ");
        let Some((key, value)) = pair else {
            bail!("{line:?} is not `# key: value`");
        };
        expected.insert(key.to_owned(), value.to_owned());
    }
    let mut take = |key: &str| {
        let value = expected.remove(key);
        value.with_context(|| format!("there is no `# {key}:`"))
    };
    let (title, seed) = (take("title")?, take("seed")?.parse()?);
    let id = path.file_name().and_then(|name| name.to_str());
    Ok(Finding {
        id: id.unwrap_or_default().to_owned(),
        title,
        expected,
        text: text.join("\n"),
        seed,
    })
}

impl Finding {
    /// What an answer shows, to be stored: `id` is the charge and the class of the program.
    #[must_use]
    pub fn new(charge: Charge, image: &Image, seed: u64, answer: &Answer) -> Self {
        Self {
            id: format!("{charge}-{}", class_of(image)),
            title: charge.in_words(),
            expected: Self::shown(answer),
            text: bpf_programs::write(image),
            seed,
        }
    }

    /// Whether it is about a mistake of this engine: it panics or does not end, or accepts what a run
    /// shows to be wrong.
    #[must_use]
    pub fn charges(&self, engine: Engine) -> bool {
        let word = |key: &str| self.expected.get(key).map_or("", String::as_str);
        let run = word("run");
        let wrong = run.starts_with("faults") || run.starts_with("contradicts facts");
        match word(engine.name()) {
            "hangs" => true,
            panics if panics.starts_with("panics") => true,
            "accepts" if run == "contradicts claims" => engine == Engine::Prevail,
            "accepts" => wrong && engine != Engine::OwnChecks,
            _ => false,
        }
    }

    /// What an answer shows, in words.
    #[must_use]
    pub fn shown(answer: &Answer) -> BTreeMap<String, String> {
        let said = |engine: Engine| (engine.name().to_owned(), answer.of(engine).shown());
        let run = match &answer.ran {
            Ran::No => "not run".to_owned(),
            Ran::Well => "ends well".to_owned(),
            Ran::Fault { code, .. } => format!("faults {code}"),
            Ran::Contradiction { .. } => "contradicts facts".to_owned(),
            Ran::Impossible(_) => "impossible".to_owned(),
        };
        let verdict = match answer.verdict {
            Saying::Accepts => "accepted",
            Saying::Refuses(..) => "rejected",
            _ => "undecided",
        };
        let sayings = Engine::ALL.into_iter().map(said);
        let run = match (&answer.ran, &answer.trial) {
            (Ran::Well, Some(_)) => "contradicts claims".to_owned(),
            _ => run,
        };
        let rest = [("run", run), ("verdict", verdict.to_owned())];
        let rest = rest.map(|(key, value)| (key.to_owned(), value));
        sayings.chain(rest).collect()
    }

    /// The question to ask again.
    #[must_use]
    pub fn case(&self) -> Case {
        Case {
            text: self.text.clone(),
            seed: self.seed,
        }
    }

    /// The program; none when it is none, which is what the finding is then about.
    #[must_use]
    pub fn image(&self) -> Option<Image> {
        Image::new(bpf_programs::read(&self.text)).ok()
    }

    /// Writes the finding into a folder of its own.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn store(&self, folder: &Path, what_happens: &str) -> Result<()> {
        let path = folder.join(&self.id);
        fs::create_dir_all(&path)?;
        self.store_program(folder)?;
        fs::write(path.join("README.md"), self.readme(what_happens))?;
        Ok(())
    }

    /// Writes `program.asm` alone, into the folder that the finding has.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn store_program(&self, folder: &Path) -> Result<()> {
        let mut program = format!("# title: {}\n", self.title);
        for (key, value) in &self.expected {
            program += &format!("# {key}: {value}\n");
        }
        program += &format!("# seed: {}\n{}\n", self.seed, self.text.trim_end());
        fs::write(folder.join(&self.id).join(PROGRAM), program)?;
        Ok(())
    }

    fn readme(&self, what_happens: &str) -> String {
        let says: String = self
            .expected
            .iter()
            .map(|(key, value)| format!("| {key} | {value} |\n"))
            .collect();
        format!(
            "# {}\n\n{}.\n\n| who | says |\n|---|---|\n{says}\n{what_happens}\n",
            self.id, self.title
        )
    }
}

/// A name for what a minimised program is about.
#[must_use]
pub fn class_of(image: &Image) -> String {
    // FNV-1a: the same for ever, and nobody attacks it.
    let hash = telling(image)
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, item| {
            (hash ^ item).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

/// The instructions that a minimised program is about: those that it has, without those that every
/// program has.
pub(crate) fn telling(image: &Image) -> BTreeSet<u64> {
    let code = image.raw().into_iter().zip(image.code());
    code.filter(|(raw, insn)| is_telling(raw, **insn))
        .map(|(raw, _)| u64::from(raw.opcode) << 32 | detail(&raw))
        .collect()
}

/// Of arithmetic the offset says which operation it is; of swaps, atomic operations and calls the
/// immediate does.
fn detail(raw: &RawInsn) -> u64 {
    match (raw.opcode, raw.opcode & 0x07) {
        (0xd4 | 0xd7 | 0xdc | 0xc3 | 0xdb | 0x85, _) => raw.imm.unsigned_abs().into(),
        (_, 0x04 | 0x07) => raw.off.unsigned_abs().into(),
        _ => 0,
    }
}

/// Numbers are set and copied, branches taken, and narrow loads and stores of registers made
/// everywhere.
fn is_telling(raw: &RawInsn, insn: Insn) -> bool {
    let everywhere = matches!(
        raw.opcode,
        0xb7 | 0xb4 | 0xbf | 0x95 | 0x18 | 0x05 | 0x61 | 0x69 | 0x71 | 0x63 | 0x6b | 0x73 | 0x7b
    );
    !everywhere && !matches!(insn, Insn::Branch { .. } | Insn::WideTail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Offence;

    fn image(text: &str) -> Image {
        Image::new(bpf_programs::read(text)).unwrap()
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let image = image("r1 = 128; r1 = bswap64 r1; r0 = 0; exit");
        let answer = Answer {
            sayings: [
                Saying::Accepts,
                Saying::Accepts,
                Saying::Refuses(2, "x".into()),
            ],
            ran: Ran::Well,
            ..Answer::NOTHING
        };
        let charge = Charge {
            engine: Engine::Prevail,
            offence: Offence::Unsound,
        };
        let finding = Finding::new(charge, &image, 7, &answer);
        let folder = tempfile::tempdir().unwrap();
        finding.store(folder.path(), "Nothing.").unwrap();
        let again = findings(folder.path()).unwrap();
        assert_eq!(again[0].expected, finding.expected);
        assert_eq!(again[0].image().unwrap().digest(), image.digest());
        assert_eq!((again[0].seed, &again[0].id), (7, &finding.id));
    }

    #[test]
    fn programs_are_of_one_class_when_the_same_instructions_matter() {
        let swap = "r1 = 128; r1 = bswap64 r1; r0 = 0; exit";
        let another = "r3 = 5; r2 = 7; if r2 > 3 goto out; r2 = bswap64 r2; out: r0 = 1; exit";
        let narrow = "r1 = 128; r1 = bswap32 r1; r0 = 0; exit";
        assert_eq!(class_of(&image(swap)), class_of(&image(another)));
        assert_ne!(class_of(&image(swap)), class_of(&image(narrow)));
    }
}
