//! Keys that a command uses: any key management service, without a library of its own.

use core::time::Duration;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use bpf_trust::PublicKey;

use super::{Signer, foreign_signature};
use crate::{KeyFault, PkiError};

/// Bytes of an answer at most: a signature in DER has 72, and one more shows that there are more.
const MAX_ANSWER: u64 = 73;

/// How long a command may take. People enter PINs and touch tokens meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);

/// Signs by a command of the shell: it reads the whole message on standard input, not a digest, so
/// that it may look at what it signs; and writes the signature (ECDSA on P-256 with SHA-256) to
/// standard output, as the 64 bytes r || s or in DER. Its standard error is the caller's.
///
/// `openssl dgst -sha256 -sign key.pem` is such a command.
#[derive(Debug)]
pub struct CommandSigner {
    command: String,
    key: PublicKey,
}

impl CommandSigner {
    /// Signs by `command` with the key of this public part.
    #[must_use]
    pub const fn new(command: String, key: PublicKey) -> Self {
        Self { command, key }
    }

    fn ask(&self, message: &[u8]) -> Result<Vec<u8>, KeyFault> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", &self.command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(KeyFault::Command)?;
        let answer = converse(&mut child, message.to_vec());
        if answer.is_err() {
            // It has ended, or is ended here; the answer says what was wrong.
            let _ = child.kill();
        }
        let status = child.wait().map_err(KeyFault::Command)?;
        let answer = answer?;
        // A command whose output is not read to its end may fail for that; the output says enough.
        if status.success() || u64::try_from(answer.len()) == Ok(MAX_ANSWER) {
            return Ok(answer);
        }
        Err(KeyFault::CommandFailed(status))
    }
}

/// Gives a child its input and takes its output, each in a thread: a child that does not read may
/// write, and one that does neither must not be waited for.
fn converse(child: &mut Child, message: Vec<u8>) -> Result<Vec<u8>, KeyFault> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        // A command that knows enough before the end of its input may close it.
        let _ = stdin.map(|mut stdin| stdin.write_all(&message));
    });
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map_or(Ok(0), |stdout| {
            stdout.take(MAX_ANSWER).read_to_end(&mut bytes)
        });
        // Nobody listens any more if it took too long.
        let _ = send.send(read.map(|_| bytes));
    });
    match receive.recv_timeout(PATIENCE) {
        Ok(answer) => answer.map_err(KeyFault::Command),
        Err(_) => Err(KeyFault::CommandTime(PATIENCE.as_secs())),
    }
}

impl Signer for CommandSigner {
    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], PkiError> {
        let sign = || foreign_signature(&self.ask(message)?, &self.key, message);
        sign().map_err(|fault| fault.of(&format!("exec:{}", self.command)))
    }
}
