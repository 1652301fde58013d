//! What is made here, read and verified by openssl. Without openssl these tests do nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says when it could not try"
)]

#[path = "../statement/tests/common/mod.rs"]
#[allow(unreachable_pub, missing_docs, reason = "tests of another crate")]
mod statements;

use std::fs;
use std::path::Path;
use std::process::Command;

use bpf_pki::{InitOptions, KeyRef, PkiDir, SigningIdentity, sign_statement};
use bpf_statement::{Bundle, Statement};
use bpf_trust::{Role, UnixTime};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// What openssl prints in `dir`, or `None` where there is no openssl.
fn openssl(dir: &Path, args: &[&str]) -> Option<String> {
    let output = match Command::new("openssl").args(args).current_dir(dir).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped, openssl does not start: {error}");
            return None;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {args:?}: {text}{errors}");
    Some(text)
}

fn pki(temp: &Path) -> PkiDir {
    PkiDir::init(&temp.join("pki"), &InitOptions::new(NOW)).unwrap()
}

#[test]
fn openssl_verifies_the_chain() {
    let temp = tempfile::tempdir().unwrap();
    let dir = pki(temp.path());
    let time = NOW.as_secs().to_string();
    let chain = [
        "verify",
        "-x509_strict",
        "-attime",
        &time,
        "-CAfile",
        PkiDir::ROOT,
        "-untrusted",
        &PkiDir::ca_file(Role::Verifier),
        PkiDir::SIGNER,
    ];
    if let Some(text) = openssl(dir.path(), &chain) {
        assert_eq!(text, "signer.pem: OK\n");
    }
}

#[test]
fn openssl_reads_the_keys_and_finds_their_certificates() {
    let temp = tempfile::tempdir().unwrap();
    let dir = pki(temp.path());
    for (key, certificate) in [
        (PkiDir::ROOT_KEY, PkiDir::ROOT),
        (
            &PkiDir::ca_key_file(Role::Verifier),
            &PkiDir::ca_file(Role::Verifier),
        ),
        (PkiDir::SIGNER, PkiDir::SIGNER),
    ] {
        let of_key = openssl(dir.path(), &["pkey", "-in", key, "-check", "-pubout"]);
        let arguments = ["x509", "-in", certificate, "-noout", "-pubkey"];
        let of_certificate = openssl(dir.path(), &arguments);
        let (Some(of_key), Some(of_certificate)) = (of_key, of_certificate) else {
            return;
        };
        assert_eq!(of_key, format!("Key is valid\n{of_certificate}"));
    }
}

#[test]
fn openssl_reads_what_the_profile_says() {
    let temp = tempfile::tempdir().unwrap();
    let dir = pki(temp.path());
    let arguments = ["x509", "-in", PkiDir::SIGNER, "-noout", "-text"];
    let Some(text) = openssl(dir.path(), &arguments) else {
        return;
    };
    for line in [
        "Signature Algorithm: ecdsa-with-SHA256",
        "Issuer: O = bpfsign, CN = verifier CA",
        "Subject: O = bpfsign, CN = verifier",
        "ASN1 OID: prime256v1",
        "X509v3 Key Usage: critical",
        "Digital Signature\n",
        "1.3.6.1.4.1.32473.1.1",
        "X509v3 Basic Constraints: critical",
        "CA:FALSE",
        "1.3.6.1.4.1.32473.2.1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn openssl_verifies_a_signature_on_a_statement() {
    let temp = tempfile::tempdir().unwrap();
    let dir = pki(temp.path());
    let identity = SigningIdentity::load(&KeyRef::File(dir.signer()), Role::Verifier).unwrap();
    let statement = Statement::new(statements::claims()).unwrap();
    let bytes = sign_statement(&statement, &identity).unwrap();
    let bundle = Bundle::parse(&bytes).unwrap();

    let path = |name: &str| dir.path().join(name);
    let signature = p256::ecdsa::Signature::from_slice(bundle.signature()).unwrap();
    fs::write(path("tbs"), bundle.to_be_signed()).unwrap();
    fs::write(path("sig.der"), signature.to_der().as_bytes()).unwrap();
    let arguments = ["x509", "-in", PkiDir::SIGNER, "-noout", "-pubkey"];
    let Some(key) = openssl(dir.path(), &arguments) else {
        return;
    };
    fs::write(path("leaf.pub"), key).unwrap();
    let verify = [
        "dgst",
        "-sha256",
        "-verify",
        "leaf.pub",
        "-signature",
        "sig.der",
        "tbs",
    ];
    let text = openssl(dir.path(), &verify);
    assert_eq!(text.as_deref(), Some("Verified OK\n"));
}
