//! Files that are no objects, and objects that are not taken.

use std::fs::{self, File};
use std::process::Command;

use bpf_object::{Object, ParseOptions};

use crate::lab::{Lab, Transcript, sample};

/// An object that the tests of `bpf-object` hold.
fn fixture(name: &str) -> Vec<u8> {
    let path = format!("loader/object/tests/fixtures/refused/{name}.o");
    fs::read(e2e::root().join(path)).unwrap()
}

fn corpus(name: &str) -> Vec<u8> {
    let path = format!("ebpf-samples/corpus/{name}.o");
    fs::read(e2e::root().join(path)).unwrap()
}

/// `verify` and `verify-and-sign` refuse `bad.o` alike.
#[track_caller]
fn refused(lab: &Lab, seen: &mut Transcript, what: &str, code: &str, exit: i32) {
    let verified = lab.refuses("bpfsign verify bad.o", code, exit);
    let signed = lab.refuses(
        "bpfsign verify-and-sign bad.o --key pki/signer.pem",
        code,
        exit,
    );
    assert_eq!(verified.err, signed.err);
    seen.add(what, &verified);
}

#[test]
fn files_that_are_no_objects() {
    let lab = Lab::new();
    let mut seen = Transcript::default();
    refused(&lab, &mut seen, "absent", "BPF-P901", 3);
    fs::create_dir(lab.path("bad.o")).unwrap();
    refused(&lab, &mut seen, "directory", "BPF-P901", 3);
    fs::remove_dir(lab.path("bad.o")).unwrap();
    let made = Command::new("mkfifo").arg(lab.path("bad.o")).status();
    assert!(made.unwrap().success());
    let ended = lab.run("bpfsign verify bad.o");
    assert_eq!((ended.code(), ended.exit), ("BPF-P901", 3), "{ended}");
    seen.add("pipe without a writer", &ended);
    fs::remove_file(lab.path("bad.o")).unwrap();
    File::create(lab.path("bad.o"))
        .unwrap()
        .set_len(2 << 30)
        .unwrap();
    refused(&lab, &mut seen, "2 GiB", "BPF-P902", 3);
    for (what, bytes, code) in [
        ("empty", Vec::new(), "BPF-O004"),
        ("text", b"int main(void)\n".to_vec(), "BPF-O004"),
        ("1 MiB of zeros", vec![0; 1 << 20], "BPF-O004"),
        ("one byte more", vec![0; (1 << 20) + 1], "BPF-P902"),
    ] {
        lab.write("bad.o", &bytes);
        refused(&lab, &mut seen, what, code, 3);
    }
    insta::assert_snapshot!("files_that_are_no_objects", seen.text());
}

#[test]
fn objects_that_are_not_taken() {
    let lab = Lab::new();
    let mut seen = Transcript::default();
    let good = sample("rate-limiter");
    let changed = |at: usize, value: u8| {
        let mut bytes = good.clone();
        assert_ne!(bytes[at], value);
        bytes[at] = value;
        bytes
    };
    for (what, bytes, code) in [
        ("cut off in the header", good[..40].to_vec(), "BPF-O007"),
        (
            "cut off in the sections",
            good[..good.len() / 2].to_vec(),
            "BPF-O007",
        ),
        (
            "cut off by a byte",
            good[..good.len() - 1].to_vec(),
            "BPF-O007",
        ),
        (
            "a flipped bit in the header",
            changed(0x28, good[0x28] ^ 1),
            "BPF-O007",
        ),
        ("32 bits", changed(4, 1), "BPF-O005"),
        ("big-endian", fixture("bpfeb"), "BPF-O005"),
        ("x86", fixture("x86_64"), "BPF-O005"),
        ("executable", changed(16, 2), "BPF-O006"),
        ("no program", fixture("no_program"), "BPF-O011"),
        ("unknown section", fixture("unknown_section"), "BPF-O010"),
        ("map of an unknown kind", fixture("map_kind"), "BPF-O017"),
        ("map that is too large", fixture("map_shape"), "BPF-O003"),
        (
            "undefined function",
            fixture("undefined_function"),
            "BPF-O013",
        ),
        ("nine programs", fixture("nine_programs"), "BPF-O018"),
    ] {
        lab.write("bad.o", &bytes);
        refused(&lab, &mut seen, what, code, 3);
    }
    insta::assert_snapshot!("objects_that_are_not_taken", seen.text());
}

#[test]
fn unknown_helper() {
    let lab = Lab::new();
    lab.write("bad.o", &corpus("19_unknown_helper"));
    let before = lab.files();
    let mut seen = Transcript::default();
    for command in ["verify bad.o", "verify-and-sign bad.o --key pki/signer.pem"] {
        let ended = lab.run(&format!("bpfsign {command}"));
        assert_eq!((ended.code(), ended.exit), ("BPF-V010", 10), "{ended}");
        seen.add(command, &ended);
    }
    assert_eq!(lab.files(), before);
    insta::assert_snapshot!("unknown_helper", seen.text());
}

/// Wherever an object ends too early, or a bit is flipped, the parser says so, or it is another
/// object, which no bundle of the first one fits.
#[test]
fn objects_cut_off_anywhere_and_with_any_bit_flipped() {
    let good = sample("rate-limiter");
    let parse = |bytes: &[u8]| Object::parse(bytes, ParseOptions::default());
    for length in 0..good.len() {
        let error = parse(&good[..length]).expect_err("parsed");
        assert_eq!(error.code().exit.number(), 3, "{length}: {error}");
    }
    let digest = parse(&good).unwrap().digest();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match parse(&bytes) {
            Ok(object) => assert_ne!(object.digest(), digest, "bit {bit}"),
            Err(error) => assert_eq!(error.code().exit.number(), 3, "bit {bit}: {error}"),
        }
    }
}

/// The same files are refused by the commands that only look.
#[test]
fn inspect_and_disasm_refuse_alike() {
    let lab = Lab::new();
    lab.write("bad.o", &fixture("unknown_section"));
    let inspected = lab.refuses("bpfsign inspect bad.o", "BPF-O010", 3);
    let disassembled = lab.refuses("bpfsign disasm bad.o", "BPF-O010", 3);
    assert_eq!(inspected.err, disassembled.err);
    let mut seen = Transcript::default();
    lab.write("notes.txt", b"");
    for (command, code, exit) in [
        ("bpfsign disasm prog.o --program absent", "BPF-P908", 2),
        ("bpfsign inspect notes.txt", "BPF-P907", 3),
        ("bpfsign inspect absent.o", "BPF-P901", 3),
        ("bpfsign explain BPF-X999", "BPF-P905", 2),
    ] {
        seen.add(command, &lab.refuses(command, code, exit));
    }
    insta::assert_snapshot!("inspect_and_disasm", seen.text());
}

/// Errors in JSON are one document on standard output, with the same exit code.
#[test]
fn errors_in_json() {
    let lab = Lab::new();
    lab.write("bad.o", b"");
    let before = lab.files();
    let ended = lab.run("bpfsign verify bad.o --json");
    assert_eq!((ended.exit, ended.err.as_str()), (3, ""));
    let value: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(value["error"]["code"], "BPF-O004");
    assert_eq!(value["error"]["exit"], 3);
    assert_eq!(lab.files(), before);
    insta::assert_snapshot!("error_in_json", ended.out);
}
