use alloc::format;
use alloc::string::String;

use super::session::Session;
use crate::testing::{MemoryHost, router};

const ROUTER: &str = "s :: InfiniteSource(LIMIT 5) -> c :: Counter -> Discard;
    x :: Script(TYPE PASSIVE, return \"<$args>\"); e :: Script(TYPE PASSIVE, error \"so not\")";

/// What a server answers to what a client sends, piece by piece.
fn talk(read_only: bool, pieces: &[&str]) -> String {
    let mut host = MemoryHost::new(&[]);
    let mut router = router(ROUTER, &mut host).unwrap();
    let mut session = Session::default();
    let mut out = String::new();
    for piece in pieces {
        router.outside(&mut host, |context| {
            out.push_str(&session.take(piece.as_bytes(), read_only, context));
        });
    }
    out
}

#[test]
fn commands_are_answered() {
    for (commands, answer) in [
        (
            "READ c.count\n",
            "200 Read handler 'c.count' OK\r\nDATA 1\r\n0",
        ),
        (
            "read c.count\r\n",
            "200 Read handler 'c.count' OK\r\nDATA 1\r\n0",
        ),
        (
            "READ x.run a b\n",
            "200 Read handler 'x.run' OK\r\nDATA 7\r\n\"<a b>\"",
        ),
        (
            "READDATA x.run 3\nabc",
            "200 Read handler 'x.run' OK\r\nDATA 7\r\n\"<abc>\"",
        ),
        (
            "READUNTIL x.run E\nab\nE\n",
            "200 Read handler 'x.run' OK\r\nDATA 8\r\n\"<ab\\n>\"",
        ),
        (
            "WRITE s.limit 7\nREAD s.limit\n",
            "200 Write handler 's.limit' OK\r\n200 Read handler 's.limit' OK\r\nDATA 1\r\n7",
        ),
        (
            "WRITEDATA s.limit 1\n8\nREAD s.limit\n",
            "200 Write handler 's.limit' OK\r\n200 Read handler 's.limit' OK\r\nDATA 1\r\n8",
        ),
        (
            "READ driver\n",
            "200 Read handler 'driver' OK\r\nDATA 9\r\nuserlevel",
        ),
        ("CHECKREAD c.count\n", "200 Read handler 'c.count' OK\r\n"),
        (
            "CHECKWRITE c.count\n",
            "511 Handler 'c.count' not writable\r\n",
        ),
        (
            "CHECKREAD c.nothing\n",
            "511 No handler named 'c.nothing'\r\n",
        ),
        ("READ c.reset\n", "530 Handler 'c.reset' write-only\r\n"),
        ("WRITE c.count\n", "530 Handler 'c.count' read-only\r\n"),
        ("READ y.count\n", "510 No element named 'y'\r\n"),
        ("READ c.\n", "500 Bad handler name 'c.'\r\n"),
        ("READ\n", "500 Wrong number of arguments\r\n"),
        (
            "READDATA x.run much\n",
            "500 Syntax error in 'READDATA'\r\n",
        ),
        (
            "READ e.run\n",
            "520-Read handler 'e.run' error:\r\n520 `e.run`: \"so not\"\r\n",
        ),
        (
            "WRITE s.limit x\n",
            "520-Write handler 's.limit' error:\r\n520 `s.limit` does not take `x`\r\n",
        ),
        ("LLRPC x#5\n", "501 Command 'LLRPC' unimplemented\r\n"),
        ("\n\r\n", ""),
        ("QUIT\nREAD c.count\n", "200 Goodbye!\r\n"),
    ] {
        assert_eq!(talk(false, &[commands]), answer, "{commands}");
        let bytes: alloc::vec::Vec<String> = commands.chars().map(String::from).collect();
        let bytes: alloc::vec::Vec<&str> = bytes.iter().map(String::as_str).collect();
        assert_eq!(talk(false, &bytes), answer, "{commands} in pieces");
    }
}

#[test]
fn who_may_only_read_writes_nothing() {
    let answer = "530 Permission denied for 's.limit'\r\n";
    assert_eq!(talk(true, &["WRITE s.limit 7\n"]), answer);
    assert_eq!(talk(true, &["CHECKWRITE s.limit\n"]), answer);
    assert_eq!(talk(true, &["WRITEDATA s.limit 1\n7"]), answer);
    assert!(talk(true, &["READ s.limit\n"]).starts_with("200 "));
}

#[test]
fn too_much_ends_the_connection() {
    let long = "x".repeat((1 << 20) + 1);
    assert_eq!(talk(false, &[&long, "\nQUIT\n"]), "500 Too much data\r\n");
    assert!(talk(false, &[&format!("READDATA x.run {}\n", (1 << 20) + 1)]).starts_with("500 "));
}

#[test]
fn addresses_are_checked() {
    for arguments in [
        "",
        "TCP",
        "TCP, 0",
        "TCP, 65536",
        "TCP, x",
        "UDP, 5",
        "UNIX, ''",
        "TCP, 5, READONLY x",
    ] {
        let text = format!("ControlSocket({arguments})");
        assert!(
            router(&text, &mut MemoryHost::new(&[])).is_err(),
            "{arguments}"
        );
    }
    router("ControlSocket(tcp, 7777+)", &mut MemoryHost::new(&[])).unwrap();
}
