//! Paint.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::Notes;

use super::annotation;
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, Value, parse_unsigned};
use crate::packet::Packet;

manual! {
    /// Colours packets.
    ///
    /// # Configuration
    /// `Paint(COLOR [, ANNO])`
    /// - COLOR: a number from 0 to 255.
    /// - ANNO: the annotation, a byte, that the colour is written to. PAINT by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `color` (read, write): COLOR.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> Paint(1) -> Discard;
    /// ```
    pub(crate) struct Paint {
        color: u8,
        annotation: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Paint",
    manual: Paint::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["COLOR", "ANNO"],
    handlers: &[Handler::read_write("color")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let color = arguments.mandatory("COLOR")?;
    Ok(Box::new(Paint {
        color: read_color(color)?,
        annotation: annotation::argument(arguments, 1, Notes::PAINT)?,
    }))
}

/// A colour that an argument gives.
pub(super) fn read_color(value: Value<'_>) -> Result<u8, ConfigError> {
    parse_color(value.text()).ok_or_else(|| value.refuse("a number from 0 to 255"))
}

/// A colour.
pub(super) fn parse_color(text: &str) -> Option<u8> {
    u8::try_from(parse_unsigned(text)?).ok()
}

impl InPlace for Paint {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        packet.notes.set_byte(self.annotation, self.color);
        Some(0)
    }
}

impl Element for Paint {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "color").then(|| format!("{}", self.color))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "color" {
            return None;
        }
        self.color = parse_color(value)?;
        Some(())
    }
}
