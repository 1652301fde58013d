//! A throw-away PKI and state, and statements about samples as an honest verifier would make them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bpf_loader::StateDir;
use bpf_object::{Image, Object, ParseOptions};
use bpf_pki::{InitOptions, KeyRef, PkiDir, SigningIdentity, sign_statement};
use bpf_statement::{
    Claims, Engine, ExitRange, Map, MapSync, Name, Program, SandboxClass, Statement, Symbol,
    Termination, Text, Trial, UnixTime, Unreached, Version,
};
use bpf_trust::Role;
use click_host::Options;
use platform_click::{Digest, HelperId, PROFILE, Platform, PlatformSlice, ProgramKind};

use crate::common::Folder;

const DAY: u64 = 86_400;

/// A folder with a PKI `pki` and a state `st`.
pub(crate) struct Site {
    pub(crate) folder: Folder,
    pki: PkiDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let pki = PkiDir::init(&folder.path("pki"), &InitOptions::new(now())).unwrap();
        let trust = fs::read(pki.trust()).unwrap();
        StateDir::init(&folder.path("st"), &trust).unwrap();
        Self { folder, pki }
    }

    /// How the process is started that belongs to this site, with handlers to read.
    pub(crate) fn options(&self, handlers: &[&str]) -> Options {
        Options {
            trust: Some(self.pki.trust()),
            state: Some(self.folder.path("st")),
            handlers: handlers.iter().map(|&handler| handler.into()).collect(),
            ..Options::default()
        }
    }

    /// Puts a sample into the folder, signed under its own name with counter 1.
    #[allow(dead_code, reason = "each test crate uses what it needs")]
    pub(crate) fn sign_sample(&self, name: &str) -> PathBuf {
        self.sign(name, &sample(name), name, 1)
    }

    /// Puts an object into the folder as `file.o`, with its bundle.
    pub(crate) fn sign(&self, file: &str, object: &[u8], name: &str, counter: u64) -> PathBuf {
        self.sign_with(file, object, name, |claims| claims.counter = counter)
    }

    /// The same with counter 1 and other claims.
    pub(crate) fn sign_with(
        &self,
        file: &str,
        object: &[u8],
        name: &str,
        change: impl FnOnce(&mut Claims),
    ) -> PathBuf {
        let mut claims = claims(name, object);
        change(&mut claims);
        let key = KeyRef::File(self.pki.signer());
        let identity = SigningIdentity::load(&key, Role::Verifier).unwrap();
        let bundle = sign_statement(&Statement::new(claims).unwrap(), &identity).unwrap();
        self.folder.write(&format!("{file}.o.bpfsig"), &bundle);
        self.folder.write(&format!("{file}.o"), object)
    }
}

pub(crate) fn sample(name: &str) -> Vec<u8> {
    object(&format!("ebpf-samples/accept/{name}.o"))
}

/// An object of the workspace.
pub(crate) fn object(path: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read(root.join(path)).unwrap()
}

fn now() -> UnixTime {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime::from_secs(since_1970.as_secs())
}

fn claims(name: &str, object: &[u8]) -> Claims {
    let text = |text: &str| Text::new(text).unwrap();
    let parsed = Object::parse(object, ParseOptions::default()).unwrap();
    let programs: Vec<Program> = parsed
        .programs()
        .iter()
        .map(|program| program_claims(program.name(), &parsed.link(program).unwrap()))
        .collect();
    let helpers = programs.iter().flat_map(|program| program.helpers.clone());
    let maps = programs.iter().flat_map(|program| &program.maps);
    let version = Version {
        major: 0,
        minor: 2,
        patch: 6,
    };
    Claims {
        name: Name::new(name).unwrap(),
        counter: 1,
        object: Digest::of(object),
        platform: text(Platform::NAME),
        slice: PlatformSlice::new(helpers, maps.map(|map| map.kind)).digest(),
        profile: PROFILE,
        engines: vec![Engine {
            name: Name::new("prevail").unwrap(),
            version,
        }],
        sandbox: SandboxClass::LandlockSeccomp,
        termination: Termination::Proved,
        trial: Trial {
            runs: 100,
            instructions: 1000,
            seed: 1,
            branches_taken: 3,
            branches: 4,
            max_runs: 1000,
            max_time_ms: 1000,
        },
        programs,
        issued_at: now(),
        expires_at: now().saturating_add(60 * DAY),
        tool: text("tests 1.0.0"),
        source_commit: text(""),
        compiler: text(""),
        sbom: None,
    }
}

fn program_claims(name: &str, image: &Image) -> Program {
    let symbol = |text: &str| Symbol::new(text).unwrap();
    let is_classifier = image.kind() == ProgramKind::Classifier;
    let returns = image.kind().returns();
    // What the verifier says of the samples.
    let highest = match name {
        "nat" | "udp_tcp_classifier" => 2,
        _ => 1,
    };
    let highest_output = is_classifier.then_some(highest);
    let maps = image.maps().iter().map(|map| Map {
        name: symbol(&map.name),
        kind: map.kind,
        key_size: map.key_size,
        value_size: map.value_size,
        max_entries: map.max_entries,
        sync: MapSync::None,
    });
    let helpers = image.helper_numbers().into_iter();
    Program {
        name: symbol(name),
        kind: image.kind(),
        image: image.digest(),
        instructions: image.code().len().try_into().unwrap(),
        max_stack: 64,
        max_loop_count: Some(0),
        exit: ExitRange {
            min: *returns.start(),
            max: *returns.end(),
        },
        highest_output,
        helpers: helpers
            .map(|id| HelperId::from_number(id).unwrap())
            .collect(),
        maps: maps.collect(),
        loops: Vec::new(),
        worst_case_instructions: None,
        proof: None,
        unreached: Unreached::default(),
        worst_case_helper_calls: None,
        worst_case_map_updates: None,
    }
}
