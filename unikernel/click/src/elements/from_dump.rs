//! FromDump.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

use platform_click::limits::MAX_PACKET_SIZE;

use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::{DumpReader, Host, HostError};
use crate::language::{Arguments, parse_boolean};
use crate::packet::Packet;

manual! {
    /// Reads packets from a capture file in pcap format.
    ///
    /// Packets have the time and the bytes that the file has for them; of a packet that was cut
    /// when it was captured, the rest is not made up. A packet longer than the platform takes is
    /// dropped, counted and reported. A file that is malformed or ends within a packet is refused
    /// before anything runs; what comes through a pipe can be read only once, so there the router
    /// stops with an error, after the packets before it went through.
    ///
    /// # Configuration
    /// `FromDump(FILENAME [, keywords STOP, ACTIVE])`
    /// - FILENAME: the file.
    /// - STOP: whether the router stops at the end of the file. False by default.
    /// - ACTIVE: whether packets are read. True by default.
    ///
    /// # Ports
    /// One push output.
    ///
    /// # Handlers
    /// - `count` (read): packets that were sent on, since the start or the last reset.
    /// - `oversize` (read): packets that were dropped for their length, likewise.
    /// - `reset_counts` (write): sets both to 0.
    /// - `filename` (read): FILENAME.
    /// - `encap` (read): what the packets begin with: `ETHER`, `IP`, or the number of the link type.
    /// - `active` (read, write): ACTIVE.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Print -> Discard;
    /// ```
    pub(crate) struct FromDump {
        filename: String,
        stop: bool,
        active: bool,
        count: u64,
        oversize: u64,
        /// The file, from when it is opened to its end.
        reader: Option<Box<dyn DumpReader>>,
        encapsulation: String,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "FromDump",
    manual: FromDump::MANUAL,
    inputs: Side::NONE,
    outputs: Side::exactly(1, Processing::Push),
    keywords: &["FILENAME", "STOP", "ACTIVE"],
    handlers: &[
        Handler::read("count"),
        Handler::read("oversize"),
        Handler::write("reset_counts"),
        Handler::read("filename"),
        Handler::read("encap"),
        Handler::read_write("active"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(FromDump {
        filename: arguments.mandatory("FILENAME")?.filename()?,
        stop: arguments.boolean("STOP", false)?,
        active: arguments.boolean("ACTIVE", true)?,
        count: 0,
        oversize: 0,
        reader: None,
        encapsulation: String::new(),
    }))
}

impl FromDump {
    /// At the end of the file.
    const fn ended(&self) -> Activity {
        if self.stop {
            Activity::Stop
        } else {
            Activity::Idle
        }
    }

    fn report_oversize(&mut self, len: usize, context: &mut Context<'_>) {
        self.oversize = self.oversize.saturating_add(1);
        if self.oversize == 1 {
            context.host.message(&format!(
                "{}: a packet of {len} bytes was dropped, longer than the {MAX_PACKET_SIZE} of the \
                 platform; further ones are only counted",
                self.filename
            ));
        }
    }
}

impl Element for FromDump {
    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn open_inputs(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        let reader = host.open_dump(&self.filename)?;
        self.encapsulation = reader.encapsulation().to_string();
        self.reader = Some(reader);
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        if !self.active {
            return Ok(Activity::Idle);
        }
        let Some(reader) = &mut self.reader else {
            return Ok(self.ended());
        };
        let Some(record) = reader.next_record()? else {
            self.reader = None;
            return Ok(self.ended());
        };
        let len = record.bytes.len();
        match context.make(record.bytes) {
            Ok(mut packet) => {
                packet.annotations.rx_time_ns = record.timestamp_ns;
                self.count = self.count.saturating_add(1);
                context.push(0, packet);
            }
            Err(_) => self.report_oversize(len, context),
        }
        Ok(Activity::Working)
    }

    fn burst(&self) -> u64 {
        1
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "count" => Some(format!("{}", self.count)),
            "oversize" => Some(format!("{}", self.oversize)),
            "filename" => Some(self.filename.clone()),
            "encap" => Some(self.encapsulation.clone()),
            "active" => Some(format!("{}", self.active)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "reset_counts" => (self.count, self.oversize) = (0, 0),
            "active" => self.active = parse_boolean(value)?,
            _ => return None,
        }
        Some(())
    }
}
