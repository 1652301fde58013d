//! CheckTCPHeader.

use alloc::boxed::Box;
use alloc::string::String;

use super::super::rejections::{self, Rejections};
use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4;
use crate::headers::transport::{TCP_LEN, has_valid_checksum, tcp_header_len};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Checks TCP headers: lengths and checksum.
    ///
    /// A packet without an IP header that was noted, or of another protocol, fails too.
    ///
    /// # Configuration
    /// `CheckTCPHeader([keywords VERBOSE, DETAILS])`
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
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> CheckTCPHeader -> Discard;
    /// ```
    pub(crate) struct CheckTcpHeader {
        rejections: Rejections<3>,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "CheckTCPHeader",
    manual: CheckTcpHeader::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &["VERBOSE", "DETAILS"],
    handlers: rejections::HANDLERS,
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(CheckTcpHeader {
        rejections: Rejections::configure("TCP", REASONS, arguments)?,
    }))
}

/// What can be wrong, as Click says it.
const REASONS: &[&str; 3] = &["not TCP", "bad packet length", "bad TCP checksum"];

const OTHER: usize = 0;
const LENGTH: usize = 1;
const CHECKSUM: usize = 2;

/// Checks a packet; the segment ends where the IP header says.
fn check(packet: &Packet) -> Result<(), usize> {
    let header = ipv4::of(packet).filter(|header| header.protocol() == ipv4::TCP);
    let header = header.ok_or(OTHER)?;
    let segment = header.payload();
    let whole = header.total_len() == header.header_len().saturating_add(segment.len());
    let len =
        tcp_header_len(segment).filter(|len| whole && (TCP_LEN..=segment.len()).contains(len));
    len.ok_or(LENGTH)?;
    has_valid_checksum(&header, segment)
        .then_some(())
        .ok_or(CHECKSUM)
}

impl InPlace for CheckTcpHeader {
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

impl Element for CheckTcpHeader {
    in_place!(but takes_batches);

    fn takes_batches(&self) -> bool {
        !self.rejections.says_all()
    }

    fn read(&self, handler: &str) -> Option<String> {
        self.rejections.read(handler)
    }
}
