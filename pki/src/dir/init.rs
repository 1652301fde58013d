//! The making of a directory: roots, a CA for each role, a signer, the first trust bundle.

use core::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bpf_statement::Text;
use bpf_trust::{
    Anchor, Certificate, CertificateKind, Role, RootKeys, Scope, TrustContents, TrustError,
    UnixTime, UnverifiedTrustBundle, verify_chain,
};
use platform_click::Platform;
use zeroize::Zeroizing;

use super::files;
use crate::{
    Authority, LeafOptions, PkiDir, PkiError, SecretKey, Signer, Validity, pem, sign_trust_bundle,
};

/// A passphrase, which is not shown.
#[derive(Clone)]
pub struct Passphrase(pub Zeroizing<String>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// What [`PkiDir::init`] makes.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The present time.
    pub now: UnixTime,
    /// The organisation in all names.
    pub organisation: String,
    /// Prefixes of the names that the leaf may sign for; none means every name.
    pub name_prefixes: Vec<String>,
    /// Days that the root is valid.
    pub root_days: u32,
    /// Days that the CAs and the trust bundle are valid.
    pub ca_days: u32,
    /// Days that the leaf is valid.
    pub leaf_days: u32,
    /// Keys that sign trust bundles.
    pub bundle_root_keys: u8,
    /// How many of them must.
    pub bundle_threshold: u8,
    /// Whether loaders accept programs whose end is enforced by fuel and not proved.
    pub accepts_fuel: bool,
    /// Where `root.key` and the keys that sign trust bundles go; a directory that must not exist.
    pub offline: Option<PathBuf>,
    /// What the keys are encrypted with.
    pub passphrase: Option<Passphrase>,
}

impl InitOptions {
    /// The usual: a root for 15 years, CAs for 3, a leaf for 90 days that signs for every name; two of
    /// three keys sign trust bundles, so that one can be lost and one stolen key is not enough.
    #[must_use]
    pub fn new(now: UnixTime) -> Self {
        Self {
            now,
            organisation: "bpfsign".to_owned(),
            name_prefixes: Vec::new(),
            root_days: 15 * 365,
            ca_days: 3 * 365,
            leaf_days: 90,
            bundle_root_keys: 3,
            bundle_threshold: 2,
            accepts_fuel: false,
            offline: None,
            passphrase: None,
        }
    }
}

impl PkiDir {
    /// Makes the directory, which must not exist, with a root, a CA for each role, a signing leaf and
    /// a trust bundle that trusts the root. If anything fails, nothing is left behind.
    ///
    /// # Errors
    /// [`PkiError::Exists`], [`PkiError::Write`], [`PkiError::Option`], [`PkiError::Scope`],
    /// [`PkiError::Random`], or [`PkiError::Trust`] when the number of keys cannot be.
    pub fn init(path: &Path, options: &InitOptions) -> Result<Self, PkiError> {
        let made = Made::new(options)?;
        let dir = NewDir::create(path)?;
        let vault = options.offline.as_deref().map(NewDir::create).transpose()?;
        let offline = vault.as_ref().unwrap_or(&dir);
        for (name, content) in &made.root_keys {
            offline.write(name, 0o600, content.as_bytes())?;
        }
        for (name, content) in &made.keys {
            dir.write(name, 0o600, content.as_bytes())?;
        }
        for (name, content) in &made.certificates {
            dir.write(name, 0o644, content.as_bytes())?;
        }
        dir.write(Self::TRUST, 0o644, &made.trust)?;
        let pki = Self {
            path: path.to_owned(),
            offline: options.offline.clone(),
        };
        for (certificate, der) in &made.issued {
            pki.record(certificate, der)?;
        }
        pki.keep_trust(1, &made.trust)?;
        if let Some(vault) = vault {
            vault.keep();
        }
        dir.keep();
        Ok(pki)
    }
}

/// The content of the files, by name.
struct Made {
    root_keys: Vec<(String, Zeroizing<String>)>,
    keys: Vec<(String, Zeroizing<String>)>,
    certificates: Vec<(String, String)>,
    issued: Vec<(Certificate, Vec<u8>)>,
    trust: Vec<u8>,
}

impl Made {
    fn new(options: &InitOptions) -> Result<Self, PkiError> {
        check_days(options)?;
        let mut made = Self {
            root_keys: Vec::new(),
            keys: Vec::new(),
            certificates: Vec::new(),
            issued: Vec::new(),
            trust: Vec::new(),
        };
        let root = made.root(options)?;
        made.trust(options, &root)?;
        for role in Role::ALL {
            let ca = made.ca(options, &root, *role)?;
            if *role == Role::Verifier {
                made.signer(options, &ca)?;
            }
        }
        Ok(made)
    }

    fn root(&mut self, options: &InitOptions) -> Result<Authority, PkiError> {
        let key = SecretKey::generate()?;
        let pem = key.to_pem(options.passphrase.as_ref())?;
        self.root_keys.push((PkiDir::ROOT_KEY.to_owned(), pem));
        let validity = Validity::days(options.now, options.root_days);
        let root = Authority::root(&options.organisation, "root", Box::new(key), validity)?;
        let text = pem::certificate(root.der());
        self.certificates.push((PkiDir::ROOT.to_owned(), text));
        Ok(root)
    }

    fn ca(
        &mut self,
        options: &InitOptions,
        root: &Authority,
        role: Role,
    ) -> Result<Authority, PkiError> {
        let key = SecretKey::generate()?;
        let der = root.issue_ca(
            &options.organisation,
            &format!("{role} CA"),
            key.public_key(),
            Validity::days(options.now, options.ca_days),
            role,
        )?;
        let pem = key.to_pem(options.passphrase.as_ref())?;
        self.keys.push((PkiDir::ca_key_file(role), pem));
        let text = pem::certificate(&der);
        self.certificates.push((PkiDir::ca_file(role), text));
        let ca = Certificate::parse(&der, CertificateKind::Ca, role).map_err(PkiError::Profile)?;
        self.issued.push((ca, der.clone()));
        Authority::from_ca(der, Box::new(key), role).map_err(|fault| fault.of(&"a new CA"))
    }

    fn signer(&mut self, options: &InitOptions, ca: &Authority) -> Result<(), PkiError> {
        let key = SecretKey::generate()?;
        let leaf_options = LeafOptions {
            name: "verifier".to_owned(),
            validity: Validity::days(options.now, options.leaf_days),
            scope: Scope::new(0, options.name_prefixes.clone())?,
        };
        let (organisation, role) = (&options.organisation, Role::Verifier);
        let der = ca.issue_leaf(organisation, &leaf_options, key.public_key(), role)?;

        // What a loader will say, before anything is written.
        let bundle = UnverifiedTrustBundle::parse(&self.trust)?.provision()?;
        verify_chain(&bundle, &der, ca.der(), options.now, role)?;

        let leaf = Certificate::parse(&der, CertificateKind::Leaf, role);
        let key = key.to_pem(options.passphrase.as_ref())?;
        let chain = pem::chain(&[&der, ca.der()]);
        let content = Zeroizing::new([key.as_str(), &chain].concat());
        self.keys.push((PkiDir::SIGNER.to_owned(), content));
        self.issued.push((leaf.map_err(PkiError::Profile)?, der));
        Ok(())
    }

    fn trust(&mut self, options: &InitOptions, root: &Authority) -> Result<(), PkiError> {
        let mut keys = Vec::new();
        for number in 1..=usize::from(options.bundle_root_keys) {
            let key = SecretKey::generate()?;
            let pem = key.to_pem(options.passphrase.as_ref())?;
            self.root_keys
                .push((PkiDir::bundle_root_key_file(number), pem));
            keys.push(key);
        }
        let contents = trust_contents(options, root, &keys)?;
        let signers: Vec<&dyn Signer> = keys.iter().map(|key| -> &dyn Signer { key }).collect();
        self.trust = sign_trust_bundle(contents, &signers)?;
        Ok(())
    }
}

fn check_days(options: &InitOptions) -> Result<(), PkiError> {
    let InitOptions {
        root_days,
        ca_days,
        leaf_days,
        ..
    } = *options;
    if 0 < leaf_days && leaf_days <= ca_days && ca_days <= root_days {
        return Ok(());
    }
    Err(PkiError::Option {
        option: "validity",
        rule: "at least a day, the leaf's not longer than the CA's, the CA's not longer than the root's",
    })
}

fn trust_contents(
    options: &InitOptions,
    root: &Authority,
    keys: &[SecretKey],
) -> Result<TrustContents, PkiError> {
    let Validity {
        not_before: issued,
        not_after: expires,
    } = Validity::days(options.now, options.ca_days);
    let platform = Text::new(Platform::NAME).expect("the platform's name is printable ASCII");
    let keys = keys.iter().map(|key| key.public_key().clone()).collect();
    let root_keys =
        RootKeys::new(options.bundle_threshold, keys).map_err(TrustError::BundleContent)?;
    // The root vouches for the CAs of all roles.
    let anchor = Anchor::from_certificate(root.der(), Role::ALL.to_vec())
        .map_err(TrustError::BundleContent)?;
    Ok(TrustContents {
        version: 1,
        issued,
        expires,
        root_keys,
        anchors: vec![anchor],
        min_epochs: Vec::new(),
        revoked: Vec::new(),
        platforms: vec![platform],
        min_engines: Vec::new(),
        counter_resets: Vec::new(),
        accepts_fuel: options.accepts_fuel,
        time_floor: None,
    })
}

/// A directory that did not exist before, removed with its files unless it is kept.
struct NewDir<'a> {
    path: &'a Path,
    is_kept: bool,
}

impl<'a> NewDir<'a> {
    fn create(path: &'a Path) -> Result<Self, PkiError> {
        // `mkdir` fails on whatever exists, so nobody else's files can be in it.
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => Ok(Self {
                path,
                is_kept: false,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(PkiError::Exists(path.to_owned()))
            }
            Err(error) => Err(PkiError::Write {
                path: path.to_owned(),
                error,
            }),
        }
    }

    fn write(&self, name: &str, mode: u32, content: &[u8]) -> Result<(), PkiError> {
        files::create_file(&self.path.join(name), mode, content)
    }

    fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for NewDir<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            // The reason to remove it is already on its way to the caller.
            let _ = fs::remove_dir_all(self.path);
        }
    }
}
