//! DropBroadcasts.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bpf_runtime::PacketType;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Drops packets that came as broadcasts or multicasts of the link layer.
    ///
    /// It goes by the packet type that a device or HostEtherFilter has noted.
    ///
    /// # Configuration
    /// `DropBroadcasts()`
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `drops` (read): packets dropped.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> DropBroadcasts -> Discard;
    /// ```
    pub(crate) struct DropBroadcasts {
        drops: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "DropBroadcasts",
    manual: DropBroadcasts::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &[],
    handlers: &[Handler::read("drops")],
    configure,
};

fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(DropBroadcasts { drops: 0 }))
}

impl InPlace for DropBroadcasts {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        if matches!(
            packet.notes.packet_type,
            PacketType::Broadcast | PacketType::Multicast
        ) {
            self.drops = self.drops.saturating_add(1);
            return None;
        }
        Some(0)
    }
}

impl Element for DropBroadcasts {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "drops").then(|| format!("{}", self.drops))
    }
}
