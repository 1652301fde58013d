//! Unstrip.

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
    /// Adds bytes of zeros to the front of packets.
    ///
    /// Click gives back what Strip took, if it is still there; here, what was taken is gone. A packet
    /// that would become too long is dropped.
    ///
    /// # Configuration
    /// `Unstrip(LENGTH)`
    /// - LENGTH: how many bytes.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `length` (read): LENGTH.
    /// - `drops` (read): packets that would have become too long.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> Strip(14) -> Unstrip(14) -> Discard;
    /// ```
    pub(crate) struct Unstrip {
        length: usize,
        drops: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "Unstrip",
    manual: Unstrip::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["LENGTH"],
    handlers: &[Handler::read("length"), Handler::read("drops")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let length = arguments.mandatory("LENGTH")?;
    Ok(Box::new(Unstrip {
        length: length.at_most(MAX_PACKET_SIZE, "no longer than a packet may be")?,
        drops: 0,
    }))
}

impl InPlace for Unstrip {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        if packet.push(self.length).is_err() {
            self.drops = self.drops.saturating_add(1);
            return None;
        }
        Some(0)
    }
}

impl Element for Unstrip {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "length" => Some(format!("{}", self.length)),
            "drops" => Some(format!("{}", self.drops)),
            _ => None,
        }
    }
}
