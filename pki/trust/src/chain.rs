//! From two certificates and a trust bundle to a signer whose signatures count.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use platform_click::Digest;

use crate::path::{self, Parsed};
use crate::{
    Anchor, Certificate, CertificateKind, ExtensionKind, ProfileError, PublicKey, Role, Scope,
    TrustBundle, TrustError, UnixTime,
};

/// A signer with a valid chain: the key of the leaf, and what the chain says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSigner {
    role: Role,
    subject: String,
    serial: Vec<u8>,
    key: PublicKey,
    ca_key: Digest,
    not_before: UnixTime,
    not_after: UnixTime,
    scope: Scope,
}

/// Validates the chain of `leaf` and `ca`, both in DER, up to a root of `bundle`, at `now`, for
/// `role`.
///
/// Exactly these two certificates are considered, in this order, so there is nothing to search and
/// no work that a chain could multiply: at most three signatures are verified per root of the
/// issuer's name.
///
/// # Errors
/// If the chain has several faults, the most telling: a departure from the profile first, since
/// nothing behind it was read; then a revoked key; then a chain that does not lead to a root; epoch
/// and time last, so that those are reported only of chains that are genuine.
pub fn verify_chain(
    bundle: &TrustBundle,
    leaf: &[u8],
    ca: &[u8],
    now: UnixTime,
    role: Role,
) -> Result<VerifiedSigner, TrustError> {
    let leaf = &Parsed {
        der: leaf,
        fields: &parse(leaf, CertificateKind::Leaf, role)?,
    };
    let ca = &Parsed {
        der: ca,
        fields: &parse(ca, CertificateKind::Ca, role)?,
    };
    let scope = leaf.fields.scope().ok_or(TrustError::Profile {
        certificate: CertificateKind::Leaf,
        departure: ProfileError::Missing(ExtensionKind::Scope),
    })?;
    let faults = [
        check_revoked(bundle, leaf.fields, CertificateKind::Leaf),
        check_revoked(bundle, ca.fields, CertificateKind::Ca),
        check_path(bundle, ca, leaf, now, role),
        check_epoch(bundle, ca.fields, scope),
        bundle.check_time(now),
        check_time(ca.fields, CertificateKind::Ca, now),
        check_time(leaf.fields, CertificateKind::Leaf, now),
    ];
    let faults = faults.into_iter().filter_map(Result::err);
    // Of equal rank the last one wins: the leaf's expiry is what its holder can mend.
    if let Some(fault) = faults.max_by_key(TrustError::rank) {
        return Err(fault);
    }
    let (not_before, not_after) = common_validity(ca.fields, leaf.fields);
    Ok(VerifiedSigner {
        role,
        subject: leaf.fields.subject().to_string(),
        serial: leaf.fields.serial().to_vec(),
        key: leaf.fields.key().clone(),
        ca_key: ca.fields.key().digest(),
        not_before,
        not_after,
        scope: scope.clone(),
    })
}

fn parse(der: &[u8], certificate: CertificateKind, role: Role) -> Result<Certificate, TrustError> {
    Certificate::parse(der, certificate, role).map_err(|departure| TrustError::Profile {
        certificate,
        departure,
    })
}

fn check_revoked(
    bundle: &TrustBundle,
    fields: &Certificate,
    certificate: CertificateKind,
) -> Result<(), TrustError> {
    let key = fields.key().digest();
    if bundle.is_revoked(key) {
        return Err(TrustError::Revoked { certificate, key });
    }
    Ok(())
}

fn check_epoch(bundle: &TrustBundle, ca: &Certificate, scope: &Scope) -> Result<(), TrustError> {
    let lowest = bundle.min_epoch(ca.key().digest());
    if scope.epoch() < lowest {
        return Err(TrustError::Epoch {
            ca: ca.subject().to_string(),
            epoch: scope.epoch(),
            lowest,
        });
    }
    Ok(())
}

fn check_time(
    fields: &Certificate,
    certificate: CertificateKind,
    now: UnixTime,
) -> Result<(), TrustError> {
    let (not_before, not_after) = (fields.not_before(), fields.not_after());
    if now < not_before {
        return Err(TrustError::NotYetValid {
            certificate,
            now,
            not_before,
        });
    }
    if now > not_after {
        return Err(TrustError::Expired {
            certificate,
            now,
            not_after,
        });
    }
    Ok(())
}

/// The time at which both are valid; it may end before it starts.
fn common_validity(ca: &Certificate, leaf: &Certificate) -> (UnixTime, UnixTime) {
    (
        ca.not_before().max(leaf.not_before()),
        ca.not_after().min(leaf.not_after()),
    )
}

/// Links and signatures. Where `now` is outside the validity, the chain is validated at the nearest
/// time inside, to learn whether it is genuine; that it has expired is another fault's to say.
fn check_path(
    bundle: &TrustBundle,
    ca: &Parsed<'_>,
    leaf: &Parsed<'_>,
    now: UnixTime,
    role: Role,
) -> Result<(), TrustError> {
    check_link(ca.fields, leaf.fields)?;
    let anchors = anchors(bundle, ca.fields, role)?;
    let (start, end) = common_validity(ca.fields, leaf.fields);
    if start > end {
        return Ok(()); // At no time is the chain valid, so at `now` it is not either.
    }
    path::validate(&anchors, ca, leaf, now.clamp(start, end), role)
}

fn check_link(ca: &Certificate, leaf: &Certificate) -> Result<(), TrustError> {
    if leaf.issuer != ca.subject {
        return Err(TrustError::IssuerMismatch {
            issuer: leaf.issuer().to_string(),
            ca: ca.subject().to_string(),
        });
    }
    if leaf.authority_key_id != ca.subject_key_id {
        return Err(TrustError::KeyIdMismatch {
            ca: ca.subject().to_string(),
        });
    }
    Ok(())
}

/// The roots that may have issued the CA for this role: more than one while a root's key changes.
fn anchors<'a>(
    bundle: &'a TrustBundle,
    ca: &Certificate,
    role: Role,
) -> Result<Vec<&'a Anchor>, TrustError> {
    let all = bundle.contents().anchors.iter();
    let named: Vec<_> = all
        .filter(|anchor| *anchor.distinguished_name() == ca.issuer)
        .collect();
    if named.is_empty() {
        return Err(TrustError::UnknownIssuer {
            issuer: ca.issuer().to_string(),
        });
    }
    let for_role: Vec<_> = named
        .into_iter()
        .filter(|anchor| anchor.roles().contains(&role))
        .collect();
    if for_role.is_empty() {
        return Err(TrustError::RoleNotGranted {
            root: ca.issuer().to_string(),
            role,
        });
    }
    Ok(for_role)
}

impl VerifiedSigner {
    /// What the signer is entitled to.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The subject of the leaf as RFC 4514 writes names.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The serial number of the leaf, big-endian.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The key of the leaf.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The digest of the CA's key.
    #[must_use]
    pub const fn ca_key(&self) -> Digest {
        self.ca_key
    }

    /// The first second at which the whole chain is valid.
    #[must_use]
    pub const fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// The last second at which the whole chain is valid.
    #[must_use]
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// What the leaf may sign.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether the signer may sign for a program of this name.
    ///
    /// # Errors
    /// [`TrustError::NameScope`].
    pub fn check_name(&self, name: &str) -> Result<(), TrustError> {
        if self.scope.covers_name(name) {
            return Ok(());
        }
        Err(TrustError::NameScope {
            name: name.to_string(),
            prefixes: self.scope.name_prefixes().to_vec(),
        })
    }

    /// Whether a time that the signer has signed lies where the whole chain is valid. Only such
    /// times may raise a time floor: otherwise a signer could drive it beyond all certificates.
    ///
    /// # Errors
    /// [`TrustError::SignedTime`].
    pub fn check_signed_time(&self, time: UnixTime) -> Result<(), TrustError> {
        if (self.not_before..=self.not_after).contains(&time) {
            return Ok(());
        }
        Err(TrustError::SignedTime {
            time,
            not_before: self.not_before,
            not_after: self.not_after,
        })
    }

    /// Checks an ECDSA signature with SHA-256 over `message`, as `r || s` with low s.
    ///
    /// # Errors
    /// As [`PublicKey::verify`].
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), TrustError> {
        self.key.verify(message, signature)
    }
}
