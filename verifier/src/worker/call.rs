//! The parent's side.

use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use core::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::process::{Pid, Resource, Rlimit, Signal};

use super::{Limits, MAX_REPLY, MAX_REQUEST, MAX_STDERR, Sandbox, Worker, WorkerError};

/// The work returned.
pub(super) const ANSWERED: u8 = 0;
/// The work panicked; the payload is its message.
pub(super) const PANICKED: u8 = 1;

/// Bytes of the longest message: the length, and what it counts.
const MAX_MESSAGE: usize = MAX_REPLY.saturating_add(4);

/// The only variable of a child's environment. PREVAIL compares empty texts all the time, and the
/// variant of `memcmp` that glibc takes on processors with AVX-512 loads through a mask from an address
/// that is not there: right, and so slow that a proof takes up to three times as long. Other
/// libraries and processors know nothing of this.
const TUNABLES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512VL");

/// How often a child that has closed its reply is asked whether it has ended.
const REAP_INTERVAL: Duration = Duration::from_millis(1);

/// What a child answered, and what confined it.
#[derive(Debug)]
pub struct Reply {
    /// What the work made of the request.
    pub payload: Vec<u8>,
    /// What the child was confined by, as it says itself.
    pub sandbox: Sandbox,
}

impl Worker {
    /// Sends `request` to a new child and waits for its reply. Whatever happens, the child has
    /// ended when this returns.
    ///
    /// # Errors
    /// Why there is no reply that counts.
    pub fn call(&self, request: &[u8]) -> Result<Reply, WorkerError> {
        if request.len() > MAX_REQUEST {
            return Err(WorkerError::Request(request.len()));
        }
        let deadline = Deadline::after(self.limits.wall);
        let started = |source| WorkerError::Start {
            program: self.program.clone(),
            source,
        };
        let mut child = Running(self.spawn().map_err(started)?);
        impose(&child.0, &self.limits).map_err(started)?;
        let outputs = exchange(&mut child.0, request, &deadline).map_err(started)?;
        let status = match outputs.end {
            End::Closed => child.wait(&deadline).map_err(started)?,
            End::TooLong => return Err(WorkerError::Malformed("it is too long")),
            End::Deadline => None,
        };
        let Some(status) = status else {
            return Err(WorkerError::WallLimit(self.limits.wall));
        };
        self.judge_end(status, &outputs.stderr)?;
        parse_reply(&outputs.reply)
    }

    fn spawn(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .env(TUNABLES.0, TUNABLES.1)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    fn judge_end(&self, status: ExitStatus, stderr: &[u8]) -> Result<(), WorkerError> {
        if status.success() {
            return Ok(());
        }
        let signal = status.signal();
        let text = printable(stderr);
        if signal == Some(Signal::XCPU.as_raw()) {
            return Err(WorkerError::CpuLimit(self.limits.cpu));
        }
        // The standard library's words when an allocation fails, followed by an abort.
        if signal == Some(Signal::ABORT.as_raw()) && text.contains("memory allocation of") {
            return Err(WorkerError::MemoryLimit(self.limits.memory));
        }
        let status = match (signal, status.code()) {
            (Some(signal), _) => format!("signal {signal}"),
            (None, Some(code)) => format!("exit code {code}"),
            (None, None) => "an unknown status".into(),
        };
        Err(WorkerError::Ended { status, text })
    }
}

/// Imposes limits on a child that has not got its request yet. The child imposes the rest on itself
/// once it runs (what would keep it from starting).
fn impose(child: &Child, limits: &Limits) -> io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(ErrorKind::InvalidData)?;
    let whole = u64::from(limits.cpu.subsec_nanos() > 0);
    let seconds = limits.cpu.as_secs().saturating_add(whole);
    // The signal of the soft limit tells the parent what happened; the hard one kills.
    for (resource, current, maximum) in [
        (Resource::Cpu, seconds, seconds.saturating_add(1)),
        (Resource::As, limits.memory, limits.memory),
        (Resource::Core, 0, 0),
    ] {
        let limit = Rlimit {
            current: Some(current),
            maximum: Some(maximum),
        };
        rustix::process::prlimit(Some(pid), resource, limit)?;
    }
    Ok(())
}

/// A child that is killed and reaped when the parent is done with it.
struct Running(Child);

impl Running {
    /// The child's status, or nothing when the deadline passes first.
    fn wait(&mut self, deadline: &Deadline) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if deadline.left().is_zero() {
                return Ok(None);
            }
            std::thread::sleep(REAP_INTERVAL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that has been reaped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Clone, Copy)]
struct Deadline {
    start: Instant,
    allowed: Duration,
}

impl Deadline {
    fn after(allowed: Duration) -> Self {
        Self {
            start: Instant::now(),
            allowed,
        }
    }

    fn left(&self) -> Duration {
        self.allowed.saturating_sub(self.start.elapsed())
    }
}

/// What came from a child.
#[derive(Default)]
struct Outputs {
    reply: Vec<u8>,
    stderr: Vec<u8>,
    end: End,
}

/// Why nothing more is read.
#[derive(Clone, Copy, Default)]
enum End {
    /// The child closed its reply, or ended.
    Closed,
    /// It sent more than a reply has.
    TooLong,
    /// Its time is over.
    #[default]
    Deadline,
}

/// Writes the request and reads reply and error text, all at once, until the reply is closed, grows
/// too large, or the deadline passes.
fn exchange(child: &mut Child, request: &[u8], deadline: &Deadline) -> io::Result<Outputs> {
    let mut outputs = Outputs::default();
    let mut unsent = request;
    let mut stdin = child.stdin.take();
    let (Some(mut stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(ErrorKind::BrokenPipe.into());
    };
    let mut stderr_open = true;
    if let Some(stdin) = &stdin {
        set_nonblocking(stdin)?;
    }
    set_nonblocking(&stdout)?;
    set_nonblocking(&stderr)?;
    loop {
        let left = deadline.left();
        if left.is_zero() {
            return Ok(outputs);
        }
        let mut waits = vec![PollFd::new(&stdout, PollFlags::IN)];
        if stderr_open {
            waits.push(PollFd::new(&stderr, PollFlags::IN));
        }
        if let Some(stdin) = &stdin {
            waits.push(PollFd::new(stdin, PollFlags::OUT));
        }
        let timeout = Timespec::try_from(left).map_err(|_| ErrorKind::InvalidInput)?;
        match rustix::event::poll(&mut waits, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        drop(waits);

        stdin = match stdin {
            Some(mut pipe) => send(&mut pipe, &mut unsent).then_some(pipe),
            None => None,
        };
        if stderr_open {
            stderr_open = receive(&mut stderr, &mut outputs.stderr)?;
            outputs.stderr.truncate(MAX_STDERR);
        }
        let reply_open = receive(&mut stdout, &mut outputs.reply)?;
        if outputs.reply.len() > MAX_MESSAGE {
            outputs.end = End::TooLong;
            return Ok(outputs);
        }
        if !reply_open {
            outputs.end = End::Closed;
            return Ok(outputs);
        }
    }
}

/// Sends what fits. Says whether there is more to send; a child that does not listen any more is
/// judged by its reply and its end.
fn send(pipe: &mut impl io::Write, unsent: &mut &[u8]) -> bool {
    match pipe.write(unsent) {
        Ok(sent) => {
            *unsent = unsent.get(sent..).unwrap_or_default();
            !unsent.is_empty()
        }
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}

/// Receives what is there. Says whether more may come.
fn receive(pipe: &mut impl Read, received: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 1 << 14];
    match pipe.read(&mut buffer) {
        Ok(0) => Ok(false),
        Ok(length) => {
            received.extend(buffer.get(..length).unwrap_or_default());
            Ok(true)
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

fn set_nonblocking(pipe: &impl AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(pipe)?;
    rustix::fs::fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?;
    Ok(())
}

fn parse_reply(bytes: &[u8]) -> Result<Reply, WorkerError> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(WorkerError::Malformed("it is too short"));
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_REPLY || rest.len() != length {
        return Err(WorkerError::Malformed(
            "its length is not the one it states",
        ));
    }
    let [sandbox, outcome, payload @ ..] = rest else {
        return Err(WorkerError::Malformed("it is too short"));
    };
    let sandbox = Sandbox::from_byte(*sandbox)
        .ok_or(WorkerError::Malformed("it names an unknown sandbox"))?;
    match *outcome {
        ANSWERED => Ok(Reply {
            payload: payload.to_vec(),
            sandbox,
        }),
        PANICKED => Err(WorkerError::Panicked(printable(payload))),
        _ => Err(WorkerError::Malformed("it names an unknown outcome")),
    }
}

/// The bytes as one line of printable text: a child may be in the hands of an attacker, and the
/// text ends on a terminal.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..MAX_STDERR).unwrap_or(bytes));
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    text.trim().chars().map(visible).collect()
}
