//! `bpfsign pki rehearse`: what happens to a fleet when keys change, before they do.
//!
//! Every change is made to a copy of the PKI, a program is signed before and after it, and the real
//! loader says what it would admit where.

use std::fs;
use std::path::{Path, PathBuf};

use bpf_loader::{AdmitRequest, Expectation, InstanceId, Refusal, Snapshot, admit};
use bpf_pki::{
    KeyAccess, KeyFile, KeyRef, PkiDir, PkiError, Rotating, Rotation, SecretKey, Signer as _,
    SigningIdentity, TrustChange,
};
use bpf_statement::UnixTime;
use bpf_trust::{Role, RootKeys, TrustBundle};
use bpf_verifier::{ObjectFacts, Verdict};
use platform_click::ExitCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::{sign, verify};
use super::pki_error;
use crate::args::{PassphraseArgs, PkiRehearse, VerifyOptions};
use crate::error::{CliError, codes};
use crate::output::Output;
use crate::show::Table;
use crate::{claims, clock, passphrase};

/// The program that is signed again and again.
const OBJECT: &[u8] = include_bytes!("../../../../../ebpf-samples/accept/target-port.o");

/// Days that what is made anew is valid, as `init` has it.
const ROOT_DAYS: u32 = 15 * 365;
const CA_DAYS: u32 = 3 * 365;
const LEAF_DAYS: u32 = 90;

/// Seconds of a day.
const DAY: u64 = 86_400;

pub(super) fn run(args: &PkiRehearse, output: &Output) -> Result<ExitCode, CliError> {
    let facts = prove()?;
    let now = clock::now()?;
    let mut scenes = Vec::new();
    for play in [
        leaf_is_renewed,
        signer_is_stolen,
        ca_is_rotated,
        root_is_rotated,
        root_key_is_lost,
    ] {
        let stage = Stage::copy(args, &facts, now)?;
        scenes.push(play(&stage)?);
    }
    output.result(
        || scenes.iter().map(Scene::text).collect(),
        || json!({ "rehearsals": scenes.iter().map(Scene::json).collect::<Vec<_>>() }),
    );
    match scenes
        .iter()
        .flat_map(|scene| &scene.rows)
        .find(|row| !row.is_expected())
    {
        None => Ok(ExitCode::Accepted),
        Some(row) => Err(CliError::message(
            codes::INTERNAL,
            format!("{}: not what it should be", row.loader),
        )),
    }
}

fn prove() -> Result<ObjectFacts, CliError> {
    let internal = |text: String| CliError::message(codes::INTERNAL, text);
    let options = VerifyOptions::usual().map_err(|error| internal(error.to_string()))?;
    match verify::prove(Path::new("target-port.o"), OBJECT, &options)? {
        Verdict::Accepted(facts) => Ok(facts),
        other => Err(internal(format!("the sample is not accepted: {other:?}"))),
    }
}

/// A copy of the PKI to play on.
struct Stage<'a> {
    _temp: TempDir,
    pki: PkiDir,
    passphrase: &'a PassphraseArgs,
    facts: &'a ObjectFacts,
    now: UnixTime,
}

/// One change, and what it does.
struct Scene {
    title: &'static str,
    rows: Vec<Row>,
}

/// What a loader says to a program signed before the change, and to one signed after it.
struct Row {
    loader: String,
    before: Result<(), Refusal>,
    after: Result<(), Refusal>,
    /// Whether each should be admitted.
    expected: (bool, bool),
}

impl Row {
    fn is_expected(&self) -> bool {
        (self.before.is_ok(), self.after.is_ok()) == self.expected
    }
}

impl<'a> Stage<'a> {
    fn copy(
        args: &'a PkiRehearse,
        facts: &'a ObjectFacts,
        now: UnixTime,
    ) -> Result<Self, CliError> {
        let place = &args.place;
        // The original is opened first: its errors should name its files.
        PkiDir::open(&place.dir, None).map_err(|error| pki_error(&error))?;
        let temp = TempDir::new().map_err(|error| unwritable(&std::env::temp_dir(), &error))?;
        let copied = |from: &PathBuf, name: &str| {
            let to = temp.path().join(name);
            copy_dir(from, &to).map_err(|error| unwritable(&to, &error))?;
            Ok(to)
        };
        let dir = copied(&place.dir, "pki")?;
        let offline = place.offline_root.as_ref();
        let offline = offline.map(|from| copied(from, "offline")).transpose()?;
        let pki = PkiDir::open(&dir, offline.as_deref()).map_err(|error| pki_error(&error))?;
        Ok(Self {
            _temp: temp,
            pki,
            passphrase: &args.passphrase,
            facts,
            now,
        })
    }

    /// Signs the program with the signer as it is now.
    fn sign(&self, now: UnixTime) -> Result<Vec<u8>, CliError> {
        let mut passphrase = passphrase::source(self.passphrase);
        let key = KeyRef::File(self.pki.signer());
        let access = &mut KeyAccess {
            passphrase: &mut passphrase,
            chain: None,
        };
        let identity = SigningIdentity::open(&key, access, Role::Verifier);
        let identity = identity.map_err(|error| pki_error(&error))?;
        let name = claims::name("rehearsal")?;
        let expires = identity.leaf().not_after();
        let statement = sign::statement(self.facts, name, 1, now, expires)?;
        bpf_pki::sign_statement(&statement, &identity).map_err(|error| pki_error(&error))
    }

    fn trust(&self) -> Result<TrustBundle, CliError> {
        self.pki.trust_bundle().map_err(|error| pki_error(&error))
    }

    fn renew(&self, now: UnixTime) -> Result<(), CliError> {
        let mut passphrase = passphrase::source(self.passphrase);
        let role = Role::Verifier;
        let renew = || -> Result<(), PkiError> {
            let ca = self.pki.ca(role, None, &mut passphrase)?;
            let signer = self.pki.signer();
            self.pki.renew(&ca, role, &signer, now, LEAF_DAYS)?;
            Ok(())
        };
        call(renew)
    }

    fn next(&self, changes: &[TrustChange]) -> Result<TrustBundle, CliError> {
        let mut passphrase = passphrase::source(self.passphrase);
        let published = self
            .pki
            .next_trust(self.now, CA_DAYS, changes, &mut passphrase)
            .map_err(|error| pki_error(&error))?;
        if !published.draft.is_complete() {
            let text = "the keys that sign trust bundles are not at hand";
            return Err(CliError::message(codes::VALUE, text)
                .hint("`--offline-root` names the directory that they are in."));
        }
        self.trust()
    }

    fn rotate(&self, rotation: Rotation, finish: bool) -> Result<TrustBundle, CliError> {
        let mut passphrase = passphrase::source(self.passphrase);
        let steps = self.pki.rotate(
            rotation,
            &mut Rotating {
                now: self.now,
                root_days: ROOT_DAYS,
                ca_days: CA_DAYS,
                leaf_days: LEAF_DAYS,
                finish,
                new_passphrase: None,
                passphrase: &mut passphrase,
            },
        );
        steps.map_err(|error| pki_error(&error))?;
        self.trust()
    }

    /// What a loader with this trust bundle says.
    fn row(
        &self,
        loader: impl Into<String>,
        trust: &TrustBundle,
        now: UnixTime,
        (before, after): (&[u8], &[u8]),
        expected: (bool, bool),
    ) -> Result<Row, CliError> {
        let names = vec![claims::name("rehearsal")?];
        let expectation = Expectation::object(names);
        let state = Snapshot::new(InstanceId([0; 16]), trust);
        let verdict = |bundle: &[u8]| {
            let admission = admit(&AdmitRequest {
                object: OBJECT,
                bundle: Some(bundle),
                expectation: &expectation,
                trust,
                state: &state,
                clock: Some(now),
            });
            admission.map(|_| ())
        };
        Ok(Row {
            loader: loader.into(),
            before: verdict(before),
            after: verdict(after),
            expected,
        })
    }
}

fn leaf_is_renewed(stage: &Stage<'_>) -> Result<Scene, CliError> {
    let before = stage.sign(stage.now)?;
    let (leaf, _) = bpf_pki::read_leaf(&stage.pki.signer()).map_err(|error| pki_error(&error))?;
    let later = leaf.not_after().saturating_sub(DAY);
    stage.renew(later)?;
    let after = stage.sign(later)?;
    let trust = stage.trust()?;
    let expired = leaf.not_after().saturating_add(DAY);
    let both = (before.as_slice(), after.as_slice());
    Ok(Scene {
        title: "The signer's certificate is renewed a day before it ends",
        rows: vec![
            stage.row("every loader, that day", &trust, later, both, (true, true))?,
            stage.row(
                "every loader, two days later",
                &trust,
                expired,
                both,
                (false, true),
            )?,
        ],
    })
}

fn signer_is_stolen(stage: &Stage<'_>) -> Result<Scene, CliError> {
    let before = stage.sign(stage.now)?;
    let old = stage.trust()?;
    let (leaf, _) = bpf_pki::read_leaf(&stage.pki.signer()).map_err(|error| pki_error(&error))?;
    let new = stage.next(&[TrustChange::Revoke(leaf.key().digest())])?;
    stage.new_signer()?;
    let after = stage.sign(stage.now)?;
    let both = (before.as_slice(), after.as_slice());
    Ok(Scene {
        title: "The signer's key is stolen: it is revoked, and another signs",
        rows: vec![
            stage.row(with(&old), &old, stage.now, both, (true, true))?,
            stage.row(with(&new), &new, stage.now, both, (false, true))?,
        ],
    })
}

fn ca_is_rotated(stage: &Stage<'_>) -> Result<Scene, CliError> {
    let rotation = Rotation::Intermediate(Role::Verifier);
    let before = stage.sign(stage.now)?;
    let old = stage.rotate(rotation, false)?;
    let after = stage.sign(stage.now)?;
    let new = stage.rotate(rotation, true)?;
    let both = (before.as_slice(), after.as_slice());
    Ok(Scene {
        title: "The CA for verifiers is rotated",
        rows: vec![
            stage.row(with(&old), &old, stage.now, both, (true, true))?,
            stage.row(
                format!("{}, after --finish", with(&new)),
                &new,
                stage.now,
                both,
                (false, true),
            )?,
        ],
    })
}

fn root_is_rotated(stage: &Stage<'_>) -> Result<Scene, CliError> {
    let before = stage.sign(stage.now)?;
    let old = stage.trust()?;
    let overlap = stage.rotate(Rotation::Root, false)?;
    let after = stage.sign(stage.now)?;
    let new = stage.rotate(Rotation::Root, true)?;
    let both = (before.as_slice(), after.as_slice());
    Ok(Scene {
        title: "The root is rotated",
        rows: vec![
            stage.row(with(&old), &old, stage.now, both, (true, false))?,
            stage.row(with(&overlap), &overlap, stage.now, both, (true, true))?,
            stage.row(
                format!("{}, after --finish", with(&new)),
                &new,
                stage.now,
                both,
                (false, true),
            )?,
        ],
    })
}

/// The last key that signs trust bundles is lost, and a new one takes its place.
fn root_key_is_lost(stage: &Stage<'_>) -> Result<Scene, CliError> {
    let before = stage.sign(stage.now)?;
    let old = stage.trust()?;
    let present = old.root_keys();
    let made = SecretKey::generate().map_err(|error| pki_error(&error))?;
    let mut keys: Vec<_> = present.keys().to_vec();
    if let Some(lost) = keys.last_mut() {
        *lost = made.public_key().clone();
    }
    let keys = RootKeys::new(present.threshold(), keys)
        .map_err(|error| CliError::message(codes::INTERNAL, error.to_string()))?;
    let path = stage.pki.path().join(PkiDir::bundle_root_key_file(16));
    let pem = made.to_pem(None).map_err(|error| pki_error(&error))?;
    bpf_pki::create_file(&path, 0o600, pem.as_bytes()).map_err(|error| pki_error(&error))?;
    let new = stage.next(&[TrustChange::RootKeys(keys)])?;
    let after = stage.sign(stage.now)?;
    let both = (before.as_slice(), after.as_slice());
    Ok(Scene {
        title: "A key that signs trust bundles is lost, and replaced",
        rows: vec![
            stage.row(with(&old), &old, stage.now, both, (true, true))?,
            stage.row(with(&new), &new, stage.now, both, (true, true))?,
        ],
    })
}

impl Stage<'_> {
    /// A new key for the signer, with a certificate of the same scope.
    fn new_signer(&self) -> Result<(), CliError> {
        let signer = self.pki.signer();
        let make = || -> Result<(), PkiError> {
            let (leaf, role) = bpf_pki::read_leaf(&signer)?;
            let mut passphrase = passphrase::source(self.passphrase);
            let ca = self.pki.ca(role, None, &mut passphrase)?;
            let key = SecretKey::generate()?;
            let options = bpf_pki::IssueOptions {
                now: self.now,
                name: leaf.common_name().unwrap_or_default(),
                days: LEAF_DAYS,
                epoch: None,
                name_prefixes: Vec::new(),
            };
            let der = self.pki.issue(&ca, role, &options, key.public_key())?;
            let pem = key.to_pem(None)?;
            let text = zeroize::Zeroizing::new(
                [pem.as_str(), &bpf_pki::pem_chain(&[&der, ca.der()])].concat(),
            );
            // It is a copy that is overwritten.
            let _ = fs::remove_file(&signer);
            bpf_pki::create_file(&signer, 0o600, text.as_bytes())?;
            KeyFile::load(&signer).map(|_| ())
        };
        call(make)
    }
}

fn call(work: impl FnOnce() -> Result<(), PkiError>) -> Result<(), CliError> {
    work().map_err(|error| pki_error(&error))
}

fn with(trust: &TrustBundle) -> String {
    format!("loaders with version {}", trust.version())
}

impl Scene {
    fn text(&self) -> String {
        let mut table = Table::new(&["", "signed before", "signed after"]);
        for row in &self.rows {
            let cells = [row.loader.clone(), word(&row.before), word(&row.after)];
            table.row(cells);
        }
        format!("{}\n{}\n", self.title, table.render(2))
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "loader": row.loader,
                "signed_before": word(&row.before),
                "signed_after": word(&row.after),
            })
        });
        json!({ "title": self.title, "rows": rows.collect::<Vec<_>>() })
    }
}

fn word(verdict: &Result<(), Refusal>) -> String {
    match verdict {
        Ok(()) => "admitted".to_owned(),
        Err(refusal) => {
            let code = refusal.code();
            format!(
                "refused: {} (exit {})",
                code.exit.meaning(),
                code.exit.number()
            )
        }
    }
}

/// Copies files and the folders of a PKI; what is a link or a device is not one of its files.
fn copy_dir(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::message(codes::UNWRITABLE, error.to_string()).about(path)
}
