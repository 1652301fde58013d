//! ARPQuerier.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use super::arp_table::{ArpTable, Limits};
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::handlers::Refusal;
use crate::headers::arp::{self, Arp};
use crate::headers::ethernet::{self, Ethernet};
use crate::host::HostError;
use crate::language::{Arguments, Value};
use crate::names::{EtherAddress, Scope};
use crate::packet::Packet;

manual! {
    /// Puts Ethernet headers in front of IP packets, and finds out by ARP to whom they go.
    ///
    /// A packet goes to the address that was noted as its next hop. Where nobody knows its Ethernet
    /// address, the packet waits and a request is sent; the answer lets it go on. An answer holds for
    /// TIMEOUT. A neighbour that does not answer is asked again when packets for it arrive, every
    /// tenth of a second, and after ten requests every two seconds. Broadcasts and multicasts
    /// need no request; packets without a next hop are dropped.
    ///
    /// # Configuration
    /// `ARPQuerier(IP, ETH [, keywords])`, or `ARPQuerier(NAME [, keywords])`
    /// - IP: this host's address, or its address and network.
    /// - ETH: its Ethernet address; where it is left out, IP is a name that has both.
    /// - CAPACITY: packets that may wait; 2048 by default, 0 for any number.
    /// - ENTRY_CAPACITY: addresses that are remembered; 0, the default, stands for 65536.
    /// - ENTRY_PACKET_CAPACITY: packets that may wait for one address; 0, the default, for any number.
    /// - CAPACITY_SLIM_FACTOR: when too many packets wait, one part of this many is dropped; 2 by
    ///   default.
    /// - TIMEOUT: how long an answer holds; five minutes by default, 0 for ever.
    /// - POLL_TIMEOUT: after what time a neighbour is asked again while its answer still holds; one
    ///   minute by default, 0 for never.
    /// - BROADCAST_POLL: whether such a request goes to all and not to the neighbour. False by
    ///   default.
    /// - BROADCAST: the IP address of all hosts; by default that of IP's network.
    ///
    /// # Ports
    /// Two push inputs: IP packets, and ARP answers as Ethernet packets. One or two push outputs:
    /// packets, and requests; with one output, requests leave through that.
    ///
    /// # Handlers
    /// - `table` (read): a line for each address: IP, whether it is known, Ethernet, age in seconds.
    /// - `stats` (read): packets dropped and requests sent, as text.
    /// - `count` (read): addresses that are remembered.
    /// - `length` (read): packets that wait.
    /// - `queries` (read): requests sent.
    /// - `responses` (read): ARP packets received.
    /// - `drops` (read): packets dropped here, those that waited in vain left out.
    /// - `broadcast` (read, write): BROADCAST.
    /// - `ipaddr` (read, write): IP, without a network.
    /// - `insert` (write): notes that an IP address has an Ethernet address.
    /// - `delete` (write): forgets the Ethernet address of an IP address.
    /// - `clear` (write): forgets all, and drops the packets that wait.
    ///
    /// # Example
    /// ```click
    /// q :: ARPQuerier(10.0.0.1/24, 2:0:0:0:0:1);
    /// InfiniteSource(LIMIT 5, STOP true) -> SetIPAddress(10.0.0.2) -> q -> Discard;
    /// FromDump(in.pcap) -> [1] q [1] -> Discard;
    /// ```
    pub(crate) struct ArpQuerier {
        table: ArpTable,
        ip: Ipv4Addr,
        address: EtherAddress,
        broadcast: Ipv4Addr,
        poll_ns: u64,
        broadcast_poll: bool,
        scope: Scope,
        /// The output for requests.
        requests_to: usize,
        queries: u64,
        responses: u64,
        drops: u64,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "ARPQuerier",
    manual: ArpQuerier::MANUAL,
    inputs: Side::exactly(2, Processing::Push),
    outputs: Side::between(1, 2, Processing::Push),
    keywords: &[
        "IP",
        "ETH",
        "CAPACITY",
        "ENTRY_CAPACITY",
        "ENTRY_PACKET_CAPACITY",
        "CAPACITY_SLIM_FACTOR",
        "TIMEOUT",
        "POLL_TIMEOUT",
        "BROADCAST_POLL",
        "BROADCAST",
    ],
    handlers: &[
        Handler::read("table"),
        Handler::read("stats"),
        Handler::read("count"),
        Handler::read("length"),
        Handler::read("queries"),
        Handler::read("responses"),
        Handler::read("drops"),
        Handler::read_write("broadcast"),
        Handler::read_write("ipaddr"),
        Handler::write("insert"),
        Handler::write("delete"),
        Handler::write("clear"),
    ],
    configure,
};

/// Packets that wait by default.
const DEFAULT_CAPACITY: u64 = 2048;
const DEFAULT_SLIM_FACTOR: u64 = 2;
const DEFAULT_TIMEOUT_NS: u64 = 300_000_000_000;
const DEFAULT_POLL_NS: u64 = 60_000_000_000;

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let ip = arguments.mandatory("IP")?;
    let address = arguments.positional("ETH")?.unwrap_or(ip);
    let broadcast = arguments.keyword("BROADCAST")?;
    let poll = arguments.keyword("POLL_TIMEOUT")?;
    let broadcast_poll = arguments.boolean("BROADCAST_POLL", false)?;
    let table = ArpTable::new(read_limits(arguments)?);
    let scope = arguments.scope().clone();
    let prefix = match scope.prefix(ip.text()) {
        Some(prefix) => prefix,
        None => scope.read_prefix(ip)?,
    };
    let all = Some(prefix.broadcast()).filter(|all| *all != prefix.host_address());
    Ok(Box::new(ArpQuerier {
        table,
        ip: prefix.host_address(),
        address: scope.read_ether(address)?,
        broadcast: match broadcast {
            Some(broadcast) => scope.read_address(broadcast)?,
            None => all.unwrap_or(Ipv4Addr::BROADCAST),
        },
        poll_ns: poll.map_or(Ok(DEFAULT_POLL_NS), Value::interval_ns)?,
        broadcast_poll,
        scope,
        requests_to: outputs.saturating_sub(1),
        queries: 0,
        responses: 0,
        drops: 0,
    }))
}

fn read_limits(arguments: &mut Arguments<'_>) -> Result<Limits, ConfigError> {
    let mut number = |keyword, default| {
        let value = arguments.keyword(keyword)?;
        value.map_or(Ok(default), Value::unsigned)
    };
    let packets = number("CAPACITY", DEFAULT_CAPACITY)?;
    let entries = number("ENTRY_CAPACITY", 0)?;
    let entry_packets = number("ENTRY_PACKET_CAPACITY", 0)?;
    let slim_factor = arguments.keyword("CAPACITY_SLIM_FACTOR")?;
    let timeout = arguments.keyword("TIMEOUT")?;
    Ok(Limits {
        packets,
        entries,
        entry_packets,
        slim_factor: slim_factor.map_or(Ok(DEFAULT_SLIM_FACTOR), Value::positive)?,
        timeout_ns: timeout.map_or(Ok(DEFAULT_TIMEOUT_NS), Value::interval_ns)?,
    })
}

/// The Ethernet address of a group (RFC 1112, 6.4).
fn multicast_address(group: Ipv4Addr) -> EtherAddress {
    let [_, high, middle, low] = group.octets();
    EtherAddress([0x01, 0x00, 0x5e, high & 0x7f, middle, low])
}

impl ArpQuerier {
    /// Sends a packet that has its Ethernet header, or lets it wait.
    fn send(&mut self, mut packet: Packet, now_ns: u64, context: &mut Context<'_>) {
        let next_hop = Ipv4Addr::from(packet.notes.destination);
        let found = self.table.look_up(next_hop, now_ns, self.poll_ns);
        let destination = if let Some(found) = found {
            if found.ask_again {
                self.ask(&packet, Some(found.address), context);
            }
            found.address
        } else if next_hop.is_broadcast() || next_hop == self.broadcast {
            EtherAddress::BROADCAST
        } else if next_hop.is_multicast() {
            multicast_address(next_hop)
        } else if next_hop.is_unspecified() {
            self.drops = self.drops.saturating_add(1);
            return;
        } else {
            let request = self.request(&packet, EtherAddress::BROADCAST);
            if self.table.wait(next_hop, packet, now_ns) {
                self.send_request(request, context);
            }
            return;
        };
        ethernet::set_destination(&mut packet, destination);
        ethernet::set_source(&mut packet, self.address);
        context.push(0, packet);
    }

    /// Asks for the next hop of a packet: a neighbour alone, or all.
    fn ask(&mut self, packet: &Packet, whom: Option<EtherAddress>, context: &mut Context<'_>) {
        let whom = whom.filter(|_| !self.broadcast_poll);
        let request = self.request(packet, whom.unwrap_or(EtherAddress::BROADCAST));
        self.send_request(request, context);
    }

    fn request(&self, packet: &Packet, whom: EtherAddress) -> Option<Packet> {
        let request = Arp {
            operation: arp::REQUEST,
            sender: self.address,
            sender_ip: self.ip,
            target: EtherAddress::default(),
            target_ip: packet.notes.destination.into(),
        };
        let mut request = request.packet(whom).ok()?;
        request.annotations.rx_time_ns = packet.annotations.rx_time_ns;
        request.notes.set_vlan_tci(packet.notes.vlan_tci());
        Some(request)
    }

    fn send_request(&mut self, request: Option<Packet>, context: &mut Context<'_>) {
        if let Some(request) = request {
            self.queries = self.queries.saturating_add(1);
            context.push(self.requests_to, request);
        }
    }

    /// Learns from an answer, and sends what waited for it.
    fn learn(&mut self, packet: &Packet, now_ns: u64, context: &mut Context<'_>) {
        if packet.len() < ethernet::LEN.saturating_add(arp::LEN) {
            return;
        }
        self.responses = self.responses.saturating_add(1);
        let answer = Arp::of(packet).filter(|message| message.operation == arp::REPLY);
        let Some(answer) = answer.filter(|answer| !answer.sender.is_group()) else {
            return;
        };
        let waiting = self
            .table
            .insert(answer.sender_ip, Some(answer.sender), now_ns);
        for packet in waiting {
            self.send(packet, now_ns, context);
        }
    }
}

/// A header whose addresses are yet to come.
const UNADDRESSED: Ethernet = Ethernet {
    destination: EtherAddress([0; 6]),
    source: EtherAddress([0; 6]),
    ether_type: ethernet::IPV4,
};

impl Element for ArpQuerier {
    fn push(
        &mut self,
        input: usize,
        mut packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        let now_ns = context.host.clock_ns();
        if input > 0 {
            self.learn(&packet, now_ns, context);
        } else if UNADDRESSED.encapsulate(&mut packet).is_some() && !self.ip.is_unspecified() {
            self.send(packet, now_ns, context);
        } else {
            self.drops = self.drops.saturating_add(1);
        }
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        Some(match handler {
            "stats" => format!(
                "{} packets killed\n{} ARP queries sent\n",
                self.drops.saturating_add(self.table.drops()),
                self.queries
            ),
            "count" => format!("{}", self.table.count()),
            "length" => format!("{}", self.table.packets()),
            "queries" => format!("{}", self.queries),
            "responses" => format!("{}", self.responses),
            "drops" => format!("{}", self.drops),
            "broadcast" => format!("{}", self.broadcast),
            "ipaddr" => format!("{}", self.ip),
            _ => return None,
        })
    }

    fn read_in(
        &mut self,
        handler: &str,
        _: &str,
        context: &mut Context<'_>,
    ) -> Result<String, Refusal> {
        match handler {
            "table" => Ok(self.table.list(context.host.clock_ns())),
            _ => self.read(handler).ok_or(Refusal::Value),
        }
    }

    fn write_in(
        &mut self,
        handler: &str,
        value: &str,
        context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let mut words = value.split_ascii_whitespace();
        let ip = words.next().and_then(|word| self.scope.address(word));
        let address = words.next().map(|word| self.scope.ether(word));
        let now_ns = context.host.clock_ns();
        match (handler, ip, address) {
            ("insert", Some(ip), Some(Some(address))) => {
                let address = Some(address).filter(|address| !address.is_group());
                for packet in self.table.insert(ip, address, now_ns) {
                    self.send(packet, now_ns, context);
                }
            }
            ("delete", Some(ip), None) => {
                drop(self.table.insert(ip, None, now_ns));
            }
            ("broadcast", Some(ip), None) => self.broadcast = ip,
            ("ipaddr", Some(ip), None) => self.ip = ip,
            ("clear", _, _) => {
                self.table.clear();
                (self.queries, self.drops, self.responses) = (0, 0, 0);
            }
            _ => return Err(Refusal::Value),
        }
        Ok(())
    }
}
