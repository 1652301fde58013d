//! A child process for work on hostile bytes: confined, limited, and believed only in one form.
//!
//! The caller runs itself (or another program) again with arguments that lead to [`serve`]. The
//! child gets one request on its standard input and gives one reply on a descriptor of its own; it
//! has none of its parent's environment, and no other descriptor than those and one for text about a failure.
//! A reply that is not exactly one well-formed message of a child that then ended well counts for
//! nothing.

mod call;
mod child;
mod sandbox;

use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use platform_click::Code;

use crate::codes;

pub use call::Reply;
pub use child::serve;
pub use sandbox::{Sandbox, harden_parent};

/// Bytes of a request: an object of [`platform_click::limits::MAX_OBJECT_SIZE`] and what goes with
/// it, which is what a reply said before.
const MAX_REQUEST: usize = platform_click::limits::MAX_OBJECT_SIZE.saturating_add(MAX_REPLY);

/// Bytes of a reply: eight programs, each with the claims of two engines (8,192 about registers, of
/// 70 bytes at most, and 65,536 about instructions, of 10 bytes), or with sixteen findings of a few
/// kilobytes.
const MAX_REPLY: usize = 20 << 20;

/// Bytes kept of what a child says on its standard error.
const MAX_STDERR: usize = 4096;

/// What runs the work, and how long it may take.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The program; usually the caller's own.
    pub program: PathBuf,
    /// Arguments that make the program call [`serve`] or [`crate::worker_main`] at once.
    pub args: Vec<OsString>,
    /// What a child may use.
    pub limits: Limits,
}

impl Worker {
    /// The same with so much more time for its work.
    #[must_use]
    pub(crate) fn with_more_time(&self, time: Duration) -> Self {
        let mut worker = self.clone();
        worker.limits.cpu = worker.limits.cpu.saturating_add(time);
        worker.limits.wall = worker.limits.wall.saturating_add(time);
        worker
    }
}

/// What one child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processor time; whole seconds, rounded up.
    pub cpu: Duration,
    /// Time until the child is killed.
    pub wall: Duration,
    /// Bytes of address space.
    pub memory: u64,
}

impl Limits {
    /// What ordinary programs need a thousandth of: analysis takes milliseconds, the slowest of a
    /// large public collection 56 seconds and 450 MB.
    pub const DEFAULT: Self = Self {
        cpu: Duration::from_secs(60),
        wall: Duration::from_secs(60),
        memory: 2 << 30,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The child could not be started or spoken to.
    #[error("the worker `{}` could not be run", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The request is larger than a child reads.
    #[error("a request of {0} bytes is more than the {MAX_REQUEST} that a worker reads")]
    Request(usize),
    /// It used up its processor time.
    #[error("the worker used up {} seconds of processor time", .0.as_secs())]
    CpuLimit(Duration),
    /// It was killed when its time was over.
    #[error("the worker did not answer within {} seconds", .0.as_secs_f32())]
    WallLimit(Duration),
    /// It ran out of memory.
    #[error("the worker needed more than {0} bytes of memory")]
    MemoryLimit(u64),
    /// It ended in another way than with success.
    #[error("the worker ended with {status}: {text}")]
    Ended {
        /// How it ended: an exit code or a signal.
        status: String,
        /// What it said, printable characters only.
        text: String,
    },
    /// The work panicked.
    #[error("the worker gave up: {0}")]
    Panicked(String),
    /// The reply is malformed.
    #[error("the worker's reply is malformed: {0}")]
    Malformed(&'static str),
}

impl WorkerError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Start { .. } | Self::Request(_) => codes::WORKER,
            Self::CpuLimit(_) | Self::WallLimit(_) => codes::TIMEOUT,
            Self::MemoryLimit(_) | Self::Ended { .. } | Self::Panicked(_) => codes::CRASHED,
            Self::Malformed(_) => codes::ANSWER,
        }
    }
}
