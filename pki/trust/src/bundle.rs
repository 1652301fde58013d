//! Trust bundles: what was read, what is signed by enough keys, and what is still to be signed.

use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;

use bpf_statement::{SIGNATURE_SIZE, Version};
use platform_click::Digest;

use crate::codec;
use crate::contents_error::check_count;
use crate::file::{File, FileSignature};
use crate::limits::{MAX_SIGNATURES, MAX_TRUST_BUNDLE_SIZE};
use crate::{PublicKey, RootKeys, TrustContents, TrustError, UnixTime};

/// A trust bundle that was read; nobody has checked who signed it. Its content is for display.
#[derive(Clone, Debug)]
pub struct UnverifiedTrustBundle {
    contents: TrustContents,
    file: File,
}

impl UnverifiedTrustBundle {
    /// Reads a file.
    ///
    /// # Errors
    /// [`TrustError::BundleSize`], [`TrustError::BundleCbor`] or [`TrustError::BundleContent`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        if bytes.len() > MAX_TRUST_BUNDLE_SIZE {
            return Err(TrustError::BundleSize(bytes.len()));
        }
        let file = File::decode(bytes)?;
        Ok(Self {
            contents: codec::read_contents(&file.payload)?,
            file,
        })
    }

    /// What it says.
    #[must_use]
    pub const fn contents(&self) -> &TrustContents {
        &self.contents
    }

    /// Digests of the keys that are said to have signed.
    pub fn signers(&self) -> impl Iterator<Item = Digest> + '_ {
        self.signatures().map(|(key, _)| key)
    }

    /// The signatures, none of them verified, each with the digest of the key that is said to have
    /// made it.
    pub fn signatures(&self) -> impl Iterator<Item = (Digest, [u8; SIGNATURE_SIZE])> + '_ {
        let entries = self.file.signatures.iter();
        entries.map(|entry| (entry.key, entry.signature))
    }

    /// Accepts a bundle that is signed by enough of the pinned keys and by enough of its own.
    ///
    /// # Errors
    /// [`TrustError::BundleThreshold`] or [`TrustError::BundleSignature`].
    pub fn verify(self, pinned: &RootKeys) -> Result<TrustBundle, TrustError> {
        self.check_signed_by(pinned, "pinned")?;
        if *pinned != self.contents.root_keys {
            self.check_signed_by(&self.contents.root_keys, "its own")?;
        }
        Ok(TrustBundle {
            contents: self.contents,
            digest: Digest::of(&self.file.payload),
            pinned: pinned.digest(),
        })
    }

    /// Accepts a bundle that is signed by enough of its own keys. This is for provisioning alone,
    /// where a person vouches for the file; from then on its keys are the pinned ones.
    ///
    /// # Errors
    /// [`TrustError::BundleThreshold`] or [`TrustError::BundleSignature`].
    pub fn provision(self) -> Result<TrustBundle, TrustError> {
        let own = self.contents.root_keys.clone();
        self.check_signed_by(&own, "its own")?;
        self.verify(&own)
    }

    /// Counts the distinct keys of `keys` that signed, not the signatures: one key that signs twice
    /// is one key. (Several implementations of TUF had this wrong, CVE-2020-15093 among them.)
    fn check_signed_by(&self, keys: &RootKeys, whose: &'static str) -> Result<(), TrustError> {
        let mut signed = BTreeSet::new();
        for FileSignature { key, signature } in &self.file.signatures {
            let Some(root) = keys.keys().iter().find(|root| root.digest() == *key) else {
                continue;
            };
            root.verify(&self.file.to_be_signed(key), signature)
                .map_err(|_| TrustError::BundleSignature { key: *key })?;
            signed.insert(*key);
        }
        if signed.len() < usize::from(keys.threshold()) {
            return Err(TrustError::BundleThreshold {
                whose,
                keys: keys.keys().len(),
                signed: signed.len(),
                threshold: keys.threshold(),
            });
        }
        Ok(())
    }
}

/// Whom a loader trusts. It was signed by enough root keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustBundle {
    contents: TrustContents,
    digest: Digest,
    pinned: Digest,
}

impl TrustBundle {
    /// What it says.
    #[must_use]
    pub const fn contents(&self) -> &TrustContents {
        &self.contents
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.contents.version
    }

    /// The root keys that a loader pins.
    #[must_use]
    pub const fn root_keys(&self) -> &RootKeys {
        &self.contents.root_keys
    }

    /// SHA-256 of the signed content; two files with other signatures on the same content are equal
    /// here.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The digest of the pinned root keys that this bundle, or the first of its predecessors, was
    /// held against. A loader compares it with that of the keys it was provisioned with, so that a
    /// bundle which was held against others counts for nothing there.
    #[must_use]
    pub const fn pinned(&self) -> Digest {
        self.pinned
    }

    /// Accepts the next bundle: exactly one version later, signed by enough keys of this one and by
    /// enough of its own.
    ///
    /// # Errors
    /// [`TrustError::BundleVersion`], [`TrustError::BundleThreshold`] or
    /// [`TrustError::BundleSignature`].
    pub fn successor(&self, next: UnverifiedTrustBundle) -> Result<Self, TrustError> {
        let (present, found) = (self.version(), next.contents.version);
        if present.checked_add(1) != Some(found) {
            return Err(TrustError::BundleVersion { present, found });
        }
        let next = next.verify(self.root_keys())?;
        Ok(Self {
            pinned: self.pinned,
            ..next
        })
    }

    /// Whether the bundle is valid at this time. [`verify_chain`](crate::verify_chain) asks as well.
    ///
    /// # Errors
    /// [`TrustError::BundleTime`].
    pub fn check_time(&self, now: UnixTime) -> Result<(), TrustError> {
        let TrustContents {
            issued, expires, ..
        } = self.contents;
        if (issued..=expires).contains(&now) {
            return Ok(());
        }
        Err(TrustError::BundleTime {
            now,
            issued,
            expires,
        })
    }

    /// Whether the bundle lists the platform of this name. This says nothing about the digest of a
    /// platform or slice: loaders compute that from their own table.
    ///
    /// # Errors
    /// [`TrustError::Platform`].
    pub fn check_platform(&self, name: &str) -> Result<(), TrustError> {
        if self
            .contents
            .platforms
            .iter()
            .any(|entry| entry.as_str() == name)
        {
            return Ok(());
        }
        Err(TrustError::Platform(name.to_string()))
    }

    /// Whether a verifier engine has at least the version that the bundle demands of it. An engine
    /// that the bundle does not name may have any.
    ///
    /// # Errors
    /// [`TrustError::Engine`].
    pub fn check_engine(&self, engine: &str, version: Version) -> Result<(), TrustError> {
        let mut entries = self.contents.min_engines.iter();
        match entries.find(|entry| entry.name.as_str() == engine) {
            Some(entry) if version < entry.version => Err(TrustError::Engine {
                engine: engine.to_string(),
                version,
                lowest: entry.version,
            }),
            _ => Ok(()),
        }
    }

    /// Whether programs are accepted whose end is enforced by fuel and not proved.
    #[must_use]
    pub const fn accepts_fuel(&self) -> bool {
        self.contents.accepts_fuel
    }

    /// What the counter of a program is set to anew, if it is.
    #[must_use]
    pub fn counter_reset(&self, name: &str) -> Option<u64> {
        let mut resets = self.contents.counter_resets.iter();
        resets
            .find(|reset| reset.name.as_str() == name)
            .map(|reset| reset.to)
    }

    /// The lowest epoch accepted in leaves of the CA with this key.
    #[must_use]
    pub fn min_epoch(&self, ca: Digest) -> u64 {
        let mut entries = self.contents.min_epochs.iter();
        entries
            .find(|entry| entry.ca == ca)
            .map_or(0, |entry| entry.epoch)
    }

    /// Whether the key of this digest is revoked.
    #[must_use]
    pub fn is_revoked(&self, key: Digest) -> bool {
        self.contents.revoked.contains(&key)
    }
}

/// A trust bundle before it is signed, or between two signatures.
#[derive(Clone, Debug)]
pub struct UnsignedTrustBundle(File);

impl UnsignedTrustBundle {
    /// Brings the lists of `contents` into order and encodes it.
    ///
    /// # Errors
    /// [`TrustError::BundleContent`].
    pub fn new(mut contents: TrustContents) -> Result<Self, TrustError> {
        contents.sort();
        contents.check()?;
        Ok(Self(File {
            payload: codec::write_contents(&contents),
            signatures: Vec::new(),
        }))
    }

    /// The bytes that `key` has to sign, with ES256 and low s.
    #[must_use]
    pub fn to_be_signed(&self, key: &PublicKey) -> Vec<u8> {
        self.0.to_be_signed(&key.digest())
    }

    /// Adds the signature of `key`.
    ///
    /// # Errors
    /// As [`PublicKey::verify`] when it is not that key's signature, and
    /// [`TrustError::BundleContent`] when there are as many signatures as a file may have.
    pub fn add_signature(
        &mut self,
        key: &PublicKey,
        signature: &[u8; SIGNATURE_SIZE],
    ) -> Result<(), TrustError> {
        let signatures = self.0.signatures.len().saturating_add(1);
        check_count("signatures", signatures, 1, MAX_SIGNATURES)?;
        key.verify(&self.to_be_signed(key), signature)?;
        self.0.signatures.push(FileSignature {
            key: key.digest(),
            signature: *signature,
        });
        Ok(())
    }

    /// Digests of the keys whose signatures were added.
    pub fn signers(&self) -> impl Iterator<Item = Digest> + '_ {
        self.0.signatures.iter().map(|entry| entry.key)
    }

    /// The file, with the signatures added so far.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.encode()
    }
}
