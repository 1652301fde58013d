//! ARPResponder.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::handlers::Refusal;
use crate::headers::arp::{self, Arp};
use crate::host::HostError;
use crate::language::Arguments;
use crate::names::{EtherAddress, Prefix, Scope};
use crate::packet::Packet;

manual! {
    /// Answers ARP requests for some addresses.
    ///
    /// Of several entries that fit, the one with the longest mask answers. Every other packet, and
    /// every request for another address, is refused.
    ///
    /// # Configuration
    /// `ARPResponder(ENTRY, ...)`
    /// - ENTRY: one or more IP addresses or networks, and the Ethernet address that is to be answered
    ///   for them; a name of AddressInfo may be both.
    ///
    /// # Ports
    /// One agnostic input. The first output is agnostic and gets the answers, as Ethernet packets; a
    /// second one, push, gets what is refused and would be dropped otherwise.
    ///
    /// # Handlers
    /// - `table` (read): a line for each entry.
    /// - `lookup` (read, with an address): the Ethernet address that is answered for it.
    /// - `add` (write): adds an ENTRY.
    /// - `remove` (write): removes the entry of a network.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> ARPResponder(10.0.0.1 10.1/16 2:0:0:0:0:1) -> Discard;
    /// ```
    pub(crate) struct ArpResponder {
        entries: Entries,
        scope: Scope,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "ARPResponder",
    manual: ArpResponder::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::between(1, 2, Processing::Agnostic).then(Processing::Push),
    keywords: &["ENTRY"],
    handlers: &[
        Handler::read("table"),
        Handler::ask("lookup"),
        Handler::write("add"),
        Handler::write("remove"),
    ],
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let mut entries = Entries::default();
    for value in arguments.every() {
        let parsed = parse(value.text(), arguments.scope());
        entries.add(&parsed.ok_or_else(|| value.refuse("IP addresses and one Ethernet address"))?);
    }
    let scope = arguments.scope().clone();
    Ok(Box::new(ArpResponder { entries, scope }))
}

/// Networks, none of which is there twice, each before those that it lies in.
#[derive(Clone, Debug, Default)]
struct Entries(Vec<(Prefix, EtherAddress)>);

impl Entries {
    /// Adds entries; a network that is there already gets its new address.
    fn add(&mut self, added: &[(Prefix, EtherAddress)]) {
        for (prefix, address) in added {
            self.0.retain(|(known, _)| known != prefix);
            let longer = |(known, _): &(Prefix, EtherAddress)| known.length() >= prefix.length();
            let at = self.0.iter().take_while(|entry| longer(entry)).count();
            self.0.insert(at, (*prefix, *address));
        }
    }

    fn remove(&mut self, prefix: Prefix) -> Option<()> {
        let at = self.0.iter().position(|(known, _)| *known == prefix)?;
        self.0.remove(at);
        Some(())
    }

    fn find(&self, address: Ipv4Addr) -> Option<EtherAddress> {
        let mut entries = self.0.iter();
        let found = entries.find(|(prefix, _)| prefix.contains(address.to_bits()));
        found.map(|(_, address)| *address)
    }
}

/// Reads `IP ... ETH`, in any order. An Ethernet address that is the name of an IP address too is
/// taken for one only where there is no other.
fn parse(text: &str, scope: &Scope) -> Option<Vec<(Prefix, EtherAddress)>> {
    let mut networks = Vec::new();
    let mut address = None;
    let words = || text.split_ascii_whitespace();
    for word in words() {
        match scope.prefix_or_address(word) {
            Some(prefix) => networks.push(prefix.network()),
            None if address.is_some() => return None,
            None => address = Some(scope.ether(word)?),
        }
    }
    let address = address.or_else(|| words().find_map(|word| scope.ether(word)))?;
    let entries = networks.into_iter().map(|prefix| (prefix, address));
    Some(entries.collect()).filter(|entries: &Vec<_>| !entries.is_empty())
}

impl ArpResponder {
    /// The answer to a request.
    fn answer(&self, packet: &Packet) -> Option<Packet> {
        let request = Arp::of(packet).filter(|message| message.operation == arp::REQUEST)?;
        let answer = Arp {
            operation: arp::REPLY,
            sender: self.entries.find(request.target_ip)?,
            sender_ip: request.target_ip,
            target: request.sender,
            target_ip: request.sender_ip,
        };
        let mut answer = answer.packet(request.sender).ok()?;
        answer.annotations.port = packet.annotations.port;
        answer.notes.set_vlan_tci(packet.notes.vlan_tci());
        Some(answer)
    }
}

impl Element for ArpResponder {
    fn push(
        &mut self,
        _: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        match self.answer(&packet) {
            Some(answer) => context.push(0, answer),
            None => context.push(1, packet),
        }
        Ok(())
    }

    fn read(&self, handler: &str) -> Option<String> {
        let entries = self.entries.0.iter();
        let lines = || entries.map(|(prefix, address)| format!("{prefix} {address}\n"));
        (handler == "table").then(|| lines().collect())
    }

    fn read_in(
        &mut self,
        handler: &str,
        parameters: &str,
        _: &mut Context<'_>,
    ) -> Result<String, Refusal> {
        if handler != "lookup" {
            return self.read(handler).ok_or(Refusal::Value);
        }
        let address = self
            .scope
            .address(parameters.trim())
            .ok_or(Refusal::Value)?;
        let found = self.entries.find(address);
        Ok(found.map_or_else(String::new, |address| format!("{address}")))
    }

    fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "add" => self.entries.add(&parse(value, &self.scope)?),
            "remove" => {
                let prefix = self.scope.prefix_or_address(value.trim())?;
                self.entries.remove(prefix.network())?;
            }
            _ => return None,
        }
        Some(())
    }
}
