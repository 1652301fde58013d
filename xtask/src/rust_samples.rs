//! Compiles the samples in Rust.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

const FOLDER: &str = "ebpf-samples/rust";

/// The linker whose LLVM is that of the toolchain; see `ebpf-samples/README.md`.
const LINKER: &str = "bpf-linker";

/// Builds every program and puts its object, without what is for debuggers, into `objects/`.
pub(crate) fn run(sh: &Shell) -> Result<bool> {
    let root = sh.current_dir();
    let sysroot = cmd!(sh, "rustc +nightly --print sysroot").read();
    let sysroot =
        sysroot.context("there is no nightly toolchain: rustup toolchain install nightly")?;
    let is_there = cmd!(sh, "{LINKER} --version").quiet().ignore_stdout().run();
    is_there
        .context("bpf-linker is missing: cargo +nightly install bpf-linker --version 0.10.0")?;
    // Objects name no folders of the machine: they are the same wherever they are built.
    let flags = [
        format!("-Clinker={LINKER}"),
        "-Clink-arg=--btf".to_owned(),
        "-Ctarget-cpu=v3".to_owned(),
        format!("--remap-path-prefix={}=", root.join(FOLDER).display()),
        format!("--remap-path-prefix={sysroot}/lib/rustlib/src/rust/library=rust"),
    ];
    let flags = flags.join("\u{1f}");
    let _folder = sh.push_dir(FOLDER);
    let target = "bpfel-unknown-none";
    cmd!(
        sh,
        "cargo +nightly build --locked --release --target {target} -Zbuild-std=core"
    )
    .env("CARGO_ENCODED_RUSTFLAGS", flags)
    .env_remove("CARGO_TARGET_DIR")
    .run()?;
    for entry in fs::read_dir(root.join(FOLDER).join("programs/src/bin"))? {
        let source = entry?.path();
        let name = source.file_stem().and_then(|name| name.to_str());
        let name = name.context("a source has no name")?;
        let built = Path::new("target").join(target).join("release").join(name);
        let object = format!("objects/{name}.o");
        cmd!(sh, "llvm-objcopy-19 --strip-debug {built} {object}").run()?;
    }
    Ok(true)
}
