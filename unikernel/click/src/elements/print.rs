//! Print.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_boolean};
use crate::packet::Packet;
use crate::render::seconds;

manual! {
    /// Prints packets.
    ///
    /// A line for each packet: the label, the packet's length, and its first bytes. Packets pass
    /// unchanged. `Print2` writes to standard output, with the clock's nanoseconds behind each line.
    ///
    /// # Configuration
    /// `Print([LABEL, MAXLENGTH, keywords CONTENTS, TIMESTAMP, ACTIVE])`
    /// - LABEL: text in front of each line. None by default.
    /// - MAXLENGTH: the most bytes that are printed; a negative number prints all. 24 by default.
    /// - CONTENTS: `HEX`, `ASCII` or `NONE`. `HEX` by default.
    /// - TIMESTAMP: whether the packet's time is printed, in seconds. False by default.
    /// - ACTIVE: whether anything is printed. True by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `active` (read, write): ACTIVE.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(DATA \<00 01 02 03>, LIMIT 2, STOP true) -> Print(ok) -> Print2 -> Discard;
    /// // ok:    4 | 00010203
    /// ```
    pub(crate) struct Print {
        label: String,
        /// The most bytes printed; `None` for all.
        max_length: Option<u64>,
        contents: Contents,
        timestamp: bool,
        active: bool,
        /// Whether the clock's time stands behind each line, which goes to standard output.
        timed: bool,
    }
}

#[derive(Clone, Copy, Debug)]
enum Contents {
    None,
    Hex,
    Ascii,
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Print",
    manual: Print::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["LABEL", "MAXLENGTH", "CONTENTS", "TIMESTAMP", "ACTIVE"],
    handlers: &[Handler::read_write("active")],
    configure: |arguments, _| configure(arguments, false),
};

/// The class that also prints when a packet passes, for measurements.
pub(crate) const TIMED: ElementClass = ElementClass {
    name: "Print2",
    configure: |arguments, _| configure(arguments, true),
    ..CLASS
};

fn configure(arguments: &mut Arguments<'_>, timed: bool) -> Result<Box<dyn Element>, ConfigError> {
    const DEFAULT_MAX_LENGTH: u64 = 24;
    let label = arguments.positional("LABEL")?;
    let max_length = arguments.positional("MAXLENGTH")?;
    let contents = arguments.keyword("CONTENTS")?;
    Ok(Box::new(Print {
        label: label.map_or_else(|| Ok(String::new()), Value::string)?,
        max_length: max_length.map_or(Ok(Some(DEFAULT_MAX_LENGTH)), Value::limit)?,
        contents: contents.map_or(Ok(Contents::Hex), read_contents)?,
        timestamp: arguments.boolean("TIMESTAMP", false)?,
        active: arguments.boolean("ACTIVE", true)?,
        timed,
    }))
}

/// A name in any case, or a truth value.
fn read_contents(value: Value<'_>) -> Result<Contents, ConfigError> {
    if let Ok(hex) = value.boolean() {
        return Ok(if hex { Contents::Hex } else { Contents::None });
    }
    match value.string()?.to_ascii_uppercase().as_str() {
        "NONE" => Ok(Contents::None),
        "HEX" => Ok(Contents::Hex),
        "ASCII" => Ok(Contents::Ascii),
        _ => Err(value.refuse("HEX, ASCII or NONE")),
    }
}

impl Print {
    fn line(&self, packet: &Packet) -> String {
        let mut line = String::new();
        let mut separator = "";
        if !self.label.is_empty() {
            line.push_str(&self.label);
            separator = ": ";
        }
        if self.timestamp {
            let time = seconds(packet.annotations.rx_time_ns);
            line.push_str(&format!("{separator}{time}"));
            separator = ": ";
        }
        line.push_str(&format!("{separator}{:4}", packet.len()));
        let most = self.max_length.and_then(|most| usize::try_from(most).ok());
        let shown = packet.bytes().iter().take(most.unwrap_or(usize::MAX));
        if shown.len() > 0 && !matches!(self.contents, Contents::None) {
            line.push_str(" | ");
            self.print_contents(&mut line, shown.copied());
        }
        line
    }

    /// Hexadecimal in groups of four bytes, or text in groups of eight.
    fn print_contents(&self, line: &mut String, bytes: impl Iterator<Item = u8>) {
        for (index, byte) in bytes.enumerate() {
            match self.contents {
                Contents::None => {}
                Contents::Hex => {
                    if index > 0 && index % 4 == 0 {
                        line.push(' ');
                    }
                    line.push_str(&format!("{byte:02x}"));
                }
                Contents::Ascii => {
                    if index % 8 == 0 {
                        line.push(' ');
                    }
                    let visible = byte.is_ascii_graphic() || byte == b' ';
                    line.push(if visible { char::from(byte) } else { '.' });
                }
            }
        }
    }
}

impl Element for Print {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if self.active && self.timed {
            let now = context.host.clock_ns();
            let line = format!("{} {now} ns\n", self.line(&packet));
            context.host.output(&line);
        } else if self.active {
            context.host.message(&self.line(&packet));
        }
        context.push(0, packet);
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "active").then(|| format!("{}", self.active))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        (handler == "active").then_some(())?;
        self.active = parse_boolean(value)?;
        Some(())
    }
}
