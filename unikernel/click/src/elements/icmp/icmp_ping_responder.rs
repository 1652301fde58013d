//! ICMPPingResponder.

use alloc::boxed::Box;

use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::{get, icmp, ipv4, set};
use crate::in_place::{InPlace, in_place};
use crate::language::Arguments;
use crate::packet::Packet;

manual! {
    /// Answers ICMP echo requests.
    ///
    /// The answer is the request with source and destination swapped, without fragment flags, with a time to
    /// live of 255, no colour, and the current time; its destination is noted as the next hop. What is
    /// no echo request is refused.
    ///
    /// # Configuration
    /// `ICMPPingResponder()`
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic; a second one, push, gets what would be
    /// dropped otherwise.
    ///
    /// # Handlers
    /// Those that every element has.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> Strip(14) -> CheckIPHeader -> ICMPPingResponder -> Discard;
    /// ```
    pub(crate) struct IcmpPingResponder {
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "ICMPPingResponder",
    manual: IcmpPingResponder::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &[],
    handlers: &[],
    configure,
};

fn configure(_: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    Ok(Box::new(IcmpPingResponder {}))
}

/// Turns an echo request into its answer.
fn answer(packet: &mut Packet) -> Option<()> {
    const TTL: u8 = 255;
    let mut header = ipv4::of_mut(packet).filter(|header| header.protocol() == ipv4::ICMP)?;
    let message = header.payload();
    let is_request = message.len() >= icmp::LEN && message.first() == Some(&icmp::ECHO);
    if !is_request || !header.is_first_fragment() {
        return None;
    }
    let (source, destination) = (header.source(), header.destination());
    header.change_source(destination);
    header.change_destination(source);
    header.change_fragment(0);
    header.change_ttl(TTL);
    let message = header.payload_mut();
    let before: [u8; 2] = get(message, 0)?;
    let after = [icmp::ECHO_REPLY, 0];
    set(message, 0, after);
    icmp::update_checksum(message, before, after);
    packet.notes.destination = source.octets();
    packet.notes.set_paint(0);
    Some(())
}

impl InPlace for IcmpPingResponder {
    fn handle(
        &mut self,
        _: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        let answered = answer(packet).is_some();
        if answered {
            packet.annotations.rx_time_ns = context.host.clock_ns();
        }
        Some(usize::from(!answered))
    }
}

impl Element for IcmpPingResponder {
    in_place!();
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, run};

    #[test]
    fn requests_are_answered() {
        // Type, code, checksum, identifier, sequence, data.
        let request = b"\x08\0\xe5\xca\x12\x34\0\x01";
        let mut host = MemoryHost::new(&[request, &request[..7], b"\0\0\xed\xca\x12\x34\0\x01"]);
        let router = run(
            "FromDump(in.pcap) -> IPEncap(icmp, 10.0.0.1, 10.0.0.2, DF true) -> r :: ICMPPingResponder
            -> c :: CheckIPHeader -> i :: CheckICMPHeader -> ToDump(out); r [1] -> ToDump(other)",
            &mut host,
        );
        for drops in ["c.drops", "i.drops"] {
            assert_eq!(router.read_handler(drops).unwrap(), "0");
        }
        assert_eq!(
            (host.written("out").len(), host.written("other").len()),
            (1, 2)
        );
        let answer = &host.written("out")[0];
        assert_eq!(answer[6..9], [0, 0, 255]);
        assert_eq!(answer[12..22], [10, 0, 0, 2, 10, 0, 0, 1, 0, 0]);
    }
}
