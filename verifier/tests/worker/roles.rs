//! What the test program does when it is started as a child.

use core::time::Duration;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};

use bpf_verifier::worker::serve;
use bpf_verifier::{harden_parent, worker_main};
use rustix::process::{DumpableBehavior, Pid};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

pub(crate) fn play(role: &str) -> ExitCode {
    match role {
        "verifier" => return worker_main(),
        // Work in the sandbox.
        "echo" => return serve(<[u8]>::to_vec),
        "probe" => return serve(probe),
        "panic" => return serve(|_| panic!("no\nway\x1b[31m")),
        "overflow" => return serve(|request| vec![deep(request.len() as u64) as u8]),
        "allocate" => return serve(|_| vec![1; 3 << 30]),
        "spin" => return serve(|_| spin()),
        "hardened" => {
            harden_parent().unwrap();
            let dumpable = rustix::process::dumpable_behavior().unwrap();
            assert_eq!(dumpable, DumpableBehavior::NotDumpable);
            return serve(<[u8]>::to_vec);
        }
        "sleep" => {
            std::thread::sleep(Duration::from_secs(60));
        }
        "large-reply" => return serve(|_| vec![0; (20 << 20) - 1]),
        "largest-reply" => return serve(|_| vec![7; (20 << 20) - 2]),
        "prints" => {
            return serve(|_| {
                println!("printed by mistake");
                b"answer".to_vec()
            });
        }
        // An older kernel.
        "no-landlock" => {
            refuse(&[libc::SYS_landlock_create_ruleset]);
            return serve(probe);
        }
        "no-seccomp" => {
            refuse(&[libc::SYS_seccomp]);
            return serve(probe);
        }
        "no-sandbox" => {
            refuse(&[libc::SYS_landlock_create_ruleset, libc::SYS_seccomp]);
            return serve(probe);
        }
        // Children that do not follow the protocol.
        "silent" => {}
        "exit-3" => {
            eprintln!("no \x1b[31mred\x1b[0m text");
            return ExitCode::from(3);
        }
        "abort" => std::process::abort(),
        "deaf" => {
            say(&[2, 0, 0, 0, 0, 0]);
            std::thread::sleep(Duration::from_secs(60));
        }
        "flood" => loop {
            say(&[0xff; 4096]);
        },
        other => {
            let bytes = other.strip_prefix("say:").unwrap();
            read_request();
            say(&unhex(bytes));
        }
    }
    ExitCode::SUCCESS
}

fn read_request() {
    let _ = io::stdin().read_to_end(&mut Vec::new());
}

fn say(bytes: &[u8]) {
    let mut stdout = io::stdout();
    if stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .is_err()
    {
        // The parent has closed its end: it has heard enough.
        std::process::abort();
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Tries what the request names and says what came of it.
fn probe(request: &[u8]) -> Vec<u8> {
    let outcome = match request {
        b"nothing" => Ok("fine".into()),
        b"read a file" => File::open("/etc/passwd").map(|_| "opened".into()),
        b"list a directory" => fs::read_dir("/").map(|_| "listed".into()),
        b"write a file" => {
            let path = std::env::temp_dir().join("bpf-verifier-probe");
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .open(path)
                .map(|_| "written".into())
        }
        b"open a TCP connection" => TcpStream::connect("127.0.0.1:9").map(|_| "open".into()),
        b"open a UDP socket" => UdpSocket::bind("127.0.0.1:0").map(|_| "open".into()),
        b"open a socket pair" => UnixStream::pair().map(|_| "open".into()),
        b"start a program" => Command::new("/bin/true").status().map(|_| "started".into()),
        b"start a thread" => std::thread::Builder::new()
            .spawn(|| ())
            .map(|_| "started".into()),
        b"signal a process" => rustix::process::test_kill_process(Pid::INIT)
            .map(|()| "signalled".into())
            .map_err(Into::into),
        b"duplicate a descriptor" => rustix::io::dup(io::stdin())
            .map(|_| "duplicated".into())
            .map_err(Into::into),
        b"environment" => Ok(format!("{:?}", std::env::vars_os().collect::<Vec<_>>())),
        b"descriptors" => Ok(descriptors()),
        _ => Ok("unknown probe".into()),
    };
    outcome
        .unwrap_or_else(|error: io::Error| format!("denied: {error}"))
        .into()
}

/// Open descriptors, found without opening anything: Landlock leaves the names of links readable.
fn descriptors() -> String {
    let open = (0..1024).filter(|n| fs::symlink_metadata(format!("/proc/self/fd/{n}")).is_ok());
    open.map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
}

/// Makes system calls fail as they do on a kernel that does not have them.
fn refuse(calls: &[i64]) {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let absent = SeccompAction::Errno(libc::ENOSYS as u32);
    let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, absent, arch).unwrap();
    seccompiler::apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
}

/// Recursion that no optimiser turns into a loop.
fn deep(n: u64) -> u64 {
    let frame = core::hint::black_box([n; 64]);
    if n == u64::MAX {
        return 0;
    }
    deep(n + 1).wrapping_add(frame[(n % 64) as usize])
}

fn spin() -> Vec<u8> {
    let mut n = 0_u64;
    loop {
        n = core::hint::black_box(n.wrapping_add(1));
    }
}
