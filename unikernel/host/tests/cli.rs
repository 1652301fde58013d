//! The command line, as a user meets it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};

use common::{Folder, pcap};

fn command() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bpfclick"));
    command.env("COLUMNS", "100").stdin(Stdio::null());
    command
}

fn bpfclick(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// Exit code, output and messages, one below the other.
fn transcript(arguments: &[&str]) -> String {
    let output = bpfclick(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    format!(
        "$ bpfclick {}\n[{}]\n{}---\n{}",
        arguments.join(" "),
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr)
    )
}

#[test]
fn help() {
    insta::assert_snapshot!(transcript(&["--help"]));
}

#[test]
fn list_and_manual_pages() {
    let list = String::from_utf8(bpfclick(&["--list"]).stdout).unwrap();
    let lines: Vec<(&str, &str)> = list.lines().map(|l| l.split_once(' ').unwrap()).collect();
    let classes = click_graph::elements::ALL;
    assert_eq!(lines.len(), classes.len());
    for ((name, summary), class) in lines.iter().zip(classes) {
        assert_eq!((*name, summary.trim()), (class.name, class.summary()));
    }
    insta::assert_snapshot!("manual_counter", transcript(&["--help", "Counter"]));
    insta::assert_snapshot!("manual_bpf_filter", transcript(&["--help", "BPFFilter"]));
    insta::assert_snapshot!("manual_unknown", transcript(&["--help", "Countr"]));
}

#[test]
fn errors_and_handlers() {
    let endless = "InfiniteSource -> Discard";
    let five = "InfiniteSource(LIMIT 5) -> a :: Counter -> b :: Counter -> Discard";
    let printing = "InfiniteSource(ab, LIMIT 2) -> Print(x) -> Discard";
    let shown: Vec<String> = [
        &["-e", five, "-h", "a.count"][..],
        &["-e", five, "-h", "a.count", "-h", "b.byte_count"],
        &["-e", five, "-h", "Counter.count"],
        &["-e", five, "-h", "a.config"],
        &["-e", five, "-h", "a.cont"],
        &["-e", five, "-h", "c.count"],
        &["-e", five, "-h", "a.reset"],
        &["-e", five, "-h", "count"],
        &["-e", printing],
        &["-e", printing, "-q"],
        &["-e", "InfiniteSource -> Countr -> Discard"],
        &["-e", "a ->"],
        &["-e", endless, "-q", "-o", "-"],
        &["-e", "InfiniteSource -> BPFFilter(FILE x.o) -> Discard"],
        &[
            "-e",
            "InfiniteSource -> BPFFilter(FILE x.o, TRUST x) -> Discard",
        ],
        &["-e", five, "file.click"],
        &[
            "-e",
            "InfiniteSource(LIMIT $n) -> c :: Counter -> Discard",
            "n=3",
            "-h",
            "c.count",
        ],
        &["-e", "InfiniteSource(LIMIT 2) -> Discard [1]", "--lenient"],
        &["-e", "require(library nowhere.click)"],
        &["--trust", "x", "-e", five],
        &["--trust", "x", "--state", "/nonexistent/st", "-e", five],
        &["--nonsense"],
        &["/nonexistent/config.click"],
        &["-e", five, "-o", "/nonexistent/out.click"],
    ]
    .iter()
    .map(|arguments| transcript(arguments))
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_configuration_comes_from_a_file_or_from_standard_input() {
    let folder = Folder::new();
    let text = "InfiniteSource(LIMIT 5) -> c :: Counter -> Discard";
    let path = folder.write("a.click", text.as_bytes());
    let path = path.to_str().unwrap();
    for arguments in [&[path, "-h", "c.count"][..], &["-f", path, "-h", "c.count"]] {
        assert_eq!(bpfclick(arguments).stdout, b"5\n");
    }
    for arguments in [&["-h", "c.count"][..], &["-", "-h", "c.count"]] {
        let mut child = command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        assert_eq!(child.wait_with_output().unwrap().stdout, b"5\n");
    }
    let binary = folder.write("b.click", b"Counter \xff");
    let output = bpfclick(&[binary.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not UTF-8 at byte 8"));
}

#[test]
fn a_truncated_capture_from_a_pipe_exits_with_3_after_its_packets_and_readings() {
    let folder = Folder::new();
    let bytes = pcap(&[b"one", b"two"]);
    let text = folder.source("FromDump(-) -> c :: Counter -> ToDump(DIR/out.pcap)");
    let mut child = command()
        .args(["-e", text.text(), "-h", "c.count"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&bytes[..bytes.len() - 1]).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stdout, b"1\n");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("error[BPF-C013]"), "{message}");
    assert!(message.contains("packet 2 at byte 43"), "{message}");
    assert_eq!(common::packets(&folder.path("out.pcap")).len(), 1);
}

#[test]
fn captures_go_through_pipes() {
    let mut child = command()
        .args(["-e", "FromDump(-, STOP true) -> Strip(1) -> ToDump(-)"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&pcap(&[b"one"]))
        .unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    assert!(output.ends_with(b"ne"), "{output:?}");
}

#[test]
fn a_check_writes_nothing() {
    let folder = Folder::new();
    folder.write("in.pcap", &pcap(&[b"one"]));
    let before = folder.snapshot();
    let text = folder.source("FromDump(DIR/in.pcap) -> ToDump(DIR/out.pcap)");
    assert_eq!(bpfclick(&["-q", "-e", text.text()]).status.code(), Some(0));
    assert_eq!(folder.snapshot(), before);
}

/// Starts an endless source and waits until it has printed its first packet.
fn endless(folder: &Folder) -> Child {
    let text = folder.source(
        "InfiniteSource(ab) -> c :: Counter -> ToDump(DIR/out.pcap);
         InfiniteSource(first, LIMIT 1) -> Print(started) -> Discard",
    );
    let mut child = command()
        .args(["-e", text.text(), "-h", "c.count"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 7];
    child
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    assert_eq!(&first, b"started");
    child
}

#[test]
fn a_signal_ends_the_run_in_order() {
    for signal in ["-INT", "-TERM"] {
        let folder = Folder::new();
        let child = endless(&folder);
        let killed = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let count: usize = String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        assert_eq!(common::packets(&folder.path("out.pcap")).len(), count);
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = command()
        .arg("--help")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn libraries_are_found_beside_the_configuration_and_in_the_path() {
    let folder = Folder::new();
    let file = |name: &str, text: &str| {
        let path = folder.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    file(
        "main/router.click",
        "require(library beside.click, library far.click) s :: InfiniteSource(LIMIT 2) -> A -> B -> d :: Discard",
    );
    file("main/beside.click", "elementclass A { -> Counter -> }");
    file("path/conf/far.click", "elementclass B { -> Strip(1) -> }");
    let router = folder.path("main/router.click");
    let output = command()
        .env("CLICKPATH", folder.path("path"))
        .args(["-q", "-o", "-"])
        .arg(&router)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let flattened = String::from_utf8(output.stdout).unwrap();
    assert!(
        flattened.contains("B@3/Strip@1 :: Strip(1);"),
        "{flattened}"
    );
    let output = command().arg("-q").arg(&router).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

/// Connects to a ControlSocket as soon as there is one.
fn connect(path: &std::path::Path) -> std::os::unix::net::UnixStream {
    for _ in 0..1000 {
        if let Ok(stream) = std::os::unix::net::UnixStream::connect(path) {
            return stream;
        }
        std::thread::sleep(core::time::Duration::from_millis(10));
    }
    panic!("nobody listens at {}", path.display());
}

#[test]
fn handlers_are_used_through_a_socket() {
    let folder = Folder::new();
    let socket = folder.path("control");
    let child = command()
        .args([
            "-e",
            "Idle -> c :: Counter -> s :: Switch(1) -> Discard; s [1] -> Discard",
        ])
        .arg("--unix-socket")
        .arg(&socket)
        .args(["-h", "s.switch"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stream = connect(&socket);
    stream
        .write_all(b"READ c.count\nWRITE s.switch 0\nWRITE stop\nQUIT\n")
        .unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(
        answers,
        "Click::ControlSocket/1.3\r\n200 Read handler 'c.count' OK\r\nDATA 1\r\n0\
         200 Write handler 's.switch' OK\r\n200 Write handler 'stop' OK\r\n200 Goodbye!\r\n"
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"0\n");
    assert!(output.status.success());
    assert!(!socket.exists());
}
