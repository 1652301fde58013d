//! A throw-away PKI, and statements about real objects as an honest verifier would make them.
#![allow(dead_code, reason = "each test crate uses what it needs")]

use std::path::Path;
use std::sync::LazyLock;

use bpf_loader::{
    Admission, AdmitRequest, Expectation, InstanceId, MemoryStore, ProgramExpectation,
    RELEASE_TIME, Refusal, Snapshot, admit,
};
use bpf_object::{Image, Object, ParseOptions};
use bpf_pki::{
    Authority, LeafOptions, SecretKey, Signer, SigningIdentity, Validity, sign_statement,
    sign_trust_bundle,
};
use bpf_statement::{
    Claims, Engine, ExitRange, Map, MapSync, Name, Program, SandboxClass, Statement, Symbol,
    Termination, Text, Trial, UnixTime, Unreached, Version,
};
use bpf_trust::{Anchor, Role, RootKeys, Scope, TrustBundle, TrustContents, UnverifiedTrustBundle};
use platform_click::{Digest, HelperId, PROFILE, Platform, PlatformSlice, ProgramKind};

pub(crate) const DAY: u64 = 86_400;

/// What the clocks of the tests show.
pub(crate) fn now() -> UnixTime {
    RELEASE_TIME.saturating_add(30 * DAY)
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn file(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn sample(name: &str) -> Vec<u8> {
    file(&format!("../ebpf-samples/accept/{name}.o"))
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    file(&format!("tests/fixtures/{name}.o"))
}

/// An object with a filter `count` and a classifier `sort`.
pub(crate) fn two_programs() -> Vec<u8> {
    file("object/tests/fixtures/two_programs.o")
}

/// Certificates of a root, of a CA for verifiers and of two leaves, all valid around [`now`], with
/// their keys, and the key of trust bundles.
pub(crate) struct Pki {
    root: Vec<u8>,
    pub(crate) ca: Vec<u8>,
    pub(crate) ca_key: SecretKey,
    pub(crate) leaf: Vec<u8>,
    /// A leaf of the same key that may sign for names that start with `edge-`.
    pub(crate) edge_leaf: Vec<u8>,
    pub(crate) leaf_key: SecretKey,
    pub(crate) bundle_key: SecretKey,
}

impl Pki {
    pub(crate) fn new(organisation: &str) -> Self {
        let [root_key, ca_key, leaf_key, bundle_key] =
            core::array::from_fn(|_| SecretKey::generate().unwrap());
        let long = Validity::days(now(), 1000);
        let root = Authority::root(organisation, "root", Box::new(root_key), long).unwrap();
        let ca = root
            .issue_ca(
                organisation,
                "CA",
                ca_key.public_key(),
                long,
                Role::Verifier,
            )
            .unwrap();
        let ca = Authority::from_ca(ca, Box::new(ca_key.clone()), Role::Verifier).unwrap();
        Self {
            root: root.der().to_vec(),
            ca: ca.der().to_vec(),
            leaf: issue(&ca, &leaf_key, Vec::new()),
            edge_leaf: issue(&ca, &leaf_key, vec!["edge-".into()]),
            ca_key,
            leaf_key,
            bundle_key,
        }
    }

    pub(crate) fn identity(&self) -> SigningIdentity {
        self.identity_with(self.leaf.clone())
    }

    pub(crate) fn edge_identity(&self) -> SigningIdentity {
        self.identity_with(self.edge_leaf.clone())
    }

    fn identity_with(&self, leaf: Vec<u8>) -> SigningIdentity {
        let key = Box::new(self.leaf_key.clone());
        SigningIdentity::new(key, leaf, self.ca.clone(), Role::Verifier).unwrap()
    }

    pub(crate) fn sign(&self, claims: Claims) -> Vec<u8> {
        let statement = Statement::new(claims).unwrap();
        sign_statement(&statement, &self.identity()).unwrap()
    }

    pub(crate) fn trust_contents(&self) -> TrustContents {
        let root_keys = vec![self.bundle_key.public_key().clone()];
        let anchor = Anchor::from_certificate(&self.root, vec![Role::Verifier]).unwrap();
        TrustContents {
            version: 1,
            issued: RELEASE_TIME,
            expires: now().saturating_add(900 * DAY),
            root_keys: RootKeys::new(1, root_keys).unwrap(),
            anchors: vec![anchor],
            min_epochs: Vec::new(),
            revoked: Vec::new(),
            platforms: vec![text(Platform::NAME)],
            min_engines: Vec::new(),
            counter_resets: Vec::new(),
            accepts_fuel: false,
            time_floor: None,
        }
    }

    pub(crate) fn trust_file(&self, change: impl FnOnce(&mut TrustContents)) -> Vec<u8> {
        let mut contents = self.trust_contents();
        change(&mut contents);
        sign_trust_bundle(contents, &[&self.bundle_key]).unwrap()
    }

    pub(crate) fn trust(&self, change: impl FnOnce(&mut TrustContents)) -> TrustBundle {
        let file = self.trust_file(change);
        UnverifiedTrustBundle::parse(&file)
            .unwrap()
            .provision()
            .unwrap()
    }
}

fn issue(ca: &Authority, key: &SecretKey, name_prefixes: Vec<String>) -> Vec<u8> {
    let options = LeafOptions {
        name: "verifier".into(),
        validity: Validity::days(now(), 90),
        scope: Scope::new(1, name_prefixes).unwrap(),
    };
    ca.issue_leaf("tests", &options, key.public_key(), Role::Verifier)
        .unwrap()
}

/// The PKI that the loader of the tests trusts.
pub(crate) static PKI: LazyLock<Pki> = LazyLock::new(|| Pki::new("tests"));

pub(crate) static TRUST: LazyLock<TrustBundle> = LazyLock::new(|| PKI.trust(|_| {}));

/// A state in which nothing was admitted yet.
pub(crate) fn fresh_state() -> Snapshot {
    Snapshot::new(InstanceId([7; 16]), &TRUST)
}

/// What an honest verifier says of an object. (It says that it was verified; these tests are about
/// what a loader does with that.)
pub(crate) fn claims(statement_name: &str, object: &[u8]) -> Claims {
    claims_with(statement_name, object, ParseOptions::default())
}

pub(crate) fn claims_with(statement_name: &str, object: &[u8], options: ParseOptions) -> Claims {
    let parsed = Object::parse(object, options).unwrap();
    let programs: Vec<Program> = parsed
        .programs()
        .iter()
        .map(|program| program_claims(program.name(), &parsed.link(program).unwrap()))
        .collect();
    let helpers = programs.iter().flat_map(|program| program.helpers.clone());
    let maps = programs.iter().flat_map(|program| &program.maps);
    Claims {
        name: name(statement_name),
        counter: 1,
        object: Digest::of(object),
        platform: text(Platform::NAME),
        slice: PlatformSlice::new(helpers, maps.map(|map| map.kind)).digest(),
        profile: PROFILE,
        engines: ["prevail", "checker"].map(engine).into(),
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

fn engine(engine: &str) -> Engine {
    Engine {
        name: name(engine),
        version: Version {
            major: 0,
            minor: 2,
            patch: 6,
        },
    }
}

fn program_claims(name: &str, image: &Image) -> Program {
    let helpers = image.helper_numbers().into_iter();
    let maps = image.maps().iter().map(|map| Map {
        name: symbol(&map.name),
        kind: map.kind,
        key_size: map.key_size,
        value_size: map.value_size,
        max_entries: map.max_entries,
        sync: MapSync::None,
    });
    let returns = image.kind().returns();
    let is_classifier = image.kind() == ProgramKind::Classifier;
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
        highest_output: is_classifier.then_some(3),
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

/// An object with a bundle, to be admitted; fields are changed by the test.
pub(crate) struct Case {
    pub(crate) object: Vec<u8>,
    pub(crate) bundle: Option<Vec<u8>>,
    pub(crate) expectation: Expectation,
    pub(crate) trust: TrustBundle,
    pub(crate) clock: Option<UnixTime>,
}

impl Case {
    /// The sample `pass`, a filter, as an element `BPFFilter` would ask for it.
    pub(crate) fn pass() -> Self {
        Self::filter("pass", |_| {})
    }

    /// A sample that is a filter, signed with what the test says about it.
    pub(crate) fn filter(sample_name: &str, change: impl FnOnce(&mut Claims)) -> Self {
        let kind = ProgramKind::Filter;
        Self::signed(sample(sample_name), sample_name, kind, change)
    }

    /// Any object with one program of this kind.
    pub(crate) fn signed(
        object: Vec<u8>,
        statement_name: &str,
        kind: ProgramKind,
        change: impl FnOnce(&mut Claims),
    ) -> Self {
        let mut claims = claims(statement_name, &object);
        change(&mut claims);
        let program = ProgramExpectation {
            kind,
            name: None,
            outputs: None,
            max_instructions: None,
        };
        Self {
            bundle: Some(PKI.sign(claims)),
            object,
            expectation: Expectation::program(vec![name(statement_name)], program),
            trust: TRUST.clone(),
            clock: Some(now()),
        }
    }

    pub(crate) fn program_mut(&mut self) -> &mut ProgramExpectation {
        self.expectation.program.as_mut().unwrap()
    }

    pub(crate) fn admit(&self, state: &Snapshot) -> Result<Admission, Refusal> {
        admit(&AdmitRequest {
            object: &self.object,
            bundle: self.bundle.as_deref(),
            expectation: &self.expectation,
            trust: &self.trust,
            state,
            clock: self.clock,
        })
    }

    /// The refusal by a loader that has not admitted anything yet.
    pub(crate) fn refusal(&self) -> Refusal {
        let state = fresh_state();
        match self.admit(&state) {
            Err(refusal) => refusal,
            Ok(admission) => panic!("admitted: {:?}", admission.statement().name()),
        }
    }

    /// Admits and commits.
    pub(crate) fn commit(&self, store: &mut MemoryStore) -> Result<(), Refusal> {
        let admission = self.admit(store.snapshot())?;
        admission.commit(store).unwrap();
        Ok(())
    }
}
