//! A directory with everything that a signer needs to start.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bpf_statement::Text;
use bpf_trust::{
    Anchor, Role, RootKeys, Scope, TrustContents, TrustError, UnixTime, UnverifiedTrustBundle,
    verify_chain,
};
use platform_click::Platform;
use zeroize::Zeroizing;

use crate::{
    Authority, LeafOptions, PkiError, SecretKey, Signer, Validity, pem, sign_trust_bundle,
};

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
    /// Days that the CA and the trust bundle are valid.
    pub ca_days: u32,
    /// Days that the leaf is valid.
    pub leaf_days: u32,
    /// Whether loaders accept programs whose end is enforced by fuel and not proved.
    pub accepts_fuel: bool,
}

impl InitOptions {
    /// The usual: a root for 15 years, a CA for 3, a leaf for 90 days that signs for every name.
    #[must_use]
    pub fn new(now: UnixTime) -> Self {
        Self {
            now,
            organisation: "bpfsign".to_owned(),
            name_prefixes: Vec::new(),
            root_days: 15 * 365,
            ca_days: 3 * 365,
            leaf_days: 90,
            accepts_fuel: false,
        }
    }
}

/// A directory made by [`PkiDir::init`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PkiDir {
    path: PathBuf,
}

impl PkiDir {
    /// The root's certificate.
    pub const ROOT: &str = "root.pem";
    /// The root's key. It is needed to issue CAs, and best kept elsewhere.
    pub const ROOT_KEY: &str = "root.key";
    /// The certificate of the CA for verifiers.
    pub const CA: &str = "verifier-ca.pem";
    /// The key of the CA for verifiers.
    pub const CA_KEY: &str = "verifier-ca.key";
    /// The key that signs, with its leaf certificate and the CA's.
    pub const SIGNER: &str = "signer.pem";
    /// The key that signs trust bundles; another than the root's.
    pub const BUNDLE_ROOT_KEY: &str = "bundle-root.key";
    /// The trust bundle.
    pub const TRUST: &str = "trust.bpftrust";

    /// Makes the directory, which must not exist, with a root, a CA for verifiers, a signing leaf and
    /// a trust bundle that trusts the root. If anything fails, nothing is left behind.
    ///
    /// # Errors
    /// [`PkiError::Exists`], [`PkiError::Write`], [`PkiError::Option`], [`PkiError::Scope`] or
    /// [`PkiError::Random`].
    pub fn init(path: &Path, options: &InitOptions) -> Result<Self, PkiError> {
        let files = Files::make(options)?;
        let dir = NewDir::create(path)?;
        for (name, content) in [
            (Self::ROOT_KEY, &files.root_key),
            (Self::CA_KEY, &files.ca_key),
            (Self::SIGNER, &files.signer),
            (Self::BUNDLE_ROOT_KEY, &files.bundle_root_key),
        ] {
            dir.write(name, 0o600, content.as_bytes())?;
        }
        dir.write(Self::ROOT, 0o644, files.root.as_bytes())?;
        dir.write(Self::CA, 0o644, files.ca.as_bytes())?;
        dir.write(Self::TRUST, 0o644, &files.trust)?;
        dir.keep();
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file with the key that signs and its chain.
    #[must_use]
    pub fn signer(&self) -> PathBuf {
        self.path.join(Self::SIGNER)
    }

    /// The trust bundle.
    #[must_use]
    pub fn trust(&self) -> PathBuf {
        self.path.join(Self::TRUST)
    }
}

/// The content of the files.
struct Files {
    root: String,
    root_key: Zeroizing<String>,
    ca: String,
    ca_key: Zeroizing<String>,
    signer: Zeroizing<String>,
    bundle_root_key: Zeroizing<String>,
    trust: Vec<u8>,
}

impl Files {
    fn make(options: &InitOptions) -> Result<Self, PkiError> {
        check_days(options)?;
        let scope = Scope::new(0, options.name_prefixes.clone())?;
        let (organisation, now) = (options.organisation.as_str(), options.now);
        let [root_key, ca_key, leaf_key, bundle_key] = [
            SecretKey::generate()?,
            SecretKey::generate()?,
            SecretKey::generate()?,
            SecretKey::generate()?,
        ];
        let root = Authority::root(
            organisation,
            "root",
            Box::new(root_key.clone()),
            Validity::days(now, options.root_days),
        )?;
        let ca = root.issue_ca(
            organisation,
            "verifier CA",
            Box::new(ca_key.clone()),
            Validity::days(now, options.ca_days),
            Role::Verifier,
        )?;
        let leaf_options = LeafOptions {
            name: "verifier".to_owned(),
            validity: Validity::days(now, options.leaf_days),
            scope,
        };
        let leaf = ca.issue_leaf(organisation, &leaf_options, &leaf_key, Role::Verifier)?;
        let contents = trust_contents(options, &root, &bundle_key)?;
        let trust = sign_trust_bundle(contents, &[&bundle_key])?;

        // What a loader will say, before anything is written.
        let bundle = UnverifiedTrustBundle::parse(&trust)?.provision()?;
        verify_chain(&bundle, &leaf, ca.der(), now, Role::Verifier)?;

        let ca_pem = pem::certificate(ca.der());
        let signer = [&leaf_key.to_pkcs8_pem(), &pem::certificate(&leaf), &ca_pem]
            .map(String::as_str)
            .concat();
        Ok(Self {
            root: pem::certificate(root.der()),
            root_key: root_key.to_pkcs8_pem(),
            ca: ca_pem,
            ca_key: ca_key.to_pkcs8_pem(),
            signer: Zeroizing::new(signer),
            bundle_root_key: bundle_key.to_pkcs8_pem(),
            trust,
        })
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
    bundle_key: &SecretKey,
) -> Result<TrustContents, PkiError> {
    let Validity {
        not_before: issued,
        not_after: expires,
    } = Validity::days(options.now, options.ca_days);
    let platform = Text::new(Platform::NAME).expect("the platform's name is printable ASCII");
    let root_keys = RootKeys::new(1, vec![bundle_key.public_key().clone()])
        .map_err(TrustError::BundleContent)?;
    // The root may later issue CAs for the other roles without a new trust bundle.
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
        let path = self.path.join(name);
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&path)?;
            file.write_all(content)?;
            file.sync_all()
        };
        write().map_err(|error| PkiError::Write {
            path: path.clone(),
            error,
        })
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
