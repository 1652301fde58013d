//! Keys that a command uses.
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

use bpf_pki::{
    InitOptions, KeyAccess, KeyRef, PkiDir, PkiError, SigningIdentity, refuse_passphrase,
};
use bpf_trust::{Role, UnixTime};

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

/// A directory with a signer, whose key lies in `key.pem` and whose chain lies in `chain.pem`.
struct Elsewhere {
    temp: tempfile::TempDir,
}

impl Elsewhere {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = PkiDir::init(&temp.path().join("pki"), &InitOptions::new(NOW)).unwrap();
        let text = fs::read_to_string(dir.signer()).unwrap();
        let at = text.find("-----BEGIN CERTIFICATE").unwrap();
        fs::write(temp.path().join("key.pem"), &text[..at]).unwrap();
        fs::write(temp.path().join("chain.pem"), &text[at..]).unwrap();
        Self { temp }
    }

    fn path(&self, name: &str) -> String {
        self.temp.path().join(name).display().to_string()
    }

    fn identity(&self, command: &str) -> Result<SigningIdentity, PkiError> {
        let key = KeyRef::Exec(command.to_owned());
        let chain = self.path("chain.pem");
        let access = &mut KeyAccess {
            passphrase: &mut refuse_passphrase,
            chain: Some(Path::new(&chain)),
        };
        SigningIdentity::open(&key, access, Role::Verifier)
    }

    fn sign(&self, command: &str) -> Result<[u8; 64], PkiError> {
        self.identity(command)?.signer().sign(b"message")
    }

    fn openssl(&self) -> String {
        format!("openssl dgst -sha256 -sign {}", self.path("key.pem"))
    }
}

fn has_openssl() -> bool {
    Command::new("openssl").arg("version").output().is_ok()
}

#[test]
fn openssl_signs_as_a_command() {
    if !has_openssl() {
        return;
    }
    let keys = Elsewhere::new();
    // Half of its signatures have a high s: each comes back low, and is checked.
    for _ in 0..8 {
        let identity = keys.identity(&keys.openssl()).unwrap();
        let signature = identity.signer().sign(b"message").unwrap();
        let key = identity.leaf().key();
        assert_eq!(key.verify(b"message", &signature), Ok(()));
    }
}

#[test]
fn a_command_reads_the_whole_message() {
    if !has_openssl() {
        return;
    }
    let keys = Elsewhere::new();
    let command = format!("tee {} | {}", keys.path("seen"), keys.openssl());
    let identity = keys.identity(&command).unwrap();
    let message = vec![b'x'; 1 << 20];
    identity.signer().sign(&message).unwrap();
    assert_eq!(fs::read(keys.path("seen")).unwrap(), message);
}

#[test]
fn what_is_no_signature_by_the_key_is_refused() {
    if !has_openssl() {
        return;
    }
    let keys = Elsewhere::new();
    let other = Elsewhere::new();
    for (command, message) in [
        ("false".to_owned(), "the command failed: exit status: 1"),
        (
            "true".to_owned(),
            "what came back, 0 bytes, is no signature: neither r || s in 64 bytes nor DER",
        ),
        (
            "printf '%064d' 0".to_owned(),
            "what came back is not a signature by the key that was named",
        ),
        (
            "yes".to_owned(),
            "what came back, 73 bytes, is no signature: neither r || s in 64 bytes nor DER",
        ),
        (
            other.openssl(),
            "what came back is not a signature by the key that was named",
        ),
        (
            "kill -9 $$".to_owned(),
            "the command failed: signal: 9 (SIGKILL)",
        ),
    ] {
        let error = keys.sign(&command).unwrap_err();
        assert_eq!(error.code().id, "BPF-P013", "{command}: {error}");
        assert_eq!(error.to_string(), format!("exec:{command}: {message}"));
    }
}

#[test]
fn a_command_needs_the_certificates_of_its_key() {
    let keys = Elsewhere::new();
    let reference = KeyRef::Exec("true".to_owned());
    let open = |chain: Option<&str>| {
        let path = chain.map(|name| keys.path(name));
        let error = reference.open(&mut KeyAccess {
            passphrase: &mut refuse_passphrase,
            chain: path.as_deref().map(Path::new),
        });
        error.unwrap_err().code().id
    };
    assert_eq!(open(None), "BPF-P006");
    fs::write(keys.path("empty"), "").unwrap();
    assert_eq!(open(Some("empty")), "BPF-P006");
    assert_eq!(open(Some("absent")), "BPF-P001");
    // A chain that belongs to another key does not make a file sign for it.
    let other = Elsewhere::new();
    let key = KeyRef::File(other.path("key.pem").into());
    fs::set_permissions(
        other.path("key.pem"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let chain = keys.path("chain.pem");
    let error = key.open(&mut KeyAccess {
        passphrase: &mut refuse_passphrase,
        chain: Some(Path::new(&chain)),
    });
    assert_eq!(error.unwrap_err().code().id, "BPF-P006");
}
