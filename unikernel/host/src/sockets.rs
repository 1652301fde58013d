//! Sockets through which others use handlers.

use core::fmt;
use core::net::Ipv4Addr;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use click_graph::HostError;
use click_graph::host::{Connection, Listener, SocketAddress};

/// Ports that are tried behind the first, as in Click.
const MORE_PORTS: u16 = 99;

/// Listens at an address.
pub(crate) fn listen(address: &SocketAddress) -> Result<Box<dyn Listener>, HostError> {
    let failed = |error: io::Error| failed(address, &error);
    match address {
        SocketAddress::Tcp {
            port,
            or_higher,
            local,
        } => {
            let host = if *local {
                Ipv4Addr::LOCALHOST
            } else {
                Ipv4Addr::UNSPECIFIED
            };
            let last = if *or_higher {
                port.saturating_add(MORE_PORTS)
            } else {
                *port
            };
            let mut bound = Err(io::Error::from(ErrorKind::AddrInUse));
            for port in *port..=last {
                bound = TcpListener::bind((host, port));
                if bound.is_ok() {
                    break;
                }
            }
            let socket = bound.map_err(failed)?;
            socket.set_nonblocking(true).map_err(failed)?;
            Ok(Box::new(Tcp(address.clone(), socket)))
        }
        SocketAddress::Unix(name) => {
            let socket = UnixListener::bind(name).map_err(failed)?;
            socket.set_nonblocking(true).map_err(failed)?;
            let path = PathBuf::from(name);
            Ok(Box::new(Unix(address.clone(), socket, path)))
        }
    }
}

fn failed(address: &SocketAddress, error: &io::Error) -> HostError {
    HostError::Device {
        name: address.to_string(),
        reason: error.to_string(),
    }
}

#[derive(Debug)]
struct Tcp(SocketAddress, TcpListener);

#[derive(Debug)]
struct Unix(SocketAddress, UnixListener, PathBuf);

impl Listener for Tcp {
    fn accept(&mut self) -> Result<Option<Box<dyn Connection>>, HostError> {
        match self.1.accept() {
            Ok((stream, _)) => {
                stream
                    .set_nonblocking(true)
                    .map_err(|error| failed(&self.0, &error))?;
                Ok(Some(Box::new(Stream(stream))))
            }
            Err(error) => nobody(&self.0, &error),
        }
    }
}

impl Listener for Unix {
    fn accept(&mut self) -> Result<Option<Box<dyn Connection>>, HostError> {
        match self.1.accept() {
            Ok((stream, _)) => {
                stream
                    .set_nonblocking(true)
                    .map_err(|error| failed(&self.0, &error))?;
                Ok(Some(Box::new(Stream(stream))))
            }
            Err(error) => nobody(&self.0, &error),
        }
    }
}

/// The name of a socket means nothing without it.
impl Drop for Unix {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.2);
    }
}

/// A client that went away before it was let in is none.
fn nobody(
    address: &SocketAddress,
    error: &io::Error,
) -> Result<Option<Box<dyn Connection>>, HostError> {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted => Ok(None),
        _ => Err(failed(address, error)),
    }
}

#[derive(Debug)]
struct Stream<S>(S);

impl<S: Read + Write + fmt::Debug> Connection for Stream<S> {
    fn receive(&mut self, buffer: &mut [u8]) -> Option<usize> {
        match self.0.read(buffer) {
            Ok(0) => None,
            Ok(count) => Some(count),
            Err(error) => nothing_yet(&error),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Option<usize> {
        if bytes.is_empty() {
            return Some(0);
        }
        match self.0.write(bytes) {
            Ok(count) => Some(count),
            Err(error) => nothing_yet(&error),
        }
    }
}

fn nothing_yet(error: &io::Error) -> Option<usize> {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted).then_some(0)
}
