//! Linux' verifier on the same sources, compiled for XDP: asked through `bpftool`, for which one has
//! to be root.

use core::time::Duration;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::verify::Opinion;

/// Where bpftool pins a program that was accepted.
const PIN: &str = "/sys/fs/bpf/click-loops";

/// Seconds for one program. Linux has a limit of its own: a million instructions.
const LIMIT: &str = "30";

/// The kernel's version, if its verifier can be asked, or why not.
pub(crate) fn version() -> Result<String, String> {
    if output("id", &["-u"])? != "0" {
        return Err("only root may load programs".to_owned());
    }
    output("bpftool", &["version"])?;
    let release = output("uname", &["-r"])?;
    let version = release.split('-').next();
    Ok(version.unwrap_or(&release).to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What the kernel says of an object, and how long it and bpftool took. It is asked twice when it
/// refuses: libbpf wants to know the reason.
pub(crate) fn load(object: &Path) -> (Opinion, Duration) {
    let start = Instant::now();
    let loaded = Command::new("timeout")
        .args([LIMIT, "bpftool", "prog", "load"])
        .arg(object)
        .args([PIN, "type", "xdp"])
        .output()
        .unwrap();
    let time = start.elapsed();
    let said = String::from_utf8_lossy(&loaded.stderr);
    let opinion = match loaded.status.code() {
        Some(0) => {
            std::fs::remove_file(PIN).unwrap();
            Opinion::Accepts
        }
        Some(124) => Opinion::NoAnswer,
        // Anything else is a failure of its own.
        _ if said.contains("BEGIN PROG LOAD LOG") => Opinion::Refuses,
        status => panic!("{}: {status:?}: {said}", object.display()),
    };
    (opinion, time)
}
