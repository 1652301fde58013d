//! The bootable image, built once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The image, built if it is not there or something has changed.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let root = crate::root();
        // Not the workspace's: locks on it may be held by whoever runs the test.
        let target = root.join("target/image");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--locked", "--release", "--quiet", "--target-dir"])
            .arg(&target)
            .current_dir(root.join("unikernel/image"))
            .env_remove("RUSTFLAGS")
            .status();
        assert!(
            built.is_ok_and(|status| status.success()),
            "unikernel/image does not build"
        );
        target.join("x86_64-unknown-linux-gnu/release/unikernel")
    })
}
