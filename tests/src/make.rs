//! Compiling C again.

use std::path::Path;
use std::process::Command;

/// The first line of `clang-19 --version`, which clang also writes into objects; nothing where it is
/// not installed.
#[must_use]
pub fn clang_version() -> Option<String> {
    let output = Command::new("clang-19").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

/// Compiles the sources of `folder`, relative to the root of the repository, into another folder.
/// `variables` are those of its Makefile.
///
/// # Panics
/// When a source cannot be compiled.
pub fn make(folder: &str, out: &Path, variables: &[&str]) {
    let made = Command::new("make")
        .arg("--directory")
        .arg(crate::root().join(folder))
        .arg(format!("OUT={}", out.display()))
        .arg("CLANG=clang-19")
        .args(variables)
        .output()
        .unwrap_or_else(|error| panic!("make cannot be started: {error}"));
    assert!(made.status.success(), "{made:?}");
}
