//! Rotations of CAs and of the root: guided, and taken up again where they stopped.
//!
//! Nothing is remembered beside the files themselves: what has been done is seen from them, so that a
//! rotation can be interrupted, done on two machines, or finished by somebody else.

use bpf_trust::{Anchor, Certificate, CertificateKind, Role, TrustError, UnixTime};

use super::trust::Publication;
use super::{Issued, Passphrase, PkiDir, TrustChange, files};
use crate::{AskPassphrase, Authority, PkiError, Signer, Validity, pem};

/// What is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The CA for a role.
    Intermediate(Role),
    /// The root, and with it the CAs of all roles.
    Root,
}

/// A step of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done in it.
    pub what: String,
    /// How far it is.
    pub state: StepState,
}

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// It was done now.
    Done,
    /// It was done before.
    WasDone,
    /// People have to do this.
    Todo(String),
}

/// What a rotation needs.
pub struct Rotating<'a> {
    /// The present time.
    pub now: UnixTime,
    /// Days that a new root is valid.
    pub root_days: u32,
    /// Days that new CAs and trust bundles are valid.
    pub ca_days: u32,
    /// Days that new leaves are valid.
    pub leaf_days: u32,
    /// Whether what is replaced is closed, which is the last step.
    pub finish: bool,
    /// What new keys are encrypted with.
    pub new_passphrase: Option<Passphrase>,
    /// Asks for the passphrases of keys that there are.
    pub passphrase: &'a mut AskPassphrase<'a>,
}

impl core::fmt::Debug for Rotating<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Rotating(at {})", self.now)
    }
}

impl PkiDir {
    /// Does what can be done of a rotation now, and says what is still to do. To call it again goes on.
    ///
    /// # Errors
    /// What fails; what was done before that stays done.
    pub fn rotate(
        &self,
        rotation: Rotation,
        with: &mut Rotating<'_>,
    ) -> Result<Vec<Step>, PkiError> {
        match rotation {
            Rotation::Intermediate(role) => self.rotate_ca(role, with),
            Rotation::Root => self.rotate_root(with),
        }
    }

    fn rotate_ca(&self, role: Role, with: &mut Rotating<'_>) -> Result<Vec<Step>, PkiError> {
        let mut steps = Vec::new();
        let open = self.open_old_cas(role)?;
        let state = if open.is_empty() {
            self.replace_ca(role, with)?;
            StepState::Done
        } else {
            StepState::WasDone
        };
        steps.push(step(format!("issue a new {role} CA"), state));
        let old = self.open_old_cas(role)?;
        self.renew_leaves(role, &old, with, &mut steps)?;
        let changes: Vec<TrustChange> = old
            .iter()
            .map(|ca| TrustChange::Revoke(ca.certificate.key().digest()))
            .collect();
        self.close("revoke the old CA", changes, with, &mut steps)?;
        Ok(steps)
    }

    fn rotate_root(&self, with: &mut Rotating<'_>) -> Result<Vec<Step>, PkiError> {
        let mut steps = Vec::new();
        let in_progress = self.trust_bundle()?.contents().anchors.len() > 1;
        let draft = self.draft_path(self.trust_bundle()?.version().saturating_add(1));
        let state = if in_progress || draft.exists() {
            StepState::WasDone
        } else {
            self.replace_root(with)?;
            StepState::Done
        };
        steps.push(step(
            "make a new root, trusted beside the old one".to_owned(),
            state,
        ));
        if draft.exists() {
            steps.push(unsigned(&draft));
            return Ok(steps);
        }
        let root = self.anchor()?;
        for role in Role::ALL {
            let state = if self.ca_certificate(*role)?.is_signed_by(root.key()) {
                StepState::WasDone
            } else {
                self.replace_ca(*role, with)?;
                StepState::Done
            };
            steps.push(step(
                format!("issue the {role} CA under the new root"),
                state,
            ));
            let old = self.cas_of_other_roots(*role, &root)?;
            self.renew_leaves(*role, &old, with, &mut steps)?;
        }
        let anchors = self.trust_bundle()?.contents().anchors.clone();
        let others = anchors.iter().filter(|other| other.key() != root.key());
        let changes = others.map(|other| TrustChange::RemoveAnchor(other.key().digest()));
        self.close("drop the old root", changes.collect(), with, &mut steps)?;
        Ok(steps)
    }

    /// Replaces the CA for a role; the old one is kept in `retired/`.
    fn replace_ca(&self, role: Role, with: &mut Rotating<'_>) -> Result<(), PkiError> {
        let root = self.root(None, with.passphrase)?;
        let old = self.ca_certificate(role)?;
        let organisation = old.organisation().unwrap_or_else(|| "bpfsign".to_owned());
        let suffix = super::hex(old.serial());
        let (file, key_file) = (Self::ca_file(role), Self::ca_key_file(role));
        self.retire(&file, &suffix)?;
        self.retire(&key_file, &suffix)?;
        let key = self.new_key(&self.path.join(key_file), with.new_passphrase.as_ref())?;
        let validity = Validity::days(with.now, with.ca_days);
        let name = format!("{role} CA");
        let der = root.issue_ca(&organisation, &name, key.public_key(), validity, role)?;
        let ca = Certificate::parse(&der, CertificateKind::Ca, role).map_err(PkiError::Profile)?;
        files::create_file(
            &self.path.join(file),
            0o644,
            pem::certificate(&der).as_bytes(),
        )?;
        self.record(&ca, &der)
    }

    /// Replaces the root, and publishes or drafts a trust bundle that trusts both.
    fn replace_root(&self, with: &mut Rotating<'_>) -> Result<Publication, PkiError> {
        let organisation = self.ca_certificate(Role::Verifier)?.organisation();
        let organisation = organisation.unwrap_or_else(|| "bpfsign".to_owned());
        let suffix = format!("{:.16}", self.anchor()?.key().digest());
        self.retire(Self::ROOT, &suffix)?;
        self.retire(Self::ROOT_KEY, &suffix)?;
        let key = self.new_key(
            &self.vault().join(Self::ROOT_KEY),
            with.new_passphrase.as_ref(),
        )?;
        let validity = Validity::days(with.now, with.root_days);
        // Two roots of one name would be told apart by their keys alone.
        let name = format!("root {:.8}", key.public_key().digest());
        let root = Authority::root(&organisation, &name, Box::new(key), validity)?;
        let pem = pem::certificate(root.der());
        files::create_file(&self.path.join(Self::ROOT), 0o644, pem.as_bytes())?;
        let changes = [TrustChange::AddAnchor(Box::new(self.anchor()?))];
        self.next_trust(with.now, with.ca_days, &changes, with.passphrase)
    }

    /// Renews the signer under the new CA, and says which other leaves are still under old ones.
    fn renew_leaves(
        &self,
        role: Role,
        old: &[Issued],
        with: &mut Rotating<'_>,
        steps: &mut Vec<Step>,
    ) -> Result<(), PkiError> {
        let signer = self.signer();
        for leaf in self.leaves_below(old, with.now)? {
            let name = leaf.certificate.subject().to_owned();
            let what = format!("renew `{name}` under the new CA");
            let is_signer = role == Role::Verifier
                && super::issue::read_leaf(&signer)
                    .is_ok_and(|(found, _)| found.key() == leaf.certificate.key());
            let state = if is_signer {
                let ca = self.ca(role, None, with.passphrase)?;
                self.renew(&ca, role, &signer, with.now, with.leaf_days)?;
                StepState::Done
            } else {
                StepState::Todo("bpfsign pki renew FILE, with the file of this key".to_owned())
            };
            steps.push(step(what, state));
        }
        Ok(())
    }

    /// The last step: nobody has to accept what was issued before any more.
    fn close(
        &self,
        what: &str,
        changes: Vec<TrustChange>,
        with: &mut Rotating<'_>,
        steps: &mut Vec<Step>,
    ) -> Result<(), PkiError> {
        let sign =
            "verify-and-sign every program that loaders still need, and bring the bundles out";
        steps.push(step(
            "sign programs again".to_owned(),
            StepState::Todo(sign.to_owned()),
        ));
        let state = if with.finish {
            let published = self.next_trust(with.now, with.ca_days, &changes, with.passphrase)?;
            if !published.draft.is_complete() {
                steps.push(unsigned(&published.path));
                return Ok(());
            }
            StepState::Done
        } else {
            StepState::Todo(
                "the same command with --finish, when all of the above is done".to_owned(),
            )
        };
        steps.push(step(what.to_owned(), state));
        Ok(())
    }

    /// The root's certificate as an anchor for all roles.
    fn anchor(&self) -> Result<Anchor, PkiError> {
        let der = self.certificate(Self::ROOT)?;
        let anchor = Anchor::from_certificate(&der, Role::ALL.to_vec());
        Ok(anchor.map_err(TrustError::BundleContent)?)
    }

    /// CAs for a role beside the present one that loaders still accept: a rotation is under way.
    fn open_old_cas(&self, role: Role) -> Result<Vec<Issued>, PkiError> {
        let present = self.ca_certificate(role)?;
        let (trust, root) = (self.trust_bundle()?, self.anchor()?);
        let is_open = |ca: &Issued| {
            let key = ca.certificate.key();
            ca.kind == CertificateKind::Ca
                && ca.role == role
                && key != present.key()
                && !trust.is_revoked(key.digest())
                && ca.certificate.is_signed_by(root.key())
        };
        Ok(self.issued()?.into_iter().filter(is_open).collect())
    }

    fn cas_of_other_roots(&self, role: Role, root: &Anchor) -> Result<Vec<Issued>, PkiError> {
        let is_other = |ca: &Issued| {
            ca.kind == CertificateKind::Ca
                && ca.role == role
                && !ca.certificate.is_signed_by(root.key())
        };
        Ok(self.issued()?.into_iter().filter(is_other).collect())
    }

    /// Leaves below these CAs that still count, and whose key has no certificate elsewhere.
    fn leaves_below(&self, cas: &[Issued], now: UnixTime) -> Result<Vec<Issued>, PkiError> {
        let (all, trust) = (self.issued()?, self.trust_bundle()?);
        let is_below = |leaf: &Issued| {
            cas.iter()
                .any(|ca| leaf.certificate.is_issued_by(&ca.certificate))
        };
        let mut leaves: Vec<Issued> = Vec::new();
        for leaf in all.iter().filter(|leaf| leaf.kind == CertificateKind::Leaf) {
            let key = leaf.certificate.key();
            let is_renewed = all
                .iter()
                .any(|other| other.certificate.key() == key && !is_below(other));
            let is_known = leaves.iter().any(|other| other.certificate.key() == key);
            let has_ended = leaf.certificate.not_after() < now || trust.is_revoked(key.digest());
            if is_below(leaf) && !is_renewed && !is_known && !has_ended {
                leaves.push(leaf.clone());
            }
        }
        Ok(leaves)
    }
}

fn step(what: String, state: StepState) -> Step {
    Step { what, state }
}

fn unsigned(draft: &std::path::Path) -> Step {
    let todo = format!(
        "bpfsign pki trust sign {0} --key KEY where the other root keys are, then bpfsign pki trust publish {0}",
        draft.display()
    );
    step("sign the trust bundle".to_owned(), StepState::Todo(todo))
}
