//! Keys that must not, or cannot, be used.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::lab::{Lab, Transcript};

fn set_mode(lab: &Lab, name: &str, mode: u32) {
    fs::set_permissions(lab.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn keys_that_are_not_usable() {
    let lab = Lab::new();
    let mut seen = Transcript::default();
    let mut refused = |lab: &Lab, what: &str, key: &str, code: &str| {
        let command = format!("bpfsign verify-and-sign prog.o --key {key}");
        seen.add(what, &lab.refuses(&command, code, 30));
    };
    refused(&lab, "absent", "absent.pem", "BPF-P001");
    refused(&lab, "directory", "pki", "BPF-P001");
    refused(&lab, "variable that is not set", "env:NO_SUCH", "BPF-P001");
    refused(&lab, "token", "pkcs11:token=x", "BPF-P007");
    refused(&lab, "command without a chain", "exec:sign", "BPF-P006");
    refused(&lab, "no chain", "pki/root.key", "BPF-P006");
    let keys = e2e::root().join("pki/tests/keys");
    for (what, file, code) in [
        ("encrypted", "encrypted.pem", "BPF-P004"),
        (
            "encrypted in the old form",
            "sec1-encrypted.pem",
            "BPF-P004",
        ),
        ("old form", "sec1.pem", "BPF-P003"),
        ("other curve", "p384.pem", "BPF-P005"),
        ("curve of other parameters", "secp256k1.pem", "BPF-P005"),
        ("curve spelt out", "explicit.pem", "BPF-P005"),
        ("RSA", "rsa.pem", "BPF-P005"),
        ("Ed25519", "ed25519.pem", "BPF-P005"),
        ("contradicts itself", "contradictory.pem", "BPF-P003"),
    ] {
        lab.write("key.pem", &fs::read(keys.join(file)).unwrap());
        set_mode(&lab, "key.pem", 0o600);
        refused(&lab, what, "key.pem", code);
    }
    for (what, text) in [
        ("empty", &b""[..]),
        ("not PEM", b"key"),
        ("binary", &[0, 159, 146, 150]),
    ] {
        lab.write("key.pem", text);
        refused(&lab, what, "key.pem", "BPF-P003");
    }
    for mode in [0o640, 0o604, 0o660] {
        set_mode(&lab, "pki/signer.pem", mode);
        let what = format!("mode {mode:o}");
        refused(&lab, &what, "pki/signer.pem", "BPF-P002");
    }
    insta::assert_snapshot!("keys_that_are_not_usable", seen.text());
}

/// The parts of `signer.pem` in other places.
#[test]
fn chains_that_do_not_belong_to_the_key() {
    let (lab, other) = (Lab::new(), Lab::empty());
    other.run("bpfsign pki init --dir pki").ok();
    let parts = |lab: &Lab| {
        let text = String::from_utf8(lab.read("pki/signer.pem")).unwrap();
        let mut parts: Vec<String> = text
            .split_inclusive("-----\n")
            .collect::<Vec<_>>()
            .chunks(2)
            .map(|lines| lines.concat())
            .collect();
        let (ca, leaf) = (parts.pop().unwrap(), parts.pop().unwrap());
        (parts.pop().unwrap(), leaf, ca)
    };
    let (key, leaf, ca) = parts(&lab);
    let (_, other_leaf, other_ca) = parts(&other);
    let mut seen = Transcript::default();
    for (what, parts) in [
        ("leaf alone", vec![&key, &leaf]),
        ("CA and leaf", vec![&key, &ca, &leaf]),
        ("leaf of another key", vec![&key, &other_leaf, &other_ca]),
        ("another CA", vec![&key, &leaf, &other_ca]),
        ("two keys", vec![&key, &key, &leaf, &ca]),
    ] {
        let text: String = parts.into_iter().map(String::as_str).collect();
        lab.write("pki/signer.pem", text.as_bytes());
        let code = if what == "two keys" {
            "BPF-P003"
        } else {
            "BPF-P006"
        };
        let command = "bpfsign verify-and-sign prog.o --key pki/signer.pem";
        seen.add(what, &lab.refuses(command, code, 30));
    }
    insta::assert_snapshot!("chains_that_do_not_belong_to_the_key", seen.text());
}

#[test]
fn directories_of_keys() {
    let lab = Lab::new();
    let mut seen = Transcript::default();
    for (command, code, exit) in [
        ("bpfsign pki init --dir pki", "BPF-P008", 2),
        ("bpfsign pki init --dir prog.o/pki", "BPF-P009", 31),
        ("bpfsign pki init --dir absent/pki", "BPF-P009", 31),
        (
            "bpfsign pki init --dir new --name-prefix Edge-",
            "BPF-P010",
            2,
        ),
    ] {
        seen.add(command, &lab.refuses(command, code, exit));
    }
    insta::assert_snapshot!("directories_of_keys", seen.text());
}
