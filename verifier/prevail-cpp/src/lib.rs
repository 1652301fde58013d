//! PREVAIL's C++ original on the Click platform, linked where one is installed.
//!
//! Without the feature `installed` there is nothing here. With it, `analyse` gives instructions and
//! maps to the engine and says what came of it; what that means is said by `bpf-verifier`, which has a
//! confined process call this. The platform is generated from `platform-click` into
//! `shim/click_platform.hpp`; PREVAIL's own ELF loader is not used.
//!
//! The engine keeps state for the whole process and for each thread: one call at a time.
#![deny(missing_docs)]

#[cfg(feature = "installed")]
mod bridge;

#[cfg(feature = "installed")]
pub use bridge::{Answer, Failure, Helper, Insn, Map, Place, Question, Size, analyse, helper};

/// The version of the engine that is linked: major, minor, patch.
pub const VERSION: (u32, u32, u32) = (0, 2, 6);

#[cfg(all(test, feature = "installed"))]
mod tests {
    use super::VERSION;

    #[test]
    fn the_version_is_the_one_that_the_build_asks_for() {
        let (major, minor, patch) = VERSION;
        assert_eq!(
            env!("PREVAIL_CPP_VERSION"),
            format!("{major}.{minor}.{patch}")
        );
    }
}
