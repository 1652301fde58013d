//! ToDump.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::{DumpFormat, DumpWriter, Encapsulation, Host, HostError, Record};
use crate::language::{Arguments, Value};
use crate::packet::Packet;

manual! {
    /// Writes packets to a capture file in pcap format.
    ///
    /// The file is created when the configuration is accepted in whole, not before; a file of that
    /// name is replaced. Times are those of the packets, in nanoseconds.
    ///
    /// # Configuration
    /// `ToDump(FILENAME [, SNAPLEN, ENCAP])`
    /// - FILENAME: the file.
    /// - SNAPLEN: the most bytes of a packet that are written; 0 writes all. 2000 by default.
    /// - ENCAP: what the packets begin with, as other programs are told: `ETHER` or `IP`. `ETHER`
    ///   by default.
    ///
    /// # Ports
    /// One agnostic input. With its optional output connected, which is agnostic too, packets go on;
    /// without, it pulls them where they are stored.
    ///
    /// # Handlers
    /// - `count` (read): packets written since the start or the last reset.
    /// - `reset_counts` (write): sets it to 0.
    /// - `filename` (read): FILENAME.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> ToDump(out.pcap, ENCAP IP);
    /// ```
    pub(crate) struct ToDump {
        filename: String,
        format: DumpFormat,
        count: u64,
        writer: Option<Box<dyn DumpWriter>>,
        /// Whether nobody else moves packets here.
        pulls: bool,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "ToDump",
    manual: ToDump::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(0, 1, Processing::Agnostic),
    keywords: &["FILENAME", "SNAPLEN", "ENCAP"],
    handlers: &[
        Handler::read("count"),
        Handler::write("reset_counts"),
        Handler::read("filename"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let filename = arguments.mandatory("FILENAME")?.filename()?;
    let snaplen = arguments.positional("SNAPLEN")?;
    let encapsulation = arguments.positional("ENCAP")?;
    Ok(Box::new(ToDump {
        filename,
        format: DumpFormat {
            snaplen: snaplen.map_or(Ok(DEFAULT_SNAPLEN), read_snaplen)?,
            encapsulation: encapsulation.map_or(Ok(Encapsulation::Ether), read_encapsulation)?,
        },
        count: 0,
        writer: None,
        pulls: false,
    }))
}

/// Bytes of a packet that Click writes by default.
const DEFAULT_SNAPLEN: u32 = 2000;

/// More bytes than any packet has; what `tcpdump -s 0` writes.
const WHOLE_PACKETS: u32 = 262_144;

fn read_snaplen(value: Value<'_>) -> Result<u32, ConfigError> {
    match u32::try_from(value.unsigned()?) {
        Ok(0) => Ok(WHOLE_PACKETS),
        Ok(snaplen) if snaplen <= WHOLE_PACKETS => Ok(snaplen),
        _ => Err(value.refuse("0 or a number of bytes up to 262144")),
    }
}

fn read_encapsulation(value: Value<'_>) -> Result<Encapsulation, ConfigError> {
    match value.string()?.as_str() {
        "ETHER" => Ok(Encapsulation::Ether),
        "IP" => Ok(Encapsulation::Ip),
        _ => Err(value.refuse("ETHER or IP")),
    }
}

impl Element for ToDump {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if let Some(writer) = &mut self.writer {
            let most = usize::try_from(self.format.snaplen).unwrap_or(usize::MAX);
            let bytes = packet.bytes();
            writer.write_record(Record {
                timestamp_ns: packet.annotations.rx_time_ns,
                original_len: bytes.len(),
                bytes: bytes.get(..most).unwrap_or(bytes),
            })?;
            self.count = self.count.saturating_add(1);
        }
        context.push(0, packet);
        Ok(())
    }

    fn connect(&mut self, inputs: &[Processing], outputs: &[Processing]) {
        self.pulls = inputs.contains(&Processing::Pull) && outputs.is_empty();
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        if !self.pulls {
            return Ok(Activity::Idle);
        }
        match context.pull(0)? {
            Some(packet) => {
                self.push(0, packet, context)?;
                Ok(Activity::Working)
            }
            None => Ok(Activity::Idle),
        }
    }

    fn burst(&self) -> u64 {
        u64::from(self.pulls)
    }

    fn open_outputs(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        self.writer = Some(host.create_dump(&self.filename, self.format)?);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), HostError> {
        match self.writer.take() {
            Some(mut writer) => writer.finish(),
            None => Ok(()),
        }
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "count" => Some(format!("{}", self.count)),
            "filename" => Some(self.filename.clone()),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, _: &str) -> Option<()> {
        (handler == "reset_counts").then(|| self.count = 0)
    }
}
