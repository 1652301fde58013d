//! IPFragmenter.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use platform_click::limits::MAX_PACKET_SIZE;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4::{self, Ipv4};
use crate::host::HostError;
use crate::language::{Arguments, Value};
use crate::packet::Packet;

manual! {
    /// Cuts IP packets that are too long into fragments.
    ///
    /// The first fragment keeps what stands in front of the IP header, the others begin with theirs. Of
    /// the options, the others have those that are to be copied. A packet that must not be cut is refused,
    /// as is one that is too long and has no IP header.
    ///
    /// # Configuration
    /// `IPFragmenter(MTU [, HONOR_DF, VERBOSE, keyword HEADROOM])`
    /// - MTU: the most bytes of an IP packet; at least 8.
    /// - HONOR_DF: whether packets that forbid fragments are refused. True by default.
    /// - VERBOSE: whether every refused packet is reported, not the first five alone. False by default.
    /// - HEADROOM: understood for Click's sake.
    ///
    /// # Ports
    /// One push input; one push output for packets and fragments, and an optional one for what is refused
    /// and would be dropped otherwise.
    ///
    /// # Handlers
    /// - `drops` (read): packets refused.
    /// - `fragments` (read): fragments made.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> UDPIPEncap(10.0.0.1, 1, 10.0.0.2, 2)
    ///     -> IPFragmenter(40) -> Discard;
    /// ```
    pub(crate) struct IpFragmenter {
        mtu: usize,
        honor_df: bool,
        verbose: bool,
        drops: u64,
        fragments: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "IPFragmenter",
    manual: IpFragmenter::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::between(1, 2, Processing::Push),
    keywords: &["MTU", "HONOR_DF", "VERBOSE", "HEADROOM"],
    handlers: &[Handler::read("drops"), Handler::read("fragments")],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let mtu = arguments.mandatory("MTU")?;
    let honor_df = arguments.positional("HONOR_DF")?;
    let verbose = arguments.positional("VERBOSE")?;
    let headroom = arguments.keyword("HEADROOM")?;
    headroom.map_or(Ok(0), Value::unsigned)?;
    let size = mtu.at_most(MAX_PACKET_SIZE, MTU)?;
    if size < MIN_MTU {
        return Err(mtu.refuse(MTU));
    }
    Ok(Box::new(IpFragmenter {
        mtu: size,
        honor_df: honor_df.map_or(Ok(true), Value::boolean)?,
        verbose: verbose.map_or(Ok(false), Value::boolean)?,
        drops: 0,
        fragments: 0,
    }))
}

const MTU: &str = "a number of bytes from 8 to 65534";

const MIN_MTU: usize = 8;

/// Packets whose refusal is reported.
const REPORTED: u64 = 5;

/// The options that every fragment has, with zeros up to a multiple of four bytes. What is wrong ends
/// the options.
fn copied_options(options: &[u8]) -> Vec<u8> {
    /// The bit of options that are copied (RFC 791, 3.1).
    const COPIED: u8 = 0x80;
    let mut copied = Vec::new();
    let mut rest = options;
    loop {
        let len = match rest {
            [ipv4::OPTION_NOP, ..] => 1,
            [] | [ipv4::OPTION_END, ..] | [_] => break,
            [_, len, ..] => usize::from(*len).max(2),
        };
        let Some((option, behind)) = rest.split_at_checked(len) else {
            break;
        };
        if option.first().is_some_and(|kind| kind & COPIED != 0) {
            copied.extend_from_slice(option);
        }
        rest = behind;
    }
    copied.resize(copied.len().next_multiple_of(4), ipv4::OPTION_END);
    copied
}

/// How the payload of a packet is cut.
struct Cut {
    /// Bytes in front of the IP header.
    front: usize,
    header_len: usize,
    /// Bytes of payload that the first fragment has: a multiple of eight.
    first: usize,
}

impl IpFragmenter {
    /// How a packet that is too long is cut; `None` if it must not be.
    fn plan(&self, packet: &Packet) -> Option<Cut> {
        let header = ipv4::of(packet)?;
        let header_len = header.header_len();
        let room = self.mtu.checked_sub(header_len)?;
        let allowed = header.fragment() & ipv4::DONT_FRAGMENT == 0 || !self.honor_df;
        let first = room & !7;
        let front = packet.network_header()?;
        (allowed && first >= MIN_MTU).then_some(Cut {
            front,
            header_len,
            first,
        })
    }

    /// Cuts a packet. Fragments go out in the order of their offsets.
    fn fragment(&mut self, mut packet: Packet, cut: &Cut, context: &mut Context<'_>) -> Option<()> {
        let annotations = (packet.annotations, packet.notes);
        let random = context.host.random_u32().to_be_bytes();
        let mut header = ipv4::of_mut(&mut packet)?;
        let last_flags = header.fragment() & !ipv4::DONT_FRAGMENT;
        if header.fragment() & ipv4::DONT_FRAGMENT != 0 {
            // Whoever forbids fragments need not choose identifications with care.
            let [high, low, ..] = random;
            header.set_id(u16::from_be_bytes([high, low]));
        }
        let payload = header.payload().to_vec();
        if payload.len() <= cut.first {
            // It is too long for what follows the IP packet.
            return None;
        }
        header.set_total_len(cut.header_len.saturating_add(cut.first));
        header.set_fragment(last_flags | ipv4::MORE_FRAGMENTS);
        header.fill_checksum();
        let template = header.header().to_vec();
        let first_end = cut
            .front
            .saturating_add(cut.header_len)
            .saturating_add(cut.first);
        let behind = packet.len().saturating_sub(first_end);
        packet.take(behind).ok()?;
        self.emit(packet, context);
        let front = other_header(&template)?;
        let room = self.mtu.saturating_sub(front.len()) & !7;
        let units = usize::from(last_flags & ipv4::OFFSET_MASK);
        let mut at = cut.first;
        while let Some(rest) = payload.get(at..).filter(|rest| !rest.is_empty()) {
            let piece = rest.get(..room).unwrap_or(rest);
            let is_last = piece.len() == rest.len();
            let offset = u16::try_from(units.saturating_add(at / 8)).ok()?;
            let flags = last_flags & !ipv4::OFFSET_MASK;
            let more = if is_last { 0 } else { ipv4::MORE_FRAGMENTS };
            let mut fragment = Packet::new(&[&front[..], piece].concat()).ok()?;
            (fragment.annotations, fragment.notes) = annotations;
            fragment.set_network_header(0, front.len());
            let mut header = ipv4::of_mut(&mut fragment)?;
            header.set_total_len(front.len().saturating_add(piece.len()));
            header.set_fragment((offset & ipv4::OFFSET_MASK) | flags | more);
            header.fill_checksum();
            at = at.saturating_add(piece.len());
            self.emit(fragment, context);
        }
        Some(())
    }

    fn emit(&mut self, fragment: Packet, context: &mut Context<'_>) {
        self.fragments = self.fragments.saturating_add(1);
        context.push(0, fragment);
    }

    fn refuse(&mut self, packet: Packet, context: &mut Context<'_>) {
        if self.verbose || self.drops < REPORTED {
            let line = match ipv4::of(&packet) {
                Some(header) => format!(
                    "IPFragmenter({}) DF {} {} len={}",
                    self.mtu,
                    header.source(),
                    header.destination(),
                    packet.len()
                ),
                None => format!(
                    "IPFragmenter({}) no IP header len={}",
                    self.mtu,
                    packet.len()
                ),
            };
            context.host.message(&line);
        }
        self.drops = self.drops.saturating_add(1);
        context.push(1, packet);
    }
}

/// The header of all fragments but the first, made from that of the first.
fn other_header(first: &[u8]) -> Option<Vec<u8>> {
    let options = copied_options(Ipv4::new(first)?.options());
    let mut header = first.get(..ipv4::MIN_LEN)?.to_vec();
    header.extend(options);
    let words = u8::try_from(header.len() / 4).ok()?;
    *header.first_mut()? = 0x40 | words;
    Some(header)
}

impl Element for IpFragmenter {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        let front = packet.network_header().unwrap_or_default();
        if packet.len().saturating_sub(front) <= self.mtu {
            context.push(0, packet);
            return Ok(());
        }
        match self.plan(&packet) {
            Some(cut) => {
                // Nothing is left of a packet that is shorter than it says, or has no memory.
                let _cut = self.fragment(packet, &cut, context);
            }
            None => self.refuse(packet, context),
        }
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "drops" => Some(format!("{}", self.drops)),
            "fragments" => Some(format!("{}", self.fragments)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MemoryHost, run};

    #[test]
    fn options_are_copied_where_they_say_so() {
        for (options, copied) in [
            (&[][..], &[][..]),
            (&[1, 1, 0, 0], &[]),
            (&[7, 3, 4, 0], &[]),
            (&[1, 131, 3, 4], &[131, 3, 4, 0]),
            (&[131, 3, 4, 7, 3, 4, 137, 2], &[131, 3, 4, 137, 2, 0, 0, 0]),
            (&[131, 9, 4, 0], &[]),
            (&[131], &[]),
        ] {
            assert_eq!(copied_options(options), copied, "{options:?}");
        }
    }

    #[test]
    fn fragments_have_the_payload_of_the_packet() {
        let payload: Vec<u8> = (0..=255).collect();
        let mut host = MemoryHost::new(&[&payload]);
        let router = run(
            "FromDump(in.pcap) -> UDPIPEncap(10.0.0.1, 1, 10.0.0.2, 2) -> t :: Tee;
            t [0] -> f :: IPFragmenter(60) -> CheckIPHeader -> ToDump(out);
            t [1] -> g :: IPFragmenter(20) -> ToDump(none); g [1] -> ToDump(refused);
            t [2] -> IPFragmenter(284) -> ToDump(whole)",
            &mut host,
        );
        assert_eq!(router.read_handler("f.fragments").unwrap(), "7");
        let fragments = host.written("out");
        let data: Vec<u8> = fragments.iter().flat_map(|f| f[20..].to_vec()).collect();
        assert_eq!(data[8..], payload);
        let offsets: Vec<usize> = fragments
            .iter()
            .map(|fragment| Ipv4::new(&fragment[..]).unwrap().fragment_offset())
            .collect();
        assert_eq!(offsets, [0, 40, 80, 120, 160, 200, 240]);
        assert_eq!(
            (host.written("none").len(), host.written("refused").len()),
            (0, 1)
        );
        assert_eq!(host.written("whole")[0].len(), 284);
    }
}
