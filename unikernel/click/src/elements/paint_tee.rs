//! PaintTee.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::Notes;

use super::annotation;
use super::paint::{parse_color, read_color};
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Sends a copy of packets of one colour to a second output.
    ///
    /// # Configuration
    /// `PaintTee(COLOR [, ANNO])`
    /// - COLOR: the colour.
    /// - ANNO: the annotation, a byte, that the colour is in. PAINT by default.
    ///
    /// # Ports
    /// One agnostic input; an agnostic output for packets and a push output for copies.
    ///
    /// # Handlers
    /// - `color` (read, write): COLOR.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> Paint(1) -> p :: PaintTee(1) -> Discard; p [1] -> Discard;
    /// ```
    pub(crate) struct PaintTee {
        color: u8,
        annotation: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "PaintTee",
    manual: PaintTee::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(2, Processing::Agnostic).then(Processing::Push),
    keywords: &["COLOR", "ANNO"],
    handlers: &[Handler::read_write("color")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let color = arguments.mandatory("COLOR")?;
    Ok(Box::new(PaintTee {
        color: read_color(color)?,
        annotation: annotation::argument(arguments, 1, Notes::PAINT)?,
    }))
}

impl Element for PaintTee {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        if packet.notes.byte(self.annotation) == Some(self.color) {
            context.push(1, packet.clone());
        }
        context.push(0, packet);
        Ok(())
    }

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
