//! SetIPAddress.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use bpf_runtime::Notes;

use super::super::annotation;
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::names::Scope;
use crate::packet::Packet;

manual! {
    /// Notes an address as the next hop of all packets.
    ///
    /// # Configuration
    /// `SetIPAddress(IPADDR [, keyword ANNO])`
    /// - IPADDR: the address.
    /// - ANNO: the annotation, four bytes, that the address is written to. DST_IP by default.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `addr` (read, write): IPADDR.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> SetIPAddress(10.0.0.1) -> Discard;
    /// ```
    pub(crate) struct SetIPAddress {
        address: Ipv4Addr,
        annotation: usize,
        scope: Scope,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "SetIPAddress",
    manual: SetIPAddress::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["IPADDR", "ANNO"],
    handlers: &[Handler::read_write("addr")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let address = arguments.mandatory("IPADDR")?;
    let annotation = arguments.keyword("ANNO")?;
    Ok(Box::new(SetIPAddress {
        address: arguments.scope().read_address(address)?,
        annotation: match annotation {
            Some(value) => annotation::read(value, 4)?,
            None => Notes::DESTINATION,
        },
        scope: arguments.scope().clone(),
    }))
}

impl InPlace for SetIPAddress {
    fn handle(&mut self, _: usize, packet: &mut Packet, _: &mut Context<'_>) -> Option<usize> {
        packet
            .notes
            .set_address(self.annotation, self.address.octets());
        Some(0)
    }
}

impl Element for SetIPAddress {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "addr").then(|| format!("{}", self.address))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "addr" {
            return None;
        }
        self.address = self.scope.address(value)?;
        Some(())
    }
}
