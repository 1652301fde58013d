//! IPReassembler.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use platform_click::limits::MAX_PACKET_SIZE;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ipv4;
use crate::host::HostError;
use crate::language::{Arguments, Value};
use crate::packet::Packet;

manual! {
    /// Puts the fragments of IP packets together.
    ///
    /// Packets that are whole pass. Fragments are kept until all are there, for 30 seconds at most.
    /// Where two overlap, the later one counts. When fragments take more than HIMEM bytes, the
    /// oldest are given up until they take three quarters of it. The packet has what stands in front of
    /// the IP header of its first fragment, and that header with its options. Fragments that
    /// contradict themselves or what is there already are dropped, as are packets without an IP
    /// header and packets that would become too long.
    ///
    /// # Configuration
    /// `IPReassembler([keyword HIMEM])`
    /// - HIMEM: bytes. 262144 by default.
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic; a second one, push, gets what there is of
    /// packets that are given up, with zeros for what is missing.
    ///
    /// # Handlers
    /// - `dump` (read): counts, and what is kept.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> UDPIPEncap(10.0.0.1, 1, 10.0.0.2, 2)
    ///     -> IPFragmenter(40) -> IPReassembler -> Discard;
    /// ```
    pub(crate) struct IpReassembler {
        high_memory: usize,
        parts: BTreeMap<Key, Part>,
        memory: usize,
        fragments: u64,
        whole: u64,
        failed: u64,
        bad: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "IPReassembler",
    manual: IpReassembler::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &["HIMEM"],
    handlers: &[Handler::read("dump")],
    configure,
};

const DEFAULT_HIGH_MEMORY: u64 = 256 * 1024;

/// How long fragments wait for others.
const TIMEOUT_NS: u64 = 30_000_000_000;

/// Bytes that a packet takes beside those of its payload, as Click counts them.
const OVERHEAD: usize = 40;

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let high_memory = arguments.keyword("HIMEM")?;
    let high_memory = high_memory.map_or(Ok(DEFAULT_HIGH_MEMORY), Value::unsigned)?;
    Ok(Box::new(IpReassembler {
        high_memory: usize::try_from(high_memory).unwrap_or(usize::MAX),
        parts: BTreeMap::new(),
        memory: 0,
        fragments: 0,
        whole: 0,
        failed: 0,
        bad: 0,
    }))
}

/// What all fragments of a packet have in common (RFC 791, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    id: u16,
}

/// A fragment: where its payload belongs.
#[derive(Clone, Copy, Debug)]
struct Fragment {
    key: Key,
    start: usize,
    end: usize,
    is_last: bool,
    /// Where its payload stands in the packet.
    payload_at: usize,
}

/// What there is of a packet.
#[derive(Debug)]
struct Part {
    /// What stands in front of the payload, from the first fragment if that is there.
    head: Packet,
    has_first: bool,
    data: Vec<u8>,
    /// What is there of the data: ranges in order that do not touch each other.
    ranges: Vec<(usize, usize)>,
    /// Whether the data ends where the packet ends.
    is_complete: bool,
    since_ns: u64,
}

/// Reads a fragment. `None` if it contradicts itself.
fn read(packet: &Packet) -> Option<Fragment> {
    let header = ipv4::of(packet)?;
    let len = header.total_len().checked_sub(header.header_len())?;
    let start = header.fragment_offset();
    let end = start.checked_add(len)?;
    let is_last = header.fragment() & ipv4::MORE_FRAGMENTS == 0;
    let fits = len > 0 && end <= usize::from(u16::MAX) && header.payload().len() == len;
    (fits && (is_last || end % 8 == 0)).then_some(Fragment {
        key: Key {
            source: header.source(),
            destination: header.destination(),
            protocol: header.protocol(),
            id: header.id(),
        },
        start,
        end,
        is_last,
        payload_at: packet.network_header()?.checked_add(header.header_len())?,
    })
}

impl Part {
    /// A packet of which there is one fragment.
    fn new(mut packet: Packet, fragment: &Fragment, now_ns: u64) -> Option<Self> {
        let mut part = Self {
            head: Packet::empty(),
            has_first: false,
            data: Vec::new(),
            ranges: Vec::new(),
            is_complete: false,
            since_ns: now_ns,
        };
        part.add_payload(&packet, fragment)?;
        let payload = packet.len().checked_sub(fragment.payload_at)?;
        packet.take(payload).ok()?;
        part.head = packet;
        Some(part)
    }

    /// Adds a fragment. `None` if it contradicts what is there.
    fn add(&mut self, mut packet: Packet, fragment: &Fragment) -> Option<()> {
        self.add_payload(&packet, fragment)?;
        if fragment.start == 0 {
            let payload = packet.len().checked_sub(fragment.payload_at)?;
            packet.take(payload).ok()?;
            self.head = packet;
        }
        Some(())
    }

    fn add_payload(&mut self, packet: &Packet, fragment: &Fragment) -> Option<()> {
        let Fragment { start, end, .. } = *fragment;
        let beyond = end > self.data.len();
        if (self.is_complete && beyond) || (fragment.is_last && end < self.data.len()) {
            return None;
        }
        let len = end.checked_sub(start)?;
        let payload = packet.bytes().get(fragment.payload_at..)?.get(..len)?;
        if beyond {
            self.data.resize(end, 0);
        }
        self.data.get_mut(start..end)?.copy_from_slice(payload);
        self.has_first |= start == 0;
        self.is_complete |= fragment.is_last;
        self.cover(start, end);
        Some(())
    }

    /// Notes that a range is there. There are at most as many ranges as a packet has units of eight
    /// bytes.
    fn cover(&mut self, start: usize, end: usize) {
        let (mut start, mut end) = (start, end);
        self.ranges.retain(|(from, to)| {
            let apart = *to < start || *from > end;
            if !apart {
                start = start.min(*from);
                end = end.max(*to);
            }
            apart
        });
        let at = self.ranges.partition_point(|(from, _)| *from < start);
        self.ranges.insert(at, (start, end));
    }

    fn is_whole(&self) -> bool {
        self.is_complete && self.ranges == [(0, self.data.len())]
    }

    const fn memory(&self) -> usize {
        self.data.len().saturating_add(OVERHEAD)
    }

    /// The packet, or what there is of it. `None` if it is too long.
    fn into_packet(self) -> Option<Packet> {
        let mut packet = self.head;
        let at = packet.len();
        if at.saturating_add(self.data.len()) > MAX_PACKET_SIZE {
            return None;
        }
        packet.put(self.data.len()).ok()?;
        packet
            .bytes_mut()
            .get_mut(at..)?
            .copy_from_slice(&self.data);
        let front = packet.network_header()?;
        let total_len = packet.len().checked_sub(front)?;
        let mut header = ipv4::of_mut(&mut packet)?;
        header.set_fragment(header.fragment() & ipv4::DONT_FRAGMENT);
        header.set_total_len(total_len);
        header.fill_checksum();
        Some(packet)
    }
}

impl IpReassembler {
    /// Takes a fragment in, and gives the packet if that is whole now.
    fn take_in(&mut self, packet: Packet, now_ns: u64) -> Option<Packet> {
        let Some(fragment) = read(&packet) else {
            self.bad = self.bad.saturating_add(1);
            return None;
        };
        let time_ns = packet.annotations.rx_time_ns;
        let added = match self.parts.get_mut(&fragment.key) {
            Some(part) => {
                self.memory = self.memory.saturating_sub(part.memory());
                let added = part.add(packet, &fragment);
                self.memory = self.memory.saturating_add(part.memory());
                added
            }
            None => Part::new(packet, &fragment, now_ns).map(|part| {
                self.memory = self.memory.saturating_add(part.memory());
                self.parts.insert(fragment.key, part);
            }),
        };
        if added.is_none() {
            self.bad = self.bad.saturating_add(1);
            return None;
        }
        self.parts
            .get(&fragment.key)
            .filter(|part| part.is_whole())?;
        let mut packet = self.remove(fragment.key)?;
        packet.annotations.rx_time_ns = time_ns;
        self.whole = self.whole.saturating_add(1);
        Some(packet)
    }

    fn remove(&mut self, key: Key) -> Option<Packet> {
        let part = self.parts.remove(&key)?;
        self.memory = self.memory.saturating_sub(part.memory());
        part.into_packet()
    }

    /// Gives packets up that wait for too long, or take too much memory.
    fn reap(&mut self, now_ns: u64, context: &mut Context<'_>) {
        let mut old: Vec<(u64, Key)> = Vec::new();
        let too_much = self.memory > self.high_memory;
        for (key, part) in &self.parts {
            if too_much || now_ns.saturating_sub(part.since_ns) > TIMEOUT_NS {
                old.push((part.since_ns, *key));
            }
        }
        old.sort_unstable();
        let low_memory = self.high_memory.saturating_sub(self.high_memory / 4);
        for (since_ns, key) in old {
            if now_ns.saturating_sub(since_ns) <= TIMEOUT_NS && self.memory <= low_memory {
                break;
            }
            self.failed = self.failed.saturating_add(1);
            if let Some(packet) = self.remove(key) {
                context.push(1, packet);
            }
        }
    }

    fn dump(&self) -> String {
        let mut text = format!(
            "frags seen total:    {}\ngood reassemblies:   {}\nfailed reassemblies: {}\n\
             bad fragments seen:  {}\ncached chunk data:\n",
            self.fragments, self.whole, self.failed, self.bad
        );
        for (key, part) in &self.parts {
            let chunks = part
                .ranges
                .iter()
                .map(|(from, to)| format!(" ({from},{to})"));
            let chunks: String = chunks.collect();
            text.push_str(&format!(
                " {} > {} {} {}{chunks}\n",
                key.source, key.destination, key.protocol, key.id
            ));
        }
        text
    }
}

impl Element for IpReassembler {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        match ipv4::of(&packet).map(|header| header.is_fragment()) {
            Some(false) => {
                context.push(0, packet);
                return Ok(());
            }
            Some(true) => {}
            None => {
                self.bad = self.bad.saturating_add(1);
                return Ok(());
            }
        }
        self.fragments = self.fragments.saturating_add(1);
        let now_ns = context.host.clock_ns();
        self.reap(now_ns, context);
        if let Some(whole) = self.take_in(packet, now_ns) {
            context.push(0, whole);
        }
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "dump").then(|| self.dump())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::headers::ipv4::NewHeader;
    use crate::testing::{MemoryHost, run};

    fn fragment(id: u16, offset: u16, more: bool, data: &[u8]) -> Vec<u8> {
        let flags = if more { ipv4::MORE_FRAGMENTS } else { 0 };
        let header = NewHeader {
            tos: 0,
            total_len: 20 + data.len(),
            id,
            fragment: (offset / 8) | flags,
            ttl: 9,
            protocol: 99,
            source: Ipv4Addr::new(1, 0, 0, 1),
            destination: Ipv4Addr::new(2, 0, 0, 2),
        };
        [&header.bytes()[..], data].concat()
    }

    /// The packets that come out, without their headers, what is given up, and the dump.
    fn reassemble(arguments: &str, fragments: &[Vec<u8>]) -> (Vec<Vec<u8>>, usize, String) {
        let packets: Vec<&[u8]> = fragments.iter().map(|packet| &packet[..]).collect();
        let mut host = MemoryHost::new(&packets);
        let text = format!(
            "FromDump(in.pcap) -> CheckIPHeader -> r :: IPReassembler({arguments})
                -> c :: CheckIPHeader -> ToDump(out); r [1] -> ToDump(old)"
        );
        let router = run(&text, &mut host);
        assert_eq!(router.read_handler("c.drops").unwrap(), "0");
        let out = host
            .written("out")
            .iter()
            .map(|packet| packet[20..].to_vec())
            .collect();
        (
            out,
            host.written("old").len(),
            router.read_handler("r.dump").unwrap(),
        )
    }

    #[test]
    fn fragments_in_any_order_make_the_packet() {
        let pieces = [
            fragment(1, 0, true, &[1; 16]),
            fragment(1, 16, true, &[2; 8]),
            fragment(1, 24, false, &[3; 5]),
        ];
        let expected = [&[1; 16][..], &[2; 8], &[3; 5]].concat();
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let fragments = order.map(|index| pieces[index].clone());
            let (out, _, dump) = reassemble("", &fragments);
            assert_eq!(out, [&expected[..]], "{order:?}");
            assert!(dump.ends_with("cached chunk data:\n"), "{dump}");
        }
    }

    #[test]
    fn packets_do_not_mix_and_whole_ones_pass() {
        let (out, _, dump) = reassemble(
            "",
            &[
                fragment(1, 0, true, &[1; 8]),
                fragment(2, 8, false, &[2; 8]),
                fragment(3, 0, false, b"whole"),
                fragment(1, 8, false, &[1; 8]),
            ],
        );
        assert_eq!(out, [b"whole".to_vec(), vec![1; 16]]);
        assert!(dump.contains("1.0.0.1 > 2.0.0.2 99 2 (8,16)"), "{dump}");
    }

    #[test]
    fn overlaps_and_contradictions() {
        let (out, _, dump) = reassemble(
            "",
            &[
                fragment(1, 0, true, &[1; 16]),
                fragment(1, 8, true, &[2; 16]),
                // It is no multiple of eight bytes, it is empty, or beyond the longest packet.
                fragment(1, 24, true, &[9; 3]),
                fragment(1, 24, true, &[]),
                fragment(1, 65528, true, &[9; 8]),
                fragment(1, 24, false, &[3; 8]),
                fragment(2, 24, false, &[3; 8]),
                // Beyond the end, and another end.
                fragment(2, 32, true, &[3; 8]),
                fragment(2, 8, false, &[3; 8]),
            ],
        );
        assert_eq!(out, [[&[1; 8][..], &[2; 16], &[3; 8]].concat()]);
        assert!(dump.contains("bad fragments seen:  5"), "{dump}");
    }

    #[test]
    fn memory_is_bounded() {
        let fragments: Vec<Vec<u8>> = (0..100).map(|id| fragment(id, 8, true, &[0; 80])).collect();
        let (out, given_up, dump) = reassemble("HIMEM 1280", &fragments);
        assert_eq!((out.len(), given_up > 80), (0, true));
        assert!(dump.lines().count() < 16, "{dump}");
    }
}
