//! CheckICMPHeader.

use alloc::boxed::Box;
use alloc::string::String;

use bpf_runtime::checksum;

use super::super::rejections::{self, Rejections};
use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::{icmp, ipv4};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Checks ICMP headers: lengths and checksum.
    ///
    /// A packet without an IP header that was noted, or of another protocol, fails too.
    ///
    /// # Configuration
    /// `CheckICMPHeader([keywords VERBOSE, DETAILS])`
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
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> CheckICMPHeader -> Discard;
    /// ```
    pub(crate) struct CheckIcmpHeader {
        rejections: Rejections<3>,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "CheckICMPHeader",
    manual: CheckIcmpHeader::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &["VERBOSE", "DETAILS"],
    handlers: rejections::HANDLERS,
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(CheckIcmpHeader {
        rejections: Rejections::configure("ICMP", REASONS, arguments)?,
    }))
}

/// What can be wrong, as Click says it.
const REASONS: &[&str; 3] = &["not ICMP", "bad packet length", "bad ICMP checksum"];

const OTHER: usize = 0;
const LENGTH: usize = 1;
const CHECKSUM: usize = 2;

/// Bytes that a message about a packet quotes of it at least: its header, and eight more.
const QUOTED: usize = 28;

/// Checks a packet; the message ends with the packet.
fn check(packet: &Packet) -> Result<(), usize> {
    let header = ipv4::of(packet).filter(|header| header.protocol() == ipv4::ICMP);
    header.ok_or(OTHER)?;
    let start = packet.transport_header().ok_or(LENGTH)?;
    let message = packet.bytes().get(start..).unwrap_or_default();
    let icmp_type = message.first().copied().ok_or(LENGTH)?;
    let len = message.len();
    let fits = match icmp_type {
        icmp::TIMESTAMP | icmp::TIMESTAMP_REPLY | icmp::INFO_REQUEST | icmp::INFO_REPLY => {
            len == icmp::header_len(icmp_type)
        }
        error if icmp::is_error(error) => len >= icmp::LEN.saturating_add(QUOTED),
        _ => len >= icmp::LEN,
    };
    if !fits {
        return Err(LENGTH);
    }
    let sum = checksum::fold(checksum::partial(message, 0));
    (sum == u16::MAX).then_some(()).ok_or(CHECKSUM)
}

impl InPlace for CheckIcmpHeader {
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

impl Element for CheckIcmpHeader {
    in_place!(but takes_batches);

    fn takes_batches(&self) -> bool {
        !self.rejections.says_all()
    }

    fn read(&self, handler: &str) -> Option<String> {
        self.rejections.read(handler)
    }
}
