//! Live replacement of a program: beside the old one up to the swap, which happens between two packets.
//!
//! [`Replacement`] says what is wanted, and leaves the element alone. [`Replacement::prepare`] admits,
//! compiles and commits it, wherever that is done: it has nothing to do with the router, so that
//! another thread can do it while packets flow. [`Ready`] then takes the place of what runs; what
//! that leaves is [`Replaced`], memory to be given back where no packet waits for it.

use alloc::string::String;
use alloc::vec::Vec;

use bpf_object::Image;
use bpf_runtime::{Map, Maps, MapsError};
use platform_click::Code;

use super::runner::Runner;
use super::settings::Settings;
use crate::codes;
use crate::error::{ConfigError, Problem};
use crate::executor::Spent;
use crate::host::{Host, HostError};
use crate::language::Config;
use crate::program::{Installed, Prepared, ProgramError, ProgramSource};

/// A program that is to replace the one of an element.
#[derive(Debug)]
pub struct Replacement {
    /// The element's place in the configuration.
    element: usize,
    /// Swaps of the element until now: no other may come between.
    swaps: u64,
    settings: Settings,
}

/// A program that has only to take the place of another. It may be made in any thread.
#[derive(Debug)]
pub struct Ready {
    element: usize,
    swaps: u64,
    settings: Settings,
    installed: Installed,
    dump: Option<(String, Image)>,
    notes: Vec<String>,
}

/// What is left of a program that was replaced. Dropping it gives memory back, which takes longer than
/// a packet should wait.
#[derive(Debug)]
#[must_use = "where it is dropped decides who waits for that"]
pub struct Replaced {
    _program: Spent,
    _maps: Maps,
    _retired: [RetiredMaps; 2],
    _settings: Settings,
}

/// What came of a replacement that was prepared beside the router.
#[derive(Debug)]
pub struct Finished {
    element: usize,
    ready: Result<Ready, ReplaceError>,
}

/// Why a program is not replaced. What ran before goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// There is no such element, or it runs no program.
    #[error("`{0}` is no element that runs programs")]
    NoProgram(String),
    /// The router has not started, or was started without programs.
    #[error("the element runs no program yet")]
    NotRunning,
    /// An argument is wrong.
    #[error(transparent)]
    Arguments(Problem),
    /// The program cannot be had.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A map has the name of one that exists, and another shape.
    #[error(transparent)]
    Maps(#[from] MapsError),
    /// Another program has taken the place meanwhile.
    #[error("the program was replaced by another one meanwhile")]
    Overtaken,
    /// The machine code cannot be written as text.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl ReplaceError {
    /// The diagnostic.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NoProgram(_) | Self::NotRunning | Self::Overtaken => codes::REPLACE,
            Self::Arguments(problem) => problem.code(),
            Self::Program(error) => error.code(),
            Self::Maps(error) => error.code(),
            Self::Host(error) => error.code(),
        }
    }

    /// What is wrong, with all causes, on one line.
    #[must_use]
    pub fn reason(&self) -> String {
        crate::render::with_causes(self)
    }
}

impl From<ConfigError> for ReplaceError {
    /// The place is one in the arguments, not in a configuration.
    fn from(error: ConfigError) -> Self {
        Self::Arguments(error.problem)
    }
}

impl Replacement {
    /// Admits the program, compiles it and commits it. The running one is not touched.
    ///
    /// # Errors
    /// The program is refused, cannot be compiled, or cannot be committed.
    pub fn prepare(self, programs: &mut dyn ProgramSource) -> Result<Ready, ReplaceError> {
        let request = &self.settings.request;
        let admission = programs.admit(request)?;
        let prepared = Prepared::new(request, admission, programs)?;
        let dump = prepared.dump(request);
        let dump = dump.map(|(name, image, _)| (name.into(), image.clone()));
        let notes = prepared.notes(request);
        Ok(Ready {
            installed: prepared.commit(programs)?,
            element: self.element,
            swaps: self.swaps,
            settings: self.settings,
            dump,
            notes,
        })
    }

    /// [`Self::prepare`] for somebody who has no router to tell of it.
    #[must_use]
    pub fn finish(self, programs: &mut dyn ProgramSource) -> Finished {
        Finished {
            element: self.element,
            ready: self.prepare(programs),
        }
    }
}

impl Finished {
    /// The element, and what became of its program.
    pub(crate) fn into_parts(self) -> (usize, Result<Ready, ReplaceError>) {
        (self.element, self.ready)
    }
}

impl Ready {
    /// The element's place in the configuration.
    pub(crate) const fn element(&self) -> usize {
        self.element
    }

    /// Says what people should know about the program, and writes its machine code as text if that is
    /// wanted: what takes long and has nothing to do with packets.
    ///
    /// # Errors
    /// The text cannot be written.
    pub fn report(&self, host: &mut dyn Host) -> Result<(), HostError> {
        for note in &self.notes {
            host.message(note);
        }
        if let (Some((name, image)), Some(code)) = (&self.dump, self.installed.executor.code()) {
            host.write_code(name, image, code)?;
        }
        Ok(())
    }
}

/// Maps that the running program does not declare: those that it did not take over when it came, and
/// those that the program before it did not. The next program may have any of them back.
#[derive(Debug, Default)]
pub(super) struct RetiredMaps {
    last: Maps,
    before_last: Maps,
}

impl RetiredMaps {
    /// All of them; no two have one name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Map> {
        self.last.iter().chain(self.before_last.iter())
    }
}

impl Runner {
    /// What the element is to run when these arguments are written.
    pub(crate) fn plan(
        &self,
        config: &Config,
        element: usize,
        text: &str,
    ) -> Result<Replacement, ReplaceError> {
        let running = self.installed.as_ref().ok_or(ReplaceError::NotRunning)?;
        let mut settings = self.settings.with(config, element, text)?;
        let maps = running.executor.maps().iter().chain(self.retired.iter());
        settings.request.expectation.running_maps = maps.map(Map::definition).cloned().collect();
        Ok(Replacement {
            element,
            swaps: self.swaps,
            settings,
        })
    }

    /// Puts a program in the place of the one that runs, with its maps. This is all that packets wait
    /// for: names of maps are compared, and a few pointers move.
    pub(crate) fn swap(&mut self, ready: Ready) -> Result<Replaced, ReplaceError> {
        if ready.swaps != self.swaps {
            return Err(ReplaceError::Overtaken);
        }
        let mut installed = ready.installed;
        let old = self.installed.as_ref().ok_or(ReplaceError::NotRunning)?;
        let new_maps = installed.executor.maps();
        for existing in [
            old.executor.maps(),
            &self.retired.last,
            &self.retired.before_last,
        ] {
            new_maps.check_adopt(existing)?;
        }
        // From here on nothing fails: `adopt` asks for what was just checked.
        let old = self.installed.take().map(|old| old.executor.into_maps());
        let (mut old_maps, spent) = old.unwrap_or_default();
        let mut retired = core::mem::take(&mut self.retired);
        for existing in [&mut old_maps, &mut retired.last, &mut retired.before_last] {
            installed.executor.adopt(existing)?;
        }
        let new_maps = installed.executor.maps();
        let unclaimed = RetiredMaps {
            last: old_maps.split_unclaimed(new_maps),
            before_last: retired.last.split_unclaimed(new_maps),
        };
        let (kept, freed) = match ready.settings.drop_state {
            true => (RetiredMaps::default(), unclaimed),
            false => (unclaimed, RetiredMaps::default()),
        };
        self.retired = kept;
        self.installed = Some(installed);
        let settings = core::mem::replace(&mut self.settings, ready.settings);
        self.begin_program();
        Ok(Replaced {
            _program: spent,
            _maps: old_maps,
            _retired: [retired, freed],
            _settings: settings,
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use bpf_object::{Function, ImageParts, Insn, LineTable, MapDef};
    use platform_click::{ExitCode, MapKind, ProgramKind};

    use super::*;
    use crate::router::Router;
    use crate::testing::{MemoryHost, program, returning, router_with};

    fn map(name: &str, value_size: u32) -> MapDef {
        MapDef {
            name: name.into(),
            kind: MapKind::Array,
            key_size: 4,
            value_size,
            max_entries: 2,
        }
    }

    /// A filter that passes everything and has these maps.
    fn installed(maps: &[MapDef]) -> Installed {
        let (_, facts) = program(ProgramKind::Filter, &returning(2));
        Installed::for_test(&image(maps), facts)
    }

    fn image(maps: &[MapDef]) -> Image {
        Image::new(ImageParts {
            kind: ProgramKind::Filter,
            code: Insn::encode_all(&returning(2)),
            functions: [Function {
                name: "test".into(),
                start: 0,
            }]
            .into(),
            maps: maps.to_vec(),
            data: Vec::new(),
            lines: LineTable::default(),
        })
        .unwrap()
    }

    const TEXT: &str = "InfiniteSource(LIMIT 1) -> f :: BPFFilter(FILE x) -> Discard";

    fn router(maps: &[MapDef]) -> Router {
        let made = router_with(TEXT, &mut MemoryHost::new(&[]), |_| {
            let (_, facts) = program(ProgramKind::Filter, &returning(2));
            (image(maps), facts)
        });
        made.unwrap()
    }

    /// Writes a byte into the first entry of a map, as the program would.
    fn mark(router: &mut Router, name: &str, value: u8) {
        let runner = router.runner_mut(1).unwrap();
        let installed = runner.installed.as_mut().unwrap();
        let crate::executor::Executor::Interpreted(instance) = &mut installed.executor else {
            panic!("it is interpreted");
        };
        let map = instance.maps_mut().by_name_mut(name).unwrap();
        let size = usize::try_from(map.definition().value_size).unwrap();
        let value = alloc::vec![value; size];
        map.update(&[0; 4], &value, 0).unwrap();
    }

    fn replace(router: &mut Router, text: &str, maps: &[MapDef]) -> Result<(), ReplaceError> {
        let Replacement {
            element,
            swaps,
            settings,
        } = router.plan_replacement("f", text)?;
        drop(router.swap(Ready {
            element,
            swaps,
            settings,
            installed: installed(maps),
            dump: None,
            notes: Vec::new(),
        })?);
        Ok(())
    }

    fn first(router: &Router, name: &str) -> String {
        let text = router
            .read_handler(&alloc::format!("f.map.{name}"))
            .unwrap();
        text.lines().next().unwrap().to_string()
    }

    #[test]
    fn maps_survive_by_name_and_shape() {
        let mut router = router(&[map("a", 1), map("b", 1)]);
        mark(&mut router, "a", 7);
        mark(&mut router, "b", 8);
        replace(&mut router, "", &[map("c", 1), map("a", 1)]).unwrap();
        assert_eq!(first(&router, "a"), "00000000 07");
        assert_eq!(first(&router, "c"), "00000000 00");
        assert!(router.read_handler("f.map.b").is_err());
        assert_eq!(router.read_handler("f.swaps").unwrap(), "1");
    }

    #[test]
    fn a_map_of_another_shape_is_refused_and_nothing_changes() {
        let mut router = router(&[map("a", 1), map("b", 1)]);
        mark(&mut router, "b", 8);
        let error = replace(&mut router, "", &[map("b", 1), map("a", 2)]).unwrap_err();
        assert_eq!(error.code().exit, ExitCode::Policy);
        assert_eq!(first(&router, "b"), "00000000 08");
        assert_eq!(router.read_handler("f.swaps").unwrap(), "0");
        assert_eq!(router.read_handler("f.config").unwrap(), "FILE x");
    }

    #[test]
    fn what_is_not_declared_any_more_can_be_had_back_until_the_swap_after_next() {
        for (swaps_between, kept) in [(0, true), (1, true), (2, false)] {
            let mut router = router(&[map("a", 1)]);
            mark(&mut router, "a", 7);
            replace(&mut router, "", &[]).unwrap();
            for _ in 0..swaps_between {
                replace(&mut router, "", &[map("b", 1)]).unwrap();
            }
            let listed = router.read_handler("f.maps").unwrap();
            assert_eq!(listed.contains("not declared any more"), kept, "{listed}");
            replace(&mut router, "", &[map("a", 1)]).unwrap();
            let expected = if kept { "00000000 07" } else { "00000000 00" };
            assert_eq!(first(&router, "a"), expected, "{swaps_between}");
        }
    }

    #[test]
    fn a_map_that_can_be_had_back_has_its_shape_too() {
        let mut router = router(&[map("a", 1)]);
        replace(&mut router, "", &[]).unwrap();
        assert!(replace(&mut router, "", &[map("a", 2)]).is_err());
        replace(&mut router, "", &[]).unwrap();
        replace(&mut router, "", &[]).unwrap();
        replace(&mut router, "", &[map("a", 2)]).unwrap();
    }

    #[test]
    fn state_can_be_dropped_at_once() {
        let mut router = router(&[map("a", 1), map("b", 1)]);
        mark(&mut router, "a", 7);
        mark(&mut router, "b", 8);
        replace(&mut router, "DROP_STATE true", &[map("b", 1)]).unwrap();
        assert_eq!(first(&router, "b"), "00000000 08");
        assert_eq!(router.read_handler("f.maps").unwrap().lines().count(), 1);
        replace(&mut router, "", &[map("a", 2)]).unwrap();
        assert_eq!(first(&router, "a"), "00000000 0000");
    }

    #[test]
    fn only_one_of_two_replacements_at_a_time_succeeds() {
        let mut router = router(&[]);
        let plan = |router: &Router| router.plan_replacement("f", "").unwrap();
        let (one, other) = (plan(&router), plan(&router));
        for (planned, overtaken) in [(one, false), (other, true)] {
            let Replacement {
                element,
                swaps,
                settings,
            } = planned;
            let swapped = router.swap(Ready {
                element,
                swaps,
                settings,
                installed: installed(&[]),
                dump: None,
                notes: Vec::new(),
            });
            let refused = matches!(swapped, Err(ReplaceError::Overtaken));
            assert_eq!(refused, overtaken);
        }
    }

    #[test]
    fn what_cannot_be_replaced() {
        let router = router(&[]);
        for (element, text, message) in [
            ("g", "", "`g` is no element that runs programs"),
            (
                "Discard@3",
                "",
                "`Discard@3` is no element that runs programs",
            ),
            ("f", "FILES y", "`BPFFilter` has no argument FILES"),
        ] {
            let error = router.plan_replacement(element, text).unwrap_err();
            assert_eq!(error.reason(), message);
        }
        let source = crate::Source::new("test", TEXT);
        let checked = Router::check(Config::parse(&source).unwrap()).unwrap();
        let error = checked.plan_replacement("f", "").unwrap_err();
        assert!(matches!(error, ReplaceError::NotRunning));
    }

    #[test]
    fn a_ready_program_may_come_from_another_thread() {
        const fn is_send<T: Send>() {}
        is_send::<Replacement>();
        is_send::<Ready>();
        is_send::<Replaced>();
    }
}
