//! What there is, and until when it is good.

use bpf_trust::{CertificateKind, Role, TrustBundle, UnixTime};
use platform_click::Digest;

use super::{Issued, PkiDir, Renewal};
use crate::PkiError;

/// What a directory holds.
#[derive(Clone, Debug)]
pub struct Status {
    /// The version of the newest trust bundle.
    pub trust_version: u64,
    /// Everything that ends some day, the trust bundle first.
    pub items: Vec<Item>,
}

/// Something that ends some day.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Its name.
    pub name: String,
    /// The digest of its key; the trust bundle has none.
    pub key: Option<Digest>,
    /// Its serial number in hexadecimal, if it is a certificate.
    pub serial: String,
    /// The end of its validity.
    pub not_after: UnixTime,
    /// What that means now.
    pub health: Health,
}

/// What can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// The trust bundle.
    TrustBundle,
    /// A CA for a role.
    Ca(Role),
    /// A leaf for a role.
    Leaf(Role),
}

/// Whether something still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Good,
    /// It should be renewed.
    Due,
    /// It has been replaced by one with the same key that lasts longer.
    Replaced,
    /// It has ended.
    Expired,
    /// Its key, or that of its CA, is revoked.
    Revoked,
    /// Its epoch is below what the trust bundle accepts.
    Epoch,
}

impl PkiDir {
    /// Everything that was issued, and the newest trust bundle.
    ///
    /// # Errors
    /// [`PkiError::Read`] or [`PkiError::Trust`].
    pub fn status(&self, now: UnixTime) -> Result<Status, PkiError> {
        let trust = self.trust_bundle()?;
        let issued = self.issued()?;
        let mut items = vec![trust_item(&trust, now)];
        for kind in [CertificateKind::Ca, CertificateKind::Leaf] {
            let some = issued.iter().filter(|other| other.kind == kind);
            items.extend(some.map(|one| item(one, &issued, &trust, now)));
        }
        Ok(Status {
            trust_version: trust.version(),
            items,
        })
    }
}

fn trust_item(trust: &TrustBundle, now: UnixTime) -> Item {
    let contents = trust.contents();
    let (issued, expires) = (contents.issued, contents.expires);
    let third = expires.as_secs().saturating_sub(issued.as_secs()) / 3;
    let health = if now > expires {
        Health::Expired
    } else if now >= expires.saturating_sub(third) {
        Health::Due
    } else {
        Health::Good
    };
    Item {
        kind: ItemKind::TrustBundle,
        name: format!("version {}", trust.version()),
        key: None,
        serial: String::new(),
        not_after: expires,
        health,
    }
}

fn item(one: &Issued, all: &[Issued], trust: &TrustBundle, now: UnixTime) -> Item {
    let certificate = &one.certificate;
    Item {
        kind: match one.kind {
            CertificateKind::Ca => ItemKind::Ca(one.role),
            CertificateKind::Leaf => ItemKind::Leaf(one.role),
        },
        name: certificate.subject().to_owned(),
        key: Some(certificate.key().digest()),
        serial: super::hex(certificate.serial()),
        not_after: certificate.not_after(),
        health: health(one, all, trust, now),
    }
}

fn health(one: &Issued, all: &[Issued], trust: &TrustBundle, now: UnixTime) -> Health {
    let certificate = &one.certificate;
    let mut cas = all.iter().filter(|ca| ca.kind == CertificateKind::Ca);
    let ca = cas
        .find(|ca| one.kind == CertificateKind::Leaf && certificate.is_issued_by(&ca.certificate));
    let ca = ca.map(|ca| ca.certificate.key().digest());
    let epoch = certificate.scope().map_or(0, bpf_trust::Scope::epoch);
    let revoked = |key: &Digest| trust.is_revoked(*key);
    let is_replaced = all.iter().any(|other| {
        let other = &other.certificate;
        other.key() == certificate.key() && other.not_after() > certificate.not_after()
    });
    if revoked(&certificate.key().digest()) || ca.as_ref().is_some_and(revoked) {
        Health::Revoked
    } else if ca.is_some_and(|ca| epoch < trust.min_epoch(ca)) {
        Health::Epoch
    } else if now > certificate.not_after() {
        Health::Expired
    } else if is_replaced {
        Health::Replaced
    } else if Renewal::of(certificate, now, None).is_due {
        Health::Due
    } else {
        Health::Good
    }
}
