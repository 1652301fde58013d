//! Key files: those that are read, and why each other one is not.
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
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_pki::{
    InitOptions, Key, KeyAccess, KeyFile, KeyRef, PkiDir, PkiError, Signer, SigningIdentity,
    refuse_passphrase,
};
use bpf_trust::{Role, UnixTime};
use platform_click::ExitCode;

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

struct Temp(tempfile::TempDir);

impl Temp {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, mode: u32, content: &[u8]) -> PathBuf {
        let path = self.0.path().join("key.pem");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// A copy of `tests/keys/NAME` that only its owner may read.
    fn key(&self, name: &str) -> PathBuf {
        let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys");
        self.file(0o600, &fs::read(keys.join(name)).unwrap())
    }

    fn pki(&self) -> PkiDir {
        PkiDir::init(&self.0.path().join("pki"), &InitOptions::new(NOW)).unwrap()
    }
}

/// Asserts the code, that it is a key's fault, and the end of the message.
#[track_caller]
fn assert_refused<T: core::fmt::Debug>(result: Result<T, PkiError>, id: &str, message: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code().id, id, "{error}");
    assert_eq!(error.exit_code(), ExitCode::Key);
    assert!(error.to_string().ends_with(message), "{error}");
}

#[test]
fn a_key_by_openssl_is_read_and_signs() {
    let temp = Temp::new();
    let file = KeyFile::load(&temp.key("p256.pem")).unwrap();
    assert!(file.certificates().is_empty());
    let key = file.key();
    let signature = key.sign(b"message").unwrap();
    assert_eq!(key.public_key().verify(b"message", &signature), Ok(()));
    // RFC 6979: one signature for one message.
    assert_eq!(key.sign(b"message").unwrap(), signature);
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let temp = Temp::new();
    for mode in [0o640, 0o604, 0o620, 0o601, 0o644, 0o660, 0o777] {
        let content = fs::read(temp.key("p256.pem")).unwrap();
        let path = temp.file(mode, &content);
        let message = format!("mode {mode:04o} lets others at the key (chmod 600)");
        assert_refused(KeyFile::load(&path), "BPF-P002", &message);
    }
    let content = fs::read(temp.key("p256.pem")).unwrap();
    assert!(KeyFile::load(&temp.file(0o400, &content)).is_ok());
}

#[test]
fn keys_of_other_algorithms_are_named() {
    let temp = Temp::new();
    for (file, algorithm) in [
        ("p384.pem", "P-384"),
        ("secp256k1.pem", "secp256k1"),
        ("ed25519.pem", "Ed25519"),
        ("rsa.pem", "RSA"),
        ("explicit.pem", "a curve that is not named"),
    ] {
        let message = format!("the key is for {algorithm}, not for P-256");
        assert_refused(KeyFile::load(&temp.key(file)), "BPF-P005", &message);
    }
}

#[test]
fn encrypted_keys_are_read_with_their_passphrase() {
    let temp = Temp::new();
    // PBES2 with PBKDF2, and with scrypt, as openssl writes them.
    for file in ["encrypted.pem", "encrypted-scrypt.pem"] {
        let path = temp.key(file);
        let open = |passphrase: &str| {
            KeyFile::load_with(&path, &mut |name| {
                assert!(name.ends_with("key.pem"), "{name}");
                Ok(passphrase.to_owned().into())
            })
        };
        let signature = open("secret").unwrap().key().sign(b"message").unwrap();
        assert_eq!(signature.len(), 64);
        for wrong in ["", "Secret", "secret "] {
            let message = "the passphrase does not decrypt the key";
            assert_refused(open(wrong), "BPF-P004", message);
        }
        let message = "it has a passphrase, and none was given";
        assert_refused(KeyFile::load(&path), "BPF-P004", message);
    }
    assert_refused(
        KeyFile::load(&temp.key("sec1-encrypted.pem")),
        "BPF-P004",
        "the key is encrypted with the older form of OpenSSL, which is not read",
    );
    for (file, what) in [
        ("encrypted-pbes1.pem", "PBES1, which is broken"),
        (
            "encrypted-iterations.pem",
            "PBKDF2 with more than 10,000,000 iterations",
        ),
        (
            "encrypted-memory.pem",
            "scrypt with more than 256 MiB or 16 passes",
        ),
    ] {
        let open = KeyFile::load_with(&temp.key(file), &mut |_| Ok("secret".to_owned().into()));
        let message = format!("the key is encrypted with {what}, which is not read");
        assert_refused(open, "BPF-P004", &message);
    }
}

#[test]
fn what_is_no_pkcs8_key_is_refused() {
    let temp = Temp::new();
    let load = |content: &[u8]| KeyFile::load(&temp.file(0o600, content));
    let good = fs::read_to_string(temp.key("p256.pem")).unwrap();
    assert_refused(load(b""), "BPF-P003", "there is no key in it");
    assert_refused(load(b"\x30\x82\xff"), "BPF-P003", "there is no key in it");
    assert_refused(
        load((good.clone() + &good).as_bytes()),
        "BPF-P003",
        "there is more than one key in it",
    );
    assert_refused(
        KeyFile::load(&temp.key("sec1.pem")),
        "BPF-P003",
        "the part `EC PRIVATE KEY` is neither a PKCS#8 key nor a certificate",
    );
    assert_refused(
        KeyFile::load(&temp.key("contradictory.pem")),
        "BPF-P003",
        "the key is not valid PKCS#8",
    );
    let escape = "-----BEGIN \x1b[2JKEY-----\n-----END \x1b[2JKEY-----\n";
    assert_refused(
        load(escape.as_bytes()),
        "BPF-P003",
        "the part `[2JKEY` is neither a PKCS#8 key nor a certificate",
    );
    let long = vec![b' '; 65_537];
    assert_refused(
        load(&long),
        "BPF-P003",
        "longer than the 65536 bytes of a key with its chain",
    );
}

#[test]
fn a_damaged_key_is_refused_wherever_it_ends() {
    let temp = Temp::new();
    let good = fs::read(temp.key("p256.pem")).unwrap();
    // Without the last line break it is still whole.
    for end in 0..good.len() - 1 {
        let error = KeyFile::load(&temp.file(0o600, &good[..end])).unwrap_err();
        assert_eq!(error.code().id, "BPF-P003", "byte {end}: {error}");
    }
    assert!(KeyFile::load(&temp.file(0o600, &good[..good.len() - 1])).is_ok());
}

#[test]
fn what_cannot_be_read_is_said_to_be_unreadable() {
    let temp = Temp::new();
    let missing = temp.0.path().join("missing.pem");
    let error = KeyFile::load(&missing).unwrap_err();
    assert_eq!(error.code().id, "BPF-P001");
    assert!(error.to_string().contains("missing.pem: cannot be read"));
    assert_refused(KeyFile::load(temp.0.path()), "BPF-P001", "not a file");
    assert_refused(
        KeyFile::load("/dev/null".as_ref()),
        "BPF-P001",
        "not a file",
    );
    let pipe = temp.0.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    assert_refused(KeyFile::load(&pipe), "BPF-P001", "not a file");
}

#[test]
fn text_around_the_parts_is_skipped() {
    let temp = Temp::new();
    let dir = temp.pki();
    let signer = fs::read_to_string(dir.signer()).unwrap();
    let with_text = signer.replace("-----BEGIN", "Certificate:\n  Data: x\n-----BEGIN");
    let path = temp.file(0o600, with_text.as_bytes());
    assert!(SigningIdentity::load(&KeyRef::File(path), Role::Verifier).is_ok());
}

#[test]
fn a_key_without_the_chain_that_belongs_to_it_signs_nothing() {
    let temp = Temp::new();
    let dir = temp.pki();
    let signer = fs::read_to_string(dir.signer()).unwrap();
    let mut parts: Vec<String> = signer
        .split_inclusive("-----\n")
        .collect::<Vec<_>>()
        .chunks(2)
        .map(<[&str]>::concat)
        .collect();
    let (ca, leaf, key) = (
        parts.pop().unwrap(),
        parts.pop().unwrap(),
        parts.pop().unwrap(),
    );
    let root = fs::read_to_string(dir.path().join(PkiDir::ROOT)).unwrap();
    let other_key =
        fs::read_to_string(dir.path().join(PkiDir::ca_key_file(Role::Verifier))).unwrap();
    let load = |parts: &[&str]| {
        let path = temp.file(0o600, parts.concat().as_bytes());
        SigningIdentity::load(&KeyRef::File(path), Role::Verifier)
    };
    assert!(load(&[&key, &leaf, &ca]).is_ok());
    assert!(load(&[&leaf, &ca, &key]).is_ok(), "the key may stand last");
    for (parts, count) in [
        (vec![&key], 0),
        (vec![&key, &leaf], 1),
        (vec![&key, &leaf, &ca, &root], 3),
    ] {
        let parts: Vec<_> = parts.into_iter().map(String::as_str).collect();
        let message =
            format!("{count} certificates come with the key, two are needed: leaf and CA");
        assert_refused(load(&parts), "BPF-P006", &message);
    }
    assert_refused(
        load(&[&key, &ca, &leaf]),
        "BPF-P006",
        "certificate 1: it is a CA",
    );
    assert_refused(
        load(&[&key, &leaf, &leaf]),
        "BPF-P006",
        "certificate 2: it is not a CA",
    );
    assert_refused(
        load(&[&other_key, &leaf, &ca]),
        "BPF-P006",
        "the leaf certificate, of `CN=verifier,O=bpfsign`, is for another key",
    );
    let elsewhere = temp.0.path().join("elsewhere");
    let elsewhere = PkiDir::init(&elsewhere, &InitOptions::new(NOW)).unwrap();
    let other_ca =
        fs::read_to_string(elsewhere.path().join(PkiDir::ca_file(Role::Verifier))).unwrap();
    assert_refused(
        load(&[&key, &leaf, &other_ca]),
        "BPF-P006",
        "`CN=verifier CA,O=bpfsign` did not issue the leaf certificate",
    );
    let path = temp.file(0o600, signer.as_bytes());
    let operator = SigningIdentity::load(&KeyRef::File(path), Role::Operator);
    let error = operator.unwrap_err();
    assert_eq!(error.code().id, "BPF-P006");
}

#[test]
fn references() {
    for (text, expected) in [
        ("signer.pem", KeyRef::File("signer.pem".into())),
        ("C:x", KeyRef::File("C:x".into())),
        ("./env:x", KeyRef::File("./env:x".into())),
        ("env:KEY", KeyRef::Env("KEY".into())),
        (
            "pkcs11:token=a;object=b",
            KeyRef::Pkcs11("token=a;object=b".into()),
        ),
        ("exec:sign --now", KeyRef::Exec("sign --now".into())),
    ] {
        let reference: KeyRef = text.parse().unwrap();
        assert_eq!(reference, expected);
        assert_eq!(reference.to_string(), text);
    }
    for name in ["BPF_PKI_TEST_UNSET", "", "A=B", "A\0"] {
        let reference = KeyRef::Env(name.into());
        let error = open(&reference, None).unwrap_err();
        assert_eq!(error.code().id, "BPF-P001", "{name:?}");
    }
}

fn open(reference: &KeyRef, chain: Option<&Path>) -> Result<Key, PkiError> {
    reference.open(&mut KeyAccess {
        passphrase: &mut refuse_passphrase,
        chain,
    })
}

#[cfg(not(feature = "pkcs11"))]
#[test]
fn keys_in_tokens_take_a_build_for_them() {
    let reference: KeyRef = "pkcs11:token=a".parse().unwrap();
    let error = open(&reference, None).unwrap_err();
    assert_eq!(error.code().id, "BPF-P007");
    assert_eq!(error.exit_code(), ExitCode::Key);
}

/// A test cannot change its own environment safely, so it starts itself again with another.
#[test]
fn a_key_in_a_variable_is_read() {
    let temp = Temp::new();
    let signer = fs::read_to_string(temp.pki().signer()).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "reads_its_variable", "--quiet"])
        .env("BPF_PKI_TEST_KEY", signer)
        .status()
        .unwrap();
    assert!(status.success());
}

/// Does something only when the test above starts it.
#[test]
fn reads_its_variable() {
    if std::env::var_os("BPF_PKI_TEST_KEY").is_some() {
        let reference = KeyRef::Env("BPF_PKI_TEST_KEY".into());
        SigningIdentity::load(&reference, Role::Verifier).unwrap();
    }
}
