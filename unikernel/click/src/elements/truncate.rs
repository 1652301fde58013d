//! Truncate.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, parse_unsigned};
use crate::packet::Packet;

manual! {
    /// Cuts packets off behind a number of bytes.
    ///
    /// # Configuration
    /// `Truncate(LENGTH [, keyword EXTRA_LENGTH])`
    /// - LENGTH: the most bytes that are left.
    /// - EXTRA_LENGTH: understood for Click's sake; the bytes that are cut off are not counted here.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `nbytes` (read, write): LENGTH.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> Truncate(20) -> Discard;
    /// ```
    pub(crate) struct Truncate {
        length: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Truncate",
    manual: Truncate::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["LENGTH", "EXTRA_LENGTH"],
    handlers: &[Handler::read_write("nbytes")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let length = arguments.mandatory("LENGTH")?;
    arguments.boolean("EXTRA_LENGTH", true)?;
    Ok(Box::new(Truncate {
        length: length.at_most(usize::MAX, "a number of bytes")?,
    }))
}

impl InPlace for Truncate {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let more = packet.len().saturating_sub(self.length);
        // Removing what a packet has cannot fail.
        packet.take(more).ok().map(|()| 0)
    }
}

impl Element for Truncate {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "nbytes").then(|| format!("{}", self.length))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "nbytes" {
            return None;
        }
        self.length = usize::try_from(parse_unsigned(value)?).ok()?;
        Some(())
    }
}
