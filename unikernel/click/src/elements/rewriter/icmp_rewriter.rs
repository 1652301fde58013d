//! ICMPRewriter.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bpf_runtime::checksum;

use super::super::annotation;
use super::flow::{self, FlowId};
use super::mappings::Flow;
use super::rewrite::{NAMES, Rewriter};
use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4::{self, Ipv4};
use crate::headers::transport::{DESTINATION_PORT, SOURCE_PORT, u16_at};
use crate::headers::{get, icmp, set};
use crate::host::HostError;
use crate::language::{Arguments, parse_unsigned};
use crate::packet::Packet;

manual! {
    /// Rewrites ICMP errors about packets that rewriters have rewritten.
    ///
    /// Such an error quotes the packet as it was sent out. The quotation becomes what it was before,
    /// and the error goes to whoever sent that. What is no ICMP error, or about no known flow, goes to
    /// the second output.
    ///
    /// # Configuration
    /// `ICMPRewriter(MAPS [, keywords DST_ANNO, REPLY_ANNO])`
    /// - MAPS: rewriters, by name; behind each may stand a colon and a number. With it, errors go to
    ///   the output that answers of their flow have at the rewriter, plus the number; without, to the
    ///   first one.
    /// - DST_ANNO: whether the new destination becomes the next hop. True by default.
    /// - REPLY_ANNO: as in IPRewriter.
    ///
    /// # Ports
    /// One push input, one or more push outputs.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// rw :: IPRewriter(pattern 1.0.0.1 1024-65535 - - 0 0);
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> rw
    ///     -> ICMPError(2.0.0.2, timeexceeded) -> ICMPRewriter(rw) -> Discard;
    /// ```
    pub(crate) struct IcmpRewriter {
        maps: Vec<Map>,
        next_hop: bool,
        reply_note: Option<usize>,
    }
}

/// A rewriter, and where its outputs begin.
#[derive(Clone, Copy, Debug)]
struct Map {
    rewriter: usize,
    first_output: Option<usize>,
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "ICMPRewriter",
    manual: IcmpRewriter::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::at_least(1, Processing::Push),
    keywords: &["MAPS", "DST_ANNO", "REPLY_ANNO"],
    handlers: &[],
    configure,
};

/// Where errors go that belong to no flow.
const UNMAPPED: usize = 1;

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let value = arguments.mandatory("MAPS")?;
    let mut maps = Vec::new();
    for word in value.text().split_ascii_whitespace() {
        let (name, first) = match word.split_once(':') {
            Some((name, first)) => (name, Some(first)),
            None => (word, None),
        };
        let first = first.map(|first| {
            let number = parse_unsigned(first).and_then(|number| usize::try_from(number).ok());
            let number = number.filter(|number| *number < outputs);
            number.ok_or_else(|| value.refuse("rewriters, with outputs that are connected"))
        });
        maps.push(Map {
            rewriter: arguments.element_named(value.with_text(name), NAMES)?,
            first_output: first.transpose()?,
        });
    }
    if maps.is_empty() {
        return Err(value.refuse("one or more rewriters"));
    }
    let next_hop = arguments.boolean("DST_ANNO", true)?;
    let reply_note = arguments.keyword("REPLY_ANNO")?;
    Ok(Box::new(IcmpRewriter {
        maps,
        next_hop,
        reply_note: reply_note
            .map(|value| annotation::read(value, 1))
            .transpose()?,
    }))
}

/// The flow of the answers to the packet that an error quotes, and its protocol.
fn quoted_flow(packet: &Packet) -> Option<(u8, FlowId)> {
    let header = ipv4::of(packet).filter(|header| header.protocol() == ipv4::ICMP)?;
    let message = header.payload();
    let is_error = message.first().is_some_and(|kind| icmp::is_error(*kind));
    let quoted = Ipv4::new(message.get(icmp::LEN..)?).filter(|_| is_error)?;
    if !quoted.is_first_fragment() {
        return None;
    }
    let (source, destination) = (quoted.source(), quoted.destination());
    let payload = quoted.payload();
    let protocol = quoted.protocol();
    let flow = match protocol {
        ipv4::TCP | ipv4::UDP => FlowId {
            source,
            source_port: u16_at(payload, SOURCE_PORT)?,
            destination,
            destination_port: u16_at(payload, DESTINATION_PORT)?,
        },
        ipv4::ICMP if payload.first() == Some(&icmp::ECHO) => {
            FlowId::ping(source, destination, u16_at(payload, 4)?, true)
        }
        _ => return None,
    };
    Some((protocol, flow.reverse()))
}

/// Rewrites an error whose answers' flow is `seen`, so that it is about what the packet was before.
fn rewrite(packet: &mut Packet, seen: FlowId, new: FlowId) -> Option<()> {
    const CHECKSUM: usize = 2;
    let mut header = ipv4::of_mut(packet)?;
    if header.destination() == seen.destination {
        header.change_destination(new.destination);
    }
    let message = header.payload_mut();
    let before = message.to_vec();
    let mut quoted = Ipv4::new(message.get_mut(icmp::LEN..)?)?;
    flow::rewrite_header(&mut quoted, new.reverse());
    let sum = checksum::updated(get(message, CHECKSUM)?, &before, message);
    set(message, CHECKSUM, sum);
    Some(())
}

impl IcmpRewriter {
    /// The flow that an error is about, and the output that it leaves through.
    fn find(
        &self,
        packet: &Packet,
        context: &mut Context<'_>,
    ) -> Option<(FlowId, Flow, bool, usize)> {
        let (protocol, seen) = quoted_flow(packet)?;
        self.maps.iter().find_map(|map| {
            let rewriter = context.other::<Rewriter>(map.rewriter)?;
            let (flow, is_reply) = rewriter.find(map.rewriter, protocol, seen)?;
            let [to, reply] = flow.outputs;
            let output = if is_reply { reply } else { to };
            let output = map
                .first_output
                .map_or(0, |first| first.saturating_add(output));
            Some((seen, flow, is_reply, output))
        })
    }
}

impl Element for IcmpRewriter {
    fn push(
        &mut self,
        _: usize,
        mut packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        let Some((seen, flow, is_reply, output)) = self.find(&packet, context) else {
            context.push(UNMAPPED, packet);
            return Ok(());
        };
        let new = flow.rewritten(is_reply);
        if rewrite(&mut packet, seen, new).is_some() {
            if self.next_hop {
                packet.notes.destination = new.destination.octets();
            }
            if let Some(at) = self.reply_note.filter(|_| is_reply) {
                packet.notes.set_byte(at, flow.reply_note);
            }
            context.push(output, packet);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    #[test]
    fn errors_come_back_to_whoever_is_to_blame() {
        let mut host = MemoryHost::new(&[b"data"]);
        let router = run(
            "rw :: IPRewriter(pattern 1.0.0.1 5000 - - 0 0);
            FromDump(in.pcap) -> t :: Tee;
            t [0] -> UDPIPEncap(10.0.0.1, 1000, 20.0.0.2, 53) -> rw
            -> ICMPError(9.9.9.9, timeexceeded) -> t2 :: Tee;
            t2 [0] -> r :: ICMPRewriter(rw) -> c :: CheckIPHeader -> i :: CheckICMPHeader
            -> IPPrint(error, TIMESTAMP no) -> Strip(28) -> q :: CheckIPHeader -> u :: CheckUDPHeader
            -> IPPrint(quoted, TIMESTAMP no) -> Discard;
            t [1] -> IPEncap(icmp, 1.1.1.1, 2.2.2.2) -> r; t2 [1] -> Truncate(40) -> r;
            r [1] -> ToDump(other)",
            &mut host,
        );
        for drops in ["c.drops", "i.drops", "q.drops", "u.drops"] {
            assert_eq!(router.read_handler(drops).unwrap(), "0", "{drops}");
        }
        let expected = [
            "error: 9.9.9.9 > 10.0.0.1: icmp timeexceeded transit",
            "quoted: 10.0.0.1.1000 > 20.0.0.2.53: udp 12",
        ];
        assert_eq!(host.messages, expected);
        assert_eq!(host.written("other").len(), 2);
    }
}
