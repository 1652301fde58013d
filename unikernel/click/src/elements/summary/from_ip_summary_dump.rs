//! FromIPSummaryDump.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::TCP;
use super::draft::{Defaults, Draft, Flow, protocol};
use super::field::Column;
use super::to_ip_summary_dump::columns;
use crate::element::{Activity, Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::handlers::Refusal;
use crate::host::{Host, HostError};
use crate::language::{Arguments, parse_boolean, parse_unsigned, shift_word, unquote};
use crate::packet::Packet;

manual! {
    /// Makes packets of what the lines of a file say.
    ///
    /// The file is one that ToIPSummaryDump writes, with the same fields. What it does not say is 0,
    /// the time to live 100, the protocol PROTO; lengths are right. Lines that begin with `!` are
    /// about the file, such as `!data FIELD …`; those with `#` are comments.
    ///
    /// # Configuration
    /// `FromIPSummaryDump([FILENAME, STOP, ACTIVE, TIMING, CHECKSUM, PROTO, FIELDS, FLOWID, DATA, …])`
    /// - FILENAME: the file; `-` for standard input.
    /// - DATA: the lines themselves, instead of a file.
    /// - STOP: whether the router stops at the end; false by default.
    /// - ACTIVE: whether packets are made; true by default.
    /// - TIMING: whether packets keep the distances of their timestamps; false by default.
    /// - ZERO: whether bytes that nobody sets are 0, which they are.
    /// - CHECKSUM: whether checksums are right, and packets as long as their headers say; false by
    ///   default.
    /// - PROTO: the protocol; 6, TCP, by default.
    /// - FIELDS: the fields of the lines, where the file does not say.
    /// - CONTENTS: another name of FIELDS.
    /// - FLOWID: `SOURCE SPORT DESTINATION DPORT [PROTO]`, where lines do not say.
    ///
    /// # Ports
    /// One agnostic output.
    ///
    /// # Handlers
    /// - `active` (read, write): ACTIVE.
    /// - `stop` (write): makes no more packets and stops the router.
    ///
    /// # Example
    /// ```click
    /// FromIPSummaryDump(DATA "!data ip_src sport
    /// 1.0.0.1 80", STOP true) -> Discard;
    /// ```
    pub(crate) struct FromIpSummaryDump {
        source: Source,
        lines: Vec<String>,
        columns: Vec<Column>,
        defaults: Defaults,
        stop: bool,
        active: bool,
        timing: bool,
        pushes: bool,
        /// How far the clock is ahead of the timestamps.
        ahead_ns: Option<u64>,
        /// A packet whose time has not come.
        waiting: Option<Packet>,
        complained: bool,
    }
}

/// Where the lines come from.
#[derive(Debug)]
enum Source {
    File(String),
    Text(String),
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "FromIPSummaryDump",
    manual: FromIpSummaryDump::MANUAL,
    inputs: Side::NONE,
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &[
        "FILENAME", "DATA", "STOP", "ACTIVE", "TIMING", "ZERO", "CHECKSUM", "PROTO", "FIELDS",
        "CONTENTS", "FLOWID",
    ],
    handlers: &[Handler::read_write("active"), Handler::write("stop")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let name = arguments.positional("FILENAME")?;
    let data = arguments.keyword("DATA")?;
    let source = match (name, data) {
        (Some(_), Some(data)) => return Err(data.refuse("left out beside FILENAME")),
        (None, Some(data)) => Source::Text(data.string()?),
        (Some(name), None) => Source::File(name.filename()?),
        (None, None) => Source::File(arguments.required("FILENAME")?.filename()?),
    };
    let proto = arguments
        .keyword("PROTO")?
        .map(|value| protocol(value.text()).ok_or_else(|| value.refuse("a protocol")));
    let mut defaults = Defaults {
        protocol: proto.unwrap_or(Ok(TCP))?,
        complete: arguments.boolean("CHECKSUM", false)?,
        flow: None,
        aggregate: None,
    };
    if let Some(value) = arguments.keyword("FLOWID")? {
        let read = defaults.set_flow(value.text());
        read.ok_or_else(|| value.refuse("addresses and ports"))?;
    }
    arguments.boolean("ZERO", true)?;
    let fields = arguments.keyword("FIELDS")?;
    let fields = fields.or(arguments.keyword("CONTENTS")?);
    Ok(Box::new(FromIpSummaryDump {
        source,
        lines: Vec::new(),
        columns: fields.map_or(Ok(Vec::new()), columns)?,
        defaults,
        stop: arguments.boolean("STOP", false)?,
        active: arguments.boolean("ACTIVE", true)?,
        timing: arguments.boolean("TIMING", false)?,
        pushes: true,
        ahead_ns: None,
        waiting: None,
        complained: false,
    }))
}

impl Defaults {
    /// `SOURCE SPORT DESTINATION DPORT [PROTO]`; `-` stands for 0.
    fn set_flow(&mut self, text: &str) -> Option<()> {
        let mut words = text.split_whitespace();
        let mut end = || {
            let (address, port) = (words.next()?, words.next()?);
            let address = match address {
                "-" => core::net::Ipv4Addr::UNSPECIFIED,
                address => address.parse().ok()?,
            };
            let port = match port {
                "-" => 0,
                port => u16::try_from(parse_unsigned(port)?).ok()?,
            };
            Some((address, port))
        };
        let (source, destination) = (end()?, end()?);
        self.flow = Some(Flow {
            source,
            destination,
        });
        if let Some(proto) = words.next() {
            self.protocol = protocol(proto)?;
        }
        Some(())
    }
}

impl FromIpSummaryDump {
    /// The next packet; `None` at the end.
    fn next_packet(&mut self, context: &mut Context<'_>) -> Option<Packet> {
        while let Some(line) = self.lines.pop() {
            let line = line.trim();
            if let Some(about) = line.strip_prefix('!') {
                self.take_note(about, context);
            } else if !line.is_empty() && !line.starts_with('#') {
                match self.packet(line) {
                    Some(packet) => return Some(packet),
                    None => self.complain(line, context),
                }
            }
        }
        None
    }

    /// A line that is about the file.
    fn take_note(&mut self, line: &str, context: &mut Context<'_>) {
        let (word, rest) = shift_word(line);
        let taken = match word {
            "data" | "contents" => self.set_columns(rest),
            "flowid" => self.defaults.set_flow(rest),
            "proto" => protocol(rest.trim()).map(|protocol| self.defaults.protocol = protocol),
            "aggregate" => parse_unsigned(rest.trim())
                .and_then(|number| u32::try_from(number).ok())
                .map(|number| self.defaults.aggregate = Some(number)),
            // Others say who made the file, when, and in which version.
            _ => Some(()),
        };
        if taken.is_none() {
            let label = context.label();
            context
                .host
                .message(&format!("{label}: cannot read `!{line}`"));
        }
    }

    fn set_columns(&mut self, names: &str) -> Option<()> {
        let mut columns = Vec::new();
        let mut rest = names;
        while !rest.is_empty() {
            let (word, behind) = shift_word(rest);
            columns.push(Column::parse(&unquote(word))?);
            rest = behind;
        }
        self.columns = columns;
        Some(())
    }

    fn packet(&self, line: &str) -> Option<Packet> {
        let mut draft = Draft::default();
        let mut rest = line;
        let mut set = false;
        for column in &self.columns {
            let (word, behind) = shift_word(rest);
            rest = behind;
            if !word.is_empty() && word != "-" {
                set |= draft.set(*column, word).is_some();
            }
        }
        set.then(|| draft.packet(&self.defaults))?
    }

    /// Says once that a line is no packet.
    fn complain(&mut self, line: &str, context: &mut Context<'_>) {
        if self.complained {
            return;
        }
        self.complained = true;
        let label = context.label();
        let why = match self.columns.is_empty() {
            true => "no `!data` provided",
            false => "packet parse error",
        };
        let line = crate::render::quoted(line);
        context.host.message(&format!("{label}: {why} at `{line}`"));
    }

    /// The next packet whose time has come, or how long that takes.
    fn due_packet(&mut self, context: &mut Context<'_>) -> Due {
        let waiting = self.waiting.take();
        let Some(packet) = waiting.or_else(|| self.next_packet(context)) else {
            return Due::Never;
        };
        if !self.timing {
            return Due::Now(Box::new(packet));
        }
        let now = context.host.clock_ns();
        let time = packet.annotations.rx_time_ns;
        let ahead = *self
            .ahead_ns
            .get_or_insert_with(|| now.saturating_sub(time));
        let due = time.saturating_add(ahead);
        if due > now {
            self.waiting = Some(packet);
            return Due::At(due);
        }
        Due::Now(Box::new(packet))
    }
}

/// When a packet is due.
enum Due {
    Now(Box<Packet>),
    At(u64),
    Never,
}

impl Element for FromIpSummaryDump {
    fn connect(&mut self, _: &[Processing], outputs: &[Processing]) {
        self.pushes = outputs.contains(&Processing::Push);
    }

    fn open_inputs(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        let text = match &self.source {
            Source::Text(text) => text.clone(),
            // Each byte becomes a character, so that payloads may hold any.
            Source::File(name) => host.read_file(name)?.into_iter().map(char::from).collect(),
        };
        self.lines = text.lines().rev().map(Into::into).collect();
        Ok(())
    }

    fn push(&mut self, _: usize, _: Packet, _: &mut Context<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        if !self.active || !self.pushes {
            return Ok(Activity::Idle);
        }
        Ok(match self.due_packet(context) {
            Due::Now(packet) => {
                context.push(0, *packet);
                Activity::Working
            }
            Due::At(time) => Activity::Waiting(time),
            Due::Never => {
                self.active = false;
                if self.stop {
                    Activity::Stop
                } else {
                    Activity::Idle
                }
            }
        })
    }

    fn burst(&self) -> u64 {
        1
    }

    fn pull(&mut self, _: usize, context: &mut Context<'_>) -> Result<Option<Packet>, HostError> {
        if !self.active {
            return Ok(None);
        }
        Ok(match self.due_packet(context) {
            Due::Now(packet) => Some(*packet),
            Due::At(time) => {
                context.wake_at(time);
                None
            }
            Due::Never => {
                self.active = false;
                if self.stop {
                    context.stop();
                }
                None
            }
        })
    }

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "active").then(|| format!("{}", self.active))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        (handler == "active").then_some(())?;
        self.active = parse_boolean(value)?;
        Some(())
    }

    fn write_in(
        &mut self,
        handler: &str,
        value: &str,
        context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        if handler == "stop" {
            self.active = false;
            context.stop();
            return Ok(());
        }
        self.write(handler, value).ok_or(Refusal::Value)
    }
}
