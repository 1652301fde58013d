//! What a trust bundle says, and the rules that its content follows.

use alloc::vec::Vec;

use bpf_statement::{MAX_COUNTER, Name, Text, TextError, Version};
use platform_click::Digest;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::limits::{
    MAX_ANCHORS, MAX_COUNTER_RESETS, MAX_ENGINES, MAX_MIN_EPOCHS, MAX_PLATFORMS, MAX_REVOKED,
    MAX_ROOT_KEYS,
};
use crate::name::DistinguishedName;
use crate::{PublicKey, Role, UnixTime};

/// The content of a trust bundle. Public fields: before it is signed anybody may write it, and what
/// was only read or written is trusted by nobody; see [`TrustBundle`](crate::TrustBundle).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustContents {
    /// Rises by one with each bundle, from 1.
    pub version: u64,
    /// From when on it is valid.
    pub issued: UnixTime,
    /// Until when it is valid; later than `issued`.
    pub expires: UnixTime,
    /// The keys that sign trust bundles, and how many of them must.
    pub root_keys: RootKeys,
    /// X.509 roots, at least one.
    pub anchors: Vec<Anchor>,
    /// Lowest epochs of the leaves of CAs.
    pub min_epochs: Vec<MinEpoch>,
    /// Digests of revoked keys, of leaves or CAs ([`PublicKey::digest`]).
    pub revoked: Vec<Digest>,
    /// Platforms allowed, by name and version as in `platform_click::Platform::NAME`; at least one.
    pub platforms: Vec<Text>,
    /// Lowest versions of verifier engines; an engine that is not here may have any.
    pub min_engines: Vec<MinEngine>,
    /// Counters that loaders set anew.
    pub counter_resets: Vec<CounterReset>,
    /// Whether programs are accepted whose end is enforced by fuel and not proved.
    pub accepts_fuel: bool,
    /// What loaders set their time floor to, after it was driven too far ahead.
    pub time_floor: Option<UnixTime>,
}

/// Keys that sign trust bundles, 1 to 8 of them, and how many of them must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKeys {
    threshold: u8,
    keys: Vec<PublicKey>,
}

/// An X.509 root: its name and its key, and what it may vouch for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    name: DistinguishedName,
    key: PublicKey,
    roles: Vec<Role>,
}

/// The lowest epoch accepted in leaves of one CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinEpoch {
    /// The CA's key ([`PublicKey::digest`]).
    pub ca: Digest,
    /// The lowest epoch.
    pub epoch: u64,
}

/// The lowest version accepted of one verifier engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinEngine {
    /// The engine's name.
    pub name: Name,
    /// Its lowest version.
    pub version: Version,
}

/// A counter that loaders set anew, after a signer drove it too far ahead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CounterReset {
    /// The statement's name.
    pub name: Name,
    /// What the counter is set to; 1..=[`MAX_COUNTER`].
    pub to: u64,
    /// Why, for people; not empty.
    pub reason: Text,
}

/// Why the content of a trust bundle is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentsError {
    /// The version is 0.
    #[error("versions start at 1")]
    Version,
    /// It expires before it is issued.
    #[error("it expires at {expires}, not after it is issued at {issued}")]
    Validity {
        /// When it is issued.
        issued: UnixTime,
        /// When it expires.
        expires: UnixTime,
    },
    /// A time is behind the year 9999.
    #[error("{0} is behind the year 9999")]
    Time(UnixTime),
    /// The threshold is not within 1 and the number of keys.
    #[error("the threshold {threshold} is not within 1 and the number of root keys, {keys}")]
    Threshold {
        /// The threshold.
        threshold: u8,
        /// The number of keys.
        keys: usize,
    },
    /// A list has too many items, or none where there must be one.
    #[error("{count} {list} are not within {min}..={max}")]
    Count {
        /// Which list.
        list: &'static str,
        /// How many items it has.
        count: usize,
        /// How few it may have.
        min: usize,
        /// How many it may have.
        max: usize,
    },
    /// A list has an item twice, or is not in ascending order.
    #[error("the {0} are not in ascending order without repetition")]
    Order(&'static str),
    /// The DER of an anchor's name or key is not as it must be.
    #[error("the {0} of an anchor is not valid")]
    Anchor(&'static str),
    /// A root key is also an anchor's key.
    #[error("the root key {0:.16} is also that of an anchor")]
    SharedKey(Digest),
    /// A key is both trusted and revoked.
    #[error("the key {0:.16} is trusted and revoked at once")]
    RevokedRoot(Digest),
    /// A platform or reason is empty.
    #[error("a platform or a reason is empty")]
    EmptyText,
    /// A name or text is not within its rule.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A counter is set to what no counter can be.
    #[error("{0} is no counter: they are within 1..={MAX_COUNTER}")]
    Counter(u64),
    /// A root key is not an uncompressed P-256 point.
    #[error("a root key is not an uncompressed P-256 point")]
    RootKey,
    /// A role has no such number.
    #[error("{0} is not the number of a role")]
    Role(u8),
    /// The version of the format is not known here.
    #[error("version {0} of the format is not known here")]
    Format(u64),
}

impl RootKeys {
    /// These keys, of which `threshold` must sign.
    ///
    /// # Errors
    /// When there are no keys, too many or one twice, or when the threshold cannot be met.
    pub fn new(threshold: u8, mut keys: Vec<PublicKey>) -> Result<Self, ContentsError> {
        keys.sort();
        check_count("root keys", keys.len(), 1, MAX_ROOT_KEYS)?;
        check_ascending("root keys", &keys)?;
        if !(1..=keys.len()).contains(&usize::from(threshold)) {
            return Err(ContentsError::Threshold {
                threshold,
                keys: keys.len(),
            });
        }
        Ok(Self { threshold, keys })
    }

    /// How many of the keys must sign.
    #[must_use]
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The keys, in the order of their encoded points.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }
}

impl Anchor {
    /// The root of this name (DER of the distinguished name) and key, trusted for these roles.
    ///
    /// # Errors
    /// When the name is not canonical, or there is no role.
    pub fn new(name: &[u8], key: PublicKey, mut roles: Vec<Role>) -> Result<Self, ContentsError> {
        roles.sort_unstable();
        check_count("roles of an anchor", roles.len(), 1, Role::ALL.len())?;
        check_ascending("roles of an anchor", &roles)?;
        let name = DistinguishedName::from_der(name).ok_or(ContentsError::Anchor("name"))?;
        Ok(Self { name, key, roles })
    }

    /// The root of this certificate, in DER: its subject and its key, for these roles. The
    /// certificate has to be signed by that key; nothing else in it matters to loaders.
    ///
    /// # Errors
    /// When it is not a self-signed certificate of a P-256 key, or there is no role.
    pub fn from_certificate(der: &[u8], roles: Vec<Role>) -> Result<Self, ContentsError> {
        let (name, key) = self_signed(der).ok_or(ContentsError::Anchor("certificate"))?;
        Self::new(&name, key, roles)
    }

    /// The name as RFC 4514 writes it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The name in DER.
    #[must_use]
    pub fn name_der(&self) -> &[u8] {
        self.name.as_der()
    }

    pub(crate) const fn distinguished_name(&self) -> &DistinguishedName {
        &self.name
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What the root may vouch for, in ascending order.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }
}

/// Subject and key of a certificate that is signed by that key.
fn self_signed(der: &[u8]) -> Option<(Vec<u8>, PublicKey)> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    let key = PublicKey::from_spki_der(&tbs.subject_public_key_info().to_der().ok()?)?;
    let signature = certificate.signature().as_bytes()?;
    let is_self_signed =
        tbs.issuer() == tbs.subject() && key.verifies_der(&tbs.to_der().ok()?, signature);
    is_self_signed.then_some((tbs.subject().to_der().ok()?, key))
}

impl TrustContents {
    /// Brings every list into the order of the format.
    pub(crate) fn sort(&mut self) {
        self.anchors
            .sort_by(|a, b| anchor_order(a).cmp(&anchor_order(b)));
        self.min_epochs.sort_unstable();
        self.revoked.sort_unstable();
        self.platforms.sort();
        self.min_engines.sort();
        self.counter_resets.sort();
    }

    /// Every rule of the format that concerns content.
    pub(crate) fn check(&self) -> Result<(), ContentsError> {
        if self.version == 0 {
            return Err(ContentsError::Version);
        }
        if self.issued >= self.expires {
            return Err(ContentsError::Validity {
                issued: self.issued,
                expires: self.expires,
            });
        }
        let latest = self
            .time_floor
            .map_or(self.expires, |floor| floor.max(self.expires));
        if latest > UnixTime::YEAR_9999 {
            return Err(ContentsError::Time(latest));
        }
        self.check_counts()?;
        self.check_order()?;
        self.check_keys()?;
        self.check_texts()
    }

    fn check_counts(&self) -> Result<(), ContentsError> {
        for (list, count, min, max) in [
            ("anchors", self.anchors.len(), 1, MAX_ANCHORS),
            ("lowest epochs", self.min_epochs.len(), 0, MAX_MIN_EPOCHS),
            ("revoked keys", self.revoked.len(), 0, MAX_REVOKED),
            ("platforms", self.platforms.len(), 1, MAX_PLATFORMS),
            ("verifier engines", self.min_engines.len(), 0, MAX_ENGINES),
            (
                "counter resets",
                self.counter_resets.len(),
                0,
                MAX_COUNTER_RESETS,
            ),
        ] {
            check_count(list, count, min, max)?;
        }
        Ok(())
    }

    /// Order also means that nothing has two entries, of which a reader would have to choose one.
    fn check_order(&self) -> Result<(), ContentsError> {
        let anchors: Vec<_> = self.anchors.iter().map(anchor_order).collect();
        let epochs: Vec<_> = self.min_epochs.iter().map(|entry| entry.ca).collect();
        let engines: Vec<_> = self.min_engines.iter().map(|entry| &entry.name).collect();
        let resets: Vec<_> = self
            .counter_resets
            .iter()
            .map(|entry| &entry.name)
            .collect();
        check_ascending("anchors", &anchors)?;
        check_ascending("lowest epochs", &epochs)?;
        check_ascending("revoked keys", &self.revoked)?;
        check_ascending("platforms", &self.platforms)?;
        check_ascending("verifier engines", &engines)?;
        check_ascending("counter resets", &resets)
    }

    fn check_keys(&self) -> Result<(), ContentsError> {
        for anchor in &self.anchors {
            if self.root_keys.keys.contains(&anchor.key) {
                return Err(ContentsError::SharedKey(anchor.key.digest()));
            }
        }
        let anchors = self.anchors.iter().map(|anchor| &anchor.key);
        for key in self.root_keys.keys.iter().chain(anchors) {
            if self.revoked.contains(&key.digest()) {
                return Err(ContentsError::RevokedRoot(key.digest()));
            }
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), ContentsError> {
        let reasons = self.counter_resets.iter().map(|reset| &reset.reason);
        if self
            .platforms
            .iter()
            .chain(reasons)
            .any(|text| text.as_str().is_empty())
        {
            return Err(ContentsError::EmptyText);
        }
        let mut counters = self.counter_resets.iter().map(|reset| reset.to);
        match counters.find(|to| !(1..=MAX_COUNTER).contains(to)) {
            Some(to) => Err(ContentsError::Counter(to)),
            None => Ok(()),
        }
    }
}

fn anchor_order(anchor: &Anchor) -> (&[u8], &PublicKey) {
    (anchor.name_der(), &anchor.key)
}

pub(crate) fn check_count(
    list: &'static str,
    count: usize,
    min: usize,
    max: usize,
) -> Result<(), ContentsError> {
    if (min..=max).contains(&count) {
        return Ok(());
    }
    Err(ContentsError::Count {
        list,
        count,
        min,
        max,
    })
}

pub(crate) fn check_ascending<T: Ord>(
    list: &'static str,
    items: &[T],
) -> Result<(), ContentsError> {
    if items.is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(ContentsError::Order(list))
    }
}
