//! An installation whose certificates can be made wrong in any way.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several tests, which use different parts of it and fail by panicking"
)]

use bpf_loader::StateDir;
use bpf_statement::{BundleBuilder, Claims, Statement};
use bpf_trust::TrustContents;

use crate::lab::{Lab, now};
use crate::pki::{DAY, Pki, date, sign_bundle};

/// The certificates of the tests of `bpf-trust`, valid now.
pub(crate) fn certificates() -> Pki {
    let mut pki = Pki::new();
    for params in [&mut pki.root, &mut pki.ca, &mut pki.leaf] {
        params.not_before = date(now().saturating_sub(DAY));
        params.not_after = date(now().saturating_add(90 * DAY));
    }
    pki
}

/// The same, changed.
pub(crate) fn certificates_with(change: impl FnOnce(&mut Pki)) -> Pki {
    let mut pki = certificates();
    change(&mut pki);
    pki
}

/// A loader that trusts the root of [`certificates`] and has admitted the program.
pub(crate) struct Installation {
    pub(crate) lab: Lab,
    pki: Pki,
}

impl Installation {
    pub(crate) fn new() -> Self {
        let mut lab = Lab::new();
        let pki = certificates();
        std::fs::remove_dir_all(lab.path("st")).unwrap();
        let trust = trust_bundle(&pki, |_| {});
        lab.write("pki/trust.bpftrust", &trust);
        StateDir::init(&lab.path("st"), &trust).unwrap();
        lab.write("prog.o.bpfsig", &bundle(&pki, lab.claims()));
        lab.admit();
        Self { lab, pki }
    }

    /// The same with a second version of the trust bundle.
    pub(crate) fn with(change: impl FnOnce(&mut TrustContents)) -> Self {
        let installation = Self::new();
        let trust = trust_bundle(&installation.pki, |contents| {
            contents.version = 2;
            change(contents);
        });
        installation.lab.write("pki/trust.bpftrust", &trust);
        installation
    }

    /// The loader refuses these bytes as the bundle of the next version.
    #[track_caller]
    pub(crate) fn refused_bundle(&self, bundle: &[u8], code: &str, exit: i32) {
        self.lab.write("prog.o.bpfsig", bundle);
        self.lab.loader_refuses(code, exit);
    }

    /// The loader refuses the next version, signed with these certificates.
    #[track_caller]
    pub(crate) fn refused(&self, hostile: &Pki, code: &str, exit: i32) {
        self.refused_chain(hostile, &hostile.leaf_der(), &hostile.ca_der(), code, exit);
    }

    /// The loader refuses the next version, signed with the leaf key of `hostile`, beside these
    /// certificates.
    #[track_caller]
    pub(crate) fn refused_chain(
        &self,
        hostile: &Pki,
        leaf: &[u8],
        ca: &[u8],
        code: &str,
        exit: i32,
    ) {
        let bundle = bundle_with_chain(hostile, leaf, ca, self.next_claims());
        let genuine = self.lab.read("prog.o.bpfsig");
        self.refused_bundle(&bundle, code, exit);
        self.lab.write("prog.o.bpfsig", &genuine);
    }

    /// The loader refuses the next version with these claims.
    #[track_caller]
    pub(crate) fn refused_claims(&self, code: &str, exit: i32, change: impl FnOnce(&mut Claims)) {
        let mut claims = self.next_claims();
        change(&mut claims);
        self.refused_bundle(&bundle(&self.pki, claims), code, exit);
    }

    /// What is said of the program, one version later.
    pub(crate) fn next_claims(&self) -> Claims {
        let mut claims = self.lab.claims();
        claims.counter += 1;
        claims
    }
}

fn trust_bundle(pki: &Pki, change: impl FnOnce(&mut TrustContents)) -> Vec<u8> {
    let mut contents = pki.contents();
    contents.issued = now().saturating_sub(DAY);
    contents.expires = now().saturating_add(DAY);
    change(&mut contents);
    sign_bundle(contents, &[&pki.bundle_key])
}

/// Signed by the leaf of `pki`.
pub(crate) fn bundle(pki: &Pki, claims: Claims) -> Vec<u8> {
    bundle_with_chain(pki, &pki.leaf_der(), &pki.ca_der(), claims)
}

pub(crate) fn bundle_with_chain(pki: &Pki, leaf: &[u8], ca: &[u8], claims: Claims) -> Vec<u8> {
    let statement = Statement::new(claims).unwrap();
    let builder = BundleBuilder::new(&statement, leaf, ca).unwrap();
    builder.assemble(&pki.leaf_key.sign(&builder.to_be_signed()))
}
