//! Leaves: issued, renewed, and whether it is time to.

use std::path::Path;

use bpf_trust::{Certificate, CertificateKind, PublicKey, Role, Scope, UnixTime, verify_chain};
use zeroize::Zeroizing;

use super::{PkiDir, files};
use crate::keys::MAX_SIZE;
use crate::{Authority, KeyFault, LeafOptions, PkiError, Validity, pem};

/// What a leaf is issued for.
#[derive(Clone, Debug)]
pub struct IssueOptions {
    /// The present time.
    pub now: UnixTime,
    /// The common name.
    pub name: String,
    /// Days that it is valid.
    pub days: u32,
    /// Its epoch; the lowest that the trust bundle accepts if it is not given.
    pub epoch: Option<u64>,
    /// Prefixes of the names that it may sign for; none means every name.
    pub name_prefixes: Vec<String>,
}

/// A certificate that was issued, and what it is.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: Certificate,
    /// Leaf or CA.
    pub kind: CertificateKind,
    /// What it is for.
    pub role: Role,
}

impl Issued {
    /// Of which kind and role a certificate is; `None` if of none.
    pub(super) fn parse(der: Vec<u8>) -> Option<Self> {
        for kind in [CertificateKind::Leaf, CertificateKind::Ca] {
            for role in Role::ALL {
                if let Ok(certificate) = Certificate::parse(&der, kind, *role) {
                    let role = *role;
                    return Some(Self {
                        certificate,
                        kind,
                        role,
                    });
                }
            }
        }
        None
    }
}

/// How long a certificate still lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The end of its validity.
    pub not_after: UnixTime,
    /// From when on it should be renewed.
    pub due: UnixTime,
    /// Whether that time has come.
    pub is_due: bool,
}

impl Renewal {
    /// Renewal is due `before_end` seconds before the end, or after two thirds of the validity, which
    /// leaves time to notice that it failed.
    #[must_use]
    pub fn of(certificate: &Certificate, now: UnixTime, before_end: Option<u64>) -> Self {
        let (start, end) = (certificate.not_before(), certificate.not_after());
        let before_end = before_end.unwrap_or_else(|| {
            let validity = end.as_secs().saturating_sub(start.as_secs());
            validity.checked_div(3).unwrap_or(0)
        });
        let due = end.saturating_sub(before_end);
        Self {
            not_after: end,
            due,
            is_due: now >= due,
        }
    }
}

impl PkiDir {
    /// A leaf for a key, in DER. It is kept in `issued/`.
    ///
    /// # Errors
    /// [`PkiError::Option`] when the CA ends before it, [`PkiError::Trust`] when loaders with the newest
    /// trust bundle would refuse it.
    pub fn issue(
        &self,
        ca: &Authority,
        role: Role,
        options: &IssueOptions,
        key: &PublicKey,
    ) -> Result<Vec<u8>, PkiError> {
        let trust = self.trust_bundle()?;
        let lowest = trust.min_epoch(ca.key().public_key().digest());
        let epoch = options.epoch.unwrap_or(lowest);
        let leaf_options = LeafOptions {
            name: options.name.clone(),
            validity: self.leaf_validity(role, options)?,
            scope: Scope::new(epoch, options.name_prefixes.clone())?,
        };
        let organisation = self.organisation(role)?;
        let der = ca.issue_leaf(&organisation, &leaf_options, key, role)?;
        // What a loader will say, before anything is written.
        verify_chain(&trust, &der, ca.der(), options.now, role)?;
        let leaf = Certificate::parse(&der, CertificateKind::Leaf, role);
        self.record(&leaf.map_err(PkiError::Profile)?, &der)?;
        Ok(der)
    }

    /// A new certificate for the key of `file`, which holds a chain, possibly beside its key; name and
    /// scope stay what they are. The certificates in the file are replaced.
    ///
    /// # Errors
    /// As [`issue`](Self::issue), and what is wrong with the file.
    pub fn renew(
        &self,
        ca: &Authority,
        role: Role,
        file: &Path,
        now: UnixTime,
        days: u32,
    ) -> Result<Certificate, PkiError> {
        let (leaf, rest) = read_chain(file, role)?;
        let scope = leaf.scope();
        let trust = self.trust_bundle()?;
        let lowest = trust.min_epoch(ca.key().public_key().digest());
        let options = IssueOptions {
            now,
            name: leaf.common_name().unwrap_or_else(|| role.to_string()),
            days,
            epoch: scope.map(|scope| scope.epoch().max(lowest)),
            name_prefixes: scope
                .map(|scope| scope.name_prefixes().to_vec())
                .unwrap_or_default(),
        };
        let der = self.issue(ca, role, &options, leaf.key())?;
        let chain = pem::chain(&[&der, ca.der()]);
        let content = Zeroizing::new([rest.as_str(), &chain].concat());
        let mode = if rest.is_empty() { 0o644 } else { 0o600 };
        files::replace(file, mode, content.as_bytes())?;
        Certificate::parse(&der, CertificateKind::Leaf, role).map_err(PkiError::Profile)
    }

    /// The organisation in the name of the CA for a role.
    fn organisation(&self, role: Role) -> Result<String, PkiError> {
        let ca = self.ca_certificate(role)?;
        Ok(ca.organisation().unwrap_or_else(|| "bpfsign".to_owned()))
    }

    /// A leaf that outlives its CA would end with it, at a time that nobody expects.
    fn leaf_validity(&self, role: Role, options: &IssueOptions) -> Result<Validity, PkiError> {
        let validity = Validity::days(options.now, options.days);
        let ca = self.ca_certificate(role)?;
        if options.days > 0 && validity.not_after <= ca.not_after() {
            return Ok(validity);
        }
        Err(PkiError::Days {
            ca: ca.subject().to_owned(),
            not_after: ca.not_after(),
        })
    }
}

/// The leaf of a file, and what is not a certificate in it, as it is written: the key.
fn read_chain(file: &Path, role: Role) -> Result<(Certificate, Zeroizing<String>), PkiError> {
    let bytes = Zeroizing::new(files::read(file, MAX_SIZE)?);
    let read = || -> Result<_, KeyFault> {
        let text = str::from_utf8(&bytes).map_err(|_| KeyFault::NoChain)?;
        let (mut leaf, mut rest) = (None, Zeroizing::new(String::new()));
        for part in pem::parts(text)? {
            match part.label {
                "CERTIFICATE" if leaf.is_none() => leaf = Some(part.decode()?),
                "CERTIFICATE" => {}
                _ => {
                    rest.push_str(part.text());
                    rest.push('\n');
                }
            }
        }
        let leaf = leaf.ok_or(KeyFault::NoChain)?;
        let leaf = Certificate::parse(&leaf, CertificateKind::Leaf, role);
        let number = 1;
        let leaf = leaf.map_err(|departure| KeyFault::Certificate { number, departure })?;
        Ok((leaf, rest))
    };
    read().map_err(|fault| fault.of(&file.display()))
}

/// The leaf of a file that holds a chain, possibly beside its key, for whatever role.
///
/// # Errors
/// [`PkiError::Read`] or [`PkiError::Key`].
pub fn read_leaf(file: &Path) -> Result<(Certificate, Role), PkiError> {
    let mut first = None;
    for role in Role::ALL {
        match read_chain(file, *role) {
            Ok((leaf, _)) => return Ok((leaf, *role)),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| KeyFault::NoChain.of(&file.display())))
}
