//! Objects: an ELF file of which everything that a program needs has been read and resolved.

mod code;
mod data;
mod link;
mod maps;
mod reference;
mod role;
mod site;

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use platform_click::{Digest, ProgramKind, limits};

use crate::btf::{Btf, Lines};
use crate::elf::{Binding, Elf, Section, SymbolKind};
use crate::error::{BtfProblem, ObjectError};
use crate::image::{Image, MapDef, is_usable_name};
use code::Function;
use data::Data;
use maps::PlacedMap;
use reference::Targets;
use role::Role;

pub use role::LEGACY_SECTION;

/// What the file itself does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseOptions {
    /// The kind of programs in a section named `bpffilter`: the system that this project re-creates
    /// had this section for programs of every kind.
    pub bpffilter: ProgramKind,
}

/// Programs in `bpffilter` are filters.
impl Default for ParseOptions {
    fn default() -> Self {
        Self {
            bpffilter: ProgramKind::Filter,
        }
    }
}

/// A program of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    name: String,
    kind: ProgramKind,
    section: String,
    /// Index of the entry in the object's functions.
    entry: usize,
}

impl Program {
    /// Its name: that of its entry function, unique in the object.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> ProgramKind {
        self.kind
    }

    /// The name of the section in which its entry function lies.
    #[must_use]
    pub fn section(&self) -> &str {
        &self.section
    }
}

/// An ELF object, read completely: nothing of the file is looked at again after [`Object::parse`].
#[derive(Clone, Debug)]
pub struct Object {
    digest: Digest,
    programs: Vec<Program>,
    functions: Vec<Function>,
    maps: Vec<PlacedMap>,
    data: Vec<Data>,
}

impl Object {
    /// Reads an ELF file.
    ///
    /// Its parts are checked whether a program needs them or not, except for debugging information
    /// other than BTF, which is never read. The work is bounded by the size of the file.
    ///
    /// # Errors
    /// The first thing that is not as it must be, with its place.
    pub fn parse(file: &[u8], options: ParseOptions) -> Result<Self, ObjectError> {
        let elf = Elf::parse(file)?;
        let roles = role::roles(&elf, options)?;
        let relocations = elf.relocations(|section| {
            roles.get(section).is_some_and(|role| {
                role.is_code()
                    || matches!(role, Role::Data { .. } | Role::BtfMaps | Role::LegacyMaps)
            })
        })?;
        check_global_names(&elf)?;
        let mut functions = code::functions(&elf, &roles)?;
        let programs = programs(&elf, &roles, &functions)?;
        let btf = btf(&elf, &roles)?;
        let maps = maps::collect(&elf, &roles, btf.as_ref(), &relocations)?;
        let data = data::collect(&elf, &roles);
        reference::resolve(
            &mut functions,
            Targets {
                elf: &elf,
                roles: &roles,
                relocations: &relocations,
                maps: &maps,
                data: &data,
            },
        )?;
        let lines = lines(&elf, &roles, btf.as_ref())?;
        code::attach_lines(&mut functions, &elf, &lines);
        Ok(Self {
            digest: Digest::of(file),
            programs,
            functions,
            maps,
            data,
        })
    }

    /// SHA-256 of the file.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Its programs, at least one, in the order of their sections and places.
    #[must_use]
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The program of this name.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// Every map that the object defines, whether a program refers to it or not.
    pub fn maps(&self) -> impl Iterator<Item = &MapDef> {
        self.maps.iter().map(|map| &map.def)
    }

    /// Links a program of this object: its entry and the functions that it reaches, with the maps
    /// and data to which they refer.
    ///
    /// The same file gives the same image, whoever links it.
    ///
    /// # Errors
    /// The program is of another object, or the linked program is not a valid image.
    pub fn link(&self, program: &Program) -> Result<Image, ObjectError> {
        if !self.programs.contains(program) {
            return Err(ObjectError::NoSuchProgram(program.name.clone()));
        }
        link::link(self, program).map_err(|source| ObjectError::Image {
            program: program.name.clone(),
            source,
        })
    }
}

/// No two global symbols have one name.
fn check_global_names(elf: &Elf<'_>) -> Result<(), ObjectError> {
    let mut names = BTreeSet::new();
    for symbol in elf.symbols() {
        if symbol.binding == Binding::Global && !names.insert(symbol.name) {
            return Err(ObjectError::DuplicateSymbol(symbol.name.to_string()));
        }
    }
    Ok(())
}

/// The global functions in program sections. No other function has the name of one of them, so
/// that a name never leads two readers to two programs.
fn programs(
    elf: &Elf<'_>,
    roles: &[Role],
    functions: &[Function],
) -> Result<Vec<Program>, ObjectError> {
    let mut programs = Vec::new();
    for (entry, function) in functions.iter().enumerate() {
        let global = elf
            .symbols()
            .get(function.symbol)
            .is_some_and(|symbol| symbol.binding == Binding::Global);
        if let (true, Some(Role::Programs(kind)), Some(section)) = (
            global,
            roles.get(function.section),
            elf.section(function.section),
        ) {
            if !is_usable_name(&function.name) {
                return Err(ObjectError::ProgramName(function.name.clone()));
            }
            programs.push(Program {
                name: function.name.clone(),
                kind: *kind,
                section: section.name.to_string(),
                entry,
            });
        }
    }
    if programs.is_empty() {
        return Err(ObjectError::NoProgram);
    }
    if programs.len() > limits::MAX_PROGRAMS {
        return Err(ObjectError::TooManyPrograms(programs.len()));
    }
    for program in &programs {
        let named = |symbol: &&crate::elf::Symbol<'_>| {
            symbol.kind == SymbolKind::Function && symbol.name == program.name
        };
        if elf.symbols().iter().filter(named).count() > 1 {
            return Err(ObjectError::DuplicateSymbol(program.name.clone()));
        }
    }
    Ok(programs)
}

fn section_of<'e, 'a>(elf: &'e Elf<'a>, roles: &[Role], role: Role) -> Option<&'e Section<'a>> {
    let index = roles.iter().position(|other| *other == role)?;
    elf.section(index)
}

fn btf<'a>(elf: &Elf<'a>, roles: &[Role]) -> Result<Option<Btf<'a>>, ObjectError> {
    section_of(elf, roles, Role::Btf)
        .map(|section| Btf::parse(section.contents).map_err(ObjectError::Btf))
        .transpose()
}

fn lines(elf: &Elf<'_>, roles: &[Role], btf: Option<&Btf<'_>>) -> Result<Lines, ObjectError> {
    let Some(section) = section_of(elf, roles, Role::BtfExt) else {
        return Ok(Lines::default());
    };
    let btf = btf.ok_or(ObjectError::Btf(BtfProblem::Header(".BTF")))?;
    let code_size = |name: &str| {
        let mut sections = elf.sections().iter().zip(roles);
        sections
            .find(|(section, role)| role.is_code() && section.name == name)
            .map(|(section, _)| section.contents.len())
    };
    Lines::parse(section.contents, btf, code_size).map_err(ObjectError::Btf)
}
