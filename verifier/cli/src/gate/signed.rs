//! Whether the loader would admit an object with the bundle beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_loader::{AdmitRequest, Admitted, Expectation, InstanceId, Record, Snapshot, admit};
use bpf_statement::{Bundle, Statement};
use bpf_trust::{TrustBundle, UnverifiedTrustBundle};

use crate::error::{CliError, codes};
use crate::policy::PolicyFile;
use crate::report::SignatureFacts;
use crate::show::text;
use crate::{claims, clock, files};

/// A loader in memory.
#[derive(Debug)]
pub(super) struct Loader {
    trust: TrustBundle,
    counters_since: Option<String>,
}

impl Loader {
    /// A loader that believes the policy's trust bundle. Whoever may change the policy says whom it
    /// trusts, so the bundle's own root keys count.
    ///
    /// # Errors
    /// The policy names none, or it cannot be read.
    pub(super) fn new(policy: &PolicyFile) -> Result<Self, CliError> {
        let rules = &policy.policy.signature;
        let Some(path) = &rules.trust else {
            return Err(CliError::message(
                codes::NO_TRUST,
                "the policy names no trust bundle",
            ));
        };
        let path = policy.folder().join(path);
        let bytes = files::read(&path, bpf_trust::limits::MAX_TRUST_BUNDLE_SIZE)?;
        let trust = UnverifiedTrustBundle::parse(&bytes)
            .and_then(UnverifiedTrustBundle::provision)
            .map_err(|error| CliError::new(error.code(), &error).about(&path))?;
        Ok(Self {
            trust,
            counters_since: rules.counters_since.as_ref().map(|commit| commit.0.clone()),
        })
    }

    /// What the bundle beside the object says, if the loader would admit both.
    ///
    /// # Errors
    /// Why it would not; what the base commit holds cannot be read.
    pub(super) fn admit(&self, path: &Path, object: &[u8]) -> Result<SignatureFacts, CliError> {
        let beside = files::default_bundle(path);
        let bundle = match beside.symlink_metadata() {
            Ok(_) => Some(files::read(&beside, Bundle::MAX_SIZE)?),
            Err(_) => None,
        };
        let mut state = Snapshot::new(InstanceId([0; 16]), &self.trust);
        if let Some(commit) = &self.counters_since {
            state.records.extend(before(commit, &beside)?);
        }
        let expectation = Expectation::object(vec![claims::name(&files::stem(path))?]);
        let admission = admit(&AdmitRequest {
            object,
            bundle: bundle.as_deref(),
            expectation: &expectation,
            trust: &self.trust,
            state: &state,
            clock: clock::read(),
        })
        .map_err(|refusal| CliError::new(refusal.code(), &refusal))?;
        let claims = admission.statement().claims();
        Ok(SignatureFacts {
            name: claims.name.to_string(),
            counter: claims.counter,
            signer: text::visible(admission.signer().subject()),
            expires: claims.expires_at.to_string(),
        })
    }
}

/// What a loader remembers that has admitted what a commit holds in the place of the bundle.
fn before(commit: &str, bundle: &Path) -> Result<Option<Record>, CliError> {
    let failed = |message: String| CliError::message(codes::BASE, message);
    let folder = match bundle.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = bundle.file_name().unwrap_or_default();
    git(
        &folder,
        &["rev-parse", "--verify", "--quiet", "--end-of-options"],
        &format!("{commit}^{{commit}}"),
    )?
    .ok_or_else(|| failed(format!("there is no commit `{}`", text::visible(commit))))?;
    let Some(name) = name.to_str() else {
        return Err(failed("the file's name is not UTF-8".into()));
    };
    let object = format!("{commit}:./{name}");
    let Some(bytes) = git(&folder, &["cat-file", "blob"], &object)? else {
        return Ok(None);
    };
    let bundle =
        Bundle::parse(&bytes).map_err(|error| failed(format!("the bundle there: {error}")))?;
    let statement = Statement::decode(bundle.payload())
        .map_err(|error| failed(format!("the statement there: {error}")))?;
    let claims = statement.claims();
    Ok(Some(Record {
        name: claims.name.clone(),
        counter: claims.counter,
        admitted: Some(Admitted::of(claims)),
    }))
}

/// What git prints, or nothing when it says that there is no such thing.
fn git(folder: &Path, command: &[&str], object: &str) -> Result<Option<Vec<u8>>, CliError> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(command)
        .arg(object)
        .output()
        .map_err(|error| CliError::message(codes::BASE, format!("git: {error}")))?;
    Ok(output.status.success().then_some(output.stdout))
}
