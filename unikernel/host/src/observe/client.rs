//! A client of ControlSocket: the protocol that Click's own tools speak, version 1.3.
//!
//! Source of the protocol: Click's `elements/userlevel/controlsocket.hh`.

use core::time::Duration;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// How long an answer may take: the router answers between two bursts of packets.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a handler's value at most, so that a server cannot fill the memory: those that our own
/// ControlSocket keeps for a client.
const MAX_VALUE: usize = 1 << 22;

/// Bytes of a line of an answer at most.
const MAX_LINE: u64 = 1 << 16;

/// What the first line of a server begins with.
const GREETING: &str = "Click::ControlSocket/1.";

/// A connection to a running router.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
}

/// Why a handler could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The router is gone, or does not answer.
    #[error("the connection to the router ended: {0}")]
    Connection(#[from] io::Error),
    /// What answers is no ControlSocket.
    #[error("`{0}` is not what a ControlSocket says")]
    Protocol(String),
    /// The router refuses, in its words.
    #[error("{0}")]
    Refused(String),
}

impl Client {
    /// Connects to a router's socket.
    pub(crate) fn connect(socket: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut client = Self {
            stream: BufReader::new(stream),
        };
        let greeting = client.line()?;
        if !greeting.starts_with(GREETING) {
            return Err(ClientError::Protocol(greeting));
        }
        Ok(client)
    }

    /// The value of a read handler.
    pub(crate) fn read(&mut self, handler: &str) -> Result<String, ClientError> {
        self.send(format!("READ {handler}\r\n").as_bytes())?;
        self.status()?;
        let line = self.line()?;
        let length = line.strip_prefix("DATA ").and_then(|n| n.parse().ok());
        let Some(length) = length.filter(|length| *length <= MAX_VALUE) else {
            return Err(ClientError::Protocol(line));
        };
        let mut value = vec![0; length];
        self.stream.read_exact(&mut value)?;
        Ok(String::from_utf8_lossy(&value).into_owned())
    }

    /// Writes a write handler.
    pub(crate) fn write(&mut self, handler: &str, value: &str) -> Result<(), ClientError> {
        let command = format!("WRITEDATA {handler} {}\r\n{value}", value.len());
        self.send(command.as_bytes())?;
        self.status().map(drop)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    /// The status lines of an answer: `NNN-` and text for all but the last, `NNN ` and text.
    fn status(&mut self) -> Result<(), ClientError> {
        let mut text = Vec::new();
        loop {
            let line = self.line()?;
            let Some((code, rest)) = line.split_at_checked(3) else {
                return Err(ClientError::Protocol(line));
            };
            let goes_on = rest.starts_with('-');
            text.push(rest.get(1..).unwrap_or_default().trim().to_owned());
            if goes_on {
                continue;
            }
            return match code.as_bytes() {
                [b'2', ..] => Ok(()),
                [b'5', ..] => Err(ClientError::Refused(text.join("\n"))),
                _ => Err(ClientError::Protocol(line)),
            };
        }
    }

    fn line(&mut self) -> Result<String, ClientError> {
        let mut line = Vec::new();
        let taken = (&mut self.stream)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)?;
        if taken == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::thread;

    use super::*;

    /// A server that says the same whatever it is asked.
    fn server(says: &'static str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(says.as_bytes()).unwrap();
            let mut buffer = [0; 1024];
            while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
        });
        (dir, path)
    }

    #[test]
    fn values_and_refusals() {
        let says = "Click::ControlSocket/1.3\r\n200 Read handler OK\r\nDATA 3\r\n17\n\
                    520-Write handler error:\r\n520 no such program\r\n200 OK\r\nDATA 99999999\r\n";
        let (_dir, path) = server(says);
        let mut client = Client::connect(&path).unwrap();
        assert_eq!(client.read("c.count").unwrap(), "17\n");
        let error = client.write("f.config", "FILE x.o").unwrap_err();
        assert_eq!(error.to_string(), "Write handler error:\nno such program");
        // More than a value may have.
        assert!(matches!(
            client.read("c.count"),
            Err(ClientError::Protocol(_))
        ));
    }

    #[test]
    fn other_servers_are_recognised() {
        let (_dir, path) = server("220 smtp.example ESMTP\r\n");
        let error = Client::connect(&path).unwrap_err();
        assert!(matches!(error, ClientError::Protocol(_)), "{error}");
        assert!(Client::connect(Path::new("/nonexistent/socket")).is_err());
    }
}
