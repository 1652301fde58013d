//! The child's side.

use core::panic::AssertUnwindSafe;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::thread;

use rustix::process::Resource;

use super::call::{ANSWERED, PANICKED};
use super::{MAX_REPLY, MAX_REQUEST, sandbox};

/// Stack of the working thread: the engine is iterative in its graph algorithms, and eight nested
/// calls of the largest program stayed far below this.
const STACK_SIZE: usize = 256 << 20;

/// Descriptors tried when `/proc` does not list them.
const MAX_DESCRIPTORS: u64 = 1 << 16;

/// Serves one request: confines the process, reads the request from standard input, and writes what
/// `work` makes of it to what was standard output. Returns when the reply is written or cannot be.
///
/// To be called first thing in `main`, by a program that [`super::Worker`] starts; everything that
/// the process has open besides its standard descriptors is closed.
pub fn serve(work: fn(&[u8]) -> Vec<u8>) -> ExitCode {
    match try_serve(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent reads this; there is nobody else to tell.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn try_serve(work: fn(&[u8]) -> Vec<u8>) -> io::Result<()> {
    close_inherited();
    // From here on the reply has a descriptor of its own, and what code prints by mistake goes to
    // standard error.
    let reply_to = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;

    let mut confined = sandbox::confine_process()?;
    let worker = thread::Builder::new()
        .stack_size(STACK_SIZE)
        .spawn(move || {
            let stdout = io::stdout();
            let stderr = io::stderr();
            confined.seccomp =
                sandbox::confine_threads(&[reply_to.as_fd(), stdout.as_fd(), stderr.as_fd()])?;
            answer(work, confined, reply_to)
        })?;
    match worker.join() {
        Ok(result) => result,
        Err(_) => Err(io::Error::other("the working thread failed")),
    }
}

fn answer(
    work: fn(&[u8]) -> Vec<u8>,
    confined: super::Sandbox,
    reply_to: OwnedFd,
) -> io::Result<()> {
    let mut request = Vec::new();
    let limit = u64::try_from(MAX_REQUEST).unwrap_or(u64::MAX);
    io::stdin()
        .lock()
        .take(limit.saturating_add(1))
        .read_to_end(&mut request)?;
    if request.len() > MAX_REQUEST {
        return Err(io::Error::other("the request is too large"));
    }
    let (outcome, payload) = match catch_unwind(AssertUnwindSafe(|| work(&request))) {
        Ok(payload) => (ANSWERED, payload),
        Err(panic) => (PANICKED, panic_text(panic.as_ref()).into_bytes()),
    };
    let length = payload.len().saturating_add(2);
    if length > MAX_REPLY {
        return Err(io::Error::other("the reply is too large"));
    }
    let mut message = u32::try_from(length)
        .unwrap_or(u32::MAX)
        .to_le_bytes()
        .to_vec();
    message.extend([confined.to_byte(), outcome]);
    message.extend(payload);
    File::from(reply_to).write_all(&message)
}

/// What a panic said.
fn panic_text(panic: &(dyn core::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").into()
}

/// Closes what the parent's own parent may have left open: only descriptors 0 to 2 are expected.
fn close_inherited() {
    for descriptor in open_descriptors() {
        // One that is not open (any more) is what is wanted.
        let _ = nix::unistd::close(descriptor);
    }
}

/// Descriptors from 3 on that may be open.
fn open_descriptors() -> Vec<RawFd> {
    if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
        let numbers = entries.flatten().filter_map(|entry| {
            let number: RawFd = entry.file_name().to_str()?.parse().ok()?;
            (number > 2).then_some(number)
        });
        return numbers.collect();
    }
    let limit = rustix::process::getrlimit(Resource::Nofile).current;
    let limit = limit.unwrap_or(MAX_DESCRIPTORS).min(MAX_DESCRIPTORS);
    (3..RawFd::try_from(limit).unwrap_or(RawFd::MAX)).collect()
}
