//! The next trust bundle: drafted, signed in several places, published.

use std::path::PathBuf;

use bpf_statement::Text;
use bpf_trust::{
    Anchor, ContentsError, CounterReset, MinEngine, MinEpoch, RootKeys, TrustBundle, TrustContents,
    TrustError, UnixTime, UnsignedTrustBundle, UnverifiedTrustBundle,
};
use platform_click::Digest;

use super::{PkiDir, files};
use crate::{AskPassphrase, KeyAccess, KeyRef, PkiError, Signer, Validity};

/// One difference between a trust bundle and the next.
#[derive(Clone, Debug)]
pub enum TrustChange {
    /// The key of a leaf or CA with this digest does not count any more.
    Revoke(Digest),
    /// Leaves of a CA need at least this epoch.
    MinEpoch(MinEpoch),
    /// A root is trusted too.
    AddAnchor(Box<Anchor>),
    /// The root whose key has this digest is not trusted any more.
    RemoveAnchor(Digest),
    /// These keys sign trust bundles from the next on.
    RootKeys(RootKeys),
    /// A platform is allowed.
    AddPlatform(Text),
    /// A platform is not allowed any more.
    RemovePlatform(Text),
    /// An engine needs at least this version.
    MinEngine(MinEngine),
    /// Loaders set a counter anew.
    CounterReset(CounterReset),
    /// Whether programs are accepted whose end is enforced by fuel.
    AcceptFuel(bool),
    /// Loaders set their time floor to this.
    TimeFloor(UnixTime),
}

impl TrustChange {
    fn apply(&self, contents: &mut TrustContents) {
        match self {
            Self::Revoke(key) if contents.revoked.contains(key) => {}
            Self::Revoke(key) => contents.revoked.push(*key),
            Self::MinEpoch(entry) => {
                contents.min_epochs.retain(|other| other.ca != entry.ca);
                contents.min_epochs.push(*entry);
            }
            Self::AddAnchor(anchor) => contents.anchors.push(anchor.as_ref().clone()),
            Self::RemoveAnchor(key) => {
                contents
                    .anchors
                    .retain(|anchor| anchor.key().digest() != *key);
            }
            Self::RootKeys(keys) => contents.root_keys = keys.clone(),
            Self::AddPlatform(platform) => contents.platforms.push(platform.clone()),
            Self::RemovePlatform(platform) => contents.platforms.retain(|p| p != platform),
            Self::MinEngine(entry) => {
                contents
                    .min_engines
                    .retain(|other| other.name != entry.name);
                contents.min_engines.push(entry.clone());
            }
            Self::CounterReset(reset) => contents.counter_resets.push(reset.clone()),
            Self::AcceptFuel(accepts) => contents.accepts_fuel = *accepts,
            Self::TimeFloor(floor) => contents.time_floor = Some(*floor),
        }
    }
}

/// A trust bundle on its way from hand to hand. Each signature in it was verified.
#[derive(Clone, Debug)]
pub struct TrustDraft {
    contents: TrustContents,
    /// The keys that sign: those of the bundle before, where it is known, and its own.
    sets: Vec<(&'static str, RootKeys)>,
    bundle: UnsignedTrustBundle,
}

impl TrustDraft {
    fn new(contents: TrustContents, previous: Option<&TrustBundle>) -> Result<Self, PkiError> {
        let mut sets = Vec::new();
        if let Some(previous) = previous.filter(|p| *p.root_keys() != contents.root_keys) {
            sets.push(("of the bundle before", previous.root_keys().clone()));
        }
        sets.push(("of its own", contents.root_keys.clone()));
        Ok(Self {
            bundle: UnsignedTrustBundle::new(contents.clone())?,
            contents,
            sets,
        })
    }

    /// Reads a draft, or a trust bundle. Signatures that are not by keys that count are left out.
    ///
    /// # Errors
    /// [`PkiError::Trust`] when it cannot be read, or a signature is wrong.
    pub fn parse(bytes: &[u8], previous: Option<&TrustBundle>) -> Result<Self, PkiError> {
        let file = UnverifiedTrustBundle::parse(bytes)?;
        let mut draft = Self::new(file.contents().clone(), previous)?;
        draft.add_signatures(&file)?;
        Ok(draft)
    }

    /// What it says.
    #[must_use]
    pub const fn contents(&self) -> &TrustContents {
        &self.contents
    }

    /// Signs it. A key that has signed already does not sign again.
    ///
    /// # Errors
    /// [`PkiError::NotARootKey`], or what the holder of the key says.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<(), PkiError> {
        let key = signer.public_key();
        if !self.sets.iter().any(|(_, set)| set.keys().contains(key)) {
            return Err(PkiError::NotARootKey(key.digest()));
        }
        if !self.is_signed_by(key.digest()) {
            let signature = signer.sign(&self.bundle.to_be_signed(key))?;
            self.bundle.add_signature(key, &signature)?;
        }
        Ok(())
    }

    /// Takes over the signatures of another copy.
    ///
    /// # Errors
    /// [`PkiError::OtherBundle`] when it is another bundle, which `name` says; [`PkiError::Trust`].
    pub fn merge(&mut self, other: &[u8], name: &std::path::Path) -> Result<(), PkiError> {
        let other = UnverifiedTrustBundle::parse(other)?;
        if *other.contents() != self.contents {
            return Err(PkiError::OtherBundle(name.to_owned()));
        }
        self.add_signatures(&other)
    }

    fn add_signatures(&mut self, file: &UnverifiedTrustBundle) -> Result<(), PkiError> {
        for (digest, signature) in file.signatures() {
            let mut keys = self.sets.iter().flat_map(|(_, set)| set.keys());
            let key = keys.find(|key| key.digest() == digest).cloned();
            if let Some(key) = key.filter(|_| !self.is_signed_by(digest)) {
                self.bundle.add_signature(&key, &signature)?;
            }
        }
        Ok(())
    }

    fn is_signed_by(&self, key: Digest) -> bool {
        self.bundle.signers().any(|signer| signer == key)
    }

    /// For each set of keys: whose they are, how many have signed, how many must.
    #[must_use]
    pub fn signatures(&self) -> Vec<(&'static str, usize, u8)> {
        let count = |(whose, set): &(&'static str, RootKeys)| {
            let keys = set.keys().iter();
            let signed = keys.filter(|key| self.is_signed_by(key.digest())).count();
            (*whose, signed, set.threshold())
        };
        self.sets.iter().map(count).collect()
    }

    /// Whether enough keys have signed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.signatures()
            .iter()
            .all(|(_, signed, threshold)| *signed >= usize::from(*threshold))
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bundle.to_bytes()
    }
}

/// What became of a draft.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The draft, with the signatures that could be made here.
    pub draft: TrustDraft,
    /// Where it is: the trust bundle, or a draft that more keys have to sign.
    pub path: PathBuf,
}

impl PkiDir {
    /// Drafts the next trust bundle, signs it with the root keys that are at hand, and publishes it
    /// if these are enough.
    ///
    /// # Errors
    /// [`PkiError::Exists`] when there is a draft that is not published yet, [`PkiError::Trust`] when
    /// the changes do not give a trust bundle, or what is wrong with a key.
    pub fn next_trust(
        &self,
        now: UnixTime,
        days: u32,
        changes: &[TrustChange],
        passphrase: &mut AskPassphrase<'_>,
    ) -> Result<Publication, PkiError> {
        let present = self.trust_bundle()?;
        let contents = successor(&present, now, days, changes)?;
        let path = self.draft_path(contents.version);
        if path.exists() {
            return Err(PkiError::Exists(path));
        }
        let mut draft = TrustDraft::new(contents, Some(&present))?;
        self.sign_with_keys_at_hand(&mut draft, passphrase)?;
        self.keep_draft(draft)
    }

    /// Publishes a draft that was signed elsewhere, or keeps it when more keys have to sign.
    ///
    /// # Errors
    /// [`PkiError::Trust`] when it is not the next trust bundle.
    pub fn publish(&self, bytes: &[u8]) -> Result<Publication, PkiError> {
        let present = self.trust_bundle()?;
        let mut draft = TrustDraft::parse(bytes, Some(&present))?;
        // What was signed here in the meantime is not lost.
        let kept = self.draft_path(draft.contents.version);
        if kept.exists() {
            let bytes = files::read(&kept, bpf_trust::limits::MAX_TRUST_BUNDLE_SIZE)?;
            draft.merge(&bytes, &kept)?;
        }
        self.keep_draft(draft)
    }

    fn keep_draft(&self, draft: TrustDraft) -> Result<Publication, PkiError> {
        let (version, bytes) = (draft.contents.version, draft.to_bytes());
        let path = if draft.is_complete() {
            // What a loader will say.
            let next = UnverifiedTrustBundle::parse(&bytes)?;
            self.trust_bundle()?.successor(next)?;
            self.keep_trust(version, &bytes)?;
            files::replace(&self.trust(), 0o644, &bytes)?;
            // It has become the trust bundle; that it is still there would do no harm.
            let _ = std::fs::remove_file(self.draft_path(version));
            self.trust()
        } else {
            let path = self.draft_path(version);
            files::make_dir(&self.path.join(Self::TRUST_DIR))?;
            files::replace(&path, 0o644, &bytes)?;
            path
        };
        Ok(Publication { draft, path })
    }

    /// Keeps a trust bundle for ever: loaders that were away need every one.
    pub(super) fn keep_trust(&self, version: u64, bytes: &[u8]) -> Result<(), PkiError> {
        let directory = self.path.join(Self::TRUST_DIR);
        files::make_dir(&directory)?;
        files::replace(&directory.join(format!("{version}.bpftrust")), 0o644, bytes)
    }

    /// Where a draft is kept until enough keys have signed.
    #[must_use]
    pub fn draft_path(&self, version: u64) -> PathBuf {
        let name = format!("{version}.draft");
        self.path.join(Self::TRUST_DIR).join(name)
    }

    fn sign_with_keys_at_hand(
        &self,
        draft: &mut TrustDraft,
        passphrase: &mut AskPassphrase<'_>,
    ) -> Result<(), PkiError> {
        for number in 1..=bpf_trust::limits::MAX_SIGNATURES {
            let path = self.find(&Self::bundle_root_key_file(number));
            if draft.is_complete() || !path.exists() {
                continue;
            }
            let key = KeyRef::File(path).open(&mut KeyAccess {
                passphrase: &mut *passphrase,
                chain: None,
            })?;
            match draft.sign(key.signer.as_ref()) {
                // A key that was replaced long ago may still lie there.
                Ok(()) | Err(PkiError::NotARootKey(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The content of the next trust bundle. What is set anew is set once.
fn successor(
    present: &TrustBundle,
    now: UnixTime,
    days: u32,
    changes: &[TrustChange],
) -> Result<TrustContents, PkiError> {
    let mut contents = present.contents().clone();
    let validity = Validity::days(now, days);
    contents.version = contents.version.saturating_add(1);
    contents.issued = validity.not_before;
    contents.expires = validity.not_after;
    contents.counter_resets.clear();
    contents.time_floor = None;
    for change in changes {
        if let TrustChange::RemoveAnchor(key) = change
            && !contents.anchors.iter().any(|a| a.key().digest() == *key)
        {
            let error = ContentsError::Anchor("digest");
            return Err(TrustError::BundleContent(error).into());
        }
        change.apply(&mut contents);
    }
    Ok(contents)
}
