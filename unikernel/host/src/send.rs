//! `bpfclick send`: test packets, by the system's own sockets.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, Write};
use std::net::{TcpStream, UdpSocket};
use std::thread;
use std::time::Instant;

use clap::{Args, ValueEnum};
use click_graph::Source;
use platform_click::ExitCode;

use crate::Error;
use crate::cli::print;

/// Send test packets to an address, by UDP or over a TCP connection
///
/// Each packet holds its number, from 0, in text, then the payload or as many bytes as are asked for.
#[derive(Debug, Args)]
pub(crate) struct SendArguments {
    /// How to send
    protocol: Protocol,

    /// Where to send to: address and port, as 10.0.0.1:12345 or [fe80::1]:53
    address: SocketAddr,

    /// Packets to send
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: u64,

    /// Packets per second; as fast as possible by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,

    /// Bytes of each packet's payload, filled up with dots
    #[arg(long, value_name = "BYTES", conflicts_with = "payload",
          value_parser = clap::value_parser!(u16).range(..=65_507))]
    size: Option<u16>,

    /// The payload itself, without a number
    #[arg(long, value_name = "TEXT")]
    payload: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Protocol {
    Udp,
    Tcp,
}

/// Where packets go.
enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// How long a connection may take: what is filtered answers never.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

impl SendArguments {
    pub(crate) fn execute(self, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
        match self.send() {
            Ok(sent) => {
                let text = format!("{sent} packets sent to {}\n", self.address);
                print(out, &text, ExitCode::Accepted)
            }
            Err(error) => {
                let to = self.address.to_string();
                let error = Error::Send { to, error };
                let text = format!("{}\n", error.render(&Source::new("send", "")));
                print(err, &text, error.code().exit)
            }
        }
    }

    fn send(&self) -> io::Result<u64> {
        let mut socket = self.connect()?;
        let started = Instant::now();
        for number in 0..self.count {
            if let Some(rate) = self.rate {
                let due = Duration::from_secs(number).checked_div(rate);
                let left = due.unwrap_or_default().saturating_sub(started.elapsed());
                thread::sleep(left);
            }
            let payload = self.payload(number);
            match &mut socket {
                Socket::Udp(socket) => drop(socket.send(&payload)?),
                Socket::Tcp(stream) => stream.write_all(&payload)?,
            }
        }
        Ok(self.count)
    }

    fn connect(&self) -> io::Result<Socket> {
        match self.protocol {
            Protocol::Udp => {
                let any: SocketAddr = match self.address {
                    SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
                    SocketAddr::V6(_) => ([0; 16], 0).into(),
                };
                let socket = UdpSocket::bind(any)?;
                socket.connect(self.address)?;
                Ok(Socket::Udp(socket))
            }
            Protocol::Tcp => {
                let stream = TcpStream::connect_timeout(&self.address, CONNECT_TIMEOUT)?;
                stream.set_nodelay(true)?;
                Ok(Socket::Tcp(stream))
            }
        }
    }

    fn payload(&self, number: u64) -> Vec<u8> {
        if let Some(payload) = &self.payload {
            return payload.clone().into_bytes();
        }
        let mut payload = format!("{number}").into_bytes();
        if let Some(size) = self.size {
            payload.resize(size.into(), b'.');
        }
        payload
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    fn arguments(protocol: Protocol, address: SocketAddr) -> SendArguments {
        SendArguments {
            protocol,
            address,
            count: 3,
            rate: Some(1000),
            size: Some(4),
            payload: None,
        }
    }

    #[test]
    fn datagrams_arrive_with_their_numbers() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = receiver.local_addr().unwrap();
        assert_eq!(arguments(Protocol::Udp, address).send().unwrap(), 3);
        let mut buffer = [0; 100];
        for expected in ["0...", "1...", "2..."] {
            let len = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..len], expected.as_bytes());
        }
    }

    #[test]
    fn a_stream_holds_all_payloads() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut arguments = arguments(Protocol::Tcp, listener.local_addr().unwrap());
        arguments.payload = Some("ab".into());
        arguments.size = None;
        assert_eq!(arguments.send().unwrap(), 3);
        let mut text = String::new();
        listener
            .accept()
            .unwrap()
            .0
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "ababab");
    }

    #[test]
    fn nobody_there_is_an_error() {
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mut text = Vec::new();
        let code = arguments(Protocol::Tcp, free).execute(&mut Vec::new(), &mut text);
        assert_eq!(code, ExitCode::Io);
        assert!(
            String::from_utf8(text)
                .unwrap()
                .starts_with("error[BPF-C105]")
        );
    }
}
