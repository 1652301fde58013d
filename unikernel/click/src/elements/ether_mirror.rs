//! EtherMirror.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Swaps the Ethernet addresses of packets.
    ///
    /// A packet without both addresses passes unchanged.
    ///
    /// # Configuration
    /// `EtherMirror()`
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> EtherMirror -> Discard;
    /// ```
    pub(crate) struct EtherMirror {}
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "EtherMirror",
    manual: EtherMirror::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &[],
    handlers: &[],
    configure,
};

fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(EtherMirror {}))
}

impl InPlace for EtherMirror {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        // Destination and source, 6 bytes each (IEEE 802.3, 3.2).
        if let Some((destination, rest)) = packet.bytes_mut().split_first_chunk_mut::<6>()
            && let Some((source, _)) = rest.split_first_chunk_mut::<6>()
        {
            core::mem::swap(destination, source);
        }
        Some(0)
    }
}

impl Element for EtherMirror {
    in_place!();
}
