//! A server for one page: as much of HTTP/1.1 (RFC 9112) as a scraper needs.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;
use std::time::Instant;

use super::client::ClientError;
use super::metrics::Address;

/// Bytes of a request at most. Scrapers send some hundred.
const MAX_REQUEST: usize = 8_192;

/// How long a request may take: one client at a time is served, and none keeps others out.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two looks for connections.
const LOOK: Duration = Duration::from_millis(20);

/// Why nothing is served any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServerError {
    #[error("cannot listen at {0}: {1}")]
    Listen(String, io::Error),
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Something that connections come from.
enum Listener<'a> {
    Tcp(TcpListener),
    Unix(UnixListener, &'a Path),
}

impl Listener<'_> {
    fn bind(address: &Address) -> io::Result<Listener<'_>> {
        Ok(match address {
            Address::Tcp(address) => {
                let listener = TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Listener::Tcp(listener)
            }
            Address::Unix(path) => {
                let listener = UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                Listener::Unix(listener, path)
            }
        })
    }

    /// A connection, if there is one, that does not wait for long.
    fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream))
            }
        }
    }
}

/// A socket that was made is taken away.
impl Drop for Listener<'_> {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // Somebody else may have done so.
            let _ = std::fs::remove_file(path);
        }
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Answers GET /metrics with `page` until `interrupted` is true or the router has ended.
pub(super) fn serve(
    address: &Address,
    page: &mut dyn FnMut() -> Result<String, ClientError>,
    interrupted: &AtomicBool,
) -> Result<(), ServerError> {
    let listener = Listener::bind(address).map_err(|error| {
        let at = match address {
            Address::Tcp(address) => address.to_string(),
            Address::Unix(path) => path.display().to_string(),
        };
        ServerError::Listen(at, error)
    })?;
    while !interrupted.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok(mut stream) => answer(stream.as_mut(), page)?,
            Err(_) => thread::sleep(LOOK),
        }
    }
    Ok(())
}

/// Answers one request. A client that breaks off is no error of ours.
fn answer(
    stream: &mut dyn Stream,
    page: &mut dyn FnMut() -> Result<String, ClientError>,
) -> Result<(), ClientError> {
    let (status, body) = match target(stream) {
        Some(Ok(())) => ("200 OK", page()?),
        Some(Err(status)) => (status, format!("{status}\n")),
        None => return Ok(()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
    Ok(())
}

/// Whether a request is for the page, or the status that it gets; nothing if none comes.
fn target(stream: &mut dyn Stream) -> Option<Result<(), &'static str>> {
    const END: &[u8] = b"\r\n\r\n";
    let started = Instant::now();
    let mut request = Vec::new();
    let mut buffer = [0; 1_024];
    while !request.windows(END.len()).any(|window| window == END) {
        let taken = stream.read(&mut buffer).ok().filter(|taken| *taken > 0)?;
        request.extend_from_slice(buffer.get(..taken)?);
        if request.len() > MAX_REQUEST {
            return Some(Err("431 Request Header Fields Too Large"));
        }
        if started.elapsed() > PATIENCE {
            return Some(Err("408 Request Timeout"));
        }
    }
    let line = request.split(|byte| *byte == b'\r').next()?;
    let mut words = line.split(|byte| *byte == b' ');
    Some(match (words.next()?, words.next().unwrap_or_default()) {
        (b"GET", b"/metrics" | b"/") => Ok(()),
        (b"GET", _) => Err("404 Not Found"),
        _ => Err("405 Method Not Allowed"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request, and room for the answer.
    struct Conversation {
        request: io::Cursor<Vec<u8>>,
        answer: Vec<u8>,
    }

    impl Read for Conversation {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.request.read(buffer)
        }
    }

    impl Write for Conversation {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.answer.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn answer_to(request: &[u8]) -> String {
        let mut conversation = Conversation {
            request: io::Cursor::new(request.to_vec()),
            answer: Vec::new(),
        };
        answer(&mut conversation, &mut || Ok("click_up 1\n".into())).unwrap();
        String::from_utf8(conversation.answer).unwrap()
    }

    #[test]
    fn requests_and_their_answers() {
        let good = answer_to(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(good.starts_with("HTTP/1.1 200 OK\r\n"), "{good}");
        assert!(good.contains("Content-Length: 11\r\n") && good.ends_with("\r\n\r\nclick_up 1\n"));
        for (request, status) in [
            (&b"GET /passwd HTTP/1.1\r\n\r\n"[..], "404"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"\r\n\r\n", "405"),
        ] {
            let answer = answer_to(request);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{answer}"
            );
        }
        let long = [&b"GET /metrics HTTP/1.1\r\nX: "[..], &[b'x'; MAX_REQUEST]].concat();
        assert!(answer_to(&long).starts_with("HTTP/1.1 431 "));
        // Whoever breaks off gets nothing.
        assert_eq!(answer_to(b"GET /met"), "");
        assert_eq!(answer_to(b""), "");
    }
}
