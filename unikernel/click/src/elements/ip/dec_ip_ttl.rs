//! DecIPTTL.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4;
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, parse_boolean};
use crate::packet::Packet;

manual! {
    /// Takes one off the time to live of IP packets.
    ///
    /// A packet whose time is over, and one without an IP header, is refused.
    ///
    /// # Configuration
    /// `DecIPTTL([keywords ACTIVE, MULTICAST])`
    /// - ACTIVE: whether anything is done. True by default.
    /// - MULTICAST: whether packets for groups are changed too. True by default.
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic; a second one, push, gets what would be
    /// dropped otherwise.
    ///
    /// # Handlers
    /// - `drops` (read): packets refused.
    /// - `active` (read, write): ACTIVE.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> d :: DecIPTTL -> Discard;
    /// d [1] -> ICMPError(10.0.0.1, timeexceeded) -> Discard;
    /// ```
    pub(crate) struct DecIPTTL {
        active: bool,
        multicast: bool,
        drops: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "DecIPTTL",
    manual: DecIPTTL::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &["ACTIVE", "MULTICAST"],
    handlers: &[Handler::read("drops"), Handler::read_write("active")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(DecIPTTL {
        active: arguments.boolean("ACTIVE", true)?,
        multicast: arguments.boolean("MULTICAST", true)?,
        drops: 0,
    }))
}

/// Takes one off the time to live of a packet. `None` if that is over, or there is no IP header.
pub(super) fn decrease(packet: &mut Packet, multicast: bool) -> Option<()> {
    let mut header = ipv4::of_mut(packet)?;
    if header.destination().is_multicast() && !multicast {
        return Some(());
    }
    (header.ttl() > 1).then(|| header.decrease_ttl())
}

impl InPlace for DecIPTTL {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        let lives = !self.active || decrease(packet, self.multicast).is_some();
        if !lives {
            self.drops = self.drops.saturating_add(1);
        }
        Some(usize::from(!lives))
    }
}

impl Element for DecIPTTL {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "drops" => Some(format!("{}", self.drops)),
            "active" => Some(format!("{}", self.active)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "active" {
            return None;
        }
        self.active = parse_boolean(value)?;
        Some(())
    }
}
