//! Tools that are not part of the Rust toolchain.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

/// A program, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// Its name on the search path.
    pub(crate) program: &'static str,
    /// The Debian package that holds it.
    package: &'static str,
    /// What cannot be done without it.
    purpose: &'static str,
}

pub(crate) const MAKE: Tool = Tool {
    program: "make",
    package: "make",
    purpose: "compiling the samples again",
};

/// By its version: Debian's `clang` may be another one, and other compilers write other objects.
pub(crate) const CLANG: Tool = Tool {
    program: "clang-19",
    package: "clang-19",
    purpose: "compiling the samples again",
};

/// Plays a token.
pub(crate) const SOFTHSM: Tool = Tool {
    program: "softhsm2-util",
    package: "softhsm2",
    purpose: "testing keys in tokens",
};

/// A machine for the bootable image.
pub(crate) const QEMU: Tool = Tool {
    program: "qemu-system-x86_64",
    package: "qemu-system-x86",
    purpose: "booting the image",
};

/// A terminal for programs that draw on one.
pub(crate) const TMUX: Tool = Tool {
    program: "tmux",
    package: "tmux",
    purpose: "testing what is drawn on terminals",
};

/// Says what Linux' verifier says.
pub(crate) const BPFTOOL: Tool = Tool {
    program: "bpftool",
    package: "bpftool",
    purpose: "comparing with Linux' verifier",
};

/// Everything that a complete run uses.
pub(crate) const ALL: &[Tool] = &[MAKE, CLANG, SOFTHSM, QEMU, TMUX];

/// Whether `program` is on the search path. (Not all programs have a `--version` to ask for.)
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Those of `tools` that are still missing after an attempt to install them, each with what to do.
pub(crate) fn missing(sh: &Shell, tools: &[Tool]) -> Vec<String> {
    let absent = |tool: &&Tool| !is_installed(tool.program);
    if tools.iter().any(|tool| absent(&tool)) {
        install(sh, tools);
    }
    tools
        .iter()
        .filter(absent)
        .map(|tool| {
            format!(
                "{} is missing, which {} needs; on Debian or Ubuntu: apt-get install {}",
                tool.program, tool.purpose, tool.package
            )
        })
        .collect()
}

/// Like [`missing`], as an error.
pub(crate) fn require(sh: &Shell, tools: &[Tool]) -> Result<()> {
    let missing = missing(sh, tools);
    if !missing.is_empty() {
        bail!("{}", missing.join("\n"));
    }
    Ok(())
}

/// Installs Debian packages where that needs no question: as root, with apt. What fails here is
/// reported by the caller as missing.
fn install(sh: &Shell, tools: &[Tool]) {
    let root = cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id == "0");
    if !root || !is_installed("apt-get") {
        return;
    }
    let packages = tools.iter().map(|tool| tool.package);
    let install = cmd!(
        sh,
        "apt-get install --yes --no-install-recommends {packages...}"
    )
    .env("DEBIAN_FRONTEND", "noninteractive");
    if install.run().is_err() && cmd!(sh, "apt-get update").run().is_ok() {
        // Still missing afterwards is what the caller looks for.
        let _ = install.run();
    }
}
