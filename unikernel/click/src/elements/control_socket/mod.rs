//! ControlSocket.

mod session;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::element::{Activity, Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::Side;
use crate::host::{Connection, Host, HostError, Listener, SocketAddress};
use crate::language::{Arguments, Value, parse_unsigned};
use crate::packet::Packet;
use session::Session;

manual! {
    /// Lets others read and write handlers while the router runs.
    ///
    /// It speaks version 1.3 of the protocol of Click's ControlSocket, save low-level remote calls:
    /// READ, READDATA, READUNTIL, WRITE, WRITEDATA, WRITEUNTIL, CHECKREAD, CHECKWRITE, HELP and QUIT.
    /// Whoever reaches the socket may do all that handlers do; it authenticates nobody.
    ///
    /// # Configuration
    /// `ControlSocket(TYPE, ADDRESS, [keywords READONLY, LOCALHOST])`
    /// - TYPE: `TCP` or `UNIX`.
    /// - ADDRESS: a port, with `+` behind it if a higher one will do; or the name of a socket, which is
    ///   removed at the end.
    /// - READONLY: whether nothing can be written; false by default.
    /// - LOCALHOST: whether only processes of this machine can connect by TCP; true by default, other
    ///   than in Click.
    ///
    /// # Ports
    /// None.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// ControlSocket(UNIX, /run/click.sock, READONLY true); DriverManager(stop);
    /// ```
    pub(crate) struct ControlSocket {
        address: SocketAddress,
        read_only: bool,
        listener: Option<Box<dyn Listener>>,
        clients: Vec<Client>,
    }
}

#[derive(Debug)]
struct Client {
    connection: Box<dyn Connection>,
    session: Session,
    /// What is still to be sent.
    out: Vec<u8>,
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "ControlSocket",
    manual: ControlSocket::MANUAL,
    inputs: Side::NONE,
    outputs: Side::NONE,
    keywords: &["TYPE", "ADDRESS", "READONLY", "LOCALHOST"],
    handlers: &[],
    configure,
};

/// Connections at one time: more than there are people who look at a router.
const MAX_CLIENTS: usize = 64;

/// Bytes that wait to be sent to one client; one that does not read them is disconnected.
const MAX_OUTPUT: usize = 1 << 22;

/// How long commands wait at most, in nanoseconds, while nothing else happens.
const LOOK_NS: u64 = 5_000_000;

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    const TYPE: &str = "TCP or UNIX";
    let kind = arguments.mandatory("TYPE")?;
    let address = arguments.mandatory("ADDRESS")?;
    let local = arguments.boolean("LOCALHOST", true)?;
    let address = match kind.text().to_ascii_uppercase().as_str() {
        "TCP" => tcp(address, local)?,
        "UNIX" => SocketAddress::Unix(address.filename()?),
        _ => return Err(kind.refuse(TYPE)),
    };
    Ok(Box::new(ControlSocket {
        address,
        read_only: arguments.boolean("READONLY", false)?,
        listener: None,
        clients: Vec::new(),
    }))
}

fn tcp(address: Value<'_>, local: bool) -> Result<SocketAddress, ConfigError> {
    let text = address.text();
    let (digits, or_higher) = match text.strip_suffix('+') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let port = parse_unsigned(digits).and_then(|port| u16::try_from(port).ok());
    let port = port.filter(|port| *port > 0);
    Ok(SocketAddress::Tcp {
        port: port.ok_or_else(|| address.refuse("a port"))?,
        or_higher,
        local,
    })
}

impl Client {
    /// Takes what has come, and sends what it can. False if the connection is over.
    fn serve(&mut self, read_only: bool, context: &mut Context<'_>) -> bool {
        let mut buffer = [0; 4096];
        let open = match self.connection.receive(&mut buffer) {
            Some(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                let answers = self.session.take(bytes, read_only, context);
                self.out.extend_from_slice(answers.as_bytes());
                !self.session.is_closed()
            }
            None => false,
        };
        let sent = self.connection.send(&self.out).unwrap_or(self.out.len());
        self.out.drain(..sent.min(self.out.len()));
        (open || !self.out.is_empty()) && self.out.len() <= MAX_OUTPUT
    }
}

impl Element for ControlSocket {
    fn open_outputs(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        self.listener = Some(host.listen(&self.address)?);
        Ok(())
    }

    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        let Some(listener) = &mut self.listener else {
            return Ok(Activity::Idle);
        };
        while let Some(connection) = listener.accept()? {
            if self.clients.len() < MAX_CLIENTS {
                self.clients.push(Client {
                    connection,
                    session: Session::default(),
                    out: session::BANNER.into(),
                });
            }
        }
        let read_only = self.read_only;
        self.clients
            .retain_mut(|client| client.serve(read_only, context));
        let now = context.host.clock_ns();
        Ok(Activity::Waiting(now.saturating_add(LOOK_NS)))
    }

    fn burst(&self) -> u64 {
        1
    }
}

#[cfg(test)]
mod tests;
