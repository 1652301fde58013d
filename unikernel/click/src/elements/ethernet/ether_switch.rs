//! EtherSwitch.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::headers::ethernet::Ethernet;
use crate::host::HostError;
use crate::language::{Arguments, Value, parse_interval_ns};
use crate::names::EtherAddress;
use crate::packet::Packet;

manual! {
    /// Switches Ethernet packets between networks, and learns which host is where.
    ///
    /// Input and output of one number belong to one network. A packet's source is learnt to be on
    /// the network that it came from. A packet for a host whose network is known goes there, unless
    /// it came from there; every other packet goes to all networks but its own. A packet without an
    /// Ethernet header is dropped. 65536 hosts are remembered; while they are, no others are learnt.
    ///
    /// # Configuration
    /// `EtherSwitch([keyword TIMEOUT])`
    /// - TIMEOUT: how long a host that sends nothing is remembered; 300 seconds by default. With 0
    ///   nothing is learnt.
    ///
    /// # Ports
    /// Two or more push inputs, and as many push outputs.
    ///
    /// # Handlers
    /// - `table` (read): a line for each host that is known: its address and its network.
    /// - `timeout` (read, write): TIMEOUT, in seconds.
    ///
    /// # Example
    /// ```click
    /// s :: EtherSwitch; FromDump(in.pcap, STOP true) -> s -> Discard;
    /// InfiniteSource(LIMIT 1) -> [1] s [1] -> Discard;
    /// ```
    pub(crate) struct EtherSwitch {
        hosts: BTreeMap<EtherAddress, Host>,
        timeout_ns: u64,
        ports: usize,
    }
}

/// Where a host is, and when it was last heard of.
#[derive(Clone, Copy, Debug)]
struct Host {
    port: usize,
    seen_ns: u64,
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "EtherSwitch",
    manual: EtherSwitch::MANUAL,
    inputs: Side::at_least(2, Processing::Push),
    outputs: Side::at_least(2, Processing::Push),
    keywords: &["TIMEOUT"],
    handlers: &[Handler::read("table"), Handler::read_write("timeout")],
    configure,
};

/// Hosts that are remembered: as many as large switches do. Click has no bound.
const MAX_HOSTS: usize = 1 << 16;

const DEFAULT_TIMEOUT_NS: u64 = 300 * NANOSECONDS;

const NANOSECONDS: u64 = 1_000_000_000;

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let timeout = arguments.keyword("TIMEOUT")?;
    Ok(Box::new(EtherSwitch {
        hosts: BTreeMap::new(),
        timeout_ns: timeout.map_or(Ok(DEFAULT_TIMEOUT_NS), Value::interval_ns)?,
        ports: outputs,
    }))
}

impl EtherSwitch {
    fn learn(&mut self, address: EtherAddress, port: usize, now_ns: u64) {
        if self.hosts.len() < MAX_HOSTS || self.hosts.contains_key(&address) {
            let seen_ns = now_ns;
            self.hosts.insert(address, Host { port, seen_ns });
            return;
        }
        let oldest = now_ns.saturating_sub(self.timeout_ns);
        self.hosts.retain(|_, host| host.seen_ns > oldest);
    }

    /// Where a host is, if that is still known.
    fn port_of(&mut self, address: EtherAddress, now_ns: u64) -> Option<usize> {
        let host = *self.hosts.get(&address)?;
        if now_ns.saturating_sub(host.seen_ns) < self.timeout_ns {
            return Some(host.port);
        }
        self.hosts.remove(&address);
        None
    }

    /// The only output that a packet goes to; `None` for all others than its own.
    fn route(&mut self, header: Ethernet, port: usize, now_ns: u64) -> Option<usize> {
        if self.timeout_ns == 0 {
            return None;
        }
        self.learn(header.source, port, now_ns);
        if header.destination.is_group() {
            return None;
        }
        self.port_of(header.destination, now_ns)
    }
}

impl Element for EtherSwitch {
    fn push(
        &mut self,
        input: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        let Some(header) = Ethernet::read(packet.bytes()) else {
            return Ok(());
        };
        match self.route(header, input, context.host.clock_ns()) {
            Some(output) if output == input => {}
            Some(output) => context.push(output, packet),
            None => {
                for output in (0..self.ports).filter(|output| *output != input) {
                    context.push(output, packet.clone());
                }
            }
        }
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "table" => {
                let lines = self.hosts.iter();
                Some(
                    lines
                        .map(|(address, host)| format!("{address} {}\n", host.port))
                        .collect(),
                )
            }
            "timeout" => Some(format!("{}", self.timeout_ns / NANOSECONDS)),
            _ => None,
        }
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        if handler != "timeout" {
            return None;
        }
        self.timeout_ns = parse_interval_ns(value)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::testing::{MemoryHost, run};

    fn packet(to: u8, from: u8) -> Vec<u8> {
        [&[2, 0, 0, 0, 0, to][..], &[2, 0, 0, 0, 0, from], b"\x08\0"].concat()
    }

    #[test]
    fn packets_go_where_their_host_was_heard_of() {
        let packets = [
            packet(2, 1),
            packet(1, 2),
            packet(2, 1),
            packet(1, 1),
            packet(1, 3),
        ];
        let packets: Vec<&[u8]> = packets.iter().map(|packet| &packet[..]).collect();
        let text = "FromDump(in.pcap) -> c :: Classifier(11/01, 11/02, 11/03);
            s :: EtherSwitch; c [0] -> [0] s; c [1] -> [1] s; c [2] -> [2] s;
            s [0] -> ToDump(one); s [1] -> ToDump(two); s [2] -> ToDump(three)";
        let mut host = MemoryHost::new(&packets);
        let mut router = run(text, &mut host);
        let counts = ["one", "two", "three"].map(|name| host.written(name).len());
        assert_eq!(counts, [2, 2, 1], "the first packet is flooded");
        let table = "02-00-00-00-00-01 0\n02-00-00-00-00-02 1\n02-00-00-00-00-03 2\n";
        assert_eq!(router.read_handler("s.table").unwrap(), table);
        router.write_handler("s.timeout", "0").unwrap();
        assert_eq!(router.read_handler("s.timeout").unwrap(), "0");
    }

    #[test]
    fn hosts_are_forgotten_and_bounded() {
        let mut switch = EtherSwitch {
            hosts: BTreeMap::new(),
            timeout_ns: 10,
            ports: 2,
        };
        let host = |number: usize| {
            let number = u32::try_from(number).unwrap().to_be_bytes();
            EtherAddress([2, 0, number[0], number[1], number[2], number[3]])
        };
        for number in 0..MAX_HOSTS + 5 {
            switch.learn(host(number), 1, 5);
        }
        assert_eq!(switch.hosts.len(), MAX_HOSTS);
        assert_eq!(switch.port_of(host(0), 14), Some(1));
        assert_eq!(switch.port_of(host(0), 15), None);
        switch.learn(host(MAX_HOSTS + 1), 1, 20);
        switch.learn(host(MAX_HOSTS + 2), 1, 20);
        switch.learn(host(MAX_HOSTS + 3), 1, 20);
        assert!(switch.hosts.len() < 4, "those that were silent make room");
    }
}
