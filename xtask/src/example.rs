//! `cargo xtask example`: sets a configuration of `examples/` up, runs it, and takes everything away.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use cargo_metadata::MetadataCommand;
use xshell::{Shell, cmd};

/// Runs an example. Devices that `devices` does not name, as `N=DEVICE`, get the packets of
/// `examples/traffic.pcap`.
pub(crate) fn run(sh: &Shell, name: &str, devices: &[&str]) -> Result<bool> {
    let root = sh.current_dir();
    let path = root.join(format!("examples/{name}.click"));
    let text = sh.read_file(&path);
    let text = text.with_context(|| format!("there is no example `{name}`"))?;
    cmd!(
        sh,
        "cargo build --locked --release --quiet --package bpfsign --package click-host"
    )
    .run()?;
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()?;
    let binaries = metadata.target_directory.join("release");
    let folder = sh.create_temp_dir()?;
    sh.change_dir(folder.path());
    let bpfsign = binaries.join("bpfsign");
    cmd!(sh, "{bpfsign} pki init --dir pki").run()?;
    for program in words(&text, "programs")? {
        sign(sh, &root, bpfsign.as_str(), program)?;
    }
    cmd!(
        sh,
        "{bpfsign} state init --state st --trust pki/trust.bpftrust"
    )
    .run()?;
    let mut arguments = Vec::new();
    for number in words(&text, "devices")? {
        let prefix = format!("{number}=");
        let chosen = devices.iter().find(|device| device.starts_with(&prefix));
        let traffic = root.join("examples/traffic.pcap");
        let packets = || format!("{number}=pcap:{}:out{number}.pcap", traffic.display());
        let device = chosen.map_or_else(packets, |device| (*device).to_owned());
        arguments.extend(["--device".to_owned(), device]);
    }
    let bpfclick = binaries.join("bpfclick");
    let trust = "--trust pki/trust.bpftrust --state st".split(' ');
    let ran = cmd!(sh, "{bpfclick} {trust...} {arguments...} {path}")
        .ignore_status()
        .output()?;
    // Both are the example's, in the order in which it has them.
    print!("{}", String::from_utf8_lossy(&ran.stdout));
    print!("{}", String::from_utf8_lossy(&ran.stderr));
    for number in words(&text, "devices")? {
        let file = folder.path().join(format!("out{number}.pcap"));
        if let Ok(written) = std::fs::metadata(&file) {
            println!(
                "device {number}: {} bytes of frames were sent",
                written.len()
            );
        }
    }
    Ok(ran.status.success())
}

/// Verifies and signs one program: `FILE`, or `FILE=NAME:COUNTER`.
fn sign(sh: &Shell, root: &Path, bpfsign: &str, program: &str) -> Result<()> {
    let (file, signed) = program.split_once('=').unwrap_or((program, ""));
    let object = root.join(format!("ebpf-samples/accept/{file}.o"));
    sh.copy_file(object, format!("{file}.o"))?;
    let mut arguments = Vec::new();
    if let Some((name, counter)) = signed.split_once(':') {
        arguments.extend(["--name", name, "--counter", counter]);
    }
    cmd!(
        sh,
        "{bpfsign} verify-and-sign {file}.o --key pki/signer.pem {arguments...}"
    )
    .run()?;
    Ok(())
}

/// What the first comment of an example says behind a word.
fn words<'a>(text: &'a str, key: &str) -> Result<Vec<&'a str>> {
    let prefix = format!(" * {key}: ");
    let Some(line) = text.lines().find_map(|line| line.strip_prefix(&prefix)) else {
        bail!("the example does not say its {key}");
    };
    Ok(line
        .split_whitespace()
        .filter(|word| *word != "-")
        .collect())
}
