//! Keys in a token, as SoftHSM plays one. Without it the tests say that they are skipped.
#![cfg(feature = "pkcs11")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use bpf_pki::{Authority, KeyAccess, KeyRef, PkiError, Validity, refuse_passphrase};
use bpf_trust::UnixTime;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// The library reads the place of its tokens from the environment when it is loaded, once for the
/// process: so one test does it all, in a process of its own.
#[test]
fn a_token_signs_and_keeps_its_key() {
    if !Path::new(MODULE).exists() {
        eprintln!("skipped: SoftHSM is not installed ({MODULE})");
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("tokens")).unwrap();
    let config = temp.path().join("softhsm2.conf");
    let tokens = temp.path().join("tokens");
    fs::write(
        &config,
        format!("directories.tokendir = {}\n", tokens.display()),
    )
    .unwrap();
    fs::write(temp.path().join("pin"), "1234\n").unwrap();
    let openssl = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys/p256.pem");
    let tool = |arguments: &[&str]| {
        let mut command = Command::new("softhsm2-util");
        let output = command
            .env("SOFTHSM2_CONF", &config)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    tool(&[
        "--init-token",
        "--free",
        "--label",
        "test token",
        "--pin",
        "1234",
        "--so-pin",
        "5678",
    ]);
    for (label, id) in [("signer", "01"), ("twin", "02"), ("twin", "03")] {
        tool(&[
            "--import",
            &openssl.display().to_string(),
            "--token",
            "test token",
            "--label",
            label,
            "--id",
            id,
            "--pin",
            "1234",
        ]);
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "uses_its_token", "--ignored", "--nocapture"])
        .env("SOFTHSM2_CONF", &config)
        .env("BPF_PKI_TEST_PIN", temp.path().join("pin"))
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "runs in a process that a_token_signs_and_keeps_its_key starts"]
fn uses_its_token() {
    let pin = std::env::var("BPF_PKI_TEST_PIN").unwrap();
    let open = |uri: &str| {
        let key: KeyRef = format!("pkcs11:{uri}").parse().unwrap();
        key.open(&mut KeyAccess {
            passphrase: &mut |name| {
                assert_eq!(name, "the token test token");
                Ok("1234".to_owned().into())
            },
            chain: None,
        })
    };
    let module = format!("module-path={MODULE}");
    let asked = format!("token=test%20token;object=signer?{module}");
    for uri in [
        asked.clone(),
        format!("token=test%20token;id=%01?{module}&pin-source=file:{pin}"),
    ] {
        let key = open(&uri).unwrap();
        for number in 0..8_u8 {
            let signature = key.signer.sign(&[number]).unwrap();
            let public = key.signer.public_key();
            assert_eq!(public.verify(&[number], &signature), Ok(()));
        }
    }

    // A root in a token.
    let now = UnixTime::from_secs(1_795_000_000);
    let root = open(&asked).unwrap();
    Authority::root("Org", "root", root.signer, Validity::days(now, 10)).unwrap();

    for (uri, message) in [
        (
            format!("token=other;object=signer?{module}"),
            "0 tokens are as described; it has to be one",
        ),
        (
            format!("token=test%20token;object=x?{module}"),
            "0 keys in the token are as described; it has to be one",
        ),
        (
            format!("token=test%20token;object=twin?{module}"),
            "2 keys in the token are as described; it has to be one",
        ),
        ("token=x?module-path=/no/such.so".to_owned(), "no/such.so"),
    ] {
        let error = open(&uri).unwrap_err();
        assert_eq!(error.code().id, "BPF-P014", "{uri}: {error}");
        assert!(error.to_string().contains(message), "{uri}: {error}");
    }
    let key: KeyRef = format!("pkcs11:{asked}").parse().unwrap();
    let error = key.open(&mut KeyAccess {
        passphrase: &mut refuse_passphrase,
        chain: None,
    });
    assert!(matches!(error, Err(PkiError::Key { .. })));
}
