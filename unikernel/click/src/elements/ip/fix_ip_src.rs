//! FixIPSrc.

use alloc::boxed::Box;
use core::net::Ipv4Addr;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4;
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Writes this router's address as the source of packets that ask for it.
    ///
    /// ICMPError makes packets that ask for it; they do not ask twice.
    ///
    /// # Configuration
    /// `FixIPSrc(IPADDR)`
    /// - IPADDR: the address.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> MarkIPHeader -> FixIPSrc(10.0.0.1) -> Discard;
    /// ```
    pub(crate) struct FixIPSrc {
        address: Ipv4Addr,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "FixIPSrc",
    manual: FixIPSrc::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["IPADDR"],
    handlers: &[],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let address = arguments.mandatory("IPADDR")?;
    Ok(Box::new(FixIPSrc {
        address: arguments.scope().read_address(address)?,
    }))
}

/// Writes a router's address as the source of a packet that asks for it.
pub(super) fn fix(packet: &mut Packet, address: Ipv4Addr) {
    if !packet.notes.fix_ip_source() {
        return;
    }
    if let Some(mut header) = ipv4::of_mut(packet) {
        header.change_source(address);
        header.fill_checksum();
        packet.notes.set_fix_ip_source(false);
    }
}

impl InPlace for FixIPSrc {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        fix(packet, self.address);
        Some(0)
    }
}

impl Element for FixIPSrc {
    in_place!();
}
