//! IPInputCombo.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::super::paint::read_color;
use super::check_ip_header::HeaderRules;
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ethernet;
use crate::host::HostError;
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Paint, Strip(14) and CheckIPHeader in one.
    ///
    /// A packet whose header is bad is dropped.
    ///
    /// # Configuration
    /// `IPInputCombo(COLOR [, BADSRC, keywords INTERFACES, GOODDST])`
    /// - COLOR: as in Paint.
    /// - BADSRC: as in CheckIPHeader.
    /// - INTERFACES: as in CheckIPHeader.
    /// - GOODDST: as in CheckIPHeader.
    ///
    /// # Ports
    /// One agnostic input, one agnostic output.
    ///
    /// # Handlers
    /// - `drops` (read): packets dropped.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> IPInputCombo(1, INTERFACES 10.0.0.1/24) -> Discard;
    /// ```
    pub(crate) struct IpInputCombo {
        color: u8,
        rules: HeaderRules,
        drops: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "IPInputCombo",
    manual: IpInputCombo::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: &["COLOR", "BADSRC", "INTERFACES", "GOODDST"],
    handlers: &[Handler::read("drops")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let color = arguments.mandatory("COLOR")?;
    let bad = arguments.positional("BADSRC")?;
    Ok(Box::new(IpInputCombo {
        color: read_color(color)?,
        rules: HeaderRules::read(arguments, bad)?,
        drops: 0,
    }))
}

impl Element for IpInputCombo {
    fn push(
        &mut self,
        _: usize,
        mut packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        packet.notes.set_paint(self.color);
        let header = ethernet::LEN.min(packet.len());
        let stripped = packet.pull(header);
        if stripped.is_ok() && self.rules.apply(&mut packet, 0).is_ok() {
            context.push(0, packet);
        } else {
            self.drops = self.drops.saturating_add(1);
        }
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "drops").then(|| format!("{}", self.drops))
    }
}
