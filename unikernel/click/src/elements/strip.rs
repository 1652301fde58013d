//! Strip.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::Packet;
use platform_click::limits::MAX_PACKET_SIZE;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::Arguments;

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

impl Element for Strip {
    fn push(
        &mut self,
        _: usize,
        mut packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        // Removing what a packet has cannot fail; one that it fails for is dropped.
        if packet.pull(self.length.min(packet.len())).is_ok() {
            context.push(0, packet);
        }
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "length").then(|| format!("{}", self.length))
    }
}
