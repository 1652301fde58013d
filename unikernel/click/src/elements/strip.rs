//! Strip.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use platform_click::limits::MAX_PACKET_SIZE;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Removes bytes from the front of packets.
    ///
    /// A packet that is shorter than that loses all its bytes and goes on empty, as in Click.
    ///
    /// # Configuration
    /// `Strip(LENGTH)`
    /// - LENGTH: how many bytes.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `length` (read): LENGTH.
    ///
    /// # Example
    /// ```click
    /// // Away with the Ethernet header.
    /// InfiniteSource(LIMIT 5, STOP true) -> Strip(14) -> Discard;
    /// ```
    pub(crate) struct Strip {
        length: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Strip",
    manual: Strip::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["LENGTH"],
    handlers: &[Handler::read("length")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let value = arguments.mandatory("LENGTH")?;
    let length = usize::try_from(value.unsigned()?).ok();
    let length = length.filter(|length| *length <= MAX_PACKET_SIZE);
    let length = length.ok_or_else(|| value.refuse("no longer than a packet may be"))?;
    Ok(Box::new(Strip { length }))
}

impl InPlace for Strip {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        // Removing what a packet has cannot fail; one that it fails for is dropped.
        let length = self.length.min(packet.len());
        packet.pull(length).ok().map(|()| 0)
    }
}

impl Element for Strip {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "length").then(|| format!("{}", self.length))
    }
}
