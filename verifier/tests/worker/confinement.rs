//! What a child can and cannot do.

use std::fs::File;

use bpf_verifier::{Sandbox, WorkerError};
use rustix::io::FdFlags;

use crate::{ask, worker};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("this_kernel_offers_everything", everything_is_offered),
    ("a_child_computes_and_answers", a_child_answers),
    ("a_child_can_open_no_file", no_file),
    ("a_child_can_open_no_socket", no_socket),
    ("a_child_can_start_no_process_or_thread", no_process),
    ("a_process_can_be_made_not_dumpable", not_dumpable),
    ("a_child_has_no_environment_of_its_parent", no_environment),
    ("a_child_has_no_inherited_descriptor", no_descriptors),
    ("without_seccomp_landlock_denies_files", only_landlock),
    ("without_landlock_seccomp_denies_files", only_seccomp),
    ("a_missing_sandbox_is_said", nothing_offered),
];

/// Linux 6.12 and later have all of it; the other tests of this file say what happens without.
fn everything_is_offered() {
    let reply = worker("echo").call(b"").unwrap();
    assert_eq!(reply.sandbox.missing(), [""; 0]);
    assert_eq!(
        reply.sandbox,
        Sandbox {
            seccomp: true,
            landlock: true
        }
    );
}

fn a_child_answers() {
    assert_eq!(ask("echo", b"hello"), "hello");
    assert_eq!(ask("probe", b"nothing"), "fine");
    let large = vec![b'x'; 1 << 20];
    assert_eq!(ask("echo", &large[..1 << 19]).len(), 1 << 19);
}

/// The filter of system calls kills the child (SIGSYS).
fn assert_killed(request: &[u8]) {
    match worker("probe").call(request) {
        Err(WorkerError::Ended { status, .. }) => assert_eq!(status, "signal 31"),
        other => panic!("{}: {other:?}", String::from_utf8_lossy(request)),
    }
}

fn assert_denied(role: &str, request: &str) {
    let answer = ask(role, request.as_bytes());
    assert!(answer.starts_with("denied: "), "{request}: {answer}");
}

fn no_file() {
    assert_denied("probe", "read a file");
    assert_denied("probe", "list a directory");
    assert_denied("probe", "write a file");
}

fn no_socket() {
    assert_killed(b"open a TCP connection");
    assert_killed(b"open a UDP socket");
    assert_killed(b"open a socket pair");
}

fn no_process() {
    assert_killed(b"start a program");
    assert_killed(b"start a thread");
    assert_killed(b"signal a process");
    assert_denied("probe", "duplicate a descriptor");
}

/// The role checks it, in a process of its own, and ends badly if it does not hold.
fn not_dumpable() {
    assert_eq!(ask("hardened", b"fine"), "fine");
}

fn no_environment() {
    let expected = r#"[("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512VL")]"#;
    assert_eq!(ask("probe", b"environment"), expected);
}

/// An open file that children inherit is closed before the work starts. The child's own descriptors
/// are its input, two names for text about failures, and the one for its reply.
fn no_descriptors() {
    let file = File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&file, FdFlags::empty()).unwrap();
    let answer = ask("no-seccomp", b"descriptors");
    assert_eq!(answer.split(' ').count(), 4, "{answer}");
    assert!(answer.starts_with("0 1 2 "), "{answer}");
}

fn only_landlock() {
    let reply = worker("no-seccomp").call(b"read a file").unwrap();
    let (seccomp, landlock) = (false, true);
    assert_eq!(reply.sandbox, Sandbox { seccomp, landlock });
    assert_eq!(reply.sandbox.missing(), ["seccomp"]);
    for request in [
        "read a file",
        "list a directory",
        "write a file",
        "open a TCP connection",
    ] {
        assert_denied("no-seccomp", request);
    }
}

fn only_seccomp() {
    let reply = worker("no-landlock").call(b"nothing").unwrap();
    let (seccomp, landlock) = (true, false);
    assert_eq!(reply.sandbox, Sandbox { seccomp, landlock });
    assert_eq!(reply.sandbox.missing(), ["Landlock"]);
    assert_eq!(
        reply.sandbox,
        Sandbox {
            seccomp: true,
            landlock: false
        }
    );
    assert_denied("no-landlock", "read a file");
}

/// Limits remain: a process that may open no descriptor can open no file either.
fn nothing_offered() {
    let reply = worker("no-sandbox").call(b"read a file").unwrap();
    assert_eq!(reply.sandbox, Sandbox::default());
    assert_eq!(reply.sandbox.missing(), ["seccomp", "Landlock"]);
    assert_eq!(
        reply.sandbox,
        Sandbox {
            seccomp: false,
            landlock: false
        }
    );
    assert!(reply.payload.starts_with(b"denied: "));
}
