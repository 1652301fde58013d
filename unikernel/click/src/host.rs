//! What the router asks of the process or machine that it runs in.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bpf_jit::MachineCode;
use bpf_object::Image;
use bpf_runtime::{Environment, PacketType};
use platform_click::Code;

use crate::codes;
use crate::elements::{Finished, Replaced, Replacement};
use crate::program::ProgramSource;

/// Files and messages; clock and random numbers come with [`Environment`]. The crate itself opens
/// nothing and prints nothing.
///
/// The clock's zero should be the start of 1970: the timestamps of captured packets count from there.
pub trait Host: Environment {
    /// Opens a capture file and checks its header.
    ///
    /// # Errors
    /// The file cannot be read, or is not a capture.
    fn open_dump(&mut self, name: &str) -> Result<Box<dyn DumpReader>, HostError>;

    /// Creates a capture file, replacing one of this name, and writes its header.
    ///
    /// # Errors
    /// The file cannot be written.
    fn create_dump(
        &mut self,
        name: &str,
        format: DumpFormat,
    ) -> Result<Box<dyn DumpWriter>, HostError>;

    /// Opens a device. By default there are none.
    ///
    /// # Errors
    /// There is no such device, or it cannot be opened so.
    fn open_device(&mut self, name: &str, _usage: DeviceUse) -> Result<Box<dyn Device>, HostError> {
        Err(HostError::Device {
            name: name.into(),
            reason: "there are no devices here".into(),
        })
    }

    /// Writes the machine code of a program as text for people, replacing a file of this name.
    ///
    /// # Errors
    /// The file cannot be written.
    fn write_code(
        &mut self,
        name: &str,
        image: &Image,
        code: &MachineCode,
    ) -> Result<(), HostError>;

    /// Listens for others who want to use handlers.
    ///
    /// # Errors
    /// The address cannot be had, or there are no sockets.
    fn listen(&mut self, address: &SocketAddress) -> Result<Box<dyn Listener>, HostError> {
        Err(HostError::Device {
            name: format!("{address}"),
            reason: "there are no sockets here".into(),
        })
    }

    /// Writes to standard output.
    fn output(&mut self, text: &str);

    /// Writes to a file, behind what it holds if `append`.
    ///
    /// # Errors
    /// The file cannot be written.
    fn write_file(&mut self, name: &str, text: &str, append: bool) -> Result<(), HostError>;

    /// The bytes of a file; a text of a few megabytes at most.
    ///
    /// # Errors
    /// The file cannot be read.
    fn read_file(&mut self, name: &str) -> Result<Vec<u8>, HostError>;

    /// The number of the process; 0 where there are none.
    fn process_id(&self) -> u32 {
        0
    }

    /// Waits until the clock says `time_ns`, or for as long as the process likes to be left alone: it
    /// may come back earlier.
    fn wait_until(&mut self, time_ns: u64);

    /// Where programs come from that replace others while the router runs. By default there are none:
    /// programs stay what they are.
    fn programs(&mut self) -> Option<&mut dyn ProgramSource> {
        None
    }

    /// Prepares a program beside the router, in another thread. [`Self::finished`] gives what came of
    /// it.
    ///
    /// # Errors
    /// There is no other thread: the replacement comes back, and whoever wants it prepares it himself.
    fn in_background(&mut self, replacement: Replacement) -> Result<(), Box<Replacement>> {
        Err(Box::new(replacement))
    }

    /// A program that was prepared beside the router, once. The router asks before every round.
    fn finished(&mut self) -> Option<Finished> {
        None
    }

    /// Gives back what is left of a program, where packets do not wait for that.
    fn discard(&mut self, replaced: Replaced) {
        drop(replaced);
    }

    /// A line for whoever watches the router: what the element Print prints, and warnings.
    fn message(&mut self, line: &str);
}

/// What an element opens a device for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceUse {
    /// To receive frames.
    Receive {
        /// Those to other machines, too.
        promiscuous: bool,
        /// Sharing them with all that name the same number.
        fanout: Option<u16>,
    },
    /// To send frames.
    Send,
}

/// A device that is open, for one use. What it is not open for does nothing.
pub trait Device: fmt::Debug {
    /// The next frame that has arrived.
    ///
    /// # Errors
    /// The device failed.
    fn receive(&mut self, now_ns: u64) -> Result<Option<Frame<'_>>, HostError>;

    /// When there may be something to receive, after there was nothing: a time, the largest one if
    /// only the system knows, `None` if never again unless the router itself sends there.
    fn next_ns(&self) -> Option<u64>;

    /// Takes a frame to be sent; `false` if there is no room now.
    ///
    /// # Errors
    /// The device failed.
    fn send(&mut self, frame: &[u8], now_ns: u64) -> Result<bool, HostError>;

    /// Gets to work on frames that were taken. Gives a time at which it wants to be asked again.
    ///
    /// # Errors
    /// The device failed.
    fn flush(&mut self, now_ns: u64) -> Result<Option<u64>, HostError>;

    /// Sends what is left; nothing is sent afterwards.
    ///
    /// # Errors
    /// The device failed.
    fn finish(&mut self) -> Result<(), HostError>;
}

/// A frame that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its bytes, from the Ethernet header.
    pub bytes: &'a [u8],
    /// When it was received, in nanoseconds since 1970.
    pub time_ns: u64,
    /// Whom it was sent to.
    pub packet_type: PacketType,
}

/// Where others connect to a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketAddress {
    /// A port of TCP.
    Tcp {
        /// The port.
        port: u16,
        /// Whether a higher one will do.
        or_higher: bool,
        /// Whether only processes of this machine may connect.
        local: bool,
    },
    /// A name in the file system.
    Unix(String),
}

impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { port, .. } => write!(f, "TCP port {port}"),
            Self::Unix(name) => f.write_str(name),
        }
    }
}

/// A socket that others connect to.
pub trait Listener: fmt::Debug {
    /// Whoever has connected; nothing if nobody has.
    ///
    /// # Errors
    /// The socket failed.
    fn accept(&mut self) -> Result<Option<Box<dyn Connection>>, HostError>;
}

/// A connection that does not block.
pub trait Connection: fmt::Debug {
    /// Fills a buffer with what has come, and says how much that is; nothing if the other side has
    /// closed the connection, or it failed.
    fn receive(&mut self, buffer: &mut [u8]) -> Option<usize>;

    /// Sends what can be sent now, and says how much that is; nothing if the connection failed.
    fn send(&mut self, bytes: &[u8]) -> Option<usize>;
}

/// A capture file that is being read.
pub trait DumpReader: fmt::Debug {
    /// What the packets of the file begin with.
    fn encapsulation(&self) -> Encapsulation;

    /// The next packet; `None` at the end of the file.
    ///
    /// # Errors
    /// The file is malformed or ends within a packet.
    fn next_record(&mut self) -> Result<Option<Record<'_>>, HostError>;
}

/// A capture file that is being written.
pub trait DumpWriter: fmt::Debug {
    /// Appends a packet.
    ///
    /// # Errors
    /// The file cannot be written.
    fn write_record(&mut self, record: Record<'_>) -> Result<(), HostError>;

    /// Completes the file; nothing is appended afterwards.
    ///
    /// # Errors
    /// The file cannot be written.
    fn finish(&mut self) -> Result<(), HostError>;
}

/// A packet in a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it was captured, in nanoseconds since 1970.
    pub timestamp_ns: u64,
    /// Bytes that it had on the wire.
    pub original_len: usize,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
}

/// What a capture file is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpFormat {
    /// What its packets begin with.
    pub encapsulation: Encapsulation,
    /// The most bytes of a packet that are written.
    pub snaplen: u32,
}

/// What the packets of a capture begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encapsulation {
    /// An Ethernet header.
    Ether,
    /// An IP header.
    Ip,
    /// Something else, with its number in the registry of link types of tcpdump.org.
    Other(u32),
}

impl fmt::Display for Encapsulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ether => f.write_str("ETHER"),
            Self::Ip => f.write_str("IP"),
            Self::Other(number) => write!(f, "{number}"),
        }
    }
}

/// What goes wrong with files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// A file cannot be read.
    #[error("cannot read `{name}`: {reason}")]
    Unreadable {
        /// The file.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// A file is not a capture.
    #[error("`{name}` is not a capture in pcap format: {reason}")]
    NotADump {
        /// The file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A packet of a capture file is malformed, or the file ends within it.
    #[error("`{name}`, packet {number} at byte {offset}: {reason}")]
    BadRecord {
        /// The file.
        name: String,
        /// The number of the packet, from 1.
        number: u64,
        /// Where it starts.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A device cannot be opened, or failed.
    #[error("device `{name}`: {reason}")]
    Device {
        /// The device.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// A file cannot be written.
    #[error("cannot write `{name}`: {reason}")]
    Unwritable {
        /// The file.
        name: String,
        /// What the system says.
        reason: String,
    },
}

impl HostError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Unreadable { .. } => codes::UNREADABLE,
            Self::NotADump { .. } | Self::BadRecord { .. } => codes::DUMP,
            Self::Device { .. } => codes::DEVICE,
            Self::Unwritable { .. } => codes::WRITE,
        }
    }
}
