//! CheckUDPHeader.

use alloc::boxed::Box;
use alloc::string::String;

use super::super::rejections::{self, Rejections};
use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4;
use crate::headers::transport::{UDP_LEN, UDP_LENGTH, has_valid_checksum, u16_at};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Checks UDP headers: lengths and checksum.
    ///
    /// A packet without an IP header that was noted, or of another protocol, fails too.
    ///
    /// # Configuration
    /// `CheckUDPHeader([keywords VERBOSE, DETAILS])`
    /// - VERBOSE: whether every bad packet is reported, not the first alone. False by default.
    /// - DETAILS: understood for Click's sake; reasons are always counted.
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic; a second one, push, gets what would be
    /// dropped otherwise.
    ///
    /// # Handlers
    /// - `drops` (read): bad packets.
    /// - `drop_details` (read): their number for each reason.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> CheckUDPHeader -> Discard;
    /// ```
    pub(crate) struct CheckUdpHeader {
        rejections: Rejections<3>,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "CheckUDPHeader",
    manual: CheckUdpHeader::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &["VERBOSE", "DETAILS"],
    handlers: rejections::HANDLERS,
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(CheckUdpHeader {
        rejections: Rejections::configure("UDP", REASONS, arguments)?,
    }))
}

/// What can be wrong, as Click says it.
const REASONS: &[&str; 3] = &["not UDP", "bad packet length", "bad UDP checksum"];

const OTHER: usize = 0;
const LENGTH: usize = 1;
const CHECKSUM: usize = 2;

/// Checks a packet; the datagram ends where its own header says.
fn check(packet: &Packet) -> Result<(), usize> {
    let header = ipv4::of(packet).filter(|header| header.protocol() == ipv4::UDP);
    let header = header.ok_or(OTHER)?;
    let start = packet.transport_header().ok_or(LENGTH)?;
    let datagram = packet.bytes().get(start..).unwrap_or_default();
    let len = u16_at(datagram, UDP_LENGTH)
        .map(usize::from)
        .ok_or(LENGTH)?;
    let datagram = datagram
        .get(..len)
        .filter(|_| len >= UDP_LEN)
        .ok_or(LENGTH)?;
    has_valid_checksum(&header, datagram)
        .then_some(())
        .ok_or(CHECKSUM)
}

impl InPlace for CheckUdpHeader {
    fn handle(
        &mut self,
        _: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        let checked = check(packet);
        Some(self.rejections.output(checked, context))
    }
}

impl Element for CheckUdpHeader {
    in_place!(but takes_batches);

    fn takes_batches(&self) -> bool {
        !self.rejections.says_all()
    }

    fn read(&self, handler: &str) -> Option<String> {
        self.rejections.read(handler)
    }
}
