//! The router that is looked at: one of our own in a process beside this one, or one that runs.

use core::time::Duration;
use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Instant;

use super::client::{Client, ClientError};

/// How long a router may take until it listens: it verifies signatures and compiles, which takes
/// milliseconds for each program.
const START: Duration = Duration::from_secs(30);

/// Between two attempts to connect.
const ATTEMPT: Duration = Duration::from_millis(20);

/// How long a router may take to end, before it is killed.
const END: Duration = Duration::from_secs(2);

/// A process with a router, and what it says.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    says: Receiver<String>,
    /// The folder of its socket, which goes with it.
    folder: PathBuf,
}

/// Why a router does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("no process for the router: {0}")]
    Process(#[from] io::Error),
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It ended at once; what it said.
    #[error("{said}")]
    Ended { status: ExitStatus, said: String },
}

impl Process {
    /// Starts this program with `arguments` and a socket, and connects to it.
    pub(crate) fn start(arguments: &[OsString]) -> Result<(Self, Client), StartError> {
        let folder = private_folder()?;
        let socket = folder.join("socket");
        let spawned = Command::new(std::env::current_exe()?)
            .args(arguments)
            .arg("--unix-socket")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                let _ = std::fs::remove_dir(&folder);
                return Err(error.into());
            }
        };
        let (sender, says) = mpsc::channel();
        forward(child.stdout.take(), sender.clone());
        forward(child.stderr.take(), sender);
        let mut process = Self {
            child,
            says,
            folder,
        };
        let client = process.connect(&socket)?;
        Ok((process, client))
    }

    fn connect(&mut self, socket: &Path) -> Result<Client, StartError> {
        let started = Instant::now();
        loop {
            match Client::connect(socket) {
                Ok(client) => return Ok(client),
                Err(error) if started.elapsed() > START => return Err(error.into()),
                Err(_) => {}
            }
            if let Some(status) = self.child.try_wait()? {
                let said: Vec<String> = self.says.iter().collect();
                return Err(StartError::Ended {
                    status,
                    said: said.join("\n"),
                });
            }
            thread::sleep(ATTEMPT);
        }
    }

    /// What it has said since the last time.
    pub(crate) fn said(&self) -> impl Iterator<Item = String> {
        self.says.try_iter()
    }
}

/// Lets it end by itself, so that captures are written to their end.
impl Drop for Process {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // A process that has ended needs no signal.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < END {
            thread::sleep(ATTEMPT);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(self.folder.join("socket"));
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// A folder that nobody else can look into, for the socket: whoever connects may replace programs.
fn private_folder() -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;

    let mut name = [0; 8];
    getrandom::fill(&mut name).map_err(io::Error::other)?;
    let name = format!("bpfclick-{:016x}", u64::from_le_bytes(name));
    let folder = std::env::temp_dir().join(name);
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// Sends the lines that come from a pipe.
fn forward(pipe: Option<impl Read + Send + 'static>, to: Sender<String>) {
    let Some(pipe) = pipe else { return };
    thread::spawn(move || {
        let lines = BufReader::new(pipe).lines().map_while(Result::ok);
        for line in lines {
            if to.send(line).is_err() {
                return;
            }
        }
    });
}
