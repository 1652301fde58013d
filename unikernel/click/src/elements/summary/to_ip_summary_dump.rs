//! ToIPSummaryDump.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::describe::Described;
use super::field::Column;
use crate::element::{Activity, Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::{Host, HostError};
use crate::language::{Arguments, Value, quote, shift_word, unquote};
use crate::packet::Packet;

manual! {
    /// Writes a line about each packet into a file.
    ///
    /// A field that a packet does not have is written as `-`. The fields are those of Click except
    /// options, digests and Ethernet addresses: `timestamp`, `ts_sec`, `ts_usec`, `link`, `direction`,
    /// `aggregate`, `wire_len`; `ip_src`, `ip_dst`, `ip_tos`, `ip_dscp`, `ip_ecn`, `ip_ttl`, `ip_frag`,
    /// `ip_fragoff`, `ip_id`, `ip_sum`, `ip_proto`, `ip_hl`, `ip_len`, `ip_capture_len`; `sport`,
    /// `dport`, `tcp_seq`, `tcp_ack`, `tcp_off`, `tcp_flags`, `tcp_window`, `tcp_urp`, `udp_len`;
    /// `icmp_type`, `icmp_type_name`, `icmp_code`, `icmp_flowid`, `icmp_seq`; `payload`,
    /// `payload_len`.
    ///
    /// # Configuration
    /// `ToIPSummaryDump(FILENAME, [FIELDS, HEADER, BANNER])`
    /// - FILENAME: the file; `-` for standard output.
    /// - FIELDS: names of fields, separated by blanks; `timestamp ip_src` by default.
    /// - CONTENTS: another name of FIELDS.
    /// - HEADER: whether the file begins with lines about itself; true by default.
    /// - BANNER: who made the file, for these lines.
    ///
    /// # Ports
    /// One agnostic input, at most one push output, through which packets leave afterwards.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// FromIPSummaryDump(DATA "1.0.0.1 80", FIELDS ip_src sport)
    ///     -> ToIPSummaryDump(-, FIELDS ip_src sport ip_proto);
    /// ```
    pub(crate) struct ToIpSummaryDump {
        name: String,
        columns: Vec<Column>,
        header: bool,
        banner: Option<String>,
        pulls: bool,
        forwards: bool,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "ToIPSummaryDump",
    manual: ToIpSummaryDump::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(0, 1, Processing::Push),
    keywords: &["FILENAME", "FIELDS", "CONTENTS", "HEADER", "BANNER"],
    handlers: &[],
    configure,
};

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let name = arguments.mandatory("FILENAME")?.filename()?;
    let fields = arguments.keyword("FIELDS")?;
    let contents = arguments.keyword("CONTENTS")?;
    let columns = match fields.or(contents) {
        Some(fields) => columns(fields)?,
        None => ["timestamp", "ip_src"]
            .iter()
            .filter_map(|name| Column::parse(name))
            .collect(),
    };
    Ok(Box::new(ToIpSummaryDump {
        name,
        columns,
        header: arguments.boolean("HEADER", true)?,
        banner: arguments
            .keyword("BANNER")?
            .map(Value::string)
            .transpose()?,
        pulls: false,
        forwards: outputs > 0,
    }))
}

/// The fields that an argument names.
pub(super) fn columns(value: Value<'_>) -> Result<Vec<Column>, ConfigError> {
    let mut columns = Vec::new();
    let mut rest = value.text();
    while !rest.is_empty() {
        let (word, behind) = shift_word(rest);
        let column = Column::parse(&unquote(word));
        columns.push(column.ok_or_else(|| value.refuse("a list of fields"))?);
        rest = behind;
    }
    if columns.is_empty() {
        return Err(value.refuse("a list of fields"));
    }
    Ok(columns)
}

impl ToIpSummaryDump {
    fn append(&self, host: &mut dyn Host, text: &str, more: bool) -> Result<(), HostError> {
        if self.name == "-" {
            host.output(text);
            return Ok(());
        }
        host.write_file(&self.name, text, more)
    }

    fn describe(&self, packet: &Packet) -> String {
        let described = Described::new(packet);
        let texts = self.columns.iter().map(|column| {
            let text = described.text(*column);
            text.unwrap_or_else(|| "-".into())
        });
        let mut line = texts.collect::<Vec<_>>().join(" ");
        line.push('\n');
        line
    }
}

impl Element for ToIpSummaryDump {
    fn connect(&mut self, inputs: &[Processing], _: &[Processing]) {
        self.pulls = inputs.contains(&Processing::Pull);
    }

    fn open_outputs(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        let mut text = String::new();
        if self.header {
            text.push_str("!IPSummaryDump 1.3\n");
            if let Some(banner) = &self.banner {
                text.push_str(&alloc::format!("!creator \"{}\"\n", quote(banner)));
            }
            let names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
            text.push_str(&alloc::format!("!data {}\n", names.join(" ")));
        }
        self.append(host, &text, false)
    }

    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        self.append(context.host, &self.describe(&packet), true)?;
        if self.forwards {
            context.push(0, packet);
        }
        Ok(())
    }

    fn run(&mut self, context: &mut Context<'_>) -> Result<Activity, HostError> {
        if !self.pulls {
            return Ok(Activity::Idle);
        }
        let Some(packet) = context.pull(0)? else {
            return Ok(Activity::Idle);
        };
        self.push(0, packet, context)?;
        Ok(Activity::Working)
    }

    fn burst(&self) -> u64 {
        u64::from(self.pulls)
    }
}
