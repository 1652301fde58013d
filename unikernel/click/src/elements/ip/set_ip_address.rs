//! SetIPAddress.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use bpf_runtime::{Notes, Packet};

use super::super::annotation;
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::Arguments;
use crate::names::Scope;

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

impl Element for SetIPAddress {
    fn push(
        &mut self,
        _: usize,
        mut packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        packet
            .notes
            .set_address(self.annotation, self.address.octets());
        context.push(0, packet);
        Ok(())
    }

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
