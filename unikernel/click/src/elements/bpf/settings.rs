//! The arguments of elements that run programs, and what becomes of them when some are written anew.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bpf_loader::{Expectation, ProgramExpectation};
use bpf_statement::{Name, Symbol};
use platform_click::ProgramKind;

use crate::error::{ConfigError, Problem};
use crate::executor::Jit;
use crate::language::{Argument, Arguments, Config, Span, Value, split_arguments};
use crate::limits::{FUEL, MAX_FAULTS};
use crate::program::ProgramRequest;

/// What the arguments of an element say.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) kind: ProgramKind,
    /// The outputs that a classifier has.
    outputs: Option<usize>,
    pub(super) id: Option<u64>,
    pub(super) request: ProgramRequest,
    /// Runs that may fail before the program is in quarantine.
    pub(super) max_faults: u64,
    /// Instructions that a run gets where less is not proved to be enough.
    pub(super) fuel: u64,
    /// Whether maps that a new program does not declare are freed at once.
    pub(super) drop_state: bool,
    /// The arguments as they are written.
    arguments: Vec<Argument>,
}

impl Settings {
    /// Reads the arguments of an element for programs of `kind`. For classifiers, `outputs` is the
    /// number of outputs that the element has.
    pub(super) fn read(
        arguments: &mut Arguments<'_>,
        kind: ProgramKind,
        outputs: Option<usize>,
    ) -> Result<Self, ConfigError> {
        let written = arguments.written();
        let id = arguments.keyword("ID")?;
        let jit = match arguments.keyword("JIT")? {
            None => Jit::Preferred,
            Some(jit) if jit.boolean()? => Jit::Required,
            Some(_) => Jit::Never,
        };
        let dump = arguments.keyword("DUMP_JIT")?;
        let max_faults = arguments.keyword("QUARANTINE")?;
        let fuel = arguments.keyword("FUEL")?;
        let signature = arguments.keyword("SIGNATURE")?;
        let names = arguments.keyword("NAME")?;
        let program = arguments.keyword("PROGRAM")?;
        let max_instructions = arguments.keyword("MAXINSNS")?;
        let drop_state = arguments.boolean("DROP_STATE", false)?;
        let file_value = arguments.required("FILE")?;
        let file = file_value.filename()?;
        let program = ProgramExpectation {
            kind,
            name: program.map(read_symbol).transpose()?,
            outputs: outputs.map(|outputs| u32::try_from(outputs).unwrap_or(u32::MAX)),
            max_instructions: max_instructions.map(Value::unsigned).transpose()?,
        };
        let names = match names {
            Some(names) => read_names(names)?,
            None => vec![name_of(&file).ok_or_else(|| {
                file_value.refuse("a file whose stem can be a name, or come with NAME")
            })?],
        };
        let dump = dump.map(|dump| read_dump(dump, jit, &file)).transpose()?;
        Ok(Self {
            kind,
            outputs,
            id: id.map(Value::unsigned).transpose()?,
            request: ProgramRequest {
                signature: match signature {
                    Some(signature) => signature.filename()?,
                    None => format!("{file}.bpfsig"),
                },
                file,
                expectation: Expectation::program(names, program),
                jit,
                dump: dump.flatten(),
            },
            max_faults: max_faults.map_or(Ok(MAX_FAULTS), Value::positive)?,
            fuel: fuel.map_or(Ok(FUEL), read_fuel)?,
            drop_state,
            arguments: written,
        })
    }

    /// These settings with some arguments written anew. The others stay as they are, with two
    /// exceptions: the bundle belongs to its object, and DROP_STATE is a word about one replacement.
    /// `config` and `element` say whose settings these are.
    pub(super) fn with(
        &self,
        config: &Config,
        element: usize,
        text: &str,
    ) -> Result<Self, ConfigError> {
        let written = split_arguments(text)?;
        let is_written = |keyword: &str| {
            let mut keywords = written.iter().filter_map(Argument::keyword);
            keywords.any(|(written, _)| written == keyword)
        };
        let stays = |argument: &&Argument| match argument.keyword() {
            Some(("DROP_STATE", _)) => false,
            Some(("SIGNATURE", _)) => !is_written("SIGNATURE") && !is_written("FILE"),
            Some((keyword, _)) => !is_written(keyword),
            None => false,
        };
        let old = self.arguments.iter().filter(stays).cloned();
        let merged: Vec<Argument> = old.chain(written.iter().cloned()).collect();
        let Some(mut arguments) = Arguments::instead(config, element, 0, &merged) else {
            // Whoever has settings is in its configuration.
            return Err(Problem::TooManyElements.at(Span::default()));
        };
        let settings = Self::read(&mut arguments, self.kind, self.outputs);
        // What nobody knows explains what is missing.
        arguments.finish()?;
        settings
    }

    /// The number of outputs that values may name.
    pub(super) fn outputs(&self) -> usize {
        self.outputs.unwrap_or(1)
    }

    /// The arguments as they are written.
    pub(super) fn text(&self) -> String {
        let texts = self.arguments.iter().map(|argument| argument.text.as_str());
        texts.collect::<Vec<_>>().join(", ")
    }
}

fn read_names(value: Value<'_>) -> Result<Vec<Name>, ConfigError> {
    let names = value.strings()?;
    let names = names.iter().map(|name| Name::new(name));
    names
        .collect::<Result<_, _>>()
        .map_err(|_| value.refuse("one or more names of statements"))
}

/// Where machine code goes as text: a file, or with `true`, that of the object with `.jit` behind it.
fn read_dump(dump: Value<'_>, jit: Jit, object: &str) -> Result<Option<String>, ConfigError> {
    match dump.boolean() {
        Ok(false) => Ok(None),
        _ if jit == Jit::Never => Err(dump.refuse("false where JIT is false")),
        Ok(true) => Ok(Some(format!("{object}.jit"))),
        Err(_) => dump.filename().map(Some),
    }
}

fn read_fuel(value: Value<'_>) -> Result<u64, ConfigError> {
    let fuel = value.positive()?;
    let allowed = (fuel <= FUEL).then_some(fuel);
    allowed.ok_or_else(|| value.refuse("a number of instructions up to 1048576"))
}

fn read_symbol(value: Value<'_>) -> Result<Symbol, ConfigError> {
    Symbol::new(&value.string()?).map_err(|_| value.refuse("the name of a program"))
}

/// The stem of a file's name, if it can be the name of a statement.
fn name_of(file: &str) -> Option<Name> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    Name::new(stem).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Source;

    #[test]
    fn the_default_name_is_the_stem() {
        for (file, name) in [
            ("prog.o", Some("prog")),
            ("/a/b.c/target-port.o", Some("target-port")),
            ("prog", Some("prog")),
            ("a.b.o", Some("a.b")),
            (".o", None),
            ("Prog.o", None),
            ("dir/", None),
        ] {
            assert_eq!(
                name_of(file),
                name.map(|name| Name::new(name).unwrap()),
                "{file}"
            );
        }
    }

    fn config(text: &str) -> Config {
        let text = alloc::format!("BPFFilter({text})");
        Config::parse(&Source::new("test", text)).unwrap()
    }

    fn settings(text: &str) -> Settings {
        let config = config(text);
        let mut arguments = Arguments::new(&config, 0, 1).unwrap();
        Settings::read(&mut arguments, ProgramKind::Filter, None).unwrap()
    }

    /// The settings of `old` with `written` written anew.
    fn rewritten(old: &str, written: &str) -> Result<Settings, ConfigError> {
        settings(old).with(&config(old), 0, written)
    }

    #[test]
    fn what_is_not_written_anew_stays() {
        let old = "ID 3, FILE a.o, SIGNATURE s, JIT false, QUARANTINE 2, DROP_STATE true";
        for (written, file, signature, names, text) in [
            (
                "FILE b.o",
                "b.o",
                "b.o.bpfsig",
                "b",
                "ID 3, JIT false, QUARANTINE 2, FILE b.o",
            ),
            (
                "SIGNATURE t",
                "a.o",
                "t",
                "a",
                "ID 3, FILE a.o, JIT false, QUARANTINE 2, SIGNATURE t",
            ),
            (
                "ID 4, FILE 'b c.o', SIGNATURE t, NAME b, QUARANTINE 7",
                "b c.o",
                "t",
                "b",
                "JIT false, ID 4, FILE 'b c.o', SIGNATURE t, NAME b, QUARANTINE 7",
            ),
            (
                "",
                "a.o",
                "s",
                "a",
                "ID 3, FILE a.o, SIGNATURE s, JIT false, QUARANTINE 2",
            ),
        ] {
            let new = rewritten(old, written).unwrap();
            assert_eq!(new.request.file, file);
            assert_eq!(new.request.signature, signature);
            assert_eq!(new.request.expectation.names[0].as_str(), names);
            assert_eq!(new.request.jit, Jit::Never);
            assert!(!new.drop_state);
            assert_eq!(new.text(), text);
        }
        assert!(rewritten(old, "DROP_STATE true").unwrap().drop_state);
    }

    #[test]
    fn a_given_name_stays_when_the_file_changes() {
        let new = rewritten("FILE a.o, NAME x y", "FILE b.o").unwrap();
        let names = new.request.expectation.names;
        assert_eq!(
            names.iter().map(Name::as_str).collect::<Vec<_>>(),
            ["x", "y"]
        );
    }

    #[test]
    fn what_an_element_does_not_know_is_refused_when_it_is_written_too() {
        for text in ["FILES b.o", "b.o", "FILE b.o, FILE c.o", "TRUST t", "'"] {
            assert!(rewritten("FILE a.o", text).is_err(), "{text}");
        }
    }

    #[test]
    fn fuel_is_bounded() {
        assert_eq!(settings("FILE a.o").fuel, FUEL);
        assert_eq!(settings("FILE a.o, FUEL 100").fuel, 100);
        for text in ["FUEL 0", "FUEL 1048577"] {
            assert!(rewritten("FILE a.o", text).is_err(), "{text}");
        }
    }
}
